"""The leaderboard: who won most in a period of the company's own calendar, and of which claims that is made.
Counted once for everybody and kept until the room's number moves; nobody is told margins they may not see."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote_plus, urlencode

from pydantic import Field

from winroom import copy, queries
from winroom.callers import Caller
from winroom.db import Connection, Row, only
from winroom.errors import Forbidden
from winroom.sales import Currency
from winroom.validation import BlankIsAbsent, Input

Period = Literal["today", "week", "month", "quarter", "year", "all"]
Metric = Literal["wins", "revenue", "margin"]

# What each is cut by, in PostgreSQL's words (weeks begin on Monday), and how long it lasts.
PERIODS: Mapping[Period, tuple[str | None, str | None]] = {
    "today": ("day", "1 day"),
    "week": ("week", "7 days"),
    "month": ("month", "1 month"),
    "quarter": ("quarter", "3 months"),
    "year": ("year", "1 year"),
    "all": (None, None),
}
# Seconds. So long may a name be an old one; numbers never are.
KEPT_FOR = 30

_SQL = queries.load("leaderboard")


class Filter(Input):
    """Which board: without `currency`, money is ranked in the home currency, and wins of all are counted."""

    period: Period = "month"
    metric: Metric = "revenue"
    currency: Annotated[Currency | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


def show(conn: Connection, caller: Caller, wanted: Filter, *, at: datetime | None = None) -> Row:
    """The board as the caller may see it, with the caller's own entry as `me`, however far below the limit.

    `at` is the moment whose period it is: now, by the database's clock. Raises Forbidden for a board of
    margins that the caller may not see.
    """
    if wanted.metric == "margin" and not caller.sees_margin:
        raise Forbidden(copy.MARGIN_HIDDEN)
    unit, length = PERIODS[wanted.period]
    values = {**wanted.model_dump(), "unit": unit, "length": length, "at": at, "seller_id": caller.seller_id}
    board = values | only(conn.execute(_SQL["kept"], values))
    if board["leaderboard"] is None:
        board |= only(conn.execute(_SQL["count"], {**board, "ttl_seconds": KEPT_FOR}))
    claims = _claims(board)
    me = board["me"]
    return {
        **{name: board[name] for name in _HEAD},
        "leaderboard": [_entry(entry, caller, claims) for entry in board["leaderboard"]],
        "me": me and _entry(me, caller, claims),
    }


_HEAD = (
    "period",
    "from",
    "to",
    "time_zone",
    "metric",
    "currency",
    "home_currency",
    "seq",
    "generated_at",
    "ranked",
)


def visible(money: Row, caller: Caller) -> Row:
    """Wins and money as the caller may see them."""
    if caller.sees_margin:
        return money
    return {name: value for name, value in money.items() if name != "margin"}


def _entry(entry: Row, caller: Caller, claims: str) -> Row:
    return {
        **visible(entry, caller),
        "totals": [visible(total, caller) for total in entry["totals"]],
        "claims": claims.format(quote_plus(entry["seller_id"])),
    }


def _claims(board: Row) -> str:
    """Where the claims are listed that the board counts, of its days and its currency: `{}` is the seller."""
    limits = {name: _utc(board[name]) for name in ("from", "to") if board[name]}
    if board["currency"]:
        limits["currency"] = board["currency"]
    return "/api/claims?" + urlencode({"state": "approved", "seller": "{}", **limits}, safe="{}:")


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
