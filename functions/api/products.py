"""The catalogue over HTTP."""

from datetime import datetime
from uuid import UUID

from typing_extensions import TypedDict

from winroom import products
from winroom.products import Filter, NewProduct
from winroom.validation import MoneyText
from winroom.web import Call, Reply, next_cursor


class Product(TypedDict):
    id: UUID
    name: str
    sku: str | None
    default_cost: MoneyText | None
    category: str | None
    is_active: bool
    created_at: datetime


class Products(TypedDict):
    products: list[Product]
    nextCursor: UUID | None


def create(call: Call, body: NewProduct) -> Reply[Product]:
    """Adds a product; its name and SKU are unique in the company."""
    with call.session() as conn:
        return Reply(products.create(conn, body))


def index(call: Call, query: Filter) -> Reply[Products]:
    """Active products by name."""
    with call.session() as conn:
        found = products.page(conn, query)
    return Reply({"products": found, "nextCursor": next_cursor(found, query.limit)})
