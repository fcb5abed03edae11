"""API keys: made by admins, shown once, rotated with an overlap, dead within a minute of being revoked."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from functions.api.app import handler
from functions.ingestion.app import handler as ingestion
from functions.maintenance.app import handler as maintenance
from tests import doors
from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale
from tests.gateway import Client, Gateway
from winroom import api_keys, callers


@pytest.fixture
def admin(company: Company) -> str:
    return company.person("admin")[1]


def call(token: str, method: str, path: str = "", body: object = None, **more: Any) -> Answer:
    return doors.http(handler, method, f"/api/api-keys{path}", body, key=token, **more)


def made(token: str, name: str = "CRM", scope: str = "ingest") -> dict[str, Any]:
    answer = call(token, "POST", body={"name": name, "scope": scope})
    assert answer.status == 201, answer.raw
    key: dict[str, Any] = answer.json
    return key


def listed(token: str, query: str = "") -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = call(token, "GET", query).json["api_keys"]
    return keys


def sends(key: str) -> int:
    return doors.http(ingestion, "POST", "/api/events", sale(), key=key).status


def reads(key: str) -> int:
    return doors.http(handler, "GET", "/api/products", key=key).status


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """So much later, for those who remember callers."""
    monkeypatch.setattr(callers, "time", SimpleNamespace(time=lambda: time.time() + seconds))


class TestMaking:
    def test_a_key_is_shown_once_and_kept_as_a_hash(
        self, company: Company, admin: str, database: Database, queues: Sqs
    ) -> None:
        key = made(admin, " Hub & Spoke ", "ingest")
        plain = key.pop("key")
        assert plain.startswith("wr_live_")
        assert len(plain.removeprefix("wr_live_")) >= 32
        assert plain.startswith(key["key_prefix"])
        assert len(key["key_prefix"]) <= 16
        assert (key["name"], key["scope"], key["state"]) == ("Hub & Spoke", "ingest", "live")
        assert key["created_by"].startswith("user:")
        assert key["created_by_name"] == "Admin"
        assert (key["last_used_at"], key["revoked_at"]) == (None, None)
        assert key in listed(admin)
        assert plain not in call(admin, "GET").raw
        assert plain not in str(database.execute("select * from wr.api_keys"))
        assert (sends(plain), reads(plain)) == (202, 403)
        assert next(k for k in listed(admin) if k["id"] == key["id"])["last_used_at"] is not None

    def test_a_full_key_does_what_a_manager_may(self, company: Company, admin: str, queues: Sqs) -> None:
        key = made(admin, scope="full")["key"]
        assert (sends(key), reads(key)) == (202, 200)
        assert call(key, "GET").status == 403

    def test_keys_of_one_name_may_be_many(self, company: Company, admin: str) -> None:
        assert len({made(admin)["key"] for _ in range(3)}) == 3

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"scope": "full"}, "name"),
            ({"name": " ", "scope": "full"}, "name"),
            ({"name": "a\0b", "scope": "full"}, "name"),
            ({"name": "x" * 101, "scope": "full"}, "name"),
            ({"name": ["CRM"], "scope": "full"}, "name"),
            ({"name": "CRM"}, "scope"),
            ({"name": "CRM", "scope": "admin"}, "scope"),
        ],
    )
    def test_a_wrong_field_is_named(
        self, company: Company, admin: str, body: dict[str, Any], field: str
    ) -> None:
        answer = call(admin, "POST", body=body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)
        assert company.count("api_keys") == 2

    def test_a_name_may_be_anything_that_people_type(self, company: Company, admin: str) -> None:
        for name in ("<script>alert(1)</script>", "\U0001f680 '; drop table", "\u202egnirts"):
            assert made(admin, name)["name"] == name

    def test_a_company_has_a_hundred_that_work_also_when_many_are_made_at_once(
        self, company: Company, rival: Company, admin: str
    ) -> None:
        fill(company, api_keys.AT_MOST - 2 - 3)
        with ThreadPoolExecutor(12) as threads:
            answers = list(
                threads.map(
                    lambda _: call(admin, "POST", body={"name": "One more", "scope": "full"}), range(12)
                )
            )
        assert sorted(a.status for a in answers) == [201] * 3 + [409] * 9
        refused = next(a for a in answers if a.status == 409)
        assert "100 keys" in refused.json["error"]
        # Neither what others have nor what is revoked counts.
        assert made(rival.person("admin")[1])
        assert call(admin, "POST", f"/{listed(admin)[0]['id']}/revoke").status == 200
        assert made(admin)


class TestWhoMay:
    ROUTES = (("GET", ""), ("POST", ""), ("POST", "/{id}/revoke"), ("POST", "/{id}/rotate"))

    @pytest.mark.parametrize("role", ["watcher", "seller", "manager"])
    def test_only_admins(self, company: Company, admin: str, role: str) -> None:
        _, token = company.person(role)
        self.nothing_is_done_by(token, company, admin)

    def test_no_key_makes_keys(self, company: Company, admin: str) -> None:
        self.nothing_is_done_by(company.full_key, company, admin)
        self.nothing_is_done_by(company.ingest_key, company, admin)

    def nothing_is_done_by(self, token: str, company: Company, admin: str) -> None:
        before = listed(admin)
        for method, path in self.ROUTES:
            body = {"name": "Mine", "scope": "full"}
            answer = call(token, method, path.format(id=before[0]["id"]), body)
            assert (answer.status, answer.json["code"]) == (403, "forbidden")
        assert [k["state"] for k in listed(admin)] == [k["state"] for k in before] == ["live"] * 2

    def test_another_companys_key_is_as_unknown_as_any(
        self, company: Company, rival: Company, admin: str
    ) -> None:
        foreign = listed(rival.person("admin")[1])[0]["id"]
        for verb in ("revoke", "rotate"):
            answers = [
                call(admin, "POST", f"/{target}/{verb}", {}, headers={"X-Request-ID": "same"})
                for target in (foreign, uuid4(), "no-id")
            ]
            assert {a.status for a in answers} == {404}
            assert len({a.raw for a in answers}) == 1
        assert listed(admin, f"?cursor={foreign}") == listed(admin, f"?cursor={uuid4()}") == []
        assert not rival.rows("select from wr.api_keys where revoked_at is not null")


class TestList:
    def test_live_ones_come_first_then_those_that_ended_last(self, company: Company, admin: str) -> None:
        first, second = (made(admin, name)["id"] for name in ("first", "second"))
        call(admin, "POST", f"/{first}/revoke")
        call(admin, "POST", f"/{second}/revoke")
        ending = made(admin, "ending")["id"]
        call(admin, "POST", f"/{ending}/rotate")
        found = listed(admin)
        assert [k["state"] for k in found] == ["live"] * 3 + ["ending"] + ["revoked"] * 2
        assert [k["id"] for k in found[3:]] == [ending, second, first]

    def test_they_come_in_pages(self, company: Company, admin: str) -> None:
        fill(company, 5)
        call(admin, "POST", f"/{listed(admin)[0]['id']}/revoke")
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = call(admin, "GET", f"?limit=2&cursor={cursor}").json
            seen += [key["id"] for key in page["api_keys"]]
            cursor = page["nextCursor"]
        assert seen == [key["id"] for key in listed(admin)]
        assert len(seen) == 7

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=x"])
    def test_a_wrong_parameter_is_named(self, company: Company, admin: str, query: str) -> None:
        answer = call(admin, "GET", f"?{query}")
        assert (answer.status, answer.json["details"][0]["field"]) == (400, query.partition("=")[0])

    def test_who_made_a_key_is_told_by_name(self, company: Company, admin: str) -> None:
        made(admin)
        assert [k["created_by_name"] for k in listed(admin)] == ["Admin", "test", "test"]


class TestRevoking:
    def test_a_revoked_key_is_dead_within_a_minute_at_every_door(
        self, company: Company, admin: str, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = made(admin, scope="full")
        assert (sends(key["key"]), reads(key["key"])) == (202, 200)
        answer = call(admin, "POST", f"/{key['id']}/revoke")
        assert (answer.status, answer.json["state"]) == (200, "revoked")
        later(monkeypatch, 61)
        assert (sends(key["key"]), reads(key["key"])) == (401, 401)
        assert sends(company.ingest_key) == 202

    def test_revoking_twice_changes_nothing_more(self, company: Company, admin: str) -> None:
        key = made(admin)["id"]
        first, again = (call(admin, "POST", f"/{key}/revoke") for _ in range(2))
        assert (first.status, again.status) == (200, 200)
        assert first.json == again.json

    def test_its_sockets_are_closed_by_the_next_sweep(
        self, company: Company, admin: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = made(admin, scope="full")
        client = Client(gateway)
        assert client.connect({"ticket": ticket(key["key"])}) == 200
        client.say({"action": "resume"})
        sweep()
        assert gateway.closed == []
        call(admin, "POST", f"/{key['id']}/revoke")
        sweep()
        assert gateway.closed == [client.id]

    def test_a_ticket_from_the_minute_before_opens_nothing(
        self, company: Company, admin: str, gateway: Gateway
    ) -> None:
        key = made(admin, scope="full")
        kept = ticket(key["key"])
        call(admin, "POST", f"/{key['id']}/revoke")
        # The process that has not heard of it yet still gives one.
        for late in (kept, ticket(key["key"])):
            assert Client(gateway).connect({"ticket": late}) == 401
        assert company.count("tickets") == 0


class TestRotating:
    def test_both_keys_work_until_the_overlap_ends(
        self, company: Company, admin: str, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = made(admin, "HubSpot", "ingest")
        answer = call(admin, "POST", f"/{old['id']}/rotate", {})
        assert answer.status == 201
        new = answer.json
        assert (new["name"], new["scope"], new["state"]) == ("HubSpot", "ingest", "live")
        assert new["id"] != old["id"]
        assert new["key"] != old["key"]
        ending = next(k for k in listed(admin) if k["id"] == old["id"])
        ends = datetime.fromisoformat(ending["revoked_at"])
        assert ending["state"] == "ending"
        assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(minutes=60)
        later(monkeypatch, 61)
        assert (sends(old["key"]), sends(new["key"])) == (202, 202)
        company.database.execute("update wr.api_keys set revoked_at = now() where revoked_at > now()")
        later(monkeypatch, 122)
        assert (sends(old["key"]), sends(new["key"])) == (401, 202)

    def test_its_sockets_live_as_long_as_the_key(
        self, company: Company, admin: str, gateway: Gateway
    ) -> None:
        key = made(admin, scope="full")
        call(admin, "POST", f"/{key['id']}/rotate", {"overlap_minutes": 5})
        client = Client(gateway)
        assert client.connect({"ticket": ticket(key["key"])}) == 200
        sweep()
        assert gateway.closed == []
        company.database.execute("update wr.api_keys set revoked_at = now() where revoked_at > now()")
        sweep()
        assert gateway.closed == [client.id]

    def test_without_an_overlap_the_old_one_ends_at_once(self, company: Company, admin: str) -> None:
        key = made(admin)["id"]
        assert call(admin, "POST", f"/{key}/rotate", {"overlap_minutes": 0}).status == 201
        assert next(k for k in listed(admin) if k["id"] == key)["state"] == "revoked"

    def test_a_key_on_its_way_out_can_be_revoked_at_once(self, company: Company, admin: str) -> None:
        key = made(admin)["id"]
        call(admin, "POST", f"/{key}/rotate", {"overlap_minutes": 10080})
        revoked = call(admin, "POST", f"/{key}/revoke").json
        assert revoked["state"] == "revoked"
        assert datetime.fromisoformat(revoked["revoked_at"]) <= datetime.now(UTC)

    @pytest.mark.parametrize("end", ["rotate", "revoke"])
    def test_what_has_its_end_is_not_rotated(self, company: Company, admin: str, end: str) -> None:
        key = made(admin)["id"]
        call(admin, "POST", f"/{key}/{end}", {})
        before = company.count("api_keys")
        answer = call(admin, "POST", f"/{key}/rotate", {})
        assert answer.status == 409
        assert {"rotate": "ending", "revoke": "revoked"}[end] in answer.json["error"]
        assert company.count("api_keys") == before

    def test_of_many_rotations_at_once_one_makes_a_key(self, company: Company, admin: str) -> None:
        key = made(admin)["id"]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: call(admin, "POST", f"/{key}/rotate", {}), range(8)))
        assert sorted(a.status for a in answers) == [201] + [409] * 7
        assert company.count("api_keys") == 4

    def test_with_a_hundred_keys_only_one_that_ends_at_once_makes_room(
        self, company: Company, admin: str
    ) -> None:
        fill(company, api_keys.AT_MOST - 2)
        key = listed(admin)[0]["id"]
        assert call(admin, "POST", f"/{key}/rotate", {}).status == 409
        assert {k["state"] for k in listed(admin)} == {"live"}
        assert call(admin, "POST", f"/{key}/rotate", {"overlap_minutes": 0}).status == 201

    @pytest.mark.parametrize("overlap", [-1, 10081, 1.5, "60", True, None, 10**30])
    def test_a_wrong_overlap_is_named(self, company: Company, admin: str, overlap: object) -> None:
        key = made(admin)["id"]
        answer = call(admin, "POST", f"/{key}/rotate", {"overlap_minutes": overlap})
        assert (answer.status, answer.json["details"][0]["field"]) == (400, "overlap_minutes")
        assert next(k for k in listed(admin) if k["id"] == key)["state"] == "live"


def fill(company: Company, number: int) -> None:
    company.database.execute(
        "insert into wr.api_keys (tenant_id, name, scope, key_hash, key_prefix, created_by)"
        " select %s, 'Key ' || n, 'ingest', sha256(n::text::bytea), 'wr_live_', 'test'"
        " from generate_series(1, %s) n",
        company.tenant_id,
        number,
    )


def ticket(key: str) -> str:
    answer = doors.http(handler, "POST", "/api/realtime/ticket", key=key)
    assert answer.status == 200
    plain: str = answer.json["ticket"]
    return plain


def sweep() -> None:
    maintenance({"job": "sweep"}, doors.context())
