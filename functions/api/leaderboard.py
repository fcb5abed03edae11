"""The leaderboard over HTTP."""

from datetime import datetime
from typing import NotRequired

from typing_extensions import TypedDict

from winroom import leaderboard
from winroom.answers import Reply
from winroom.leaderboard import Filter, Metric, Period
from winroom.sales import Currency
from winroom.validation import MoneyText
from winroom.web import Call


class CurrencyTotal(TypedDict):
    currency: Currency
    wins: int
    revenue: MoneyText
    # For those who may see margins; claims whose cost is unknown have none.
    margin: NotRequired[MoneyText]


class BoardEntry(TypedDict):
    """A seller with at least one win on this board. `wins` are those of the board's currency; `revenue` and
    `margin` are in it, or in the home currency where the board counts wins of all currencies. `totals` are
    the seller's in the period, in every currency. `claims` is where the claims behind the rank are listed."""

    # Sellers who are level share one, and the next one counts them all: 1, 1, 3.
    rank: int
    seller_id: str
    display_name: str
    is_active: bool
    wins: int
    revenue: MoneyText
    margin: NotRequired[MoneyText]
    totals: list[CurrencyTotal]
    claims: str


# The first moment that counts, and the first that does not any more; null on the board of all time.
Window = TypedDict("Window", {"from": datetime | None, "to": datetime | None})


class Leaderboard(Window):
    period: Period
    # Where its days begin and end.
    time_zone: str
    metric: Metric
    # Null where wins of all currencies are counted.
    currency: Currency | None
    home_currency: Currency
    # The room's number that the board is true for.
    seq: int
    generated_at: datetime
    # How many sellers are on it, listed or not.
    ranked: int
    leaderboard: list[BoardEntry]
    # The caller's own entry, also where it is below the limit; null without a win.
    me: BoardEntry | None


def show(call: Call, query: Filter) -> Reply[Leaderboard]:
    """Sellers by wins, revenue or margin in a period of your company's calendar and time zone.

    Weeks begin on Monday. Sellers who are level share a rank. Only approved claims count, on the day they
    were claimed. Each entry links to the claims that it is made of.
    """
    with call.session() as conn:
        return Reply(leaderboard.show(conn, call.caller, query))
