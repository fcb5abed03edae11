"""Claims as people see them: what boards are made of, and what waits for a second pair of eyes."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from functions.dashboard import choices, days, pages
from winroom import claims, messages, room, sellers, tenants
from winroom.answers import Page
from winroom.claims import Filter
from winroom.db import Row
from winroom.forms import Form
from winroom.queue import Reason
from winroom.validation import check
from winroom.web import Call


def index(call: Call) -> Page:
    """Claims newest first; the approved ones of a seller are what it stands for on the board."""
    with call.session() as conn:
        seq = room.seq(conn)
        wanted = check(Filter, days.in_moments(conn, call.request.query))
        found = claims.page(conn, call.caller, wanted)
        stands = wanted.seller if wanted.state == "approved" else None
        return pages.show(
            call,
            conn,
            "claims.html",
            seq=seq,
            days=days.as_days(conn, call.request.query),
            wanted=wanted,
            claims=found,
            sums=_sums(found) if wanted.state == "approved" else {},
            next=_next(call, found, wanted),
            sellers=choices.sellers(conn, wanted.seller),
            stands_for=sellers.find(conn, stands)["display_name"] if stands else "",
        )


def approvals(call: Call, query: Filter) -> Page:
    """Claims that wait for a manager, newest first."""
    wanted = query.model_copy(update={"state": "pending"})
    with call.session() as conn:
        seq = room.seq(conn)
        found = claims.page(conn, call.caller, wanted)
        return pages.show(
            call,
            conn,
            "approvals.html",
            seq=seq,
            address="/approvals",
            claims=found,
            next=_next(call, found, wanted),
            is_asked_for=tenants.show(conn)["settings"]["claim_approval"],
        )


def approve(call: Call, claim_id: UUID) -> Page:
    """Lets a claim count."""
    with call.session() as conn:
        _, change = claims.approve(conn, call.caller, claim_id)
    messages.try_to_wake_rooms([change])
    return pages.see("/approvals", "approved")


def reject(call: Call, claim_id: UUID, form: Form) -> Page:
    """Refuses a claim; its sale waits again."""
    with call.session() as conn:
        _, change = claims.reject(conn, call.caller, claim_id, check(Reason, pages.filled(form)))
    messages.try_to_wake_rooms([change])
    return pages.see("/approvals", "rejected")


def _next(call: Call, found: Sequence[Row], wanted: Filter) -> str | None:
    return pages.next_page(call, found[-1]["id"] if len(found) == wanted.limit else None)


def _sums(found: Sequence[Row]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for claim in found:
        sums[claim["currency"]] += claim["sell_price"]
    return dict(sorted(sums.items()))
