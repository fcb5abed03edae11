"""A person's own numbers: what their seller won in each period, its place, best days and newest claims."""

from datetime import datetime

from winroom import leaderboard, queries, queue, room, streaks
from winroom.callers import Caller
from winroom.db import Connection, Row, only
from winroom.leaderboard import PERIODS

# The newest claims that are told.
CLAIMS = 10

_SQL = queries.load("stats")


def mine(conn: Connection, caller: Caller, *, at: datetime | None = None) -> Row:
    """The numbers of the caller's seller, zeros for somebody without one; margins where the caller sees them.

    `at` is the moment whose periods are meant: now, by the database's clock.
    """
    # First the number, then the rest: what happens in between is then told twice, not never.
    seq = room.seq(conn)
    streak = streaks.current(conn)
    numbers = only(conn.execute(_SQL["numbers"], _asked(caller, at)))
    is_mine = caller.seller_id is not None and streak["seller_id"] == caller.seller_id
    return {
        "seller_id": caller.seller_id,
        "home_currency": numbers["home_currency"],
        "time_zone": numbers["time_zone"],
        "periods": {period: _period(numbers["periods"].get(period), caller) for period in PERIODS},
        "month_rank": {"rank": numbers["rank"], "of": numbers["ranked"]},
        "streak": {name: streak[name] for name in _STREAK} if is_mine else None,
        "best_day": {name: numbers[name] for name in ("most_wins", "highest_revenue")},
        "days": numbers["days"],
        "recent_claims": _recent_claims(conn, caller),
        "seq": seq,
    }


_STREAK = ("count", "is_at_least", "since", "last_claim_at")


def _asked(caller: Caller, at: datetime | None) -> Row:
    units, lengths = zip(*PERIODS.values(), strict=True)
    return {
        "seller_id": caller.seller_id,
        "at": at,
        "periods": list(PERIODS),
        "units": list(units),
        "lengths": list(lengths),
    }


def _period(summed: Row | None, caller: Caller) -> Row:
    if summed is None:
        return {"wins": 0, "totals": []}
    totals = [leaderboard.visible(total, caller) for total in summed["totals"]]
    return {"wins": summed["wins"], "totals": totals}


def _recent_claims(conn: Connection, caller: Caller) -> list[Row]:
    values = {"seller_id": caller.seller_id, "limit": CLAIMS}
    return [queue.shown_to(caller, row) for row in conn.execute(_SQL["recent_claims"], values)]
