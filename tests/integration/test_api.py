"""The rest of the API through its HTTP door: who may do what, and what everyone then sees."""

import time
from contextlib import AbstractContextManager
from typing import Any

import pytest

from functions.api import health
from functions.api.app import ROUTES, handler
from functions.ingestion.app import handler as ingestion
from tests import clock, doors
from tests.conftest import forget_process_state
from tests.doors import Answer
from tests.factories import Company, Database
from winroom import db
from winroom import health as hearts
from winroom.settings import settings
from winroom.web import lambda_handler


def call(company: Company, method: str, path: str, body: object = None, **more: Any) -> Answer:
    return doors.http(handler, method, path, body, key=company.full_key, **more)


class TestEveryRoute:
    def test_an_unknown_path_is_a_404_in_our_shape(self) -> None:
        answer = doors.http(handler, "GET", "/nowhere", headers={"X-Request-ID": "r"})
        assert answer.status == 404
        assert answer.json == {"error": "Not found", "code": "not_found", "requestId": "r"}

    def test_a_foreign_origin_is_not_let_in_unless_it_is_listed(
        self, company: Company, environment: pytest.MonkeyPatch
    ) -> None:
        origin = {"Origin": "https://crm.example", "Access-Control-Request-Method": "GET"}
        refused = call(company, "GET", "/api/products", headers=origin)
        assert "access-control-allow-origin" not in refused.headers
        environment.setenv("ALLOWED_ORIGINS", "https://crm.example https://other.example")
        settings.cache_clear()
        opened = lambda_handler(ROUTES)
        allowed = doors.http(opened, "GET", "/api/products", key=company.full_key, headers=origin)
        assert allowed.status == 200
        assert allowed.headers["access-control-allow-origin"] == "https://crm.example"
        assert "Retry-After" in allowed.headers["access-control-expose-headers"]
        preflight = doors.http(opened, "OPTIONS", "/api/products", headers=origin)
        assert preflight.status == 200
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
        stranger = {**origin, "Origin": "https://evil.example"}
        assert doors.http(opened, "OPTIONS", "/api/products", headers=stranger).status == 400

    def test_a_bug_is_a_500_without_internals(
        self, company: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("winroom.products.page", lambda *_: 1 / 0)
        answer = call(company, "GET", "/api/products", headers={"X-Request-ID": "r"})
        assert answer.status == 500
        assert answer.json == {
            "error": "Internal server error",
            "code": "internal_error",
            "requestId": "r",
        }
        assert company.rows("select status_code from wr.api_audit_log") == [{"status_code": 500}]

    def test_a_request_that_cannot_be_audited_is_still_answered(
        self, company: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("winroom.audit.note", lambda *_: 1 / 0)
        answer = call(company, "POST", "/api/products", {})
        assert (answer.status, answer.json["code"]) == (400, "invalid")

    def test_reads_have_a_limit_of_their_own_for_each_caller(
        self, company: Company, database: Database
    ) -> None:
        clock.stay_in_a_minute()
        answer = call(company, "GET", "/api/products")
        assert answer.headers["x-ratelimit-limit"] == "300"
        assert answer.headers["ratelimit-policy"] == '"people";q=300;w=60'
        database.execute("update wr.rate_counters set hits = 300")
        assert call(company, "GET", "/api/products").status == 429
        # The CRM does not feel it.
        assert doors.http(ingestion, "GET", "/api/events", key=company.ingest_key).status == 200


class TestTicket:
    def test_a_ticket_is_single_use_and_for_this_room(self, company: Company, database: Database) -> None:
        answer = call(company, "POST", "/api/realtime/ticket")
        assert answer.status == 200
        assert answer.json["url"] == "ws://127.0.0.1:9/ws"
        assert answer.json["expiresIn"] == 60
        (row,) = company.rows("select tenant_id, rendering, api_key_id from wr.tickets")
        assert (row["tenant_id"], row["rendering"]) == (company.tenant_id, "full")
        assert row["api_key_id"] is not None


class TestHealth:
    @pytest.fixture(autouse=True)
    def fresh(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(health, "_last", None)
        monkeypatch.setattr(health, "_pending", None)
        # A busy machine is not what these are about.
        monkeypatch.setattr(health, "_PATIENCE", 5.0)

    def test_alive_touches_nothing(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nowhere")
        answer = doors.http(handler, "GET", "/health")
        assert (answer.status, answer.json) == (200, {"status": "ok"})

    def test_healthy_says_so_without_a_key(self, company: Company, database: Database) -> None:
        database.execute("update wr.heartbeats set beat_at = now()")
        answer = doors.http(handler, "GET", "/api/health")
        assert answer.status == 200
        assert answer.json["status"] == "healthy"
        assert answer.json["version"] == "test"
        assert answer.json["services"] == {
            "database": "healthy",
            "processor": "healthy",
            "socket": "healthy",
        }

    def test_a_heart_that_is_silent_for_three_minutes_degrades(
        self, company: Company, database: Database
    ) -> None:
        database.execute("update wr.heartbeats set beat_at = now() - interval '4 minutes'")
        with database.operator() as conn:
            hearts.beat(conn, "socket")
        answer = doors.http(handler, "GET", "/api/health")
        assert answer.status == 503
        assert answer.json["status"] == "degraded"
        assert answer.json["services"]["processor"] == "unhealthy"
        assert answer.json["services"]["socket"] == "healthy"

    def test_the_answer_is_remembered_for_a_moment(self, company: Company, database: Database) -> None:
        database.execute("update wr.heartbeats set beat_at = now()")
        doors.http(handler, "GET", "/api/health")
        database.execute("update wr.heartbeats set beat_at = now() - interval '4 minutes'")
        assert doors.http(handler, "GET", "/api/health").status == 200

    def test_a_process_that_has_just_started_may_take_its_time_to_connect(
        self, company: Company, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database.execute("update wr.heartbeats set beat_at = now()")
        monkeypatch.setattr(health, "_PATIENCE", 0.08)
        connect = db.open_session

        def slowly() -> AbstractContextManager[db.Connection]:
            time.sleep(0.2)
            return connect()

        monkeypatch.setattr(db, "open_session", slowly)
        assert doors.http(handler, "GET", "/api/health").status == 200
        monkeypatch.setattr(health, "_last", None)
        assert doors.http(handler, "GET", "/api/health").status == 503

    def test_an_absent_database_is_told_within_100_milliseconds(
        self, company: Company, environment: pytest.MonkeyPatch
    ) -> None:
        doors.http(handler, "GET", "/api/health")
        environment.setattr(health, "_last", None)
        environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nowhere")
        environment.setattr(health, "_PATIENCE", 0.08)
        forget_process_state()
        began = time.perf_counter()
        answer = doors.http(handler, "GET", "/api/health")
        assert time.perf_counter() - began < 0.3  # 0.1 on a machine that does nothing else
        assert answer.status == 503
        assert answer.json["services"] == {
            "database": "unhealthy",
            "processor": "unknown",
            "socket": "unknown",
        }
