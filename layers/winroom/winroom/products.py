"""Products: the catalogue that gives a sale its default cost."""

from typing import Annotated
from uuid import UUID

from psycopg.errors import UniqueViolation
from pydantic import Field

from winroom import copy, queries
from winroom.db import Connection, Row, only
from winroom.errors import Conflict
from winroom.validation import BlankIsAbsent, Input, Money, Text100, Text255

_SQL = queries.load("products")


class NewProduct(Input):
    """A product as it is created; name and SKU are unique in the company."""

    name: Text255
    sku: Annotated[Text100 | None, BlankIsAbsent] = None
    default_cost: Annotated[Money, Field(ge=0)] | None = None
    category: Annotated[Text100 | None, BlankIsAbsent] = None


class Filter(Input):
    """Which products to list; `cursor` is the last product of the page before."""

    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 100


def create(conn: Connection, product: NewProduct) -> Row:
    """Adds a product. Raises Conflict where its name or SKU is taken."""
    try:
        return only(conn.execute(_SQL["create"], product.model_dump()))
    except UniqueViolation as error:
        is_sku = "sku" in (error.diag.constraint_name or "")
        raise Conflict(copy.SKU_TAKEN if is_sku else copy.PRODUCT_NAME_TAKEN) from error


def page(conn: Connection, wanted: Filter) -> list[Row]:
    """Active products by name, `wanted.limit` at most."""
    return conn.execute(_SQL["page"], wanted.model_dump()).fetchall()
