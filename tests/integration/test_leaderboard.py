"""The leaderboard: equal to a recount by hand in any period, zone and currency; kept until the room moves on;
explained by the claims it links to."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from tests import boards, floor
from tests.boards import Win, utc
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from winroom import board, db, schema

PERIODS = ["today", "week", "month", "quarter", "year", "all"]
METRICS = ["wins", "revenue", "margin"]
CURRENCIES = ["USD", "EUR", "GBP", "TRY"]
# What other systems call sellers may be anything.
SELLERS = ["anna", "a&b=c #1", "o'h/ara +1%", "\u00f6zg\u00fcr {0} <script>"]
# Clocks change: at night in New York, over midnight in Havana; never in Kolkata, first of all on Kiritimati.
ZONES = ["UTC", "America/New_York", "America/Havana", "Asia/Kolkata", "Pacific/Kiritimati"]
MOMENTS = ["2026-03-08", "2026-11-01", "2026-12-31", "2024-02-29"]


def show(company: Company, query: str = "", key: str | None = None) -> dict[str, Any]:
    answer = boards.get(key or company.full_key, f"/api/leaderboard?{query}")
    assert answer.status == 200, answer.raw
    found: dict[str, Any] = answer.json
    return found


def scores(company: Company, query: str = "", key: str | None = None) -> list[tuple[Any, ...]]:
    entries = show(company, query, key)["leaderboard"]
    return [(e["rank"], e["seller_id"], e["wins"], e["revenue"]) for e in entries]


def now() -> datetime:
    return datetime.now(UTC)


class TestFromClaims:
    def test_an_approved_claim_counts_at_once_and_a_released_one_no_longer(
        self, company: Company, queues: Sqs
    ) -> None:
        assert show(company)["leaderboard"] == []
        first, second, third = floor.enqueue(
            company, queues, *(sale(cost_price=40, seller_external_id=s) for s in ("anna", "ben", "cem"))
        )
        floor.claim(company, first, "ben")
        floor.claim(company, second, "ben")
        floor.claim(company, third, "anna")
        assert scores(company) == [(1, "ben", 2, "200.00"), (2, "anna", 1, "100.00")]
        floor.release(company, first)
        floor.release(company, third)
        assert scores(company) == [(1, "ben", 1, "100.00")]
        assert show(company, "period=all&metric=wins")["ranked"] == 1

    def test_what_waits_for_approval_does_not_count_yet(self, company: Company, queues: Sqs) -> None:
        company.set(claim_approval=True)
        items = floor.enqueue(company, queues, sale(), sale())
        kept, refused = (floor.claim(company, item).json["claim"] for item in items)
        assert scores(company) == []
        floor.approve(company, kept)
        floor.reject(company, refused)
        assert scores(company) == [(1, "anna", 1, "100.00")]

    def test_the_board_says_what_it_is_and_when_it_was_true(self, company: Company) -> None:
        company.set(time_zone="Asia/Kolkata", home_currency="EUR")
        boards.add(company, Win("anna", utc("2026-05-20T12:00"), Decimal(50), Decimal(20), "EUR"))
        with boards.clock(utc("2026-05-31T18:30")):
            june = show(company)
        with boards.clock(utc("2026-05-31T18:29:59")):
            may = show(company)
        assert (june["from"], june["leaderboard"]) == ("2026-05-31T18:30:00Z", [])
        claims = (
            "/api/claims?state=approved&seller=anna"
            "&from=2026-04-30T18:30:00Z&to=2026-05-31T18:30:00Z&currency=EUR"
        )
        money = {"wins": 1, "revenue": "50.00", "margin": "30.00"}
        assert may == {
            "period": "month",
            "from": "2026-04-30T18:30:00Z",
            "to": "2026-05-31T18:30:00Z",
            "time_zone": "Asia/Kolkata",
            "metric": "revenue",
            "currency": "EUR",
            "home_currency": "EUR",
            "seq": 1,
            "generated_at": "2026-05-31T18:29:59Z",
            "ranked": 1,
            "leaderboard": [
                {
                    "rank": 1,
                    "seller_id": "anna",
                    "display_name": "Anna",
                    "is_active": True,
                    **money,
                    "totals": [{"currency": "EUR", **money}],
                    "claims": claims,
                }
            ],
            "me": None,
        }


Wins = st.lists(
    st.builds(
        Win,
        st.sampled_from(SELLERS),
        st.builds(
            lambda day, seconds: utc(day) + timedelta(seconds=seconds),
            st.sampled_from(MOMENTS),
            # Mostly about midnight of some zone, and now and then weeks away.
            st.one_of(st.integers(-50_000, 100_000), st.integers(-40_000_000, 40_000_000)),
        ),
        st.integers(1, 300).map(lambda cents: Decimal(cents) / 100),
        st.none() | st.integers(0, 300).map(lambda cents: Decimal(cents) / 100),
        st.sampled_from(CURRENCIES),
        st.sampled_from(["approved"] * 4 + ["pending", "rejected", "released"]),
    ),
    max_size=12,
)


class TestRecount:
    @given(
        wins=Wins,
        zone=st.sampled_from(ZONES),
        moment=st.sampled_from(MOMENTS).map(utc),
        second=st.integers(-50_000, 100_000),
        home=st.sampled_from(CURRENCIES),
        currency=st.sampled_from([None, *CURRENCIES]),
        period=st.sampled_from(PERIODS),
        metric=st.sampled_from(METRICS),
    )
    # The hour that Havana's clocks show twice belongs to one day, both times.
    @example(
        wins=[Win("anna", utc(f"2026-11-01T0{hour}:30")) for hour in (3, 4, 5, 6)],
        zone="America/Havana",
        moment=utc("2026-11-01"),
        second=50_000,
        home="USD",
        currency=None,
        period="today",
        metric="revenue",
    )
    @how(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_every_board_is_what_its_claims_add_up_to(
        self,
        company: Company,
        wins: list[Win],
        zone: str,
        moment: datetime,
        second: int,
        home: str,
        currency: str | None,
        period: str,
        metric: str,
    ) -> None:
        boards.start_anew(company)
        company.set(time_zone=zone, home_currency=home)
        boards.add(company, *wins)
        at = moment + timedelta(seconds=second)
        with boards.clock(at):
            found = show(company, f"period={period}&metric={metric}&currency={currency or ''}")
        counted = boards.within(wins, period, zone, at)
        expected = boards.ranking(counted, metric, currency, home)
        assert [comparable(entry) for entry in found["leaderboard"]] == expected
        assert found["currency"] == (currency or (None if metric == "wins" else home))
        for entry in found["leaderboard"]:
            assert score_of_claims(company, entry, metric) == Decimal(entry[metric])

    @pytest.mark.parametrize("zone", ZONES)
    def test_a_day_begins_with_the_first_moment_of_its_date(self, company: Company, zone: str) -> None:
        (wrong,) = company.rows(
            """
            select count(*) as n
            from generate_series(date '2023-01-01', '2031-12-31', interval '1 day') d,
                lateral (select wr.day_start(d::date, %s) as start) s
            where (start at time zone %s)::date <> d::date
               or (start - interval '1 microsecond') at time zone %s >= d
               or ((start - interval '1 hour') at time zone %s)::date >= d::date
            """,
            *[zone] * 4,
        )
        assert wrong["n"] == 0

    @pytest.mark.parametrize(
        ("zone", "now_", "first", "after"),
        [
            ("America/New_York", "2026-03-08T12:00", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
            ("America/New_York", "2026-11-01T12:00", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
            ("America/Havana", "2026-11-01T12:00", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
            ("America/Havana", "2026-03-08T12:00", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
            ("Pacific/Kiritimati", "2025-12-31T10:00", "2025-12-31T10:00:00Z", "2026-01-01T10:00:00Z"),
            ("Asia/Kolkata", "2026-01-01T00:00", "2025-12-31T18:30:00Z", "2026-01-01T18:30:00Z"),
        ],
    )
    def test_days_are_as_long_as_the_clocks_make_them(
        self, company: Company, zone: str, now_: str, first: str, after: str
    ) -> None:
        company.set(time_zone=zone)
        with boards.clock(utc(now_)):
            found = show(company, "period=today")
        assert (found["from"], found["to"]) == (first, after)

    @pytest.mark.parametrize(
        ("period", "first", "after"),
        [
            ("week", "2025-12-29T00:00:00Z", "2026-01-05T00:00:00Z"),
            ("month", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("quarter", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            ("year", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("all", None, None),
        ],
    )
    def test_periods_are_those_of_the_calendar_and_weeks_begin_on_monday(
        self, company: Company, period: str, first: str | None, after: str | None
    ) -> None:
        with boards.clock(utc("2026-01-04T23:59:59")):
            found = show(company, f"period={period}")
        assert (found["from"], found["to"]) == (first, after)


def comparable(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without what the sellers table says and where its claims are."""
    assert entry["display_name"] == entry["seller_id"].title()
    return {k: v for k, v in entry.items() if k not in ("display_name", "is_active", "claims")}


def score_of_claims(company: Company, entry: dict[str, Any], metric: str) -> Decimal:
    """What the claims add up to that an entry links to."""
    claims = boards.claims_of(company.full_key, entry["claims"])
    if metric == "wins":
        return Decimal(len(claims))
    column = "sell_price" if metric == "revenue" else "margin_amount"
    return sum((Decimal(claim[column] or 0) for claim in claims), Decimal())


class TestRanks:
    def test_who_is_level_shares_a_rank_and_the_next_one_counts_them_all(self, company: Company) -> None:
        boards.add(company, *(Win(s, now(), Decimal(p)) for s, p in [("cem", 5), ("ben", 9), ("anna", 9)]))
        assert [s[:2] for s in scores(company)] == [(1, "anna"), (1, "ben"), (3, "cem")]

    def test_among_the_level_names_come_first_and_ids_decide_between_namesakes(
        self, company: Company, database: Database
    ) -> None:
        boards.add(company, *(Win(seller, now()) for seller in ("a", "b", "c")))
        database.execute(
            "update wr.sellers set display_name = case seller_id when 'c' then 'Abe' else 'Zoe' end"
        )
        assert [s[:2] for s in scores(company, "metric=wins")] == [(1, "c"), (1, "a"), (1, "b")]

    def test_money_is_never_added_up_across_currencies_but_wins_are(self, company: Company) -> None:
        wins = [Win("anna", now(), Decimal(10)), *[Win("ben", now(), Decimal(9), currency="TRY")] * 3]
        boards.add(company, *wins, Win("ben", now(), Decimal(2)))
        assert scores(company) == [(1, "anna", 1, "10.00"), (2, "ben", 1, "2.00")]
        assert scores(company, "currency=TRY") == [(1, "ben", 3, "27.00")]
        assert scores(company, "metric=wins&currency=USD") == [(1, "anna", 1, "10.00"), (1, "ben", 1, "2.00")]
        every = show(company, "metric=wins")
        assert every["currency"] is None
        ben = every["leaderboard"][0]
        # Its money is that of the home currency; the rest is in the totals.
        assert (ben["wins"], ben["revenue"]) == (4, "2.00")
        assert [(t["currency"], t["wins"], t["revenue"]) for t in ben["totals"]] == [
            ("TRY", 3, "27.00"),
            ("USD", 1, "2.00"),
        ]
        assert "currency" not in ben["claims"]

    def test_a_claim_of_unknown_cost_has_no_margin_and_a_loss_is_below_it(self, company: Company) -> None:
        boards.add(
            company,
            Win("loss", now(), Decimal(10), Decimal(15)),
            Win("unknown", now(), Decimal(1000)),
            Win("profit", now(), Decimal(10), Decimal(9)),
        )
        entries = show(company, "metric=margin")["leaderboard"]
        assert [(e["rank"], e["seller_id"], e["margin"]) for e in entries] == [
            (1, "profit", "1.00"),
            (2, "unknown", "0.00"),
            (3, "loss", "-5.00"),
        ]

    def test_who_left_stays_in_history(self, company: Company, database: Database) -> None:
        boards.add(company, Win("anna", now()))
        database.execute("update wr.sellers set is_active = false")
        assert [e["is_active"] for e in show(company)["leaderboard"]] == [False]

    def test_the_limit_cuts_the_list_but_not_the_callers_own_place(self, company: Company) -> None:
        _, token = company.person("seller", "dora")
        boards.add(company, *(Win(s, now(), Decimal(p)) for s, p in [("cem", 5), ("ben", 9), ("dora", 1)]))
        found = show(company, "limit=1", token)
        assert [e["seller_id"] for e in found["leaderboard"]] == ["ben"]
        assert (found["ranked"], found["me"]["rank"], found["me"]["revenue"]) == (3, 3, "1.00")
        assert found["me"]["claims"].startswith("/api/claims?state=approved&seller=dora&from=")
        # Told from the same kept board, to everybody their own.
        _, other = company.person("seller", "ben")
        assert show(company, "limit=1", other)["me"] == found["leaderboard"][0]
        assert show(company, "limit=1")["me"] is None

    def test_who_has_not_won_yet_is_not_on_it(self, company: Company) -> None:
        _, token = company.person("seller", "dora")
        boards.add(company, Win("ben", now()))
        assert show(company, key=token)["me"] is None
        _, watcher = company.person("watcher")
        assert show(company, key=watcher)["me"] is None


class TestCallers:
    def test_screens_and_people_may_look_and_keys_that_only_send_may_not(self, company: Company) -> None:
        for key in (floor.display(company), company.person("watcher")[1], company.full_key):
            assert boards.get(key, "/api/leaderboard").status == 200
        assert boards.get(company.ingest_key, "/api/leaderboard").status == 403
        assert boards.get("wr_wall_nothing", "/api/leaderboard").status == 401

    def test_margins_are_for_those_who_may_see_them_whoever_asked_before(self, company: Company) -> None:
        boards.add(company, Win("anna", now(), Decimal(10), Decimal(4)))
        _, token = company.person("seller", "anna")
        wall = floor.display(company)
        for _ in range(2):
            assert "margin" not in boards.get(wall, "/api/leaderboard").raw
            assert "margin" not in boards.get(token, "/api/leaderboard").raw
            (entry,) = show(company)["leaderboard"]
            assert (entry["margin"], entry["totals"][0]["margin"]) == ("6.00", "6.00")

    def test_a_board_of_margins_is_refused_to_the_others_with_a_way_out(self, company: Company) -> None:
        _, token = company.person("seller", "anna")
        for key in (token, floor.display(company)):
            answer = boards.get(key, "/api/leaderboard?metric=margin")
            assert (answer.status, answer.json["code"]) == (403, "forbidden")
            assert "metric=revenue" in answer.json["error"]
        assert (
            company.rows("select status_code, error_message from wr.api_audit_log")
            == [{"status_code": 403, "error_message": "forbidden"}] * 2
        )

    def test_sellers_see_margins_where_the_company_shares_them(self, company: Company) -> None:
        company.set(share_margin=True)
        _, token = company.person("seller", "anna")
        boards.add(company, Win("anna", now(), Decimal(10), Decimal(4)))
        found = show(company, "metric=margin", token)
        assert found["me"] == found["leaderboard"][0]
        assert found["me"]["margin"] == "6.00"
        assert boards.get(floor.display(company), "/api/leaderboard?metric=margin").status == 403

    @pytest.mark.parametrize(
        "query",
        [
            *("period=decade", "period=", "period=%00", "metric=profit", "metric=a%00", "currency=JPY"),
            *("currency=usd", "limit=0", "limit=101", "limit=many", "limit=1e9"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, company: Company, query: str) -> None:
        answer = boards.get(company.full_key, f"/api/leaderboard?{query}")
        assert answer.status == 400
        assert [d["field"] for d in answer.json["details"]] == [query.partition("=")[0]]

    def test_another_company_neither_sees_nor_changes_it(self, company: Company, rival: Company) -> None:
        boards.add(company, Win("anna", now()))
        assert show(rival)["leaderboard"] == []
        boards.add(rival, Win("anna", now(), Decimal(7)))
        assert scores(company) == [(1, "anna", 1, "100.00")]
        assert scores(rival) == [(1, "anna", 1, "7.00")]
        poison(rival)
        assert show(company)["leaderboard"][0]["display_name"] == "Anna"


def poison(company: Company) -> None:
    """Marks what is kept: whoever is told of Mallory was not counted for."""
    company.database.execute(
        "update wr.cache_kv set value = jsonb_set(value, '{ranking,0,display_name}', '\"Mallory\"')"
        " where tenant_id = %s",
        company.tenant_id,
    )


def names(company: Company, query: str = "", key: str | None = None) -> list[str]:
    return [entry["display_name"] for entry in show(company, query, key)["leaderboard"]]


class TestKeeping:
    @pytest.fixture(autouse=True)
    def a_win(self, company: Company) -> None:
        boards.add(company, Win("anna", now()))

    def test_a_board_is_counted_once_for_everybody(self, company: Company) -> None:
        assert names(company) == ["Anna"]
        poison(company)
        for key in (company.full_key, floor.display(company), company.person("watcher")[1]):
            assert names(company, "limit=7", key) == ["Mallory"]
        # The same question in other words, and then another one.
        assert names(company, "period=month&metric=revenue&currency=USD") == ["Mallory"]
        assert names(company, "metric=wins") == names(company, "period=all") == ["Anna"]

    def test_it_is_counted_again_when_the_room_moves_on(self, company: Company, queues: Sqs) -> None:
        (item,) = floor.enqueue(company, queues, sale())
        before = show(company)
        poison(company)
        floor.claim(company, item)
        after = show(company)
        assert (after["seq"], after["leaderboard"][0]["wins"]) == (before["seq"] + 1, 2)
        assert after["leaderboard"][0]["display_name"] == "Anna"

    def test_it_is_counted_again_after_thirty_seconds(self, company: Company) -> None:
        at = now()
        for seconds, expected in ((0, "Anna"), (29, "Mallory"), (31, "Anna")):
            with boards.clock(at + timedelta(seconds=seconds)):
                assert names(company, "period=all") == [expected]
            poison(company)

    def test_it_is_counted_again_at_midnight(self, company: Company) -> None:
        midnight = (now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        with boards.clock(midnight - timedelta(seconds=1)):
            assert show(company, "period=today")["leaderboard"] != []
        with boards.clock(midnight):
            assert show(company, "period=today")["leaderboard"] == []

    def test_it_is_counted_again_in_another_time_zone_or_home_currency(self, company: Company) -> None:
        assert names(company, "period=all&metric=wins") == ["Anna"]
        poison(company)
        company.set(time_zone="Pacific/Kiritimati")
        assert names(company, "period=all&metric=wins") == ["Anna"]
        poison(company)
        company.set(home_currency="EUR")
        found = show(company, "period=all&metric=wins")
        assert [(e["display_name"], e["revenue"]) for e in found["leaderboard"]] == [("Anna", "0.00")]

    def test_it_is_overwritten_never_piled_up(self, company: Company) -> None:
        for _ in range(3):
            for query in ("", "limit=1", "currency=USD", "metric=wins"):
                show(company, query)
            boards.add(company, Win("anna", now()))
        kept = company.rows("select key, ttl_seconds from wr.cache_kv order by key")
        assert kept == [
            {"key": "leaderboard:month:revenue:USD:USD", "ttl_seconds": 30},
            {"key": "leaderboard:month:wins:all:USD", "ttl_seconds": 30},
        ]

    def test_many_who_ask_first_at_once_are_all_told_the_same(self, company: Company) -> None:
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: show(company), range(48)))
        assert len({str((a["seq"], a["leaderboard"])) for a in answers}) == 1
        assert company.count("cache_kv") == 1

    def test_nobody_waits_for_somebody_who_counts(self, company: Company, database: Database) -> None:
        show(company)
        boards.add(company, Win("anna", now()))
        with psycopg.connect(database.url_of("app")) as slow:
            slow.execute("select wr.enter_tenant(%s)", [company.tenant_id])
            slow.execute(
                "select pg_advisory_xact_lock(hashtextextended(%s::text || key, 0)) from wr.cache_kv",
                [company.tenant_id],
            )
            slow.execute("update wr.cache_kv set ttl_seconds = 1")
            assert show(company)["leaderboard"][0]["wins"] == 2


class TestMonths:
    """The months that longer boards are added up from, which follow the days."""

    CHANGES: tuple[LiteralString, ...] = (
        "insert into wr.board_days (tenant_id, day, seller_id, currency, wins, revenue, margin)"
        " values (wr.current_tenant(), %(day)s, %(seller)s, %(currency)s, %(n)s, %(n)s, -%(n)s)"
        " on conflict (tenant_id, day, seller_id, currency) do update set"
        " wins = board_days.wins + excluded.wins, revenue = board_days.revenue + excluded.revenue,"
        " margin = board_days.margin + excluded.margin",
        "update wr.board_days set wins = wins - %(n)s, margin = margin / 3 where seller_id = %(seller)s",
        "update wr.board_days moved set day = moved.day + 400 where moved.currency = %(currency)s"
        " and not exists (select from wr.board_days there where there.day = moved.day + 400"
        " and there.seller_id = moved.seller_id and there.currency = moved.currency)",
        "delete from wr.board_days where currency = %(currency)s and seller_id = %(seller)s",
    )

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([0, 0, 0, 1, 2, 3]),
                st.fixed_dictionaries(
                    {
                        "day": st.dates(utc("2025-12-20").date(), utc("2026-03-02").date()),
                        "seller": st.sampled_from(["anna", "ben"]),
                        "currency": st.sampled_from(["USD", "EUR"]),
                        "n": st.integers(-5, 50),
                    }
                ),
            ),
            max_size=15,
        )
    )
    @how(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_they_are_the_sums_of_their_days_whatever_happens_to_these(
        self, company: Company, changes: list[tuple[int, dict[str, Any]]]
    ) -> None:
        boards.start_anew(company)
        for seller in ("anna", "ben"):
            company.database.seller(company, seller)
        with db.tenant_session(company.tenant_id) as conn:
            for number, values in changes:
                conn.execute(self.CHANGES[number], values)
        assert months(company) == sums_of_days(company)

    def test_a_recount_after_a_change_of_zone_moves_them_too(self, company: Company) -> None:
        edge = datetime(2026, 2, 1, 2, tzinfo=ZoneInfo("UTC"))
        boards.add(company, Win("anna", edge), Win("anna", edge - timedelta(days=3)))
        company.set(time_zone="America/New_York")
        with db.tenant_session(company.tenant_id) as conn:
            board.recount(conn)
        assert months(company) == sums_of_days(company)
        assert [(str(m["month"]), m["wins"]) for m in months(company)] == [("2026-01-01", 2)]

    def test_a_company_can_be_deleted_with_them(self, company: Company, database: Database) -> None:
        boards.add(company, Win("anna", now()))
        for table in ("claims", "api_audit_log"):
            database.execute(f"delete from wr.{table}")
        database.execute("delete from wr.tenants where tenant_id = %s", company.tenant_id)
        assert database.execute("select count(*) as n from wr.board_months") == [{"n": 0}]

    def test_what_was_counted_before_them_is_in_them(self, company: Company, database: Database) -> None:
        boards.add(company, *(Win("anna", utc(f"2026-0{month}-15")) for month in (1, 1, 2)))
        before = months(company)
        schema.roll_back(database.owner_url, to="0007_claims")
        schema.migrate(database.owner_url, {})
        assert months(company) == before
        with psycopg.connect(database.owner_url) as owner:
            # And nobody, not even the owner, sees the days of all companies.
            assert owner.execute("select from wr.board_days").fetchall() == []


def months(company: Company) -> list[dict[str, Any]]:
    return company.rows(
        "select month, seller_id, currency, wins, revenue, margin from wr.board_months"
        " where (wins, revenue, margin) <> (0, 0, 0) order by 1, 2, 3"
    )


def sums_of_days(company: Company) -> list[dict[str, Any]]:
    return company.rows(
        "select date_trunc('month', day)::date as month, seller_id, currency, sum(wins) as wins,"
        " sum(revenue) as revenue, sum(margin) as margin from wr.board_days group by 1, 2, 3"
        " having (sum(wins), sum(revenue), sum(margin)) <> (0, 0, 0) order by 1, 2, 3"
    )
