"""Sale events through the HTTP door: what is accepted is durable; what is refused says why."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from functions.ingestion.app import handler
from tests import clock, doors
from tests.crm import get, post
from tests.doors import Sqs
from tests.factories import Company, Database, sale


class TestAccepted:
    def test_an_accepted_sale_is_durable_and_on_its_way(self, company: Company, queues: Sqs) -> None:
        began = datetime.now(UTC)
        body = sale(sale_id="ext-1", seller_external_id=" Anna ")
        answer = post(company, body, headers={"X-Request-ID": "crm-77"})
        assert answer.status == 202
        assert answer.json == {
            "eventId": answer.json["eventId"],
            "status": "pending",
            "message": "Event received and queued for processing",
            "duplicate": False,
        }
        (event,) = company.rows("select event_id, status, payload from wr.sales_events")
        assert str(event["event_id"]) == answer.json["eventId"]
        assert event["payload"]["seller_external_id"] == "anna"
        assert company.rows("select seller_id from wr.sellers") == [{"seller_id": "anna"}]
        (message,) = queues.sent
        told = json.loads(message["MessageBody"])
        assert (told["event_id"], told["trace"]) == (answer.json["eventId"], "crm-77")
        assert began <= datetime.fromisoformat(told["received_at"]) <= datetime.now(UTC)
        assert message["MessageGroupId"] == told["tenant_id"] == str(company.tenant_id)

    def test_the_name_of_version_one_is_accepted(self, company: Company, queues: Sqs) -> None:
        assert post(company, sale(sell_price=None, amount=1800.5)).status == 202
        (event,) = company.rows("select payload from wr.sales_events")
        assert event["payload"]["sell_price"] == "1800.50"

    def test_unknown_fields_and_blank_optional_ones_are_ignored(self, company: Company, queues: Sqs) -> None:
        assert post(company, sale(hubspot_deal=7, notes="", product_id=" ")).status == 202
        (event,) = company.rows("select payload from wr.sales_events")
        assert not {"hubspot_deal", "notes", "product_id"} & set(event["payload"])

    def test_every_limit_header_and_the_request_id_are_answered(self, company: Company, queues: Sqs) -> None:
        answer = post(company, sale(), headers={"X-Request-ID": "crm-77", "X-API-Version": "1"})
        assert answer.headers["x-request-id"] == "crm-77"
        assert answer.headers["x-api-version"] == "1"
        assert answer.headers["x-ratelimit-limit"] == "10000"
        assert answer.headers["x-ratelimit-remaining"] == "9999"
        assert 0 < int(answer.headers["x-ratelimit-reset"]) - time.time() <= 60
        assert answer.headers["ratelimit-policy"] == '"ingestion";q=10000;w=60'
        told, _, seconds = answer.headers["ratelimit"].rpartition("=")
        assert told == '"ingestion";r=9999;t'
        assert abs(int(answer.headers["x-ratelimit-reset"]) - time.time() - int(seconds)) <= 2

    @pytest.mark.parametrize("request_id", ["x" * 129, "two words", "tab\there", ""])
    def test_a_request_id_that_is_not_sane_is_replaced(
        self, company: Company, queues: Sqs, request_id: str
    ) -> None:
        answer = post(company, sale(), headers={"X-Request-ID": request_id})
        assert answer.headers["x-request-id"] not in ("", request_id)

    def test_the_request_leaves_an_audit_row_without_secrets(self, company: Company, queues: Sqs) -> None:
        post(company, sale(notes="confidential"), headers={"X-Request-ID": "r-1"})
        (row,) = company.rows("select * from wr.api_audit_log")
        assert (row["endpoint"], row["http_method"], row["status_code"]) == (
            "/api/events",
            "POST",
            202,
        )
        assert (str(row["request_ip"]), row["user_agent"], row["request_id"]) == (
            "203.0.113.7",
            "pytest",
            "r-1",
        )
        assert row["api_key_id"] is not None
        assert company.ingest_key not in str(row)
        assert "confidential" not in str(row)

    def test_a_refused_send_does_not_refuse_the_sale(self, company: Company, queues: Sqs) -> None:
        queues.is_down = True
        assert post(company, sale()).status == 202
        assert company.count("sales_events") == 1

    def test_a_key_is_not_logged(
        self, company: Company, queues: Sqs, capsys: pytest.CaptureFixture[str]
    ) -> None:
        post(company, sale(notes="confidential"))
        post(company, b"{")
        logged = capsys.readouterr().out
        assert "handled" in logged
        assert company.ingest_key not in logged
        assert "confidential" not in logged


class TestRefused:
    @pytest.mark.parametrize(
        ("changes", "field", "message"),
        [
            ({"sale_id": None}, "sale_id", "sale_id is required"),
            ({"sale_id": 7}, "sale_id", "sale_id must be a string"),
            ({"sale_id": "x" * 256}, "sale_id", "sale_id must be at most 255 characters long"),
            ({"sale_id": "a\0b"}, "sale_id", "sale_id must not contain the NUL character"),
            ({"customer_name": "   "}, "customer_name", "customer_name must not be empty"),
            ({"sell_price": None}, "sell_price", "sell_price is required"),
            ({"sell_price": 0}, "sell_price", "sell_price must be greater than 0"),
            ({"sell_price": -3}, "sell_price", "sell_price must be greater than 0"),
            # Beyond what rounding to cents can hold, and below what is allowed.
            ({"sell_price": -1e30}, "sell_price", "sell_price must be greater than 0"),
            ({"sell_price": "-" + "9" * 40}, "sell_price", "sell_price must be greater than 0"),
            ({"cost_price": -1e30}, "cost_price", "cost_price must be at least 0"),
            ({"sell_price": True}, "sell_price", "sell_price must be a number"),
            ({"sell_price": "cheap"}, "sell_price", "sell_price must be a number"),
            ({"sell_price": "1_000"}, "sell_price", "sell_price must be a number"),
            ({"sell_price": "\u0665"}, "sell_price", "sell_price must be a number"),
            ({"sell_price": 1e300}, "sell_price", "sell_price must be at most 9999999999.99"),
            ({"sell_price": "NaN"}, "sell_price", "sell_price must be a number"),
            ({"sell_price": 1.005}, "sell_price", "sell_price must have at most 2 decimal"),
            ({"sell_price": 1e10}, "sell_price", "sell_price must be at most 9999999999.99"),
            ({"sell_price": "1e400"}, "sell_price", "sell_price must be a number"),
            ({"cost_price": -1}, "cost_price", "cost_price must be at least 0"),
            ({"occurred_at": 1767225600}, "occurred_at", "occurred_at must be a valid ISO 8601"),
            ({"occurred_at": "2026-01-01"}, "occurred_at", "occurred_at must be a valid ISO 8601"),
            (
                {"occurred_at": "2026-01-01T10:00:00"},
                "occurred_at",
                "occurred_at must be a valid ISO 8601",
            ),
            (
                {"occurred_at": "2999-01-01T00:00:00Z"},
                "occurred_at",
                "occurred_at must not be more than 5 minutes in the future",
            ),
            (
                {"occurred_at": "0001-01-01T00:00:00+14:00"},
                "occurred_at",
                "occurred_at is too far in the past",
            ),
            ({"currency": "XXX"}, "currency", "currency must be one of: 'USD', 'EUR', 'GBP' or"),
            ({"product_id": "chair"}, "product_id", "product_id must be a UUID"),
            (
                {"seller_external_id": "\u0130" * 200},
                "seller_external_id",
                "seller_external_id must be at most 255",
            ),
            ({"notes": "x" * 2001}, "notes", "notes must be at most 2000 characters long"),
        ],
    )
    def test_a_wrong_field_is_named(
        self, company: Company, queues: Sqs, changes: dict[str, Any], field: str, message: str
    ) -> None:
        body = {**sale(), **changes}
        answer = post(company, {name: value for name, value in body.items() if value is not None})
        assert answer.status == 400
        assert answer.json["error"] == "Validation failed"
        assert answer.json["code"] == "invalid"
        (problem,) = answer.json["details"]
        assert problem["field"] == field
        assert problem["message"].startswith(message)
        assert company.count("sales_events") == 0
        assert company.rows("select status_code, error_message from wr.api_audit_log") == [
            {"status_code": 400, "error_message": "invalid"}
        ]

    def test_every_wrong_field_is_named_at_once(self, company: Company, queues: Sqs) -> None:
        details = post(company, {"sell_price": -1}).json["details"]
        assert {problem["field"] for problem in details} == {
            "sale_id",
            "occurred_at",
            "customer_name",
            "sell_price",
            "seller_external_id",
        }

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"text"',
            b"\xff\xfe\x00binary",
            b'{"sell_price": NaN}',
            b'{"sale_id": "\\ud800"}',
            b"[" * 50_000,
            b'{"sell_price": 1' + b"0" * 50_000 + b"}",
        ],
        ids=lambda body: repr(body[:12]),
    )
    def test_a_body_that_is_no_json_object_is_refused(
        self, company: Company, queues: Sqs, body: bytes
    ) -> None:
        answer = post(company, body)
        assert answer.status == 400
        assert answer.json["requestId"]
        assert company.count("sales_events") == 0

    def test_a_huge_body_is_refused_before_it_is_parsed(self, company: Company, queues: Sqs) -> None:
        answer = post(company, b"{" * (100 * 1024 + 1))
        assert (answer.status, answer.json["code"]) == (413, "too_large")
        assert "100 KB" in answer.json["error"]

    @pytest.mark.parametrize("headers", [{"content-type": "text/plain"}, {"content-encoding": "gzip"}])
    def test_another_content_type_or_encoding_is_refused(
        self, company: Company, queues: Sqs, headers: dict[str, str]
    ) -> None:
        assert post(company, sale(), headers=headers).status == 415
        assert company.count("sales_events") == 0

    def test_another_version_is_refused(self, company: Company, queues: Sqs) -> None:
        assert post(company, sale(), headers={"X-API-Version": "2"}).status == 400

    def test_a_path_with_a_slash_too_many_is_not_redirected(self, company: Company) -> None:
        answer = doors.http(handler, "POST", "/api/events/", sale(), key=company.ingest_key)
        assert (answer.status, answer.json["code"]) == (404, "not_found")

    def test_an_unknown_method_is_told_what_is_allowed(self, company: Company) -> None:
        answer = doors.http(handler, "DELETE", "/api/events", key=company.ingest_key)
        assert answer.status == 405
        assert {m.strip() for m in answer.headers["allow"].split(",")} == {"GET", "HEAD", "POST"}
        assert answer.json["code"] == "method_not_allowed"


class TestKeys:
    @pytest.mark.parametrize(
        "authorization",
        [
            "",
            "Bearer",
            "Bearer ",
            "Basic dTpw",
            "Bearer wr_live_unknown",
            "Bearer \x00",
            "x" * 9000,
        ],
    )
    def test_without_a_live_key_nothing_is_accepted(
        self, company: Company, queues: Sqs, authorization: str
    ) -> None:
        answer = doors.http(handler, "POST", "/api/events", sale(), headers={"Authorization": authorization})
        assert answer.status == 401
        assert answer.json["error"] == "Invalid or missing API token"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert company.count("sales_events") == 0

    def test_a_revoked_key_is_dead_within_a_minute(
        self, company: Company, queues: Sqs, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert post(company, sale()).status == 202
        database.execute("update wr.api_keys set revoked_at = now()")
        now = time.time()
        monkeypatch.setattr("winroom.callers.time.time", lambda: now + 61)
        assert post(company, sale()).status == 401

    def test_a_key_writes_into_its_own_company_only(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        post(company, sale(sale_id="same"))
        post(rival, sale(sale_id="same"))
        assert company.count("sales_events") == rival.count("sales_events") == 1


class TestLimit:
    def test_a_client_that_waits_retry_after_succeeds(
        self, company: Company, queues: Sqs, database: Database
    ) -> None:
        company.set(ingestion_per_minute=2)
        clock.stay_in_a_minute()
        assert [post(company, sale()).status for _ in range(3)] == [202, 202, 429]
        answer = post(company, sale())
        assert answer.json["error"] == "Rate limit exceeded"
        assert answer.json["retryAfter"] == int(answer.headers["retry-after"])
        assert 0 < answer.json["retryAfter"] <= 60
        assert answer.headers["x-ratelimit-remaining"] == "0"
        assert company.count("sales_events") == 2
        # A minute passes.
        database.execute("update wr.rate_counters set minute = minute - interval '1 minute'")
        assert post(company, sale()).status == 202

    def test_a_flood_is_one_audit_row_that_counts(self, company: Company, queues: Sqs) -> None:
        company.set(ingestion_per_minute=1)
        clock.stay_in_a_minute()
        for _ in range(5):
            post(company, sale())
        rows = company.rows("select repeats from wr.api_audit_log where status_code = 429")
        assert rows == [{"repeats": 4}]

    def test_refused_bodies_count_too(self, company: Company, queues: Sqs) -> None:
        company.set(ingestion_per_minute=1)
        clock.stay_in_a_minute()
        assert {post(company, b"{").status for _ in range(4)} == {400, 429}

    def test_forty_clients_at_once_are_let_in_exactly_up_to_the_limit(
        self, company: Company, queues: Sqs
    ) -> None:
        company.set(ingestion_per_minute=100)
        bodies = [sale() for _ in range(300)]
        minute = time.time() // 60
        with ThreadPoolExecutor(40) as threads:
            statuses = [a.status for a in threads.map(lambda body: post(company, body), bodies)]
        assert set(statuses) == {202, 429}
        admitted = statuses.count(202)
        assert admitted == company.count("sales_events")
        assert admitted == 100 if time.time() // 60 == minute else 100 <= admitted <= 200


class TestFate:
    def test_another_companys_event_is_as_unknown_as_any(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        event_id = post(company, sale()).json["eventId"]
        same_id = {"X-Request-ID": "same"}
        foreign = get(rival, f"/api/events/{event_id}", headers=same_id)
        unknown = get(rival, f"/api/events/{uuid4()}", headers=same_id)
        nonsense = get(rival, "/api/events/..%2f..%00", headers=same_id)
        assert foreign.status == 404
        assert foreign.raw == unknown.raw == nonsense.raw
        assert get(company, f"/api/events/{event_id}").json["event"]["status"] == "pending"

    def test_events_are_listed_in_pages_newest_first(self, company: Company, queues: Sqs) -> None:
        sent = [post(company, sale()).json["eventId"] for _ in range(5)]
        seen: list[str] = []
        cursor: str | None = ""
        for _ in range(3):
            page = get(company, f"/api/events?limit=2&status=pending&cursor={cursor}").json
            seen += [event["event_id"] for event in page["events"]]
            cursor = page["nextCursor"]
        assert cursor is None
        assert seen == list(reversed(sent))

    @pytest.mark.parametrize("query", ["limit=0", "limit=x", "status=lost", "cursor=1", "since=7"])
    def test_a_wrong_parameter_is_named(self, company: Company, query: str) -> None:
        answer = get(company, f"/api/events?{query}")
        assert answer.status == 400
        assert answer.json["details"][0]["field"] == query.partition("=")[0]

    def test_since_leaves_out_what_is_older(self, company: Company, queues: Sqs) -> None:
        post(company, sale())
        assert get(company, "/api/events?since=2999-01-01T00:00:00Z").json["events"] == []
        for long_ago in ("2020-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00%2B14:00"):
            assert len(get(company, f"/api/events?since={long_ago}").json["events"]) == 1
