"""The rest of the API through its HTTP door: who may do what, and what everyone then sees."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from functions.api import health
from functions.api.app import ROUTES, app, handler
from functions.ingestion.app import handler as ingestion
from functions.processor.app import handler as processor
from tests import doors
from tests.conftest import forget_process_state
from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale
from winroom import health as hearts
from winroom.settings import settings
from winroom.web import lambda_handler


def call(company: Company, method: str, path: str, body: object = None, **more: Any) -> Answer:
    return doors.http(handler, method, path, body, key=company.full_key, **more)


def enqueue(company: Company, queues: Sqs, *sales: dict[str, Any]) -> list[dict[str, Any]]:
    """Puts sales into the queue; returns them as the API lists them, newest first."""
    for body in sales:
        doors.http(ingestion, "POST", "/api/events", body, key=company.ingest_key)
    assert doors.sqs(processor, queues.take("sales-events")) == []
    queues.take("room.fifo")
    items: list[dict[str, Any]] = call(company, "GET", "/api/queue").json["queue"]
    return items


def claim(company: Company, item_id: object, seller: str, claim_type: str = "upsell") -> Answer:
    body = {"seller_id": seller, "claim_type": claim_type}
    return call(company, "POST", f"/api/queue/{item_id}/claim", body)


class TestEveryRoute:
    @pytest.mark.parametrize(
        "route", [r for r in ROUTES if r.role is not None], ids=lambda r: f"{r.method} {r.path}"
    )
    def test_asks_for_a_key_and_for_its_role(self, company: Company, route: Any) -> None:
        path = route.path.replace("{queue_id}", str(uuid4()))
        without = doors.http(handler, route.method, path, {})
        assert without.status == 401
        ingest = doors.http(handler, route.method, path, {}, key=company.ingest_key)
        assert (ingest.status, ingest.json["code"]) == (403, "forbidden")
        assert company.rows("select status_code, endpoint from wr.api_audit_log") == [
            {"status_code": 403, "endpoint": route.path}
        ]

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
        opened = lambda_handler(app)
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
        answer = call(company, "GET", "/api/products")
        assert answer.headers["x-ratelimit-limit"] == "300"
        assert answer.headers["ratelimit-policy"] == '"people";q=300;w=60'
        database.execute("update wr.rate_counters set hits = 300")
        assert call(company, "GET", "/api/products").status == 429
        # The CRM does not feel it.
        assert doors.http(ingestion, "GET", "/api/events", key=company.ingest_key).status == 200


class TestProducts:
    def test_a_product_is_created_and_listed_by_name(self, company: Company, rival: Company) -> None:
        desk = call(company, "POST", "/api/products", {"name": " Desk ", "category": "office"})
        chair = call(company, "POST", "/api/products", {"name": "Chair", "default_cost": 80})
        assert (desk.status, chair.status) == (201, 201)
        assert chair.json["default_cost"] == "80.00"
        listed = call(company, "GET", "/api/products").json
        assert listed == {"products": [chair.json, desk.json], "nextCursor": None}
        assert call(rival, "GET", "/api/products").json["products"] == []

    def test_names_and_skus_are_unique_in_a_company(self, company: Company, rival: Company) -> None:
        first = {"name": "Chair", "sku": "C"}
        assert call(company, "POST", "/api/products", first).status == 201
        assert call(rival, "POST", "/api/products", first).status == 201
        same_name = call(company, "POST", "/api/products", {"name": "Chair"})
        same_sku = call(company, "POST", "/api/products", {"name": "Stool", "sku": "C"})
        assert (same_name.status, same_sku.status) == (409, 409)
        assert "name" in same_name.json["error"]
        assert "SKU" in same_sku.json["error"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "name"),
            ({"name": ""}, "name"),
            ({"name": "x" * 256}, "name"),
            ({"name": "x", "default_cost": -1}, "default_cost"),
            ({"name": "x", "default_cost": []}, "default_cost"),
            ({"name": "x", "sku": "s" * 101}, "sku"),
        ],
    )
    def test_a_wrong_field_is_named(self, company: Company, body: dict[str, Any], field: str) -> None:
        answer = call(company, "POST", "/api/products", body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)
        assert company.count("products") == 0

    def test_products_come_in_pages(self, company: Company) -> None:
        for name in "cabde":
            call(company, "POST", "/api/products", {"name": name})
        names: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = call(company, "GET", f"/api/products?limit=2&cursor={cursor}").json
            names += [product["name"] for product in page["products"]]
            cursor = page["nextCursor"]
        assert names == list("abcde")


class TestQueue:
    def test_items_are_listed_newest_first_with_the_rooms_number(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        enqueue(
            company,
            queues,
            sale(sale_id="old", occurred_at="2026-01-01T00:00:00Z", cost_price=40),
            sale(sale_id="new", occurred_at="2026-01-02T00:00:00Z"),
        )
        answer = call(company, "GET", "/api/queue").json
        assert [item["sale_id"] for item in answer["queue"]] == ["new", "old"]
        assert (answer["seq"], answer["nextCursor"]) == (2, None)
        old = answer["queue"][1]
        assert (old["sell_price"], old["margin_amount"], old["margin_pct"]) == (
            "100.00",
            "60.00",
            "60.00",
        )
        assert old["occurred_at"] == "2026-01-01T00:00:00Z"
        assert call(rival, "GET", "/api/queue").json["queue"] == []

    def test_it_is_filtered_searched_and_paged(self, company: Company, queues: Sqs) -> None:
        enqueue(
            company,
            queues,
            sale(sale_id="1", customer_name="Ada Lovelace"),
            sale(sale_id="2", customer_name="ADAM", seller_external_id="ben"),
            sale(sale_id="3", customer_name="100% real_"),
            sale(sale_id="4", customer_name="\u0130pek \u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3"),
        )

        def found(query: str) -> set[str]:
            answer = call(company, "GET", f"/api/queue?{query}")
            assert answer.status == 200, answer.raw
            return {item["sale_id"] for item in answer.json["queue"]}

        assert found("q=ada") == {"1", "2"}
        assert found("q=ada&seller=Ben") == {"2"}
        assert found("q=%C4%B0pek") == {"4"}
        assert found("q=100%25") == {"3"}
        assert found("q=%25") == found("q=_") == set()
        assert found("q=3") == {"3"}
        assert found("status=claimed") == set()
        assert found(f"product={uuid4()}") == set()
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = call(company, "GET", f"/api/queue?limit=1&cursor={cursor}").json
            seen += [item["sale_id"] for item in page["queue"]]
            cursor = page["nextCursor"]
        assert sorted(seen) == ["1", "2", "3", "4"]

    @pytest.mark.parametrize(
        "query", ["status=lost", "limit=101", "cursor=x", "product=x", "q=%00", "seller=%00"]
    )
    def test_a_wrong_parameter_is_named(self, company: Company, query: str) -> None:
        answer = call(company, "GET", f"/api/queue?{query}")
        assert answer.status == 400
        assert answer.json["details"][0]["field"] == query.partition("=")[0]


class TestClaim:
    def test_a_claim_takes_the_item_and_tells_the_room(self, company: Company, queues: Sqs) -> None:
        (item,) = enqueue(company, queues, sale(sale_id="a", cost_price=60))
        answer = claim(company, item["id"], "Anna")
        assert answer.status == 200
        assert answer.json["success"] is True
        assert answer.json["claim"]["claimed_by"] == "anna"
        assert call(company, "GET", "/api/queue").json["queue"] == []
        told = company.rows("select seq, type, actor, payload from wr.events order by seq")[-1]
        assert (told["seq"], told["type"]) == (2, "queue.claimed")
        assert told["actor"].startswith("key:")
        assert (told["payload"]["sellerId"], told["payload"]["margin"]) == ("anna", "40.00")
        assert len(queues.bodies("room.fifo")) == 1

    def test_the_winner_repeating_itself_gets_its_claim_again(self, company: Company, queues: Sqs) -> None:
        (item,) = enqueue(company, queues, sale())
        first, again = (claim(company, item["id"], "anna") for _ in range(2))
        assert (first.status, again.status) == (200, 200)
        assert first.json == again.json
        assert claim(company, item["id"], "anna", "retention").status == 409
        assert company.count("claims") == 1

    def test_of_many_at_once_exactly_one_wins_each_item(self, company: Company, queues: Sqs) -> None:
        sellers = ["anna", "ben", "cem", "dora"]
        items = enqueue(company, queues, *(sale(seller_external_id=s) for s in sellers))
        tries = [(item["id"], seller) for item in items for seller in sellers * 3]
        with ThreadPoolExecutor(24) as threads:
            answers = list(threads.map(lambda one: claim(company, *one), tries))
        assert {a.status for a in answers} == {200, 409}
        won = {
            (a.json["claim"]["queue_id"], a.json["claim"]["claimed_by"]) for a in answers if a.status == 200
        }
        assert len(won) == len(items)
        held = company.rows(
            "select q.queue_id, q.assigned_seller_id, c.claimed_by from wr.queue q"
            " join wr.claims c using (queue_id)"
        )
        assert {(str(h["queue_id"]), h["assigned_seller_id"]) for h in held} == won
        assert all(h["assigned_seller_id"] == h["claimed_by"] for h in held)

    def test_an_excluded_item_is_not_claimed(self, company: Company, queues: Sqs) -> None:
        alike = {"occurred_at": "2026-01-01T00:00:00Z", "customer_name": "Ada"}
        enqueue(company, queues, sale(**alike), sale(**alike))
        (excluded,) = call(company, "GET", "/api/queue?status=excluded").json["queue"]
        answer = claim(company, excluded["id"], "anna")
        assert answer.status == 409
        assert "excluded" in answer.json["error"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"claim_type": "upsell"}, "seller_id"),
            ({"seller_id": "nobody", "claim_type": "upsell"}, "seller_id"),
            ({"seller_id": "a\0b", "claim_type": "upsell"}, "seller_id"),
            ({"seller_id": "anna", "claim_type": "gift"}, "claim_type"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_changes(
        self, company: Company, queues: Sqs, body: dict[str, Any], field: str
    ) -> None:
        (item,) = enqueue(company, queues, sale())
        answer = call(company, "POST", f"/api/queue/{item['id']}/claim", body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)
        assert company.count("claims") == 0

    def test_another_companys_item_and_seller_are_as_unknown_as_any(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        (item,) = enqueue(company, queues, sale())
        enqueue(rival, queues, sale(seller_external_id="rita"))
        body = {"seller_id": "rita", "claim_type": "upsell"}
        same_id = {"X-Request-ID": "same"}
        answers = [
            call(rival, "POST", f"/api/queue/{target}/claim", body, headers=same_id)
            for target in (item["id"], uuid4(), "no-id")
        ]
        assert {a.status for a in answers} == {404}
        assert len({a.raw for a in answers}) == 1
        assert claim(company, item["id"], "rita").status == 400
        assert company.count("claims") == rival.count("claims") == 0

    def test_a_room_that_could_not_be_woken_costs_no_claim(self, company: Company, queues: Sqs) -> None:
        (item,) = enqueue(company, queues, sale())
        queues.is_down = True
        assert claim(company, item["id"], "anna").status == 200


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

    def test_healthy_says_so_without_a_key(self, company: Company) -> None:
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
        doors.http(handler, "GET", "/api/health")
        database.execute("update wr.heartbeats set beat_at = now() - interval '4 minutes'")
        assert doors.http(handler, "GET", "/api/health").status == 200

    def test_an_absent_database_is_told_within_100_milliseconds(
        self, company: Company, environment: pytest.MonkeyPatch
    ) -> None:
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
