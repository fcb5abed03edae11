"""Claims through their HTTP door: taking and giving back, a second pair of eyes, and all of it at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import count, cycle
from typing import Any
from urllib.parse import quote

import pytest

from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale
from tests.floor import (
    ALIKE,
    all_unknown,
    approve,
    call,
    claim,
    crowd,
    display,
    enqueue,
    exclude,
    excluded,
    reject,
    release,
    restore,
    told,
)
from winroom import board, claims, db
from winroom.settings import settings

SELLERS = ["anna", "ben", "cem", "dora"]


@pytest.fixture
def item(company: Company, queues: Sqs) -> dict[str, Any]:
    """An item that waits."""
    (item,) = enqueue(company, queues, sale(sale_id="a", cost_price=60))
    return item


class TestClaim:
    def test_a_claim_takes_the_item_counts_and_tells_the_room(
        self, company: Company, queues: Sqs, item: dict[str, Any]
    ) -> None:
        answer = claim(company, item, "Anna")
        assert answer.status == 200
        assert answer.json["success"] is True
        claimed = answer.json["claim"]
        assert claimed == {
            "id": claimed["id"],
            "queue_id": item["id"],
            "sale_id": "a",
            "claimed_by": "anna",
            "claimed_by_name": "anna",
            "claim_type": "upsell",
            "state": "approved",
            "customer_name": item["customer_name"],
            "product_id": None,
            "product_name": None,
            "source": "api",
            "sell_price": "100.00",
            "cost_price": "60.00",
            "margin_amount": "40.00",
            "currency": "USD",
            "reason": None,
            "decided_by": None,
            "decided_at": None,
            "claimed_at": claimed["claimed_at"],
        }
        assert call(company, "GET", "/api/queue").json["queue"] == []
        assert counted(company) == {("anna", "USD"): (1, "100.00", "40.00")}
        last = told(company)[-1]
        assert (last["seq"], last["type"]) == (2, "queue.claimed")
        assert last["actor"].startswith("key:")
        assert last["payload"] == {
            "id": item["id"],
            "claimId": claimed["id"],
            "saleId": "a",
            "sellerId": "anna",
            "sellerName": "anna",
            "claimType": "upsell",
            "state": "approved",
            "customerName": item["customer_name"],
            "productName": None,
            "source": "api",
            "sellPrice": "100.00",
            "margin": "40.00",
            "currency": "USD",
        }
        assert len(queues.bodies("room.fifo")) == 1

    def test_the_winner_repeating_itself_gets_its_claim_again(
        self, company: Company, item: dict[str, Any]
    ) -> None:
        first, again = (claim(company, item) for _ in range(2))
        assert (first.status, again.status) == (200, 200)
        assert first.json == again.json
        other_type = claim(company, item, claim_type="retention")
        assert (other_type.status, other_type.json["error"]) == (
            409,
            "This item was already claimed by anna as upsell.",
        )
        assert company.count("claims") == 1
        assert counted(company) == {("anna", "USD"): (1, "100.00", "40.00")}
        assert len(told(company)) == 2

    def test_a_seller_claims_for_itself_whether_it_says_so_or_not(
        self, company: Company, item: dict[str, Any]
    ) -> None:
        user_id, token = company.person("seller", "anna")
        first, again = claim(company, item, None, key=token), claim(company, item, "ANNA", key=token)
        assert (first.status, again.status) == (200, 200)
        assert first.json == again.json
        assert first.json["claim"]["claimed_by"] == "anna"
        assert told(company)[-1]["actor"] == f"user:{user_id}"
        assert {"cost_price", "margin_amount"} & set(first.json["claim"]) == set()

    def test_a_seller_claims_for_nobody_else(self, company: Company, item: dict[str, Any]) -> None:
        company.database.seller(company, "ben")
        _, token = company.person("seller", "anna")
        answer = claim(company, item, "ben", key=token)
        assert (answer.status, answer.json["error"]) == (
            403,
            "You may claim for anna only: ask a manager to claim for others.",
        )
        assert company.count("claims") == 0

    def test_a_seller_that_nobody_linked_is_told_what_to_do(
        self, company: Company, item: dict[str, Any]
    ) -> None:
        _, token = company.person("seller")
        for seller in (None, "anna"):
            answer = claim(company, item, seller, key=token)
            assert (answer.status, answer.json["error"]) == (
                403,
                "You have no seller of your own to claim for: ask an admin to link you to one.",
            )

    @pytest.mark.parametrize("role", ["manager", "admin"])
    def test_a_manager_claims_for_anybody_and_for_itself_unasked(
        self, company: Company, queues: Sqs, role: str
    ) -> None:
        first, second = enqueue(company, queues, sale(), sale())
        _, token = company.person(role, "ben")
        assert claim(company, first, "anna", key=token).json["claim"]["claimed_by"] == "anna"
        assert claim(company, second, None, key=token).json["claim"]["claimed_by"] == "ben"

    def test_whoever_has_no_seller_names_one(self, company: Company, item: dict[str, Any]) -> None:
        for key in (company.full_key, company.person("manager")[1]):
            answer = claim(company, item, None, key=key)
            assert answer.status == 400
            assert answer.json["details"] == [
                {
                    "field": "seller_id",
                    "message": "seller_id is required: say who made this sale, "
                    "for you have no seller of your own",
                }
            ]

    def test_watchers_and_displays_claim_nothing(self, company: Company, item: dict[str, Any]) -> None:
        for key in (company.person("watcher", "anna")[1], display(company), company.ingest_key):
            assert claim(company, item, key=key).status == 403
            assert release(company, item, key=key).status == 403

    def test_an_excluded_item_is_not_claimed(self, company: Company, queues: Sqs) -> None:
        enqueue(company, queues, sale(**ALIKE), sale(**ALIKE))
        answer = claim(company, excluded(company)[0])
        assert answer.status == 409
        assert "excluded" in answer.json["error"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"seller_id": "anna"}, "claim_type"),
            ({"seller_id": "nobody", "claim_type": "upsell"}, "seller_id"),
            ({"seller_id": "gone", "claim_type": "upsell"}, "seller_id"),
            ({"seller_id": "a\0b", "claim_type": "upsell"}, "seller_id"),
            ({"seller_id": "x" * 256, "claim_type": "upsell"}, "seller_id"),
            ({"seller_id": 7, "claim_type": "upsell"}, "seller_id"),
            ({"seller_id": "\U0001f680", "claim_type": "upsell"}, "seller_id"),
            ({"seller_id": "anna", "claim_type": "gift"}, "claim_type"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_changes(
        self, company: Company, item: dict[str, Any], body: dict[str, Any], field: str
    ) -> None:
        company.database.seller(company, "gone")
        company.database.execute("update wr.sellers set is_active = false where seller_id = 'gone'")
        answer = call(company, "POST", f"/api/queue/{item['id']}/claim", body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)
        assert company.count("claims") == 0
        assert call(company, "GET", "/api/queue").json["queue"] == [item]

    def test_another_companys_item_and_seller_are_as_unknown_as_any(
        self, company: Company, rival: Company, queues: Sqs, item: dict[str, Any]
    ) -> None:
        enqueue(rival, queues, sale(seller_external_id="rita"))
        body = {"seller_id": "rita", "claim_type": "upsell"}
        assert all_unknown(rival, "POST", "/api/queue/{id}/claim", item["id"], body)
        assert claim(company, item, "rita").status == 400
        assert company.count("claims") == rival.count("claims") == 0

    def test_a_room_that_could_not_be_woken_costs_nothing(
        self, company: Company, queues: Sqs, item: dict[str, Any]
    ) -> None:
        queues.is_down = True
        acts = (claim, release, exclude, restore)
        assert [act(company, item).status for act in acts] == [200, 200, 200, 200]

    def test_an_item_that_is_released_between_two_looks_is_claimed_after_all(
        self, company: Company, item: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        company.database.seller(company, "ben")
        claim(company, item, "ben")
        _, manager = company.person("manager")
        look = claims._claimed_before
        looks = count(1)

        def late(conn: Any, values: Any) -> Any:
            if next(looks) == 1:
                released = threads.submit(release, company, item, key=manager)
                assert released.result().status == 200
            return look(conn, values)

        monkeypatch.setattr(claims, "_claimed_before", late)
        with ThreadPoolExecutor(1) as threads:
            answer = claim(company, item, "anna")
        assert (answer.status, answer.json["claim"]["claimed_by"]) == (200, "anna")
        assert next(looks) == 2
        assert sound(company)


class TestRelease:
    def test_the_item_waits_again_and_nothing_is_counted(
        self, company: Company, item: dict[str, Any]
    ) -> None:
        claimed = claim(company, item).json["claim"]
        user_id, token = company.person("manager")
        answer = release(company, item, key=token)
        assert answer.status == 200
        assert answer.json == {"success": True, "item": item}
        assert call(company, "GET", "/api/queue").json["queue"] == [item]
        ended = call(company, "GET", f"/api/claims/{claimed['id']}").json
        assert ended == {
            **claimed,
            "state": "released",
            "reason": "Called off",
            "decided_by": f"user:{user_id}",
            "decided_at": ended["decided_at"],
        }
        assert ended["decided_at"].endswith("Z")
        assert counted(company) == {}
        assert told(company)[-1]["type"] == "queue.released"
        assert sound(company)

    def test_a_seller_releases_what_is_its_own(self, company: Company, item: dict[str, Any]) -> None:
        _, anna = company.person("seller", "anna")
        _, ben = company.person("seller", "ben")
        claim(company, item, "anna")
        answer = release(company, item, key=ben)
        assert (answer.status, answer.json["error"]) == (
            403,
            "This item was claimed by anna: ask them or a manager to release it.",
        )
        # Somebody who is linked to no seller owns nothing.
        assert release(company, item, key=company.person("seller")[1]).status == 403
        assert counted(company) == {("anna", "USD"): (1, "100.00", "40.00")}
        answer = release(company, item, key=anna)
        assert (answer.status, "margin_amount" in answer.json["item"]) == (200, False)

    def test_what_is_not_claimed_is_not_released(self, company: Company, item: dict[str, Any]) -> None:
        answer = release(company, item)
        assert (answer.status, answer.json["error"]) == (
            409,
            "This item is not claimed: there is nothing to release.",
        )
        claim(company, item)
        assert [release(company, item).status for _ in range(2)] == [200, 409]
        exclude(company, item)
        assert release(company, item).status == 409
        assert len(told(company)) == 4

    def test_a_claim_that_waits_for_approval_is_taken_back_uncounted(
        self, company: Company, item: dict[str, Any]
    ) -> None:
        company.set(claim_approval=True)
        claimed = claim(company, item).json["claim"]
        assert release(company, item).status == 200
        assert approve(company, claimed).status == 409
        assert counted(company) == {}
        assert sound(company)

    def test_it_can_be_claimed_and_released_over_and_over(
        self, company: Company, item: dict[str, Any]
    ) -> None:
        company.database.seller(company, "ben")
        for seller in ("anna", "ben", "anna"):
            assert claim(company, item, seller).status == 200
            assert release(company, item).status == 200
        assert claim(company, item, "ben").status == 200
        assert counted(company) == {("ben", "USD"): (1, "100.00", "40.00")}
        states = [row["state"] for row in company.rows("select state from wr.claims order by claimed_at")]
        assert states == ["released"] * 3 + ["approved"]
        assert sound(company)


class TestApproval:
    @pytest.fixture(autouse=True)
    def wanted(self, company: Company) -> None:
        company.set(claim_approval=True)

    def test_everybodys_claim_waits_for_a_second_pair_of_eyes(self, company: Company, queues: Sqs) -> None:
        waiting = enqueue(company, queues, sale(), sale(), sale())
        keys = company.person("seller", "anna")[1], company.person("manager", "anna")[1], company.full_key
        for item, key in zip(waiting, keys, strict=True):
            answer = claim(company, item, key=key)
            assert (answer.status, answer.json["claim"]["state"]) == (200, "pending")
            assert claim(company, item, key=key).json == answer.json
        assert counted(company) == {}
        assert call(company, "GET", "/api/queue").json["queue"] == []
        assert len(listed(company, "state=pending")) == 3
        assert {event["payload"]["state"] for event in told(company) if event["type"] == "queue.claimed"} == {
            "pending"
        }

    def test_an_approved_claim_counts_on_the_day_when_it_was_made(
        self, company: Company, item: dict[str, Any], database: Database
    ) -> None:
        claimed = claim(company, item).json["claim"]
        database.execute("update wr.claims set claimed_at = '2026-01-02T03:04:05Z'")
        user_id, token = company.person("manager")
        answer = approve(company, claimed, key=token)
        assert answer.status == 200
        assert (answer.json["success"], answer.json["claim"]["state"]) == (True, "approved")
        assert answer.json["claim"]["decided_by"] == f"user:{user_id}"
        assert [str(row["day"]) for row in company.rows("select day from wr.board_days")] == ["2026-01-02"]
        assert told(company)[-1]["type"] == "claim.approved"
        assert told(company)[-1]["actor"] == f"user:{user_id}"
        assert sound(company)

    def test_a_rejected_claim_gives_its_item_back(self, company: Company, item: dict[str, Any]) -> None:
        claimed = claim(company, item).json["claim"]
        answer = reject(company, claimed)
        assert answer.status == 200
        assert (answer.json["claim"]["state"], answer.json["claim"]["reason"]) == ("rejected", "Not theirs")
        assert call(company, "GET", "/api/queue").json["queue"] == [item]
        assert counted(company) == {}
        assert told(company)[-1]["type"] == "claim.rejected"
        assert claim(company, item).json["claim"]["id"] != claimed["id"]
        assert sound(company)

    def test_what_is_decided_stays_so(self, company: Company, queues: Sqs) -> None:
        first, second, third = enqueue(company, queues, sale(), sale(), sale())
        approved, rejected, released = (claim(company, i).json["claim"] for i in (first, second, third))
        approve(company, approved)
        reject(company, rejected)
        release(company, third)
        before = len(told(company))
        for act in (approve, reject):
            for decided in (approved, rejected, released):
                assert act(company, decided).status == 409
        assert "is approved: only a pending one" in reject(company, approved).json["error"]
        assert len(told(company)) == before
        assert counted(company) == {("anna", "USD"): (1, "100.00", "0.00")}

    def test_switching_approval_off_leaves_what_waits_to_be_decided(
        self, company: Company, queues: Sqs
    ) -> None:
        first, second = enqueue(company, queues, sale(), sale())
        waiting = claim(company, first).json["claim"]
        company.set(claim_approval=False)
        assert claim(company, second).json["claim"]["state"] == "approved"
        assert approve(company, waiting).status == 200
        assert counted(company) == {("anna", "USD"): (2, "200.00", "0.00")}

    @pytest.mark.parametrize("role", ["watcher", "seller"])
    def test_only_managers_decide(self, company: Company, item: dict[str, Any], role: str) -> None:
        claimed = claim(company, item).json["claim"]
        _, token = company.person(role, "anna")
        assert approve(company, claimed, key=token).status == 403
        assert reject(company, claimed, key=token).status == 403
        assert call(company, "GET", f"/api/claims/{claimed['id']}").json == claimed

    @pytest.mark.parametrize(
        "body", [{}, {"reason": ""}, {"reason": "x" * 501}, {"reason": "\0"}, {"reason": []}]
    )
    def test_a_rejection_asks_for_a_reason(self, company: Company, item: dict[str, Any], body: Any) -> None:
        claimed = claim(company, item).json["claim"]
        answer = call(company, "POST", f"/api/claims/{claimed['id']}/reject", body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, "reason")
        assert len(listed(company, "state=pending")) == 1

    def test_another_companys_claim_is_as_unknown_as_any(
        self, company: Company, rival: Company, item: dict[str, Any]
    ) -> None:
        claimed = claim(company, item).json["claim"]
        why = {"reason": "Mine"}
        assert all_unknown(rival, "GET", "/api/claims/{id}", claimed["id"])
        assert all_unknown(rival, "POST", "/api/claims/{id}/approve", claimed["id"])
        assert all_unknown(rival, "POST", "/api/claims/{id}/reject", claimed["id"], why)
        assert call(company, "GET", f"/api/claims/{claimed['id']}").json == claimed
        assert told(rival) == []


class TestList:
    @pytest.fixture
    def made(self, company: Company, queues: Sqs, database: Database) -> list[dict[str, Any]]:
        """Eight claims, one a day from the first of January on, oldest first."""
        waiting = enqueue(
            company,
            queues,
            *(
                sale(sale_id=str(n), currency=currency, seller_external_id=seller)
                for n, (seller, currency) in enumerate([("anna", "USD"), ("ben", "EUR")] * 4)
            ),
        )
        company.set(claim_approval=True)
        by_sale = sorted(waiting, key=lambda item: str(item["sale_id"]))
        made = [claim(company, item, item["seller_id"]).json["claim"] for item in by_sale]
        for claimed in made[:4]:
            approve(company, claimed)
        reject(company, made[4])
        database.execute(
            "update wr.claims set claimed_at = timestamptz '2026-01-01Z' + sale_id::int * interval '1d'"
        )
        return made

    def test_claims_are_listed_newest_first(
        self, company: Company, rival: Company, made: list[dict[str, Any]]
    ) -> None:
        answer = call(company, "GET", "/api/claims").json
        assert [c["id"] for c in answer["claims"]] == [c["id"] for c in reversed(made)]
        assert answer["nextCursor"] is None
        assert set(answer["claims"][0]) == set(made[0])
        assert call(rival, "GET", "/api/claims").json == {"claims": [], "nextCursor": None}

    @pytest.mark.parametrize(
        ("query", "sales"),
        [
            ("state=approved", "3210"),
            ("state=rejected", "4"),
            ("state=released", ""),
            ("seller=BEN", "7531"),
            ("seller=ben&state=pending", "75"),
            ("currency=EUR", "7531"),
            ("currency=EUR&seller=anna", ""),
            ("from=2026-01-03T00:00:00Z&to=2026-01-05T00:00:00Z", "32"),
            ("from=2026-01-03T00:00:00.000001Z&to=2026-01-05T00:00:00.000001Z", "43"),
            ("from=2026-01-03T02:00:00%2B02:00", "765432"),
            ("to=2025-12-31T19:00:01-05:00", "0"),
            ("from=2026-01-05T00:00:00Z&to=2026-01-03T00:00:00Z", ""),
            ("state=approved&seller=ben&currency=EUR&from=2026-01-03T00:00:00Z&to=2026-02-01T00:00:00Z", "3"),
            ("state=&seller=&currency=&from=&to=&cursor=&limit=3", "765"),
            ("from=0001-01-01T00:00:00%2B14:00&to=9999-12-31T23:59:59-14:00", "76543210"),
            (f"seller={quote('<script>')}", ""),
            (f"seller={quote(chr(0x1F680))}", ""),
        ],
    )
    def test_they_are_filtered(
        self, company: Company, made: list[dict[str, Any]], query: str, sales: str
    ) -> None:
        assert "".join(c["sale_id"] for c in listed(company, query)) == sales

    @pytest.mark.parametrize("limit", [1, 3, 8, 100])
    def test_they_come_in_pages(
        self, company: Company, made: list[dict[str, Any]], database: Database, limit: int
    ) -> None:
        # Of one moment, too, none is lost between two pages.
        database.execute("update wr.claims set claimed_at = '2026-01-01Z' where sale_id::int < 5")
        assert {c["id"] for c in all_pages(company, f"limit={limit}")} == {c["id"] for c in made}
        assert len(all_pages(company, f"limit={limit}&seller=anna")) == 4

    def test_another_companys_cursor_leads_nowhere(
        self, company: Company, rival: Company, queues: Sqs, made: list[dict[str, Any]]
    ) -> None:
        (item,) = enqueue(rival, queues, sale())
        foreign = claim(rival, item).json["claim"]
        assert listed(company, f"cursor={foreign['id']}") == []

    @pytest.mark.parametrize(
        "query",
        [
            "state=lost",
            "currency=XXX",
            "from=yesterday",
            "from=2026-01-01",
            "to=2026-01-01T00:00:00",
            "to=1767225600",
            "limit=0",
            "limit=101",
            "cursor=x",
            "seller=%00",
            f"seller={'x' * 256}",
        ],
    )
    def test_a_wrong_parameter_is_named(self, company: Company, query: str) -> None:
        answer = call(company, "GET", f"/api/claims?{query}")
        assert (answer.status, answer.json["details"][0]["field"]) == (400, query.partition("=")[0])

    def test_who_sees_what(self, company: Company, item: dict[str, Any]) -> None:
        company.set(claim_approval=True)
        claimed = claim(company, item).json["claim"]
        reject(company, claimed)
        margins = {"cost_price", "margin_amount"}
        seen = {
            company.full_key: set[str](),
            company.person("admin")[1]: set(),
            company.person("seller", "anna")[1]: margins,
            company.person("watcher")[1]: margins | {"reason"},
            display(company): margins | {"reason"},
        }
        for key, unseen in seen.items():
            (shown,) = call(company, "GET", "/api/claims", key=key).json["claims"]
            assert set(claimed) - set(shown) == unseen
        assert call(company, "GET", f"/api/claims/{claimed['id']}", key=display(company)).status == 403
        assert call(company, "GET", "/api/claims", key=company.ingest_key).status == 403

    @pytest.mark.parametrize(
        ("zone", "begin", "end"),
        [
            ("UTC", "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"),
            # The day on which the clocks go forward has 23 hours.
            ("America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
            ("Asia/Kolkata", "2026-03-07T18:30:00Z", "2026-03-08T18:30:00Z"),
        ],
    )
    def test_a_boards_entry_is_the_sum_of_the_claims_that_it_links_to(
        self, company: Company, queues: Sqs, database: Database, zone: str, begin: str, end: str
    ) -> None:
        prices = ["0.01", "10.10", "99.99", "1000.00", "12.34", "7.77", "5.00"]
        waiting = enqueue(company, queues, *(sale(sell_price=price, cost_price="3.33") for price in prices))
        for item in waiting:
            claim(company, item, "anna")
        release(company, waiting[0])
        with database.operator() as conn:
            conn.execute("select wr.enter_tenant(%s)", [company.tenant_id])
            conn.execute(
                "with shifted as (select claim_id, row_number() over (order by claim_id) as n from wr.claims)"
                " update wr.claims c set claimed_at = timestamptz '2026-03-07T12:00Z' + n * interval '5h'"
                " from shifted where shifted.claim_id = c.claim_id"
            )
        company.set(time_zone=zone)
        with db.tenant_session(company.tenant_id) as conn:
            board.recount(conn)
        (entry,) = company.rows(
            "select wins, revenue, margin from wr.board_days"
            " where day = '2026-03-08' and seller_id = 'anna' and currency = 'USD'"
        )
        query = f"state=approved&seller=anna&currency=USD&from={begin}&to={end}"
        behind = all_pages(company, f"{query}&limit=2")
        assert entry["wins"] == len(behind) > 1
        assert entry["revenue"] == sum(Decimal(c["sell_price"]) for c in behind)
        assert entry["margin"] == sum(Decimal(c["margin_amount"]) for c in behind)


class TestAtOnce:
    def test_of_200_clients_on_50_items_exactly_one_wins_each(self, company: Company, queues: Sqs) -> None:
        waiting = enqueue(company, queues, *(sale() for _ in range(50)))
        people = crowd(company, 200)
        # Each goes for four of them: sixteen want each item.
        tries = [(waiting[(n + step * 7) % 50], people[n]) for step in range(4) for n in range(200)]

        def one(wanted: tuple[dict[str, Any], str]) -> Answer:
            return claim(company, wanted[0], None, key=wanted[1])

        answers = at_once(one, tries, threads=32)
        assert {a.status for a in answers} == {200, 409}
        won = [a.json["claim"] for a in answers if a.status == 200]
        assert len(won) == len({c["queue_id"] for c in won}) == 50
        held = company.rows("select queue_id, assigned_seller_id, status from wr.queue")
        assert {(str(h["queue_id"]), h["assigned_seller_id"]) for h in held} == {
            (c["queue_id"], c["claimed_by"]) for c in won
        }
        assert sum(row["wins"] for row in company.rows("select wins from wr.board_days")) == 50
        assert sound(company)

    def test_claims_and_releases_of_the_same_items_leave_no_half(self, company: Company, queues: Sqs) -> None:
        waiting = enqueue(company, queues, *(sale(seller_external_id=s) for s in SELLERS))
        managers = [company.person("manager")[1] for _ in range(4)]
        acts: list[tuple[Any, ...]] = []
        for n in range(240):
            item, key = waiting[n % 4], managers[n % 4]
            acts.append((release, item) if n % 3 else (claim, item, SELLERS[n // 4 % 4]))
            acts[-1] = (*acts[-1], key)
        answers = at_once(lambda act: act[0](company, *act[1:-1], key=act[-1]), acts)
        assert {a.status for a in answers} <= {200, 409}
        made = company.count("claims")
        released = sum(a.status == 200 and "item" in a.json for a in answers)
        held = company.rows("select queue_id from wr.queue where status = 'claimed'")
        assert made - released == len(held)
        assert "None" not in "".join(a.raw for a in answers if a.status == 409)
        assert sound(company)

    def test_of_approval_and_rejection_exactly_one_decides(self, company: Company, queues: Sqs) -> None:
        company.set(claim_approval=True)
        waiting = enqueue(company, queues, *(sale(seller_external_id=s) for s in SELLERS * 5))
        made = [claim(company, item, item["seller_id"]).json["claim"] for item in waiting]
        acts = [(act, claimed) for claimed in made for act in (approve, reject, approve, reject)]
        answers = at_once(each_by_another(company), acts)
        assert sorted(a.status for a in answers) == [200] * 20 + [409] * 60
        states = {row["state"] for row in company.rows("select state from wr.claims")}
        assert states <= {"approved", "rejected"}
        assert sound(company)

    def test_approval_and_release_at_once_leave_nothing_counted(self, company: Company, queues: Sqs) -> None:
        company.set(claim_approval=True)
        waiting = enqueue(company, queues, *(sale(seller_external_id=s) for s in SELLERS * 5))
        made = [claim(company, item, item["seller_id"]).json["claim"] for item in waiting]
        acts = [
            (act, target)
            for item, claimed in zip(waiting, made, strict=True)
            for act, target in ((approve, claimed), (release, item), (approve, claimed))
        ]
        answers = at_once(each_by_another(company), acts)
        assert {a.status for a in answers} <= {200, 409}
        # Approved or not before, in the end each was released.
        assert [row["state"] for row in company.rows("select distinct state from wr.claims")] == ["released"]
        assert counted(company) == {}
        assert sound(company)

    def test_exclusion_and_claim_at_once_let_one_win(self, company: Company, queues: Sqs) -> None:
        waiting = enqueue(company, queues, *(sale() for _ in range(20)))
        acts = [(act, item) for item in waiting for act in (claim, exclude, claim, restore)]
        answers = at_once(each_by_another(company), acts)
        assert {a.status for a in answers} <= {200, 409}
        assert sound(company)

    def test_a_room_that_stays_locked_refuses_and_nothing_has_changed(
        self,
        company: Company,
        item: dict[str, Any],
        database: Database,
        environment: pytest.MonkeyPatch,
    ) -> None:
        # As in the template: the answer comes from the database, before we hang up.
        environment.setenv("DATABASE_PATIENCE", "2.5")
        settings.cache_clear()
        claim(company, item)
        with database.operator() as conn:
            conn.execute("select seq from wr.rooms where tenant_id = %s for update", [company.tenant_id])
            answer = release(company, item)
        assert (answer.status, answer.json["code"]) == (503, "busy")
        assert company.rows("select error_message from wr.api_audit_log where status_code = 503") == [
            {"error_message": "busy"}
        ]
        assert counted(company) == {("anna", "USD"): (1, "100.00", "40.00")}
        assert sound(company)
        assert release(company, item).status == 200


def listed(company: Company, query: str) -> list[dict[str, Any]]:
    answer = call(company, "GET", f"/api/claims?{query}")
    assert answer.status == 200, answer.raw
    found: list[dict[str, Any]] = answer.json["claims"]
    return found


def all_pages(company: Company, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = call(company, "GET", f"/api/claims?{query}&cursor={cursor}").json
        found += page["claims"]
        cursor = page["nextCursor"]
    return found


def counted(company: Company) -> dict[tuple[str, str], tuple[int, str, str]]:
    """The board over all days: wins, revenue and margin by seller and currency."""
    rows = company.rows(
        "select seller_id, currency, sum(wins) as wins, sum(revenue) as revenue, sum(margin) as margin"
        " from wr.board_days group by 1, 2 having sum(wins) <> 0 or sum(revenue) <> 0 or sum(margin) <> 0"
    )
    return {
        (r["seller_id"], r["currency"]): (int(r["wins"]), str(r["revenue"]), str(r["margin"])) for r in rows
    }


def sound(company: Company) -> bool:
    """Whether board, items, claims and log agree with each other."""
    with db.tenant_session(company.tenant_id) as conn:
        assert board.differences(conn) == []
    at_odds = company.rows(
        "select q.sale_id, q.status, q.assigned_seller_id, c.claimed_by from wr.queue q"
        " full join (select * from wr.claims where state in ('pending', 'approved')) c"
        " on c.sale_id = q.sale_id"
        " where (q.status = 'claimed') is distinct from (c.claim_id is not null)"
        " or q.assigned_seller_id is distinct from c.claimed_by"
    )
    assert at_odds == []
    numbers = [event["seq"] for event in told(company)]
    assert numbers == list(range(1, len(numbers) + 1))
    return True


def each_by_another(company: Company) -> Any:
    """Does an act as one manager after the other: one's own requests would wait for each other."""
    managers = cycle([company.person("manager")[1] for _ in range(16)])
    return lambda act: act[0](company, act[1], key=next(managers))


def at_once(act: Any, many: list[Any], threads: int = 16) -> list[Answer]:
    """Does all of it from so many threads, which begin together."""
    together = threading.Barrier(threads)

    def begun(numbered: tuple[int, Any]) -> Answer:
        if numbered[0] < threads:
            together.wait()
        answer: Answer = act(numbered[1])
        return answer

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begun, enumerate(many)))
