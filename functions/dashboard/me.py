"""A person's own page: wins, revenue, streak, personal best, and how the last thirty days went."""

from decimal import Decimal
from typing import Any

from functions.dashboard import pages
from winroom import stats
from winroom.answers import Page
from winroom.web import Call


def show(call: Call) -> Page:
    """One's own numbers."""
    with call.session() as conn:
        mine = stats.mine(conn, call.caller)
        return pages.show(call, conn, "me.html", seq=mine["seq"], mine=mine, columns=_columns(mine["days"]))


def _columns(days: list[dict[str, Any]]) -> list[float]:
    """How high each day's column is, in percent of the best day's."""
    revenues = [Decimal(day["revenue"]) for day in days]
    most = max(revenues, default=Decimal(0))
    return [float(round(revenue / most * 100, 1)) if most > 0 else 0 for revenue in revenues]
