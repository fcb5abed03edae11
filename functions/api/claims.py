"""Claims over HTTP: what boards are made of, and deciding what waits for a manager."""

from datetime import datetime
from typing import Literal, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from winroom import claims, messages
from winroom.answers import Reply, next_cursor
from winroom.claims import Filter
from winroom.queue import Reason
from winroom.sales import Currency, Source
from winroom.validation import MoneyText
from winroom.web import Call


class Claim(TypedDict):
    id: UUID
    queue_id: UUID
    sale_id: str
    claimed_by: str
    claimed_by_name: str
    claim_type: claims.Type
    state: claims.State
    customer_name: str
    product_id: UUID | None
    product_name: str | None
    source: Source | None
    sell_price: MoneyText
    currency: Currency
    decided_by: str | None
    decided_at: datetime | None
    claimed_at: datetime
    # Why it was rejected or released; not for displays.
    reason: NotRequired[str | None]
    # For those who may see margins; null where the cost is unknown.
    cost_price: NotRequired[MoneyText | None]
    margin_amount: NotRequired[MoneyText | None]


class Claims(TypedDict):
    claims: list[Claim]
    nextCursor: UUID | None


class Decided(TypedDict):
    success: Literal[True]
    claim: Claim


def index(call: Call, query: Filter) -> Reply[Claims]:
    """Claims newest first, by who claimed, state, currency and time: from `from` on, before `to`.

    The approved claims of a seller, a currency and a period are what its entry in the leaderboard is made of.
    """
    with call.session() as conn:
        found = claims.page(conn, call.caller, query)
    return Reply({"claims": found, "nextCursor": next_cursor(found, query.limit)})


def show(call: Call, claim_id: UUID) -> Reply[Claim]:
    """One claim, whatever became of it."""
    with call.session() as conn:
        return Reply(claims.find(conn, call.caller, claim_id))


def approve(call: Call, claim_id: UUID) -> Reply[Decided]:
    """Lets a pending claim count from now on, on the day it was made. 409 where it is decided already."""
    with call.session() as conn:
        claim, change = claims.approve(conn, call.caller, claim_id)
    messages.try_to_wake_rooms([change])
    return Reply({"success": True, "claim": claim})


def reject(call: Call, claim_id: UUID, body: Reason) -> Reply[Decided]:
    """Refuses a pending claim; its item can be claimed again. 409 where it is decided already."""
    with call.session() as conn:
        claim, change = claims.reject(conn, call.caller, claim_id, body)
    messages.try_to_wake_rooms([change])
    return Reply({"success": True, "claim": claim})
