"""Sellers over HTTP."""

from datetime import datetime

from typing_extensions import TypedDict

from winroom import sellers
from winroom.answers import Reply, next_cursor
from winroom.sellers import Filter, NewSeller, SellerChanges
from winroom.web import Call


class Seller(TypedDict):
    seller_id: str
    display_name: str
    email: str | None
    is_active: bool
    created_at: datetime


class Sellers(TypedDict):
    sellers: list[Seller]
    nextCursor: str | None


def index(call: Call, query: Filter) -> Reply[Sellers]:
    """Sellers by name: the active ones, unless `active` is `false` or `all`; those whose name starts with
    `q`, in upper or lower case."""
    with call.session() as conn:
        found = sellers.page(conn, query)
    return Reply({"sellers": found, "nextCursor": next_cursor(found, query.limit, "seller_id")})


def create(call: Call, body: NewSeller) -> Reply[Seller]:
    """Adds a seller under the id that your sales name (`seller_external_id`), which is kept in lower case.
    A sale of an unknown seller creates it, too, with its id for a name."""
    with call.session() as conn:
        return Reply(sellers.create(conn, body))


def show(call: Call, seller_id: str) -> Reply[Seller]:
    """One seller, active or not. An id with a slash or a space in it is percent-encoded, like any other."""
    with call.session() as conn:
        return Reply(sellers.find(conn, seller_id))


def change(call: Call, seller_id: str, body: SellerChanges) -> Reply[Seller]:
    """Changes what is given and nothing else; null clears the email. A seller who is not active claims
    nothing, but stays on the boards and in history, and sales in this name still come in. A person who logs
    in as this seller still can: disable the user as well."""
    with call.session() as conn:
        return Reply(sellers.change(conn, seller_id, body))
