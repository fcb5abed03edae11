"""Products: the catalogue that gives a sale its default cost. None is ever deleted: history names them."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from pydantic import Field

from winroom import copy, queries
from winroom.callers import Caller
from winroom.db import Connection, Row, only
from winroom.errors import Conflict, NotFound
from winroom.sales import SaleEvent
from winroom.validation import BlankIsAbsent, Input, Money, Text100, Text255

_SQL = queries.load("products")
_IS_ACTIVE = {"true": True, "false": False, "all": None}

Cost = Annotated[Money, Field(ge=0)]


class NewProduct(Input):
    """A product as it is created; name and SKU are unique in the company."""

    name: Text255
    sku: Annotated[Text100 | None, BlankIsAbsent] = None
    default_cost: Cost | None = None
    category: Annotated[Text100 | None, BlankIsAbsent] = None


class ProductChanges(Input):
    """What of a product changes: only what is given; null clears what may be absent."""

    # Their defaults are never read.
    name: Text255 = Field(default_factory=str)
    sku: Annotated[Text100 | None, BlankIsAbsent] = None
    default_cost: Cost | None = None
    category: Annotated[Text100 | None, BlankIsAbsent] = None
    is_active: bool = Field(default_factory=bool, strict=True)


class Filter(Input):
    """Which products to list; `q` is the start of a name, `cursor` the last product of the page before."""

    active: Literal["true", "false", "all"] = "true"
    q: Annotated[Text255 | None, BlankIsAbsent] = None
    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 100


def create(conn: Connection, product: NewProduct) -> Row:
    """Adds a product. Raises Conflict where its name or SKU is taken."""
    try:
        return only(conn.execute(_SQL["create"], product.model_dump()))
    except UniqueViolation as error:
        raise _taken(error) from error


def find(conn: Connection, caller: Caller, product_id: UUID) -> Row:
    """A product as the caller may see it, active or not. Raises NotFound."""
    row = conn.execute(_SQL["find"], {"product_id": product_id}).fetchone()
    if row is None:
        raise NotFound
    return _shown(caller, row)


def page(conn: Connection, caller: Caller, wanted: Filter) -> list[Row]:
    """Products by name as the caller may see them, `wanted.limit` at most."""
    values = {
        "is_active": _IS_ACTIVE[wanted.active],
        "q": wanted.q or "",
        "cursor": wanted.cursor,
        "limit": wanted.limit,
    }
    return [_shown(caller, row) for row in conn.execute(_SQL["page"], values)]


def change(conn: Connection, product_id: UUID, changes: ProductChanges) -> Row:
    """Changes a product, for sales that are processed from now on: those in the queue and in history keep
    the cost they were given.

    Raises NotFound, or Conflict where the new name or SKU is taken.
    """
    given = Jsonb(changes.model_dump(mode="json", exclude_unset=True))
    try:
        row = conn.execute(_SQL["change"], {"product_id": product_id, "changes": given}).fetchone()
    except UniqueViolation as error:
        raise _taken(error) from error
    if row is None:
        raise NotFound
    return row


def _taken(error: UniqueViolation) -> Conflict:
    is_sku = "sku" in (error.diag.constraint_name or "")
    return Conflict(copy.SKU_TAKEN if is_sku else copy.PRODUCT_NAME_TAKEN)


def _shown(caller: Caller, row: Row) -> Row:
    # Whoever knows the cost of a product knows the margin of its sales.
    return row if caller.sees_margin else {n: v for n, v in row.items() if n != "default_cost"}


def named(conn: Connection, events: Sequence[SaleEvent]) -> dict[int, Row]:
    """The products that sale events name, by the events' positions; unknown ones are left out.

    Each has `product_id`, `name` and `default_cost`.
    """
    values = {
        "product_ids": [event.product_id for event in events],
        "skus": [event.product_sku for event in events],
    }
    return {row["position"]: row for row in conn.execute(_SQL["named"], values)}
