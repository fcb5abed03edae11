"""Claims: a seller takes a sale from the queue; of two at once exactly one wins."""

from typing import Literal
from uuid import UUID

from winroom import copy, queries, room
from winroom.callers import Caller
from winroom.db import Connection, Row
from winroom.errors import Conflict, Invalid, NotFound
from winroom.messages import RoomChanged
from winroom.validation import Input, Text255

Type = Literal["first_touch", "upsell", "retention"]
State = Literal["pending", "approved", "rejected", "released"]

_SQL = queries.load("claims")


class NewClaim(Input):
    """Who claims, and what kind of win it was."""

    seller_id: Text255
    claim_type: Type


def claim(
    conn: Connection, caller: Caller, queue_id: UUID, wanted: NewClaim
) -> tuple[Row, RoomChanged | None]:
    """Gives a pending item to a seller; returns the claim, and what to wake the room with after the commit.

    The winner's repetition returns its claim and changes nothing. Raises NotFound, Invalid for an unknown
    seller, Conflict where another claim was first or the item is excluded.
    """
    seller_id = wanted.seller_id.lower()
    if conn.execute(_SQL["active_seller"], {"seller_id": seller_id}).fetchone() is None:
        message = copy.UNKNOWN_SELLER.format(field="seller_id")
        raise Invalid(details=[{"field": "seller_id", "message": message}])
    values = {
        "queue_id": queue_id,
        "seller_id": seller_id,
        "claim_type": wanted.claim_type,
        "actor": caller.name,
    }
    won = conn.execute(_SQL["claim"], values).fetchone()
    if won is None:
        return _claimed_before(conn, values), None
    seq = room.publish(conn, "queue.claimed", won["sale_id"], caller.name, _told(won))
    return won, RoomChanged(caller.tenant_id, seq)


def _claimed_before(conn: Connection, values: dict[str, object]) -> Row:
    item = conn.execute(_SQL["standing"], values).fetchone()
    if item is None:
        raise NotFound
    if item["status"] == "excluded":
        raise Conflict(copy.ITEM_EXCLUDED)
    same = (item["claimed_by"], item["claim_type"]) == (values["seller_id"], values["claim_type"])
    if not same:
        raise Conflict(copy.CLAIMED_BY_ANOTHER.format(seller_id=item["claimed_by"]))
    return item


def _told(claim: Row) -> dict[str, object]:
    margin = claim["margin_amount"]
    return {
        "id": str(claim["queue_id"]),
        "claimId": str(claim["claim_id"]),
        "saleId": claim["sale_id"],
        "sellerId": claim["claimed_by"],
        "claimType": claim["claim_type"],
        "customerName": claim["customer_name"],
        "source": claim["source"],
        "sellPrice": str(claim["sell_price"]),
        "margin": None if margin is None else str(margin),
        "currency": claim["currency"],
    }
