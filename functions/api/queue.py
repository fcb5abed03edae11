"""The queue over HTTP: what waits, and taking it."""

from datetime import datetime
from typing import Literal, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from winroom import claims, messages, queue, room
from winroom.claims import NewClaim
from winroom.queue import Filter
from winroom.sales import Currency, Source
from winroom.validation import MoneyText
from winroom.web import Call, Reply, next_cursor


class QueueItem(TypedDict):
    id: UUID
    sale_id: str
    status: queue.Status
    customer_name: str
    occurred_at: datetime
    source: Source
    category: str | None
    notes: str | None
    seller_id: str
    assigned_seller_id: str | None
    product_id: UUID | None
    product_name: str | None
    sell_price: MoneyText
    currency: Currency
    excluded_reason: str | None
    suspected_duplicate_of: str | None
    created_at: datetime
    # For those who may see margins; null where the cost is unknown.
    cost_price: NotRequired[MoneyText | None]
    margin_amount: NotRequired[MoneyText | None]
    margin_pct: NotRequired[MoneyText | None]


class Queue(TypedDict):
    queue: list[QueueItem]
    nextCursor: UUID | None
    # The room's number that the list is true for.
    seq: int


class NewlyClaimed(TypedDict):
    id: UUID
    queue_id: UUID
    sale_id: str
    claimed_by: str
    claim_type: claims.Type
    state: claims.State
    claimed_at: datetime


class Claimed(TypedDict):
    success: Literal[True]
    claim: NewlyClaimed


def index(call: Call, query: Filter) -> Reply[Queue]:
    """Items newest first, with the room's number that the list is true for."""
    with call.session() as conn:
        # First the number, then the items: what happens in between is then told twice, not never.
        seq = room.seq(conn)
        items = queue.page(conn, query)
    return Reply({"queue": items, "nextCursor": next_cursor(items, query.limit), "seq": seq})


def claim(call: Call, queue_id: UUID, body: NewClaim) -> Reply[Claimed]:
    """Gives the item to a seller: exactly one of two wins, the other gets 409."""
    with call.session() as conn:
        claimed, change = claims.claim(conn, call.caller, queue_id, body)
    if change:
        messages.try_to_wake_rooms([change])
    return Reply(
        {
            "success": True,
            "claim": {
                "id": claimed["claim_id"],
                "queue_id": claimed["queue_id"],
                "sale_id": claimed["sale_id"],
                "claimed_by": claimed["claimed_by"],
                "claim_type": claimed["claim_type"],
                "state": claimed["state"],
                "claimed_at": claimed["claimed_at"],
            },
        },
    )
