"""The wallboard: what a screen in the room shows by itself, to whoever looks up."""

from functions.dashboard import leaderboard as boards
from functions.dashboard import pages
from winroom import claims, leaderboard, room, streaks, tenants
from winroom.answers import Page
from winroom.leaderboard import Filter, Metric, Period
from winroom.validation import check
from winroom.web import Call

# The boards that take turns.
_BOARDS: list[tuple[Period, Metric]] = [("month", "revenue"), ("today", "wins")]
_PLACES = 7
_WINS = 6


def show(call: Call, link: str) -> Page:
    """Boards, newest wins and the streak, as the link's display may see them: without margins or notes."""
    with call.session() as conn:
        seq = room.seq(conn)
        shown = [
            leaderboard.show(conn, call.caller, Filter(period=period, metric=metric, limit=_PLACES))
            for period, metric in _BOARDS
        ]
        return pages.draw(
            "wall.html",
            call,
            seq=seq,
            company=tenants.show(conn)["name"],
            boards=[(board, boards.bars(board)) for board in shown],
            wins=claims.page(conn, call.caller, check(claims.Filter, {"state": "approved", "limit": _WINS})),
            streak=streaks.current(conn),
        )
