"""Corrections: a sale takes the content of another event, wherever it is on its way: still waiting, failed,
in the queue, claimed or archived. Its ids, its status and who claimed it stay; the board counts what it has
become.

Locks, in this order: the event, its queue item, the claim, the tenant (to share), the board's day, the room.
"""

from typing import Any, Literal
from uuid import UUID

from winroom import board, copy, products, queries, queue, room
from winroom.callers import Caller
from winroom.db import Connection, Row
from winroom.errors import Conflict
from winroom.messages import RoomChanged
from winroom.sales import SaleEvent

_SQL = queries.load("corrections")


def hold(conn: Connection, event_id: UUID) -> Row:
    """Locks the event of the sale that is to be corrected; an archived one returns for that.

    Raises Conflict where it is gone.
    """
    return _held(conn, "event", {"event_id": event_id})


def make(conn: Connection, caller: Caller, known: Row, event: SaleEvent) -> RoomChanged | None:
    """Gives the held sale the content. Returns what to wake the room with; None where the sale has not been
    processed yet, and its event is due now.

    Raises Conflict where the product is unknown or the item is gone; roll back then. The last thing before
    the commit.
    """
    _correct_event(conn, known, event)
    if known["status"] != "processed":
        conn.execute(_SQL["begin_anew"], known)
        return None
    told = _correct_item(conn, known, event)
    seq = room.publish(conn, "queue.corrected", known["sale_id"], caller.name, told)
    return RoomChanged(caller.tenant_id, seq)


def _held(conn: Connection, what: Literal["event", "item"], values: Row) -> Row:
    held = conn.execute(_SQL[f"hold_{what}"], values).fetchone()
    if held is None:
        conn.execute(_SQL[f"unarchive_{what}"], values)
        held = conn.execute(_SQL[f"hold_{what}"], values).fetchone()
    if held is None:
        raise Conflict(copy.SALE_MISSING)
    return held


def _correct_event(conn: Connection, known: Row, event: SaleEvent) -> None:
    # Its ids stay with it: a correction changes what a sale is, never which.
    content = event.model_copy(update={"external_event_id": known["external_event_id"]})
    values = {
        "event_id": known["event_id"],
        "sale_id": known["sale_id"],
        "seller_id": content.seller_external_id,
        "payload": content.model_dump_json(exclude_none=True),
        "content_hash": content.content_hash(),
        "fingerprint": content.fingerprint(),
    }
    conn.execute(_SQL["correct_event"], values)


def _correct_item(conn: Connection, known: Row, event: SaleEvent) -> dict[str, Any]:
    """Corrects a sale's queue item and the claim that holds it; returns what to tell the room."""
    item = _held(conn, "item", known)
    claim = conn.execute(_SQL["hold_claim"], item).fetchone()
    product = products.named(conn, [event]).get(0)
    if product is None and event.named_product:
        raise Conflict(copy.PRODUCT_STILL_UNKNOWN.format(product=event.named_product))
    values = {
        **event.model_dump(),
        "product_id": product and product["product_id"],
        "cost_price": product["default_cost"] if product and event.cost_price is None else event.cost_price,
        "seller_id": event.seller_external_id,
        "fingerprint": event.fingerprint(),
        "queue_id": item["queue_id"],
    }
    conn.execute(_SQL["correct_item"], values)
    if claim:
        _correct_claim(conn, claim, values)
    return queue.told(conn, item["queue_id"]) | {
        "claimId": claim and str(claim["claim_id"]),
        "claimedBy": claim and claim["claimed_by"],
        "state": claim and claim["state"],
    }


def _correct_claim(conn: Connection, claim: Row, values: Row) -> None:
    counts = claim["state"] == "approved"
    if counts:
        board.remove(conn, claim["claim_id"])
    conn.execute(_SQL["correct_claim"], values | {"claim_id": claim["claim_id"]})
    if counts:
        board.add(conn, claim["claim_id"])
