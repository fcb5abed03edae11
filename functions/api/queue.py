"""The queue over HTTP: what waits, taking it, giving it back, setting it aside."""

from datetime import datetime
from typing import Literal, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from functions.api.claims import Claim, Decided
from winroom import claims, messages, queue, room
from winroom.answers import Reply, next_cursor
from winroom.claims import NewClaim
from winroom.queue import Filter, Reason, Remark
from winroom.sales import Currency, Source
from winroom.validation import MoneyText
from winroom.web import Call


class QueueItem(TypedDict):
    id: UUID
    sale_id: str
    status: queue.Status
    customer_name: str
    occurred_at: datetime
    source: Source
    category: str | None
    seller_id: str
    seller_name: str
    # Who claimed it.
    assigned_seller_id: str | None
    assigned_seller_name: str | None
    product_id: UUID | None
    product_name: str | None
    sell_price: MoneyText
    currency: Currency
    # Null for those who only watch: it is written for colleagues.
    excluded_reason: str | None
    suspected_duplicate_of: str | None
    # A suspected duplicate that nobody has excluded or restored yet.
    awaits_review: bool
    created_at: datetime
    # For sellers and above.
    notes: NotRequired[str | None]
    # For those who may see margins; null where the cost is unknown.
    cost_price: NotRequired[MoneyText | None]
    margin_amount: NotRequired[MoneyText | None]
    margin_pct: NotRequired[MoneyText | None]


class Queue(TypedDict):
    queue: list[QueueItem]
    nextCursor: UUID | None
    # The room's number that the list is true for.
    seq: int


class Happening(TypedDict):
    seq: int
    type: room.Type
    # user:, key: or display: and an id, or system.
    actor: str
    # What that person or key is called.
    actor_name: str
    claim_id: UUID | None
    # Who claims; of what is not about a claim, whose sale it is.
    seller_id: str | None
    # For sellers and above.
    reason: NotRequired[str | None]
    created_at: datetime


class ExaminedItem(TypedDict):
    item: QueueItem
    # The claim that holds the item now.
    claim: Claim | None
    history: list[Happening]
    # The room's number that this is true for.
    seq: int


class Moved(TypedDict):
    success: Literal[True]
    item: QueueItem


def index(call: Call, query: Filter) -> Reply[Queue]:
    """Items newest first, with the room's number that the list is true for.

    `q` finds the start of a customer's name, in upper or lower case, or a sale id. With `status=excluded`,
    `awaits_review=true` lists the suspected duplicates that somebody has to judge: restore an honest sale,
    exclude a duplicate.
    """
    with call.session() as conn:
        # First the number, then the items: what happens in between is then told twice, not never.
        seq = room.seq(conn)
        items = queue.page(conn, call.caller, query)
    return Reply({"queue": items, "nextCursor": next_cursor(items, query.limit), "seq": seq})


def show(call: Call, queue_id: UUID) -> Reply[ExaminedItem]:
    """One item with the claim that holds it and its history, newest first, at most 100 entries."""
    with call.session() as conn:
        seq = room.seq(conn)
        item = queue.find(conn, call.caller, queue_id)
        claim = claims.of_sale(conn, call.caller, item["sale_id"])
        history = queue.history(conn, call.caller, item["sale_id"])
    return Reply({"item": item, "claim": claim, "history": history, "seq": seq})


def claim(call: Call, queue_id: UUID, body: NewClaim) -> Reply[Decided]:
    """Gives the item to a seller: exactly one of two wins, the other gets 409; the winner repeating itself
    gets its claim again.

    Sellers claim for themselves, managers for any active seller. Where the company asks for approval, every
    claim is `pending` and counts once a manager has approved it, a manager's own as well.
    """
    with call.session() as conn:
        claimed, change = claims.claim(conn, call.caller, queue_id, body)
    if change:
        messages.try_to_wake_rooms([change])
    return Reply({"success": True, "claim": claimed})


def release(call: Call, queue_id: UUID, body: Reason) -> Reply[Moved]:
    """Takes a claim back, so that the item can be claimed again; what it counted is taken off the boards.

    Sellers release their own claims, managers all. 409 where the item is not claimed.
    """
    with call.session() as conn:
        item, change = claims.release(conn, call.caller, queue_id, body)
    messages.try_to_wake_rooms([change])
    return Reply({"success": True, "item": item})


def exclude(call: Call, queue_id: UUID, body: Reason) -> Reply[Moved]:
    """Sets a pending item aside, or confirms that a suspected duplicate is one. 409 where it is claimed:
    release it first."""
    with call.session() as conn:
        item, change = queue.exclude(conn, call.caller, queue_id, body)
    messages.try_to_wake_rooms([change])
    return Reply({"success": True, "item": item})


def restore(call: Call, queue_id: UUID, body: Remark) -> Reply[Moved]:
    """Makes an excluded item pending again, and thereby accepts a suspected duplicate as an honest sale.
    409 where it is not excluded."""
    with call.session() as conn:
        item, change = queue.restore(conn, call.caller, queue_id, body)
    messages.try_to_wake_rooms([change])
    return Reply({"success": True, "item": item})
