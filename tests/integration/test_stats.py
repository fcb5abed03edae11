"""A person's own numbers: periods, rank, streak, best days, the last thirty days and the newest claims."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from tests import boards, floor
from tests.boards import Win, utc
from tests.doors import Sqs
from tests.factories import Company, sale

PERIODS = ["today", "week", "month", "quarter", "year", "all"]
# A Sunday late in a quarter.
NOON = utc("2026-03-29T12:00")


def mine(token: str) -> dict[str, Any]:
    answer = boards.get(token, "/api/stats/me")
    assert answer.status == 200, answer.raw
    found: dict[str, Any] = answer.json
    return found


@pytest.fixture
def anna(company: Company) -> str:
    """A seller's token."""
    return company.person("seller", "anna")[1]


class TestNumbers:
    def test_a_claim_counts_at_once_and_no_longer_when_it_is_released(
        self, company: Company, queues: Sqs, anna: str
    ) -> None:
        items = floor.enqueue(company, queues, sale(sale_id="old"), sale(sale_id="new"))
        for item in items:
            floor.claim(company, item)
        found = mine(anna)
        total = {"currency": "USD", "wins": 2, "revenue": "200.00"}
        assert found["periods"] == {period: {"wins": 2, "totals": [total]} for period in PERIODS}
        assert found["month_rank"] == {"rank": 1, "of": 1}
        assert found["streak"]["count"] == 2
        assert [claim["sale_id"] for claim in found["recent_claims"]] == ["old", "new"]
        floor.release(company, items[1])
        found = mine(anna)
        assert (found["periods"]["today"]["wins"], found["seq"]) == (1, 5)
        assert [claim["sale_id"] for claim in found["recent_claims"]] == ["new"]

    @given(
        wins=st.lists(
            st.builds(
                Win,
                st.sampled_from(["anna", "anna", "ben"]),
                st.integers(-500 * 86_400, 86_400).map(lambda s: NOON + timedelta(seconds=s)),
                st.integers(1, 300).map(Decimal),
                st.none() | st.integers(0, 300).map(Decimal),
                st.sampled_from(["USD", "EUR"]),
                st.sampled_from(["approved", "approved", "released"]),
            ),
            max_size=15,
        ),
        zone=st.sampled_from(["UTC", "America/New_York", "Pacific/Kiritimati"]),
        home=st.sampled_from(["USD", "EUR"]),
    )
    @how(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_it_is_what_the_boards_say_of_its_seller(
        self, company: Company, wins: list[Win], zone: str, home: str
    ) -> None:
        boards.start_anew(company)
        company.set(time_zone=zone, home_currency=home, share_margin=True)
        _, token = company.person("seller", "anna")
        boards.add(company, *wins)
        with boards.clock(NOON):
            found = mine(token)
            for period in PERIODS:
                board = boards.get(token, f"/api/leaderboard?period={period}&metric=wins").json
                me = board["me"] or {"wins": 0, "totals": []}
                assert found["periods"][period] == {"wins": me["wins"], "totals": me["totals"]}
            board = boards.get(token, "/api/leaderboard").json
        assert found["month_rank"] == {"rank": board["me"] and board["me"]["rank"], "of": board["ranked"]}
        own = [win for win in boards.within(wins, "all", zone, NOON) if win.seller == "anna"]
        assert found["best_day"] == best_day(own, zone, home)
        assert found["days"] == last_thirty(own, zone, home)

    def test_days_are_those_of_the_companys_zone_with_the_empty_ones_filled_in(
        self, company: Company, anna: str
    ) -> None:
        company.set(time_zone="America/New_York")
        boards.add(company, Win("anna", utc("2026-03-08T04:59")), Win("anna", utc("2026-03-09T03:59")))
        with boards.clock(utc("2026-03-09T04:00")):
            found = mine(anna)
        assert len(found["days"]) == 30
        assert (found["days"][0]["day"], found["time_zone"]) == ("2026-02-08", "America/New_York")
        assert [(d["day"], d["wins"], d["revenue"]) for d in found["days"][-3:]] == [
            ("2026-03-07", 1, "100.00"),
            ("2026-03-08", 1, "100.00"),
            ("2026-03-09", 0, "0.00"),
        ]

    def test_a_record_stands_until_it_is_broken(self, company: Company, anna: str) -> None:
        days = [
            Win("anna", utc(f"2026-02-0{day}T08:00"), Decimal(price)) for day, price in [(1, 50), (2, 50)]
        ]
        boards.add(company, *days, Win("anna", utc("2026-02-03"), Decimal(900), currency="EUR"))
        assert mine(anna)["best_day"] == {
            "most_wins": {"day": "2026-02-01", "wins": 1},
            "highest_revenue": {"day": "2026-02-01", "revenue": "50.00"},
        }

    def test_without_revenue_in_the_home_currency_no_day_was_the_richest(
        self, company: Company, anna: str
    ) -> None:
        boards.add(company, Win("anna", utc("2026-02-03"), currency="EUR"))
        assert mine(anna)["best_day"] == {
            "most_wins": {"day": "2026-02-03", "wins": 1},
            "highest_revenue": None,
        }

    def test_the_ten_newest_claims_are_told_whatever_their_state_but_released(
        self, company: Company, anna: str
    ) -> None:
        states = ["approved", "pending", "rejected", "released"] * 4
        boards.add(
            company,
            *(Win("anna", NOON + timedelta(minutes=n), state=state) for n, state in enumerate(states)),
            Win("ben", NOON),
        )
        recent = mine(anna)["recent_claims"]
        assert [claim["state"] for claim in recent] == (["rejected", "pending", "approved"] * 4)[:10]
        assert recent[0]["claimed_at"] == "2026-03-29T12:14:00Z"

    def test_a_streak_is_told_to_whom_it_belongs(self, company: Company, anna: str) -> None:
        _, ben = company.person("seller", "ben")
        boards.add(company, Win("anna", NOON), Win("anna", NOON + timedelta(hours=1)))
        assert mine(anna)["streak"] == {
            "count": 2,
            "is_at_least": False,
            "since": "2026-03-29T12:00:00Z",
            "last_claim_at": "2026-03-29T13:00:00Z",
        }
        assert mine(ben)["streak"] is None


def best_day(wins: list[Win], zone: str, home: str) -> dict[str, Any]:
    """The first of the days of most wins and of highest revenue."""
    days: dict[date, list[Win]] = {}
    for win in sorted(wins, key=lambda win: win.at):
        days.setdefault(boards.window("today", zone, win.at)[0], []).append(win)
    most = max(days, key=lambda day: len(days[day]), default=None)
    paid = [day for day in days if Decimal(boards.revenue(days[day], home))]
    richest = max(paid, key=lambda day: Decimal(boards.revenue(days[day], home)), default=None)
    return {
        "most_wins": None if most is None else {"day": str(most), "wins": len(days[most])},
        "highest_revenue": None
        if richest is None
        else {"day": str(richest), "revenue": boards.revenue(days[richest], home)},
    }


def last_thirty(wins: list[Win], zone: str, home: str) -> list[dict[str, Any]]:
    days = [NOON - timedelta(days=age) for age in reversed(range(30))]
    return [
        {
            "day": str(boards.window("today", zone, day)[0]),
            "wins": len(own),
            "revenue": boards.revenue(own, home),
        }
        for day in days
        for own in [boards.within(wins, "today", zone, day)]
    ]


class TestCallers:
    def test_whoever_sells_nothing_gets_zeros(self, company: Company) -> None:
        boards.add(company, Win("ben", datetime.now(UTC)))
        for role in ("watcher", "admin"):
            found = mine(company.person(role)[1])
            assert found["seller_id"] is None
            assert found["periods"] == {period: {"wins": 0, "totals": []} for period in PERIODS}
            assert found["month_rank"] == {"rank": None, "of": 1}
            assert found["best_day"] == {"most_wins": None, "highest_revenue": None}
            assert (found["streak"], found["recent_claims"], len(found["days"])) == (None, [], 30)
            assert {(d["wins"], d["revenue"]) for d in found["days"]} == {(0, "0.00")}

    def test_it_is_for_people_alone(self, company: Company) -> None:
        refused = boards.get(company.full_key, "/api/stats/me")
        assert (refused.status, "session" in refused.json["error"]) == (403, True)
        assert boards.get(floor.display(company), "/api/stats/me").status == 403
        assert boards.get(company.ingest_key, "/api/stats/me").status == 403

    def test_a_seller_sees_margins_only_where_the_company_shares_them(
        self, company: Company, rival: Company
    ) -> None:
        rival.set(share_margin=True)
        for firm, role, shown in (
            (company, "seller", False),
            (company, "manager", True),
            (rival, "seller", True),
        ):
            boards.add(firm, Win("anna", datetime.now(UTC), Decimal(10), Decimal(4)))
            _, token = firm.person(role, "anna")
            found = boards.get(token, "/api/stats/me")
            assert ("margin" in found.raw) is shown
            if shown:
                assert Decimal(found.json["periods"]["all"]["totals"][0]["margin"]) > 0
                assert found.json["recent_claims"][0]["margin_amount"] == "6.00"

    def test_a_namesake_in_another_company_changes_nothing(
        self, company: Company, rival: Company, anna: str
    ) -> None:
        boards.add(rival, Win("anna", datetime.now(UTC)))
        found = mine(anna)
        assert (found["periods"]["all"]["wins"], found["recent_claims"], found["streak"]) == (0, [], None)
        assert found["month_rank"] == {"rank": None, "of": 0}
