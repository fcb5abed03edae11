"""A company's day by the API alone, on the deployed template: from sign-up to the evening's board."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
from websockets.sync.client import connect

from infra.local.stack import Stack
from tests.e2e.conftest import Room, wait_until
from tests.factories import sale

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Client:
    """Somebody, or some system, with a credential."""

    url: str
    credential: str = ""

    def __call__(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        """The answer's JSON, when it is a success."""
        headers = {"Authorization": f"Bearer {self.credential}"} if self.credential else {}
        headers |= more.pop("headers", {})
        answer = httpx.request(method, self.url + path, json=body, headers=headers, timeout=30, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def log_in(self, tenant: str, email: str, password: str) -> "Client":
        login = {"tenant": tenant, "email": email, "password": password}
        return Client(self.url, self("POST", "/api/session", login)["token"])


def test_a_company_runs_its_day(stack: Stack) -> None:
    began = time.monotonic()
    anyone, slug = Client(stack.http_url), f"day-{uuid4().hex[:12]}"
    signed_up = anyone(
        "POST",
        "/api/tenants",
        {"name": "Day Ltd", "slug": slug, "email": "boss@day.example", "password": PASSWORD},
    )
    crm = Client(stack.http_url, signed_up["api_key"])
    first = sale(seller_external_id="anna", sell_price=300, cost_price=100)
    crm("POST", "/api/events", first)
    assert time.monotonic() - began < 300

    boss = anyone.log_in(slug, "boss@day.example", PASSWORD)
    hired = boss(
        "POST",
        "/api/users",
        {"email": "anna@day.example", "display_name": "Anna", "role": "seller", "seller_id": "anna"},
    )
    anna = anyone.log_in(slug, "anna@day.example", hired["password"])
    display = boss("POST", "/api/displays", {"name": "Hall"})
    wall = Client(stack.http_url, display["token"])
    ticket = wall("POST", "/api/realtime/ticket")
    with connect(f"{ticket['url']}?ticket={ticket['ticket']}", max_queue=None) as socket:
        room = Room(socket)
        room.send({"action": "resume", "after": 0})
        item = room.wait_for(first["sale_id"])["data"]
        assert "margin" not in item

        anna("POST", f"/api/queue/{item['id']}/claim", {"claim_type": "first_touch"})
        room.wait_for(first["sale_id"], "queue.claimed")
        board = wall("GET", "/api/leaderboard?period=today")["leaderboard"]
        assert [(entry["rank"], entry["seller_id"], entry["revenue"]) for entry in board] == [
            (1, "anna", "300.00")
        ]
        made_of = anna("GET", board[0]["claims"])["claims"]
        assert [claim["sale_id"] for claim in made_of] == [first["sale_id"]]
        assert anna("GET", "/api/streak")["count"] == 1

        manual = {**sale(sale_id=None), "external_event_id": f"manual-{uuid4()}"}
        anna("POST", "/api/sales", manual)
        room.wait_for(manual["external_event_id"])

        unknown = sale(product_sku="CHAIR")
        event = crm("POST", "/api/events", unknown)["eventId"]
        failed = until(lambda: boss("GET", "/api/failed-events")["failed_events"])
        assert [one["event_id"] for one in failed] == [event]
        boss("POST", "/api/products", {"name": "Chair", "sku": "CHAIR", "default_cost": 40})
        boss("POST", f"/api/failed-events/{failed[0]['id']}/replay")
        room.wait_for(unknown["sale_id"])

        boss("POST", f"/api/queue/{item['id']}/release", {"reason": "wrong seller"})
        room.wait_for(first["sale_id"], "queue.released")
        assert wall("GET", "/api/leaderboard?period=today")["leaderboard"] == []

        boss("POST", f"/api/displays/{display['id']}/revoke")
        assert room.wait_until_closed(timeout=90) < 90
    entries = boss("GET", "/api/audit?limit=100")["audit"]
    assert {"/api/events", "/api/queue/{queue_id}/claim", "/api/session"} <= {e["endpoint"] for e in entries}


def test_a_file_of_two_thousand_sales_is_imported_once(stack: Stack) -> None:
    anyone, slug = Client(stack.http_url), f"csv-{uuid4().hex[:12]}"
    anyone(
        "POST",
        "/api/tenants",
        {"name": "Csv Ltd", "slug": slug, "email": "boss@csv.example", "password": PASSWORD},
    )
    boss = anyone.log_in(slug, "boss@csv.example", PASSWORD)
    rows = [f"old-{n},Customer {n},{n}.50,2026-01-02 03:04:05.{n:06}+00" for n in range(1, 2001)]
    file = "\n".join(["sale_id,customer_name,sell_price,occurred_at", *rows, "old-0,Nobody,-1,2026-01-02"])
    options = "default_seller=anna&default_currency=EUR&file_name=queue_export.csv"

    def upload(more: str = "") -> Any:
        return boss(
            "POST",
            f"/api/imports?{options}{more}",
            content=file.encode(),
            headers={"Content-Type": "text/csv"},
        )

    tried = upload("&dry_run=true")
    assert (tried["rows"], tried["new"], tried["bad"]) == (2001, 2000, 1)
    assert boss("GET", "/api/queue")["queue"] == []
    outcomes = []
    for _ in range(2):
        done = until(partial(finished, boss, upload()["import"]["id"]))
        outcomes.append((done["accepted"], done["duplicates"], done["bad"]))
    assert outcomes == [(2000, 0, 1), (0, 2000, 1)]
    found = boss("GET", "/api/queue?q=old-2000")["queue"]
    assert [(i["sell_price"], i["currency"], i["seller_id"]) for i in found] == [("2000.50", "EUR", "anna")]


def finished(boss: Client, import_id: str) -> Any:
    started = boss("GET", f"/api/imports/{import_id}")["import"]
    return started if started["status"] == "done" else None


def until(answer: Callable[[], Any]) -> Any:
    """What is answered, once there is something."""
    found: Any = None

    def is_there() -> bool:
        nonlocal found
        found = answer()
        return bool(found)

    wait_until(is_there)
    return found


def test_the_reference_is_served(stack: Stack) -> None:
    document = httpx.get(f"{stack.http_url}/api/openapi.json", timeout=30)
    assert json.loads(document.text)["openapi"].startswith("3.1")
    page = httpx.get(f"{stack.http_url}/api/docs", timeout=30)
    assert page.headers["content-type"].startswith("text/html")
    assert "/api/queue/{queue_id}/claim" in page.text
