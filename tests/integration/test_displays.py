"""Displays: links for screens on the wall, which watch the room without margins and change nothing."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from functions.api.app import ROUTES, handler
from functions.ingestion.app import ROUTES as INGESTION
from functions.ingestion.app import handler as ingestion
from functions.maintenance.app import handler as maintenance
from functions.processor.app import handler as processor
from tests import doors
from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale
from tests.gateway import Client, Gateway
from tests.rooms import publish
from winroom import callers, displays
from winroom.callers import Role
from winroom.routes import Route


def call(token: str, method: str, path: str = "", body: object = None, **more: Any) -> Answer:
    return doors.http(handler, method, f"/api/displays{path}", body, key=token, **more)


def made(company: Company, name: str = "Hall") -> dict[str, Any]:
    answer = call(company.full_key, "POST", body={"name": name})
    assert answer.status == 201, answer.raw
    display: dict[str, Any] = answer.json
    return display


def listed(company: Company, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(company.full_key, "GET", query).json["displays"]
    return found


def ticket(token: str) -> Answer:
    return doors.http(handler, "POST", "/api/realtime/ticket", key=token)


def joined(gateway: Gateway, token: str) -> Client:
    client = Client(gateway)
    assert client.connect({"ticket": ticket(token).json["ticket"]}) == 200
    client.say({"action": "resume"})
    return client


def sweep() -> None:
    maintenance({"job": "sweep"}, doors.context())


class TestMaking:
    def test_a_link_is_shown_once_and_kept_as_a_hash(self, company: Company, database: Database) -> None:
        display = made(company, " Hall ")
        token, path = display.pop("token"), display.pop("path")
        assert token.startswith("wr_wall_")
        assert len(token.removeprefix("wr_wall_")) >= 32
        assert path == f"/wall/{token}"
        assert (display["name"], display["state"], display["revoked_at"]) == ("Hall", "live", None)
        assert listed(company) == [display]
        assert token not in call(company.full_key, "GET").raw
        assert token not in str(database.execute("select * from wr.displays"))

    def test_who_made_it_is_told_by_name(self, company: Company) -> None:
        made(company)
        _, manager = company.person("manager")
        call(manager, "POST", body={"name": "Lobby"})
        assert [d["created_by_name"] for d in listed(company)] == ["Manager", "Office"]

    @pytest.mark.parametrize("name", [None, "", " ", "a\0b", "x" * 101, 7])
    def test_a_wrong_name_is_named(self, company: Company, name: object) -> None:
        answer = call(company.full_key, "POST", body={"name": name})
        assert (answer.status, answer.json["details"][0]["field"]) == (400, "name")
        assert company.count("displays") == 0

    def test_a_company_has_a_hundred_that_work_also_when_many_are_made_at_once(
        self, company: Company, rival: Company
    ) -> None:
        fill(company, displays.AT_MOST - 3)
        with ThreadPoolExecutor(12) as threads:
            answers = list(
                threads.map(lambda _: call(company.full_key, "POST", body={"name": "x"}), range(12))
            )
        assert sorted(a.status for a in answers) == [201] * 3 + [409] * 9
        assert "100 displays" in next(a for a in answers if a.status == 409).json["error"]
        assert made(rival)
        assert call(company.full_key, "POST", f"/{listed(company)[0]['id']}/revoke").status == 200
        assert made(company)


class TestWhoMay:
    @pytest.mark.parametrize("role", ["watcher", "seller"])
    def test_only_managers(self, company: Company, role: str) -> None:
        display = made(company)
        _, token = company.person(role)
        for method, path in (("GET", ""), ("POST", ""), ("POST", f"/{display['id']}/revoke")):
            for who in (token, company.ingest_key, display["token"]):
                assert call(who, method, path, {"name": "Mine"}).status == 403
        assert [d["state"] for d in listed(company)] == ["live"]

    def test_another_companys_display_is_as_unknown_as_any(self, company: Company, rival: Company) -> None:
        foreign = made(rival)
        answers = [
            call(company.full_key, "POST", f"/{target}/revoke", headers={"X-Request-ID": "same"})
            for target in (foreign["id"], uuid4(), "no-id")
        ]
        assert {a.status for a in answers} == {404}
        assert len({a.raw for a in answers}) == 1
        made(company)
        assert listed(company, f"?cursor={foreign['id']}") == listed(company, f"?cursor={uuid4()}") == []
        assert ticket(foreign["token"]).status == 200


class TestList:
    def test_live_ones_come_first_and_in_pages(self, company: Company) -> None:
        first, second, third = (made(company, name)["id"] for name in ("1", "2", "3"))
        call(company.full_key, "POST", f"/{third}/revoke")
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = call(company.full_key, "GET", f"?limit=1&cursor={cursor}").json
            seen += [display["id"] for display in page["displays"]]
            cursor = page["nextCursor"]
        assert seen == [second, first, third]

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=x"])
    def test_a_wrong_parameter_is_named(self, company: Company, query: str) -> None:
        answer = call(company.full_key, "GET", f"?{query}")
        assert (answer.status, answer.json["details"][0]["field"]) == (400, query.partition("=")[0])


def path_of(route: Route) -> str:
    return "/".join(str(uuid4()) if piece.startswith("{") else piece for piece in route.path.split("/"))


class TestWhatItMay:
    @pytest.mark.parametrize(
        "route",
        [r for r in [*ROUTES, *INGESTION] if r.role is not None and not Role.DISPLAY.may(r.role)],
        ids=lambda r: f"{r.method} {r.path}",
    )
    def test_it_opens_nothing_that_is_not_for_displays(self, company: Company, route: Route) -> None:
        door = ingestion if route in INGESTION else handler
        answer = doors.http(door, route.method, path_of(route), {}, key=made(company)["token"])
        assert (answer.status, answer.json["code"]) == (403, "forbidden")

    def test_of_what_is_for_displays_nothing_writes_but_the_ticket(self) -> None:
        writes = {r.path for r in ROUTES if r.role is Role.DISPLAY and r.method != "GET"}
        assert writes == {"/api/realtime/ticket"}

    @pytest.mark.parametrize("shares", [False, True])
    def test_what_it_reads_never_tells_cost_margin_or_notes(
        self, company: Company, queues: Sqs, shares: bool
    ) -> None:
        company.set(share_margin=shares)
        body = sale(cost_price=60, notes="a secret")
        doors.http(ingestion, "POST", "/api/events", body, key=company.ingest_key)
        assert doors.sqs(processor, queues.take("sales-events")) == []
        (item,) = company.rows("select queue_id from wr.queue")
        claim = {"seller_id": "anna", "claim_type": "upsell"}
        claimed = f"/api/queue/{item['queue_id']}/claim"
        assert doors.http(handler, "POST", claimed, claim, key=company.full_key).status == 200
        token = made(company)["token"]
        for route in ROUTES:
            if route.method == "GET" and route.role is Role.DISPLAY and "{" not in route.path:
                answer = doors.http(handler, "GET", route.path, key=token)
                assert answer.status == 200
                assert names_in(answer.json) & {"notes"} == set()
                assert [n for n in names_in(answer.json) if "cost" in n or "margin" in n] == []

    def test_its_socket_is_told_of_wins_but_not_of_margins(
        self, company: Company, gateway: Gateway, queues: Sqs
    ) -> None:
        company.set(share_margin=True)
        client = joined(gateway, made(company)["token"])
        publish(company)
        (message,) = client.say({"action": "resume", "after": 0})
        assert message["data"] == {"saleId": "sale-0", "sellPrice": "10.00"}


class TestRevoking:
    def test_it_is_dead_within_a_minute_and_its_socket_closed(
        self, company: Company, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        display = made(company)
        client = joined(gateway, display["token"])
        kept = ticket(display["token"]).json["ticket"]
        sweep()
        assert gateway.closed == []
        answer = call(company.full_key, "POST", f"/{display['id']}/revoke")
        assert (answer.status, answer.json["state"]) == (200, "revoked")
        assert Client(gateway).connect({"ticket": kept}) == 401
        sweep()
        assert gateway.closed == [client.id]
        monkeypatch.setattr(callers, "time", SimpleNamespace(time=lambda: time.time() + 61))
        assert ticket(display["token"]).status == 401

    def test_revoking_twice_changes_nothing_more(self, company: Company) -> None:
        display = made(company)["id"]
        first, again = (call(company.full_key, "POST", f"/{display}/revoke") for _ in range(2))
        assert (first.status, again.status) == (200, 200)
        assert first.json == again.json


def fill(company: Company, number: int) -> None:
    company.database.execute(
        "insert into wr.displays (tenant_id, name, link_hash, created_by)"
        " select %s, 'Screen ' || n, sha256(n::text::bytea), 'test' from generate_series(1, %s) n",
        company.tenant_id,
        number,
    )


def names_in(value: Any) -> set[str]:
    """The keys of an answer, however deep."""
    if isinstance(value, dict):
        return set(value).union(*(names_in(inner) for inner in value.values()))
    return set().union(*(names_in(inner) for inner in value)) if isinstance(value, list) else set()
