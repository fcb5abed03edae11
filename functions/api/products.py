"""The catalogue over HTTP."""

from datetime import datetime
from typing import NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from winroom import products
from winroom.answers import Reply, next_cursor
from winroom.products import Filter, NewProduct, ProductChanges
from winroom.validation import MoneyText
from winroom.web import Call


class Product(TypedDict):
    id: UUID
    name: str
    sku: str | None
    # For those who may see costs.
    default_cost: NotRequired[MoneyText | None]
    category: str | None
    is_active: bool
    created_at: datetime


class Products(TypedDict):
    products: list[Product]
    nextCursor: UUID | None


def index(call: Call, query: Filter) -> Reply[Products]:
    """Products by name: the active ones, unless `active` is `false` or `all`; those whose name starts with
    `q`, in upper or lower case."""
    with call.session() as conn:
        found = products.page(conn, call.caller, query)
    return Reply({"products": found, "nextCursor": next_cursor(found, query.limit)})


def create(call: Call, body: NewProduct) -> Reply[Product]:
    """Adds a product. Its name, in upper or lower case, and its SKU are unique in the company, deactivated
    products included."""
    with call.session() as conn:
        return Reply(products.create(conn, body))


def show(call: Call, product_id: UUID) -> Reply[Product]:
    """One product, active or not."""
    with call.session() as conn:
        return Reply(products.find(conn, call.caller, product_id))


def change(call: Call, product_id: UUID, body: ProductChanges) -> Reply[Product]:
    """Changes what is given and nothing else; null clears the SKU, the default cost or the category. A new
    default cost is for sales to come: what is in the queue, on the board and in history keeps its own."""
    with call.session() as conn:
        return Reply(products.change(conn, product_id, body))


def deactivate(call: Call, product_id: UUID) -> Reply[Product]:
    """Takes a product out of the lists that people choose from. History keeps it, a sale that names it is
    still a sale, and `PATCH` with `is_active` brings it back."""
    with call.session() as conn:
        return Reply(products.change(conn, product_id, ProductChanges(is_active=False)))
