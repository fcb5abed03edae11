"""Sales entered by hand: the same pipeline, whatever is clicked how often, and by whom."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.api.app import handler
from functions.processor.app import handler as processor
from tests import crm, doors
from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale


def enter(company: Company, body: object, key: str | None = None, **more: Any) -> Answer:
    return doors.http(handler, "POST", "/api/sales", body, key=key or company.full_key, **more)


def form(**fields: Any) -> dict[str, Any]:
    """What a form sends: blank where nothing was typed."""
    return {
        **{"sale_id": "", "occurred_at": "", "external_event_id": "manual-1", "seller_external_id": ""},
        **{"customer_name": "Ada", "sell_price": "100", "notes": "", **fields},
    }


class TestEntering:
    def test_a_sale_goes_the_whole_way(self, company: Company, queues: Sqs) -> None:
        _, token = company.person("seller", "anna")
        answer = enter(company, form(), token)
        assert answer.status == 202
        assert answer.json == {
            "eventId": answer.json["eventId"],
            "status": "pending",
            "message": "Event received and queued for processing",
            "duplicate": False,
        }
        assert doors.sqs(processor, queues.take("sales-events")) == []
        (item,) = company.rows("select sale_id, seller_id, source, occurred_at, status from wr.queue")
        assert (item["sale_id"], item["seller_id"], item["source"]) == ("manual-1", "anna", "manual")
        assert datetime.now(UTC) - item["occurred_at"] < timedelta(seconds=30)
        told = crm.get(company, f"/api/events/{answer.json['eventId']}").json["event"]
        assert (told["source"], told["status"]) == ("manual", "processed")
        assert company.rows("select endpoint, status_code from wr.api_audit_log order by audit_id")[0] == {
            "endpoint": "/api/sales",
            "status_code": 202,
        }

    def test_a_manager_and_a_key_enter_sales_for_anybody(self, company: Company, queues: Sqs) -> None:
        _, manager = company.person("manager")
        for number, key in enumerate([manager, company.full_key]):
            body = form(external_event_id=f"manual-{number}", seller_external_id=" BEN ")
            assert enter(company, body, key).status == 202
        payloads = company.rows("select payload from wr.sales_events")
        assert {row["payload"]["seller_external_id"] for row in payloads} == {"ben"}

    def test_a_sale_with_an_id_of_its_own_is_the_one_that_the_crm_sends(
        self, company: Company, queues: Sqs
    ) -> None:
        body = sale()
        first = enter(company, body)
        again = crm.post(company, body)
        assert (again.status, again.json["duplicate"]) == (202, True)
        assert again.json["eventId"] == first.json["eventId"]
        assert company.count("sales_events") == 1

    def test_it_counts_for_the_person_and_not_for_the_crm(
        self, company: Company, database: Database, queues: Sqs
    ) -> None:
        database.execute(
            "insert into wr.rate_counters (tenant_id, bucket, minute, hits)"
            " values (%s, 'ingestion', date_trunc('minute', now()), 1000000)",
            company.tenant_id,
        )
        answer = enter(company, form(seller_external_id="anna"))
        assert answer.status == 202
        assert answer.headers["ratelimit-policy"].startswith('"people"')

    def test_when_sqs_is_down_the_sale_stands(self, company: Company, queues: Sqs) -> None:
        queues.is_down = True
        assert enter(company, form(seller_external_id="anna")).status == 202
        assert company.count("sales_events") == 1


class TestTwice:
    def test_a_double_click_is_one_sale(self, company: Company, queues: Sqs) -> None:
        _, token = company.person("seller", "anna")
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: enter(company, form(), token), range(8)))
        assert {a.status for a in answers} == {202}
        assert sorted(a.json["duplicate"] for a in answers) == [False] + [True] * 7
        assert len({a.json["eventId"] for a in answers}) == 1
        assert company.count("sales_events") == len(queues.sent) == 1

    def test_two_forms_for_one_sale_are_one_sale(self, company: Company, queues: Sqs) -> None:
        forms = [form(sale_id="s-1", external_event_id=f"form-{n}", seller_external_id="anna") for n in "12"]
        first, second = (enter(company, body) for body in forms)
        assert (first.status, second.status, second.json["duplicate"]) == (202, 202, True)

    def test_the_same_form_with_other_content_is_refused_and_kept(
        self, company: Company, queues: Sqs
    ) -> None:
        first = enter(company, form(seller_external_id="anna"))
        second = enter(company, form(seller_external_id="anna", sell_price=101))
        assert (second.status, second.json["code"]) == (409, "conflict")
        assert first.json["eventId"] in second.json["error"]
        (kept,) = company.rows("select source, payload from wr.sales_events where failure = 'conflict'")
        assert (kept["source"], kept["payload"]["sell_price"]) == ("manual", "101.00")
        statuses = company.rows("select status_code from wr.api_audit_log order by audit_id")
        assert [row["status_code"] for row in statuses] == [202, 409]

    def test_a_moment_that_was_given_is_content(self, company: Company, queues: Sqs) -> None:
        body = form(seller_external_id="anna", occurred_at="2026-01-01T10:00:00Z")
        assert enter(company, body).status == 202
        assert enter(company, body).json["duplicate"] is True
        assert enter(company, {**body, "occurred_at": "2026-01-01T11:00:00Z"}).status == 409

    def test_two_companies_may_use_the_same_id(self, company: Company, rival: Company, queues: Sqs) -> None:
        for one in (company, rival):
            assert enter(one, form(seller_external_id="anna")).json["duplicate"] is False
        assert (company.count("sales_events"), rival.count("sales_events")) == (1, 1)


class TestRefusals:
    @pytest.mark.parametrize("role", ["watcher"])
    def test_who_only_watches_enters_nothing(self, company: Company, role: str) -> None:
        _, token = company.person(role)
        assert enter(company, form(), token).status == 403
        assert enter(company, form(), company.ingest_key).status == 403
        assert company.count("sales_events") == 0

    def test_a_seller_enters_for_itself_only(self, company: Company, queues: Sqs) -> None:
        _, anna = company.person("seller", "anna")
        _, nobody = company.person("seller")
        refused = enter(company, form(seller_external_id="ben"), anna)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
        assert "itself only" in refused.json["error"]
        assert enter(company, form(seller_external_id="anna"), nobody).status == 403
        assert enter(company, form(seller_external_id="Anna"), anna).status == 202

    def test_without_a_seller_or_an_id_it_says_what_to_do(self, company: Company, queues: Sqs) -> None:
        answer = enter(company, form(external_event_id=" "))
        assert answer.status == 400
        assert [problem["field"] for problem in answer.json["details"]] == [
            "external_event_id",
            "seller_external_id",
        ]
        assert "double click" in answer.json["details"][0]["message"]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"customer_name": ""}, "customer_name"),
            ({"customer_name": "a\0"}, "customer_name"),
            ({"sell_price": "-1"}, "sell_price"),
            ({"sell_price": ""}, "sell_price"),
            ({"occurred_at": "yesterday"}, "occurred_at"),
            ({"occurred_at": None}, "occurred_at"),
            ({"occurred_at": "2999-01-01T00:00:00Z"}, "occurred_at"),
            ({"currency": "XXX"}, "currency"),
            ({"sale_id": "x" * 256}, "sale_id"),
            ({"seller_external_id": 7}, "seller_external_id"),
            ({"notes": "x" * 2001}, "notes"),
        ],
    )
    def test_a_wrong_field_is_named(self, company: Company, fields: dict[str, Any], field: str) -> None:
        answer = enter(company, form(**{"seller_external_id": "anna", **fields}))
        assert (answer.status, [p["field"] for p in answer.json["details"]]) == (400, [field])

    @pytest.mark.parametrize("body", [b"", b"[]", b"7", b'"x"', b"{", b'{"customer_name": "\xff"}'])
    def test_what_is_no_object_is_a_400(self, company: Company, body: bytes) -> None:
        assert enter(company, body).status == 400

    def test_strange_text_arrives_as_it_was(self, company: Company, queues: Sqs) -> None:
        name = "<script>alert('\U0001f37a')</script> \u202e%s{}"
        assert enter(company, form(seller_external_id="anna", customer_name=name)).status == 202
        doors.sqs(processor, queues.take("sales-events"))
        (told,) = company.rows("select payload from wr.events")
        assert told["payload"]["customerName"] == name

    def test_an_unknown_product_waits_to_be_corrected(self, company: Company, queues: Sqs) -> None:
        enter(company, form(seller_external_id="anna", product_sku="nothing"))
        doors.sqs(processor, queues.take("sales-events"))
        assert company.rows("select failure from wr.sales_events") == [{"failure": "unknown_product"}]

    def test_a_body_that_is_too_large_is_not_read(self, company: Company) -> None:
        body = json.dumps(form(notes="x" * 110_000)).encode()
        assert enter(company, body).status == 413
