"""Boards as tests want them: claims of any moment, counted by the application and once more by hand."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import sql

from functions.api.app import handler
from tests import doors, rooms
from tests.doors import Answer
from tests.factories import Company
from winroom import board, db, ids, leaderboard, stats


@dataclass(frozen=True)
class Win:
    """A claim, approved unless said otherwise."""

    seller: str
    at: datetime
    price: Decimal = Decimal("100.00")
    cost: Decimal | None = None
    currency: str = "USD"
    state: str = "approved"

    @property
    def margin(self) -> Decimal:
        return Decimal() if self.cost is None else self.price - self.cost


def add(company: Company, *wins: Win) -> None:
    """Records claims, counts the board's days anew and moves the room on."""
    for seller in {win.seller for win in wins}:
        company.database.seller(company, seller)
    with company.database.operator() as conn, conn.cursor() as cursor:
        cursor.executemany(
            "insert into wr.claims (tenant_id, queue_id, sale_id, claimed_by, claim_type, state, sell_price,"
            " cost_price, currency, customer_name, actor, claimed_at)"
            " values (%s, %s, %s, %s, 'upsell', %s, %s, %s, %s, 'Ada', 'test', %s)",
            [_claim(company, win) for win in wins],
        )
    with db.tenant_session(company.tenant_id) as session:
        board.recount(session)
    rooms.publish(company)


def _claim(company: Company, win: Win) -> tuple[Any, ...]:
    item: UUID = ids.new()
    return (
        *(company.tenant_id, item, f"sale-{item}", win.seller, win.state),
        *(win.price, win.cost, win.currency, win.at),
    )


def start_anew(company: Company) -> None:
    """A company that never sold anything, and may ask as often as it likes."""
    with company.database.operator() as conn:
        for table in (
            "claims",
            "board_days",
            "board_months",
            "cache_kv",
            "users",
            "sellers",
            "rate_counters",
        ):
            statement = sql.SQL("delete from wr.{} where tenant_id = %s").format(sql.Identifier(table))
            conn.execute(statement, [company.tenant_id])


def get(key: str, path: str, **more: Any) -> Answer:
    return doors.http(handler, "GET", path, key=key, **more)


@contextmanager
def clock(moment: datetime) -> Iterator[None]:
    """Boards and stats are asked for as of this moment."""
    defaults = (leaderboard.show.__kwdefaults__, stats.mine.__kwdefaults__)
    with patch.dict(defaults[0], at=moment), patch.dict(defaults[1], at=moment):
        yield


def window(period: str, zone: str, now: datetime) -> tuple[date, date]:
    """The first day of a period and the first after it, by plain arithmetic."""
    today = now.astimezone(ZoneInfo(zone)).date()
    month = today.replace(day=1)
    quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
    monday = today - timedelta(today.weekday())
    return {
        "today": (today, today + timedelta(1)),
        "week": (monday, monday + timedelta(7)),
        "month": (month, _months_on(month, 1)),
        "quarter": (quarter, _months_on(quarter, 3)),
        "year": (date(today.year, 1, 1), date(today.year + 1, 1, 1)),
        "all": (date.min, date.max),
    }[period]


def _months_on(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def within(wins: Iterable[Win], period: str, zone: str, now: datetime) -> list[Win]:
    """The approved ones of the period that `now` is in."""
    first, after = window(period, zone, now)
    return [
        win
        for win in wins
        if win.state == "approved" and first <= win.at.astimezone(ZoneInfo(zone)).date() < after
    ]


def ranking(
    wins: Iterable[Win], metric: str, currency: str | None, home: str = "USD"
) -> list[dict[str, Any]]:
    """The entries as the API must answer them to a manager, without what the sellers table says."""
    wins = list(wins)
    counted = currency if metric == "wins" else currency or home
    entries = [_entry(seller, wins, counted, home) for seller in {win.seller for win in wins}]
    entries = [entry for entry in entries if entry["wins"]]
    score = {entry["seller_id"]: Decimal(entry[metric]) for entry in entries}
    for entry in entries:
        entry["rank"] = 1 + sum(other > score[entry["seller_id"]] for other in score.values())
    return sorted(entries, key=lambda e: (e["rank"], e["seller_id"].title(), e["seller_id"]))


def _entry(seller: str, wins: list[Win], counted: str | None, home: str) -> dict[str, Any]:
    own = [win for win in wins if win.seller == seller]
    totals = [
        {"currency": c, **_sums([w for w in own if w.currency == c])}
        for c in sorted({win.currency for win in own})
    ]
    sums = _sums([win for win in own if win.currency == (counted or home)])
    number = sum(counted in (None, win.currency) for win in own)
    return {"seller_id": seller, **sums, "wins": number, "totals": totals}


def _sums(wins: list[Win]) -> dict[str, Any]:
    return {
        "wins": len(wins),
        "revenue": f"{sum((win.price for win in wins), Decimal()):.2f}",
        "margin": f"{sum((win.margin for win in wins), Decimal()):.2f}",
    }


def revenue(wins: Iterable[Win], currency: str) -> str:
    amount: str = _sums([win for win in wins if win.currency == currency])["revenue"]
    return amount


def claims_of(key: str, path: str) -> list[dict[str, Any]]:
    """All claims that a path lists, page by page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = get(key, f"{path}&limit=2&cursor={cursor}").json
        found += page["claims"]
        cursor = page["nextCursor"]
    return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
