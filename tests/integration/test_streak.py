"""The streak: who made the newest approved claims in a row, counted from the claims themselves."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from tests import boards, floor
from tests.boards import Win, utc
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from winroom import streaks

NOBODY = {
    "seller_id": None,
    "display_name": None,
    "count": 0,
    "is_at_least": False,
    "since": None,
    "last_claim_at": None,
}


def show(company: Company, key: str | None = None) -> dict[str, Any]:
    answer = boards.get(key or company.full_key, "/api/streak")
    assert answer.status == 200, answer.raw
    found: dict[str, Any] = answer.json
    return found


def holder(company: Company) -> tuple[str | None, int]:
    found = show(company)
    return found["seller_id"], found["count"]


def minutes_ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


class TestFromClaims:
    def test_claims_in_a_row_are_a_streak_and_another_seller_ends_it(
        self, company: Company, queues: Sqs
    ) -> None:
        assert show(company) == {**NOBODY, "seq": 0}
        sellers = ["anna", "ben"]
        items = floor.enqueue(company, queues, *(sale(seller_external_id=s) for s in sellers * 2))
        for item, seller, expected in zip(items, ["anna", "anna", "anna", "ben"], [1, 2, 3, 1], strict=True):
            floor.claim(company, item, seller)
            assert holder(company) == (seller, expected)
        # What is released drops out, as if it had never been.
        floor.release(company, items[3])
        assert holder(company) == ("anna", 3)
        floor.release(company, items[1])
        assert holder(company) == ("anna", 2)

    def test_what_waits_for_approval_or_was_rejected_ends_no_streak(
        self, company: Company, queues: Sqs
    ) -> None:
        boards.add(company, Win("anna", minutes_ago(5)), Win("anna", minutes_ago(4)))
        company.set(claim_approval=True)
        items = floor.enqueue(company, queues, sale(seller_external_id="ben"), sale())
        kept, refused = (floor.claim(company, item, "ben").json["claim"] for item in items)
        assert holder(company) == ("anna", 2)
        floor.reject(company, refused)
        assert holder(company) == ("anna", 2)
        floor.approve(company, kept)
        assert holder(company) == ("ben", 1)

    def test_it_says_whose_it_is_and_since_when(self, company: Company) -> None:
        times = [utc(f"2026-03-0{day}T08:00") for day in (1, 2, 3)]
        boards.add(company, Win("ben", times[0]), *(Win("anna", at) for at in times[1:]))
        assert show(company) == {
            "seller_id": "anna",
            "display_name": "Anna",
            "count": 2,
            "is_at_least": False,
            "since": "2026-03-02T08:00:00Z",
            "last_claim_at": "2026-03-03T08:00:00Z",
            "seq": 1,
        }

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["anna", "ben"]),
                st.integers(0, 5),
                st.sampled_from(["approved", "approved", "approved", "released"]),
            ),
            max_size=12,
        )
    )
    @how(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_it_is_what_the_claims_say(self, company: Company, made: list[tuple[str, int, str]]) -> None:
        boards.start_anew(company)
        boards.add(company, *(Win(s, utc("2026-01-01") + timedelta(n), state=state) for s, n, state in made))
        newest = company.rows(
            "select claimed_by, claimed_at from wr.claims where state = 'approved'"
            " order by claimed_at desc, claim_id desc"
        )
        run = list(takewhile(lambda row: row["claimed_by"] == newest[0]["claimed_by"], newest))
        found = show(company)
        assert (found["seller_id"], found["count"]) == (run[0]["claimed_by"] if run else None, len(run))
        if run:
            assert datetime.fromisoformat(found["since"]) == run[-1]["claimed_at"]
            assert datetime.fromisoformat(found["last_claim_at"]) == run[0]["claimed_at"]

    def test_nobody_looks_back_further_than_a_thousand_claims(self, company: Company) -> None:
        ages = range(streaks.AT_MOST + 1)
        boards.add(company, Win("ben", minutes_ago(2000)), *(Win("anna", minutes_ago(age)) for age in ages))
        found = show(company)
        assert (found["seller_id"], found["count"], found["is_at_least"]) == ("anna", 1000, True)
        boards.add(company, Win("ben", minutes_ago(998.5)))
        found = show(company)
        assert (found["count"], found["is_at_least"]) == (999, False)


class TestCallers:
    def test_screens_and_people_may_look_and_keys_that_only_send_may_not(self, company: Company) -> None:
        for key in (floor.display(company), company.person("watcher")[1], company.full_key):
            assert boards.get(key, "/api/streak").status == 200
        assert boards.get(company.ingest_key, "/api/streak").status == 403

    def test_another_companys_claims_neither_make_nor_end_it(self, company: Company, rival: Company) -> None:
        boards.add(company, Win("anna", minutes_ago(2)))
        boards.add(rival, Win("rita", minutes_ago(1)))
        assert holder(company) == ("anna", 1)
        assert holder(rival) == ("rita", 1)
        poison(rival)
        assert show(company)["display_name"] == "Anna"


def poison(company: Company) -> None:
    """Marks what is kept: whoever is told of Mallory was not counted for."""
    company.database.execute(
        "update wr.cache_kv set value = jsonb_set(value, '{display_name}', '\"Mallory\"')"
        " where tenant_id = %s",
        company.tenant_id,
    )


class TestKeeping:
    @pytest.fixture(autouse=True)
    def a_win(self, company: Company) -> None:
        boards.add(company, Win("anna", minutes_ago(1)))

    def test_it_is_counted_once_for_everybody(self, company: Company) -> None:
        first = show(company)
        assert show(company) == first
        poison(company)
        assert show(company, floor.display(company)) == {**first, "display_name": "Mallory"}

    def test_it_is_counted_again_when_the_room_moves_on_and_overwritten(self, company: Company) -> None:
        show(company)
        poison(company)
        boards.add(company, Win("anna", minutes_ago(0)))
        assert (show(company)["display_name"], show(company)["count"]) == ("Anna", 2)
        assert company.rows("select key, ttl_seconds from wr.cache_kv") == [
            {"key": "streak", "ttl_seconds": 30}
        ]

    def test_it_is_counted_again_when_it_is_old(self, company: Company, database: Database) -> None:
        show(company)
        poison(company)
        database.execute("update wr.cache_kv set ttl_seconds = 0")
        assert show(company)["display_name"] == "Anna"

    def test_many_who_ask_first_at_once_are_all_told_the_same(self, company: Company) -> None:
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: show(company), range(32)))
        assert all(answer == answers[0] for answer in answers)
        assert company.count("cache_kv") == 1

    def test_nobody_waits_for_somebody_who_counts(self, company: Company, database: Database) -> None:
        show(company)
        boards.add(company, Win("anna", minutes_ago(0)))
        with psycopg.connect(database.url_of("app")) as slow:
            slow.execute("select wr.enter_tenant(%s)", [company.tenant_id])
            slow.execute(
                "select pg_advisory_xact_lock(hashtextextended(%s::text || key, 0)) from wr.cache_kv",
                [company.tenant_id],
            )
            slow.execute("update wr.cache_kv set ttl_seconds = 1")
            assert holder(company) == ("anna", 2)
