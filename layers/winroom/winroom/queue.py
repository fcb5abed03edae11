"""The queue: sales that wait for a seller to claim them, and those that were set aside."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from winroom import copy, queries, room, telemetry
from winroom.callers import Caller, Role
from winroom.db import Connection, Cursor, Row
from winroom.errors import Conflict, NotFound
from winroom.messages import RoomChanged
from winroom.sellers import SellerId
from winroom.validation import BlankIsAbsent, Input, Text500

Status = Literal["pending", "claimed", "excluded"]

# Of a sale's history, the newest: nobody reads more, and no list is without end.
HISTORY_AT_MOST = 100

_MARGINS = {"cost_price", "margin_amount", "margin_pct"}
_SQL = queries.load("queue")


class Filter(Input):
    """Which items to list; `q` is the start of a customer's name or a sale id, `cursor` the last item
    of the page before. Of the excluded ones, `awaits_review` are suspected duplicates to judge."""

    status: Status = "pending"
    awaits_review: Annotated[bool | None, BlankIsAbsent] = None
    seller: Annotated[SellerId | None, BlankIsAbsent] = None
    product: Annotated[UUID | None, BlankIsAbsent] = None
    q: Annotated[Text500 | None, BlankIsAbsent] = None
    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class Reason(Input):
    """Why something is done, for those who ask later."""

    reason: Text500


class Remark(Input):
    """Why something is done, where that need not be said."""

    reason: Annotated[Text500 | None, BlankIsAbsent] = None


def enqueue(conn: Connection, events: Sequence[tuple[UUID, UUID]]) -> Cursor:
    """Turns pending events into queue items, with cost, seller and suspicion of duplicates. `events` are
    pairs of tenant and event: of whichever tenants, each of which is entered in its turn.

    Yields a row for each event that is settled now, tenant by tenant, and none where another worker was
    first: `tenant_id`, `event_id`, `sale_id`, `failure` where its product is unknown (it is quarantined,
    and its neighbours are not disturbed), and `seq`, the room's newest number, null if the room has nothing
    new. Sends only. Raises psycopg.DataError or IntegrityError for an event that no retry can help, and Busy
    for what can pass.
    """
    values = {
        "tenant_ids": [tenant_id for tenant_id, _ in events],
        "event_ids": [event_id for _, event_id in events],
        "suspected": copy.SUSPECTED_DUPLICATE,
        "unknown_product": copy.UNKNOWN_PRODUCT,
    }
    return conn.execute(_SQL["enqueue"], values)


def page(conn: Connection, caller: Caller, wanted: Filter) -> list[Row]:
    """Items newest first, `wanted.limit` at most; among claimed ones those that are archived."""
    return page_of(caller, ask_page(conn, wanted))


def ask_page(conn: Connection, wanted: Filter) -> Cursor:
    """The same, for `page_of`. Sends only."""
    statement = _SQL["page_of_claimed" if wanted.status == "claimed" else "page"]
    return conn.execute(statement, wanted.model_dump())


def page_of(caller: Caller, asked: Cursor) -> list[Row]:
    return [shown_to(caller, row) for row in asked]


def find(conn: Connection, caller: Caller, queue_id: UUID) -> Row:
    """One item, also an archived one. Raises NotFound."""
    return shown_to(caller, _found(conn, queue_id))


def of_sale(conn: Connection, sale_id: str) -> UUID:
    """The id of a sale's item, also of an archived one. Raises NotFound."""
    row = conn.execute(_SQL["of_sale"], {"sale_id": sale_id}).fetchone()
    if row is None:
        raise NotFound
    queue_id: UUID = row["queue_id"]
    return queue_id


def history(conn: Connection, caller: Caller, sale_id: str) -> list[Row]:
    """What the room was told of a sale, newest first: `seq`, `type`, `actor`, `actor_name`, `claim_id`,
    `seller_id` (who claims, else whose sale it is), `reason`, `created_at`."""
    values = {"sale_id": sale_id, "limit": HISTORY_AT_MOST}
    return [shown_to(caller, row) for row in conn.execute(_SQL["history"], values)]


def exclude(conn: Connection, caller: Caller, queue_id: UUID, why: Reason) -> tuple[Row, RoomChanged]:
    """Sets a pending item aside, or says of a suspected duplicate that it is one.

    Returns the item, and what to wake the room with after the commit. Raises NotFound, Conflict where the
    item is claimed, or excluded by somebody before.
    """
    item = hold(conn, queue_id)
    if item["status"] == "claimed":
        raise Conflict(copy.RELEASE_FIRST.format(seller_id=item["assigned_seller_id"]))
    if item["status"] == "excluded" and not item["awaits_review"]:
        raise Conflict(copy.EXCLUDED_BEFORE)
    _move(conn, queue_id, "excluded", why.reason)
    return _tell(conn, caller, queue_id, "queue.excluded", {})


def restore(conn: Connection, caller: Caller, queue_id: UUID, why: Remark) -> tuple[Row, RoomChanged]:
    """Makes an excluded item pending again, a suspected duplicate thereby an honest sale.

    Returns the item, and what to wake the room with. Raises NotFound, Conflict where it is not excluded.
    """
    item = hold(conn, queue_id)
    if item["status"] != "excluded":
        raise Conflict(copy.NOT_EXCLUDED)
    return put_back(conn, caller, queue_id, "queue.restored", {"reason": why.reason})


def hold(conn: Connection, queue_id: UUID) -> Row:
    """Locks an item until the commit: before its claim, the board and the room. An archived one returns to
    the queue. Raises NotFound."""
    item = conn.execute(_SQL["hold"], {"queue_id": queue_id}).fetchone()
    if item is None:
        conn.execute(_SQL["unarchive"], {"queue_id": queue_id})
        item = conn.execute(_SQL["hold"], {"queue_id": queue_id}).fetchone()
    if item is None:
        raise NotFound
    return item


def put_back(
    conn: Connection, caller: Caller, queue_id: UUID, message: room.Type, more: dict[str, Any]
) -> tuple[Row, RoomChanged]:
    """Makes a held item pending and tells the room all that it takes to show it so, and `more`."""
    _move(conn, queue_id, "pending", None)
    return _tell(conn, caller, queue_id, message, more)


def told(conn: Connection, queue_id: UUID) -> dict[str, Any]:
    """An item as the room is told of it; `enqueue` tells the same."""
    return _data(_found(conn, queue_id))


def shown_to(caller: Caller, row: Row) -> Row:
    """An item or a claim without what the caller may not see: those keys are left out, and why somebody set
    an item aside is null."""
    hidden = set[str]() if caller.sees_margin else set(_MARGINS)
    if caller.role < Role.SELLER:
        # What is written of customers, and of colleagues, is for those who talk to them.
        hidden |= {"notes", "reason"}
        row = row | dict.fromkeys(row.keys() & {"excluded_reason"})
    return {name: value for name, value in row.items() if name not in hidden}


def _found(conn: Connection, queue_id: UUID) -> Row:
    item = conn.execute(_SQL["find"], {"queue_id": queue_id}).fetchone()
    if item is None:
        raise NotFound
    telemetry.logger().append_keys(sale_id=item["sale_id"])
    return item


def _move(conn: Connection, queue_id: UUID, status: Status, reason: str | None) -> None:
    conn.execute(_SQL["move"], {"queue_id": queue_id, "status": status, "excluded_reason": reason})


def _tell(
    conn: Connection, caller: Caller, queue_id: UUID, message: room.Type, more: dict[str, Any]
) -> tuple[Row, RoomChanged]:
    """Tells the room of a moved item; the last thing before the commit."""
    item = _found(conn, queue_id)
    seq = room.publish(conn, message, item["sale_id"], caller.name, _data(item) | more)
    return shown_to(caller, item), RoomChanged(caller.tenant_id, seq)


def _data(item: Row) -> dict[str, Any]:
    margin = item["margin_amount"]
    return {
        "id": str(item["id"]),
        "saleId": item["sale_id"],
        "sellerId": item["seller_id"],
        "sellerName": item["seller_name"],
        "customerName": item["customer_name"],
        "productName": item["product_name"],
        "category": item["category"],
        "occurredAt": item["occurred_at"].isoformat(),
        "source": item["source"],
        "sellPrice": str(item["sell_price"]),
        "margin": None if margin is None else str(margin),
        "currency": item["currency"],
        "status": item["status"],
        "reason": item["excluded_reason"],
        "suspectedDuplicateOf": item["suspected_duplicate_of"],
        "awaitsReview": item["awaits_review"],
    }
