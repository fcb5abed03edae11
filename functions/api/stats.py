"""A person's own numbers over HTTP."""

from datetime import date, datetime
from typing import NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from winroom import claims, stats
from winroom.answers import Reply
from winroom.sales import Currency
from winroom.validation import MoneyText
from winroom.web import Call


class MyTotal(TypedDict):
    currency: Currency
    wins: int
    revenue: MoneyText
    # For those who may see margins; claims whose cost is unknown have none.
    margin: NotRequired[MoneyText]


class MyPeriod(TypedDict):
    """Wins of all currencies, and what they are worth in each."""

    wins: int
    totals: list[MyTotal]


class MyPeriods(TypedDict):
    today: MyPeriod
    week: MyPeriod
    month: MyPeriod
    quarter: MyPeriod
    year: MyPeriod
    all: MyPeriod


class MyRank(TypedDict):
    """The place on this month's board of revenue in the home currency, of how many; null without a win."""

    rank: int | None
    of: int


class MyStreak(TypedDict):
    count: int
    is_at_least: bool
    since: datetime
    last_claim_at: datetime


class MostWins(TypedDict):
    day: date
    wins: int


class HighestRevenue(TypedDict):
    day: date
    revenue: MoneyText


class BestDay(TypedDict):
    """The days of most wins and of highest revenue in the home currency; of equal ones the first."""

    most_wins: MostWins | None
    highest_revenue: HighestRevenue | None


class MyDay(TypedDict):
    """Wins of all currencies, and revenue in the home currency."""

    day: date
    wins: int
    revenue: MoneyText


class MyClaim(TypedDict):
    id: UUID
    queue_id: UUID
    sale_id: str
    claim_type: claims.Type
    state: claims.State
    customer_name: str
    sell_price: MoneyText
    # For those who may see margins; null where the cost is unknown.
    margin_amount: NotRequired[MoneyText | None]
    currency: Currency
    claimed_at: datetime


class MyStats(TypedDict):
    # Null for people who sell nothing themselves.
    seller_id: str | None
    home_currency: Currency
    # Where days begin and end.
    time_zone: str
    periods: MyPeriods
    month_rank: MyRank
    # The current streak, where it is theirs.
    streak: MyStreak | None
    best_day: BestDay
    # The last thirty, today last.
    days: list[MyDay]
    # The ten newest that were not released.
    recent_claims: list[MyClaim]
    # The room's number that all this is true for.
    seq: int


def mine(call: Call) -> Reply[MyStats]:
    """Your own wins, revenue, rank, streak, best days and newest claims.

    Whoever has no seller of their own gets zeros and empty lists.
    """
    with call.session() as conn:
        return Reply(stats.mine(conn, call.caller))
