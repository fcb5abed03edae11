"""The catalogue on pages: what is sold, under which name and at what cost."""

from uuid import UUID

from functions.dashboard import pages
from winroom import products
from winroom.answers import Page, next_cursor
from winroom.forms import Form
from winroom.products import Filter, NewProduct, ProductChanges
from winroom.validation import check
from winroom.web import Call


def index(call: Call, query: Filter) -> Page:
    """Products by name, and a form for another one."""
    with call.session() as conn:
        found = products.page(conn, call.caller, query)
        return pages.show(
            call,
            conn,
            "products.html",
            wanted=query,
            products=found,
            next=pages.next_page(call, next_cursor(found, query.limit)),
        )


def create(call: Call, form: Form) -> Page:
    """Adds a product."""
    with call.session() as conn:
        products.create(conn, check(NewProduct, pages.filled(form)))
    return pages.see("/products", "product_added")


def show(call: Call, product_id: UUID) -> Page:
    """One product, and a form to change it."""
    with call.session() as conn:
        found = products.find(conn, call.caller, product_id)
        return pages.show(call, conn, "product.html", product=found)


def change(call: Call, product_id: UUID, form: Form) -> Page:
    """Changes what was sent: what a product is called, or whether people can choose it."""
    changes = pages.cleared(form, "name") | pages.switched(form, "is_active")
    with call.session() as conn:
        product = products.change(conn, product_id, check(ProductChanges, changes))
    if "is_active" in form:
        return pages.see(
            f"/products/{product_id}", "product_back" if product["is_active"] else "product_hidden"
        )
    return pages.see(f"/products/{product_id}", "saved")
