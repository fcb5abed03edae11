"""Sellers on pages: who sells, under which name, and who no longer does."""

from urllib.parse import quote

from functions.dashboard import pages
from winroom import sellers
from winroom.answers import Page, next_cursor
from winroom.forms import Form
from winroom.sellers import Filter, NewSeller, SellerChanges
from winroom.validation import check
from winroom.web import Call


def index(call: Call, query: Filter) -> Page:
    """Sellers by name, and a form for another one."""
    with call.session() as conn:
        found = sellers.page(conn, query)
        return pages.show(
            call,
            conn,
            "sellers.html",
            wanted=query,
            sellers=found,
            next=pages.next_page(call, next_cursor(found, query.limit, "seller_id")),
        )


def create(call: Call, form: Form) -> Page:
    """Adds a seller."""
    with call.session() as conn:
        sellers.create(conn, check(NewSeller, pages.filled(form)))
    return pages.see("/sellers", "seller_added")


def show(call: Call, seller_id: str) -> Page:
    """One seller, and a form to change them."""
    with call.session() as conn:
        return pages.show(call, conn, "seller.html", seller=sellers.find(conn, seller_id))


def change(call: Call, seller_id: str, form: Form) -> Page:
    """Changes what was sent: what a seller is called, or whether they claim."""
    changes = pages.cleared(form, "display_name") | pages.switched(form, "is_active")
    with call.session() as conn:
        seller = sellers.change(conn, seller_id, check(SellerChanges, changes))
    address = f"/sellers/{quote(seller['seller_id'], safe='')}"
    if "is_active" in form:
        return pages.see(address, "seller_back" if seller["is_active"] else "seller_hidden")
    return pages.see(address, "saved")
