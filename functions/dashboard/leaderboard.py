"""The leaderboard as people see it: who is ahead, by how much, and what it is made of."""

from decimal import Decimal
from typing import Any

from functions.dashboard import pages
from winroom import leaderboard
from winroom.answers import Page
from winroom.leaderboard import Filter
from winroom.web import Call


def show(call: Call, query: Filter) -> Page:
    """The board of a period, with each place linked to the claims that it is made of."""
    with call.session() as conn:
        board = leaderboard.show(conn, call.caller, query)
        return pages.show(
            call, conn, "leaderboard.html", seq=board["seq"], wanted=query, board=board, bars=bars(board)
        )


def bars(board: dict[str, Any]) -> dict[str, float]:
    """How long each seller's bar is, in percent of the longest; what is not above zero has none."""
    metric = board["metric"]
    values: dict[str, Decimal] = {e["seller_id"]: Decimal(e[metric]) for e in board["leaderboard"]}
    most = max(values.values(), default=Decimal(0))
    if most <= 0:
        return dict.fromkeys(values, 0.0)
    return {seller: float(round(max(value, Decimal(0)) / most * 100, 1)) for seller, value in values.items()}
