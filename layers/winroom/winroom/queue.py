"""The queue: sales that wait for a seller to claim them."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from winroom import copy, queries
from winroom.db import Connection, Cursor, Row
from winroom.validation import BlankIsAbsent, Input, Text255, Text500

Status = Literal["pending", "claimed", "excluded"]

_SQL = queries.load("queue")


class Filter(Input):
    """Which items to list; `q` is the start of a customer's name or a sale id, `cursor` the last item
    of the page before."""

    status: Status = "pending"
    seller: Annotated[Annotated[Text255, AfterValidator(str.lower)] | None, BlankIsAbsent] = None
    product: Annotated[UUID | None, BlankIsAbsent] = None
    q: Annotated[Text500 | None, BlankIsAbsent] = None
    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


def enqueue(conn: Connection, event_ids: Sequence[UUID]) -> Cursor:
    """Turns the tenant's pending events into queue items, with cost, seller and suspicion of duplicates.

    Yields the room's new numbers, a row each; none where another worker was first. An event whose product
    is unknown is quarantined and its neighbours are not disturbed. Sends only. Raises psycopg.DataError
    or IntegrityError for an event that no retry can help, and Busy for what can pass.
    """
    values = {
        "event_ids": list(event_ids),
        "suspected": copy.SUSPECTED_DUPLICATE,
        "unknown_product": copy.UNKNOWN_PRODUCT,
    }
    conn.execute(_SQL["hold_lookalikes"], values)
    return conn.execute(_SQL["enqueue"], values)


def page(conn: Connection, wanted: Filter) -> list[Row]:
    """Items newest first, `wanted.limit` at most."""
    return conn.execute(_SQL["page"], wanted.model_dump()).fetchall()
