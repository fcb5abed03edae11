"""The queue as people see it: what waits, one sale with its history, and what can be done with it."""

from uuid import UUID

from functions.dashboard import choices, pages, words
from functions.dashboard.pages import Choices
from winroom import claims, messages, queue, room
from winroom.answers import Page
from winroom.callers import Caller, Role
from winroom.claims import NewClaim
from winroom.db import Connection
from winroom.forms import Form
from winroom.queue import Filter, Reason, Remark
from winroom.validation import check
from winroom.web import Call

# What the script draws a new row from.
_BLANK = {
    **dict.fromkeys(("id", "occurred_at", "customer_name", "product_name", "source"), ""),
    **dict.fromkeys(("seller_id", "seller_name", "excluded_reason", "sell_price"), ""),
    "assigned_seller_id": None,
    "margin_amount": None,
}


def index(call: Call, query: Filter) -> Page:
    """The queue; the plain list of what waits is kept by the script without reading it again."""
    return _list(call, query, "queue.html")


def excluded(call: Call, query: Filter) -> Page:
    """What was set aside: what somebody has to judge, unless what was judged is asked for."""
    awaits_review = query.awaits_review is not False
    wanted = query.model_copy(update={"status": "excluded", "awaits_review": awaits_review})
    return _list(call, wanted, "excluded.html")


def of_sale(call: Call, sale_id: str) -> Page:
    """Leads from a sale's own id to its page."""
    with call.session() as conn:
        return pages.see(f"/queue/{queue.of_sale(conn, sale_id)}")


def show(call: Call, queue_id: UUID) -> Page:
    """One sale: what it is, who claimed it, what happened to it, and what can be done with it now."""
    with call.session() as conn:
        seq = room.seq(conn)
        item = queue.find(conn, call.caller, queue_id)
        return pages.show(
            call,
            conn,
            "item.html",
            seq=seq,
            address=f"/queue/{queue_id}",
            item=item,
            claim=claims.of_sale(conn, call.caller, item["sale_id"]),
            history=queue.history(conn, call.caller, item["sale_id"]),
            claimers=_claimers(conn, call.caller),
            may_claim=_may_claim(call.caller),
        )


def claim(call: Call, queue_id: UUID, form: Form) -> Page:
    """Claims for the seller that was chosen; a manager's claim else for the sale's own."""
    given = pages.filled(form)
    if call.caller.role >= Role.MANAGER:
        given.setdefault("seller_id", given.get("for", ""))
    with call.session() as conn:
        claimed, change = claims.claim(conn, call.caller, queue_id, check(NewClaim, given))
    if change:
        messages.try_to_wake_rooms([change])
    return pages.see("/queue", "claimed" if claimed["state"] == "approved" else "claim_waits")


def release(call: Call, queue_id: UUID, form: Form) -> Page:
    """Gives a claimed sale back."""
    with call.session() as conn:
        _, change = claims.release(conn, call.caller, queue_id, check(Reason, pages.filled(form)))
    messages.try_to_wake_rooms([change])
    return pages.see(f"/queue/{queue_id}", "released")


def exclude(call: Call, queue_id: UUID, form: Form) -> Page:
    """Sets a sale aside."""
    with call.session() as conn:
        _, change = queue.exclude(conn, call.caller, queue_id, check(Reason, pages.filled(form)))
    messages.try_to_wake_rooms([change])
    return pages.see(pages.own_path(form.get("back"), f"/queue/{queue_id}"), "excluded")


def restore(call: Call, queue_id: UUID, form: Form) -> Page:
    """Puts a sale back that was set aside."""
    with call.session() as conn:
        _, change = queue.restore(conn, call.caller, queue_id, check(Remark, pages.filled(form)))
    messages.try_to_wake_rooms([change])
    return pages.see(pages.own_path(form.get("back"), f"/queue/{queue_id}"), "restored")


def _list(call: Call, wanted: Filter, template: str) -> Page:
    with call.session() as conn:
        # First the number, then the items: what happens in between is then told twice, not never.
        seq = room.seq(conn)
        items = queue.page(conn, call.caller, wanted)
        is_sought = bool(wanted.q or wanted.seller or wanted.product)
        return pages.show(
            call,
            conn,
            template,
            seq=seq,
            wanted=wanted,
            items=items,
            next=pages.next_page(call, items[-1]["id"] if len(items) == wanted.limit else None),
            is_sought=is_sought,
            is_whole=wanted.status == "pending" and not is_sought and not wanted.cursor,
            blank=_BLANK,
            sellers=choices.sellers(conn, wanted.seller),
            products=choices.products(conn, call.caller, wanted.product),
            claimers=_claimers(conn, call.caller),
            may_claim=wanted.status == "pending" and _may_claim(call.caller),
        )


def _claimers(conn: Connection, caller: Caller) -> Choices:
    """Whom a manager may claim for, the sale's own seller first."""
    if caller.role < Role.MANAGER:
        return []
    return [("", words.CLAIM_FOR_OWN), *choices.sellers(conn)]


def _may_claim(caller: Caller) -> bool:
    return caller.role >= Role.MANAGER or (caller.role >= Role.SELLER and caller.seller_id is not None)
