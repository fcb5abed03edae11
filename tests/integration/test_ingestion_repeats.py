"""The same sale again, in other words, with other content, many at once: it is one sale."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.ingestion.app import handler
from tests import clock, doors
from tests.crm import post, post_batch
from tests.doors import Sqs
from tests.factories import Company, sale


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class TestTheSameAgain:
    def test_fifty_identical_posts_at_once_are_one_sale(self, company: Company, queues: Sqs) -> None:
        body = sale()
        with ThreadPoolExecutor(50) as threads:
            answers = list(threads.map(lambda _: post(company, body), range(50)))
        assert {a.status for a in answers} == {202}
        assert len({a.json["eventId"] for a in answers}) == 1
        assert sorted(a.json["duplicate"] for a in answers) == [False] + [True] * 49
        assert company.count("sales_events") == 1
        assert company.count("api_audit_log") == 50
        assert len(queues.bodies("sales-events")) == 1

    def test_the_same_content_in_other_words_is_the_same_sale(self, company: Company, queues: Sqs) -> None:
        first = post(company, sale(sale_id="a", sell_price=100, occurred_at="2026-01-01T12:00:00Z"))
        again = post(
            company,
            {
                **json.loads(json.dumps(sale(sale_id="a", occurred_at="2026-01-01T14:00:00+02:00"))),
                "customer_name": company.rows("select payload from wr.sales_events")[0]["payload"][
                    "customer_name"
                ],
                "sell_price": "100.0",
                "seller_external_id": "ANNA",
                "colour": "ignored",
            },
        )
        assert again.status == 202
        assert again.json == {
            "eventId": first.json["eventId"],
            "status": "pending",
            "message": "This event was received before; nothing was changed",
            "duplicate": True,
        }

    def test_the_same_sale_with_other_content_is_kept_and_refused(
        self, company: Company, queues: Sqs
    ) -> None:
        first = post(company, sale(sale_id="a"))
        second = post(company, sale(sale_id="a", sell_price=999))
        assert (second.status, second.json["code"]) == (409, "conflict")
        assert first.json["eventId"] in second.json["error"]
        kept = company.rows(
            "select source, conflicts_with, payload from wr.sales_events where failure = 'conflict'"
        )
        assert kept[0]["source"] == "api"
        assert [str(k["conflicts_with"]) for k in kept] == [first.json["eventId"]]
        assert kept[0]["payload"]["sell_price"] == "999.00"
        assert company.rows("select failure_reason from wr.sales_events_dlq") == [
            {"failure_reason": "conflict"}
        ]
        assert company.rows("select status_code from wr.api_audit_log order by audit_id") == [
            {"status_code": 202},
            {"status_code": 409},
        ]
        assert len(queues.sent) == 1

    def test_a_conflict_repeated_is_kept_once(self, company: Company, queues: Sqs) -> None:
        post(company, sale(sale_id="a"))
        wrong = sale(sale_id="a", sell_price=999)
        with ThreadPoolExecutor(20) as threads:
            statuses = set(threads.map(lambda _: post(company, wrong).status, range(20)))
        assert statuses == {409}
        assert company.count("sales_events") == 2
        assert company.count("sales_events_dlq") == 1

    def test_an_external_event_id_with_other_content_is_a_conflict(
        self, company: Company, queues: Sqs
    ) -> None:
        post(company, sale(external_event_id="evt-1"))
        answer = post(company, sale(sale_id="b", external_event_id="evt-1"))
        assert answer.status == 409
        # Nothing was claimed for the refused sale: its own id is still free.
        assert post(company, sale(sale_id="b")).status == 202

    def test_the_same_sale_as_another_event_of_its_system_is_a_repetition(
        self, company: Company, queues: Sqs
    ) -> None:
        body = sale(sale_id="a")
        first = post(company, body)
        for event_id in ("evt-1", "evt-2"):
            again = post(company, {**body, "external_event_id": event_id})
            assert (again.status, again.json["duplicate"]) == (202, True)
            assert again.json["eventId"] == first.json["eventId"]
        assert company.count("sales_events") == 1

    def test_sales_of_earlier_releases_are_still_recognised(self, company: Company, queues: Sqs) -> None:
        """What is stored of a sale to compare it with is what it has been from the beginning."""
        body = {
            "sale_id": "s-1",
            "occurred_at": "2026-01-01T12:00:00+01:00",
            "customer_name": "B\u00dcRO & Co",
            "sell_price": "100.5",
            "seller_external_id": "ANNA",
        }
        more = {
            "sale_id": "s-2",
            "cost_price": 1,
            "currency": "EUR",
            "product_sku": "sku",
            "external_event_id": "evt-2",
            "category": "C",
            "notes": "N",
        }
        assert post(company, body).status == post(company, {**body, **more}).status == 202
        assert company.rows(
            "select encode(content_hash, 'hex') as content, encode(fingerprint, 'hex') as looks"
            " from wr.sales_events order by sale_id"
        ) == [
            {
                "content": sha256(
                    '{"sale_id":"s-1","occurred_at":"2026-01-01T11:00:00Z","customer_name":"B\u00dcRO & Co",'
                    '"sell_price":"100.50","currency":"USD","seller_external_id":"anna"}'
                ),
                "looks": sha256("anna\x1f2026-01-01T11:00:00+00:00\x1f100.50\x1fUSD\x1fb\u00fcro & co"),
            },
            {
                "content": sha256(
                    '{"sale_id":"s-2","occurred_at":"2026-01-01T11:00:00Z","customer_name":"B\u00dcRO & Co",'
                    '"sell_price":"100.50","cost_price":"1.00","currency":"EUR","seller_external_id":"anna",'
                    '"product_sku":"sku","category":"C","notes":"N"}'
                ),
                "looks": sha256("anna\x1f2026-01-01T11:00:00+00:00\x1f100.50\x1fEUR\x1fb\u00fcro & co"),
            },
        ]

    def test_a_contradiction_counts_before_a_repetition(self, company: Company, queues: Sqs) -> None:
        repeated = sale(sale_id="a")
        post(company, repeated)
        post(company, sale(sale_id="b", external_event_id="evt-1"))
        assert post(company, {**repeated, "external_event_id": "evt-1"}).status == 409


class TestBatch:
    def test_each_event_has_its_own_verdict_in_order(self, company: Company, queues: Sqs) -> None:
        known = sale(sale_id="known")
        event_id = post(company, known).json["eventId"]
        answer = post_batch(
            company,
            sale(sale_id="new"),
            sale(sell_price=-1),
            known,
            {**known, "sell_price": 5},
            "no object",
            sale(sale_id="new-2"),
        )
        assert answer.status == 202
        results = answer.json["results"]
        assert [r["index"] for r in results] == [0, 1, 2, 3, 4, 5]
        assert [r["status"] for r in results] == [202, 400, 202, 409, 400, 202]
        assert [r.get("duplicate") for r in results] == [False, None, True, None, None, False]
        assert results[1]["details"][0]["field"] == "sell_price"
        assert results[2]["eventId"] == event_id
        assert f"belongs to event {event_id} " in results[3]["error"]
        assert company.count("sale_keys") == 3
        assert len(queues.bodies("sales-events")) == 3

    def test_the_same_sale_twice_in_a_batch_is_one_sale(self, company: Company, queues: Sqs) -> None:
        body = sale()
        first, second, third = post_batch(company, body, body, {**body, "sell_price": 3}).json["results"]
        assert first["eventId"] == second["eventId"]
        assert (first["duplicate"], second["duplicate"], third["status"]) == (False, True, 409)
        assert len(queues.bodies("sales-events")) == 1

    def test_of_two_contradicting_sales_of_a_batch_the_first_wins(
        self, company: Company, queues: Sqs
    ) -> None:
        pairs = [sale(sale_id=f"s-{n // 2}", sell_price=n + 1) for n in range(100)]
        results = post_batch(company, *pairs).json["results"]
        assert [r["status"] for r in results] == [202, 409] * 50

    def test_a_hundred_are_one_request_against_the_limit(self, company: Company, queues: Sqs) -> None:
        company.set(ingestion_per_minute=1)
        clock.stay_in_a_minute()
        answer = post_batch(company, *(sale() for _ in range(100)))
        assert {r["status"] for r in answer.json["results"]} == {202}
        assert company.count("sales_events") == len(queues.sent) == 100
        assert post_batch(company, sale()).status == 429

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "events is required"),
            ({"events": []}, "events must not be empty"),
            ({"events": "x"}, "events must be a list"),
            ({"events": [{}] * 101}, "events must hold at most 100 items"),
        ],
    )
    def test_a_batch_that_is_none_is_refused(
        self, company: Company, queues: Sqs, body: object, message: str
    ) -> None:
        answer = doors.http(handler, "POST", "/api/events/batch", body, key=company.ingest_key)
        assert answer.status == 400
        assert answer.json["details"] == [{"field": "events", "message": message}]

    def test_a_batch_of_nothing_valid_is_answered_item_by_item(self, company: Company, queues: Sqs) -> None:
        assert [r["status"] for r in post_batch(company, {}, 7, None).json["results"]] == [400] * 3
        assert company.count("api_audit_log") == 1

    def test_an_event_is_on_its_way_though_its_neighbours_cannot_be_compared(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = sale()
        post(company, known)
        queues.sent.clear()
        monkeypatch.setattr("winroom.sales.compare", lambda *_: 1 / 0)
        assert post_batch(company, sale(), known).status == 500
        assert len(queues.bodies("sales-events")) == 1
