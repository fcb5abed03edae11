"""Claims: a seller takes a sale from the queue; of two at once exactly one wins. Where a company wants a
second pair of eyes, everybody's claims wait for a manager's approval, and boards count none before it.

Whoever changes a claim locks, in this order: the item, the claim, the tenant (to share), the board's day,
the room. All that lock in one order never wait for each other in a circle.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from winroom import board, copy, queries, queue, room, telemetry
from winroom.callers import Caller, Role
from winroom.db import Connection, Row, only
from winroom.errors import Conflict, Forbidden, Invalid, NotFound
from winroom.messages import RoomChanged
from winroom.queue import Reason
from winroom.sales import Currency
from winroom.sellers import SellerId
from winroom.validation import BlankIsAbsent, Input, Timestamp

Type = Literal["first_touch", "upsell", "retention"]
State = Literal["pending", "approved", "rejected", "released"]

_SQL = queries.load("claims")


class NewClaim(Input):
    """Who claims, and what kind of win it was. Without `seller_id`, a person claims for their own seller."""

    seller_id: Annotated[SellerId | None, BlankIsAbsent] = None
    claim_type: Type


class Filter(Input):
    """Which claims to list: of those made from `from` on and before `to`; `cursor` is the last claim of the
    page before."""

    state: Annotated[State | None, BlankIsAbsent] = None
    seller: Annotated[SellerId | None, BlankIsAbsent] = None
    currency: Annotated[Currency | None, BlankIsAbsent] = None
    since: Annotated[Timestamp | None, BlankIsAbsent] = Field(None, alias="from")
    until: Annotated[Timestamp | None, BlankIsAbsent] = Field(None, alias="to")
    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


def claim(
    conn: Connection, caller: Caller, queue_id: UUID, wanted: NewClaim
) -> tuple[Row, RoomChanged | None]:
    """Gives a pending item to a seller; returns the claim, and what to wake the room with after the commit.

    The winner's repetition returns its claim and changes nothing. Raises Forbidden where a seller claims for
    another, NotFound, Invalid for an unknown seller, Conflict where another claim was first or the item is
    excluded.
    """
    values = {
        "queue_id": queue_id,
        "seller_id": _claimer(caller, wanted),
        "claim_type": wanted.claim_type,
        "actor": caller.name,
    }
    while (made := conn.execute(_SQL["claim"], values).fetchone()) is None:
        if before := _claimed_before(conn, values):
            return find(conn, caller, before), None
        # Released between the two looks: it is there to be taken, and each such round is somebody's success.
    with conn.pipeline():
        if made["state"] == "approved":
            board.add(conn, made["claim_id"])
        return _told(conn, caller, "queue.claimed", made["claim_id"])


def release(conn: Connection, caller: Caller, queue_id: UUID, why: Reason) -> tuple[Row, RoomChanged]:
    """Takes a claim back, approved or not; returns the item, pending again, and what to wake the room with.

    Raises NotFound, Conflict where the item is not claimed, Forbidden where a seller releases another's.
    """
    item = queue.hold(conn, queue_id)
    if item["status"] != "claimed":
        raise Conflict(copy.NOT_CLAIMED)
    held = only(conn.execute(_SQL["hold"], {"claim_id": None, "sale_id": item["sale_id"]}))
    if caller.role < Role.MANAGER and held["claimed_by"] != caller.seller_id:
        raise Forbidden(copy.OWN_RELEASES_ONLY.format(seller_id=held["claimed_by"]))
    with conn.pipeline():
        if held["state"] == "approved":
            board.remove(conn, held["claim_id"])
        _decide(conn, caller, held["claim_id"], "released", why.reason)
        return queue.put_back(conn, caller, queue_id, "queue.released", _ended(held, why))


def approve(conn: Connection, caller: Caller, claim_id: UUID) -> tuple[Row, RoomChanged]:
    """Lets a pending claim count; returns it, and what to wake the room with.

    Raises NotFound, Conflict where it is decided already.
    """
    with conn.pipeline():
        _hold_pending(conn, claim_id)
        _decide(conn, caller, claim_id, "approved", None)
        board.add(conn, claim_id)
        return _told(conn, caller, "claim.approved", claim_id)


def reject(conn: Connection, caller: Caller, claim_id: UUID, why: Reason) -> tuple[Row, RoomChanged]:
    """Refuses a pending claim; its item is pending again. Returns the claim, and what to wake the room with.

    Raises NotFound, Conflict where it is decided already.
    """
    with conn.pipeline():
        held = _hold_pending(conn, claim_id)
        _decide(conn, caller, claim_id, "rejected", why.reason)
        rejected = find(conn, caller, claim_id)
        _, change = queue.put_back(conn, caller, held["queue_id"], "claim.rejected", _ended(held, why))
        return rejected, change


def page(conn: Connection, caller: Caller, wanted: Filter) -> list[Row]:
    """Claims newest first, `wanted.limit` at most."""
    return [queue.shown_to(caller, row) for row in conn.execute(_SQL["page"], wanted.model_dump())]


def find(conn: Connection, caller: Caller, claim_id: UUID) -> Row:
    """One claim. Raises NotFound."""
    return queue.shown_to(caller, _found(conn, claim_id))


def of_sale(conn: Connection, caller: Caller, sale_id: str) -> Row | None:
    """The claim that holds a sale, if one does."""
    found = conn.execute(_SQL["find"], {"claim_id": None, "sale_id": sale_id}).fetchone()
    return found and queue.shown_to(caller, found)


def _claimer(caller: Caller, wanted: NewClaim) -> str:
    """Whom the claim is for; sellers claim for themselves alone."""
    seller_id = wanted.seller_id or caller.seller_id
    if caller.role < Role.MANAGER:
        if caller.seller_id is None:
            raise Forbidden(copy.NO_SELLER_OF_ONES_OWN)
        if seller_id != caller.seller_id:
            raise Forbidden(copy.OWN_CLAIMS_ONLY.format(seller_id=caller.seller_id))
    if seller_id is None:
        raise Invalid(details=[{"field": "seller_id", "message": copy.WHOSE_CLAIM}])
    return seller_id


def _claimed_before(conn: Connection, values: dict[str, Any]) -> UUID | None:
    """The same claim, made before; None where the item turns out to be pending. Raises what keeps it."""
    item = conn.execute(_SQL["standing"], values).fetchone()
    if item is None:
        raise NotFound
    same = (item["claimed_by"], item["claim_type"]) == (values["seller_id"], values["claim_type"])
    if item["status"] == "claimed" and same:
        claim_id: UUID = item["claim_id"]
        return claim_id
    if not item["is_active"]:
        message = copy.UNKNOWN_SELLER.format(field="seller_id")
        raise Invalid(details=[{"field": "seller_id", "message": message}])
    if item["status"] == "excluded":
        raise Conflict(copy.ITEM_EXCLUDED)
    if item["status"] == "claimed":
        kind = item["claim_type"].replace("_", " ")
        raise Conflict(copy.CLAIMED_BY_ANOTHER.format(seller=item["claimed_by_name"], kind=kind))
    return None


def _hold_pending(conn: Connection, claim_id: UUID) -> Row:
    values = {"claim_id": claim_id, "sale_id": None}
    conn.execute(_SQL["hold_item_of"], values)
    held = conn.execute(_SQL["hold"], values).fetchone()
    if held is None:
        raise NotFound
    if held["state"] != "pending":
        raise Conflict(copy.CLAIM_DECIDED.format(state=held["state"]))
    return held


def _decide(conn: Connection, caller: Caller, claim_id: UUID, state: State, reason: str | None) -> None:
    values = {"claim_id": claim_id, "state": state, "reason": reason, "actor": caller.name}
    conn.execute(_SQL["decide"], values)


def _found(conn: Connection, claim_id: UUID) -> Row:
    found = conn.execute(_SQL["find"], {"claim_id": claim_id, "sale_id": None}).fetchone()
    if found is None:
        raise NotFound
    telemetry.logger().append_keys(sale_id=found["sale_id"])
    return found


def _ended(held: Row, why: Reason) -> dict[str, Any]:
    """What the room is told of a claim that ended, besides its item."""
    return {"claimId": str(held["claim_id"]), "claimedBy": held["claimed_by"], "reason": why.reason}


def _told(conn: Connection, caller: Caller, message: room.Type, claim_id: UUID) -> tuple[Row, RoomChanged]:
    """Tells the room of a claim; the last thing before the commit."""
    claim = _found(conn, claim_id)
    margin = claim["margin_amount"]
    data = {
        "id": str(claim["queue_id"]),
        "claimId": str(claim["id"]),
        "saleId": claim["sale_id"],
        "sellerId": claim["claimed_by"],
        "sellerName": claim["claimed_by_name"],
        "claimType": claim["claim_type"],
        "state": claim["state"],
        "customerName": claim["customer_name"],
        "productName": claim["product_name"],
        "source": claim["source"],
        "sellPrice": str(claim["sell_price"]),
        "margin": None if margin is None else str(margin),
        "currency": claim["currency"],
    }
    seq = room.publish(conn, message, claim["sale_id"], caller.name, data)
    return queue.shown_to(caller, claim), RoomChanged(caller.tenant_id, seq)
