"""Signing up: a company begins by itself, through the API alone."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from functions.api.app import handler
from functions.ingestion.app import handler as ingestion
from tests import doors
from tests.doors import Answer, Sqs
from tests.factories import Company, Database
from winroom import api_keys, attempts

pytestmark = pytest.mark.usefixtures("environment", "quick_passwords")

PASSWORD = "correct horse battery"


def wish(**changes: Any) -> dict[str, Any]:
    body = {"name": "Acme & Sons", "email": "Ada@Acme.example", "password": PASSWORD, **changes}
    return {field: value for field, value in body.items() if value is not ...}


def sign_up(source_ip: str = "203.0.113.7", **changes: Any) -> Answer:
    return doors.http(handler, "POST", "/api/tenants", wish(**changes), source_ip=source_ip)


def signed_up(database: Database) -> int:
    return int(database.execute("select count(*) as n from wr.tenants")[0]["n"])


class TestSigningUp:
    def test_a_company_its_admin_and_its_key_are_there_at_once(self, queues: Sqs, database: Database) -> None:
        answer = sign_up(home_currency="EUR", time_zone="europe/istanbul")
        assert answer.status == 201
        made = answer.json
        assert (made["tenant"]["slug"], made["tenant"]["name"]) == ("acme-sons", "Acme & Sons")
        assert made["tenant"]["plan"] == "free"
        assert made["tenant"]["settings"] == {
            "home_currency": "EUR",
            "time_zone": "Europe/Istanbul",
            "suspect_duplicates": True,
            "claim_approval": False,
            "share_margin": False,
            "ingestion_per_minute": 100,
        }
        user = made["user"]
        assert (user["email"], user["display_name"], user["role"]) == ("ada@acme.example", "ada", "admin")
        assert PASSWORD not in answer.raw
        (key,) = database.execute("select scope, created_by from wr.api_keys")
        assert key == {"scope": "ingest", "created_by": f"user:{user['id']}"}
        (row,) = database.execute(
            "select tenant_id, user_id, endpoint, status_code, request_ip from wr.api_audit_log"
        )
        assert (str(row["tenant_id"]), str(row["user_id"])) == (made["tenant"]["id"], user["id"])
        assert (row["endpoint"], row["status_code"]) == ("/api/tenants", 201)
        assert str(row["request_ip"]) == "203.0.113.7"

    def test_the_first_sale_goes_in_exactly_as_the_answer_says(self, queues: Sqs) -> None:
        made = sign_up().json
        (key,) = re.findall(r"Bearer (\S+) ", made["next"])
        (body,) = re.findall(r"\{.*\}", made["next"])
        assert key == made["api_key"]
        sent = doors.http(ingestion, "POST", "/api/events", json.loads(body), key=key)
        assert sent.status == 202
        # It is a CRM's key, nothing more.
        assert doors.http(handler, "GET", "/api/queue", key=key).status == 403

    def test_the_admin_logs_in_with_what_was_signed_up_with(self) -> None:
        sign_up(slug="Acme", display_name=" Ada ")
        login = {"tenant": "acme", "email": "ada@acme.EXAMPLE", "password": PASSWORD}
        session = doors.http(handler, "POST", "/api/session", login)
        assert session.status == 201
        assert session.json["user"]["display_name"] == "Ada"
        assert doors.http(handler, "GET", "/api/users", key=session.json["token"]).status == 200

    @pytest.mark.parametrize(
        ("name", "slug"),
        [
            ("Caf\u00e9 M\u00fcller", "cafe-muller"),
            ("\u6771\u4eac", "company"),
            ("<script>alert(1)</script>", "script-alert-1-script"),
            ("x" * 200, "x" * 63),
            ("\U0001f600 Smile", "smile"),
            ("0198c0de-0000-7000-8000-000000000000", "company"),
        ],
    )
    def test_a_slug_is_made_of_the_name(self, name: str, slug: str) -> None:
        tenant = sign_up(name=name).json["tenant"]
        assert (tenant["name"], tenant["slug"]) == (name, slug)

    def test_a_slug_that_is_made_of_the_name_is_never_taken(self, company: Company) -> None:
        slugs = [sign_up(name="Acme").json["tenant"]["slug"] for _ in range(2)]
        assert all(re.fullmatch("acme-[0-9a-f]{6}", slug) for slug in slugs)
        assert len(set(slugs)) == 2

    def test_a_slug_that_is_given_and_taken_is_refused_and_named(
        self, company: Company, database: Database
    ) -> None:
        refused = sign_up(slug="acme")
        assert refused.status == 409
        assert refused.json["details"] == [
            {"field": "slug", "message": "The slug acme is taken: choose another."}
        ]
        assert signed_up(database) == 1
        assert database.execute("select from wr.users") == []

    def test_of_many_who_want_one_slug_at_once_one_gets_it(self, database: Database) -> None:
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda n: sign_up(f"203.0.113.{n}", slug="acme"), range(8)))
        assert sorted(a.status for a in answers) == [201] + [409] * 7
        assert signed_up(database) == 1

    def test_it_is_all_or_nothing(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api_keys, "create", lambda *_: 1 / 0)
        assert sign_up().status == 500
        for table in ("tenants", "rooms", "users", "api_keys", "api_audit_log"):
            assert database.execute(f"select from wr.{table}") == []

    def test_the_key_is_kept_as_a_hash_and_the_password_nowhere(self, database: Database) -> None:
        made = sign_up().json
        with psycopg.connect(database.superuser_url) as conn:
            tables = conn.execute("select relname from pg_class where relnamespace = 'wr'::regnamespace")
            for (table,) in tables.fetchall():
                if table in ("tenants", "users", "api_keys", "api_audit_log", "login_attempts"):
                    kept = str(conn.execute(f"select t::text from wr.{table} t").fetchall())
                    assert made["api_key"] not in kept
                    assert PASSWORD not in kept


class TestWrongInput:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": ...}, "name"),
            ({"name": "  "}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"name": "a\0b"}, "name"),
            ({"name": 7}, "name"),
            ({"slug": "acme sons"}, "slug"),
            ({"slug": "-acme"}, "slug"),
            ({"slug": "a" * 64}, "slug"),
            ({"slug": "acm\u00e9"}, "slug"),
            ({"slug": "\u0130stanbul"}, "slug"),
            ({"slug": "acme\nsons"}, "slug"),
            ({"slug": "0198C0DE-0000-7000-8000-000000000000"}, "slug"),
            ({"email": ...}, "email"),
            ({"email": "ada"}, "email"),
            ({"email": "ada@acme"}, "email"),
            ({"email": "ada@@acme.example"}, "email"),
            ({"email": "ada lovelace@acme.example"}, "email"),
            ({"email": "ada\0@acme.example"}, "email"),
            ({"email": ".ada@acme.example"}, "email"),
            ({"email": "ad..a@acme.example"}, "email"),
            ({"email": "ada@-acme.example"}, "email"),
            ({"email": "ada@acme.example>"}, "email"),
            ({"email": "\u00e4da@acme.example"}, "email"),
            ({"email": f"{'a' * 250}@acme.example"}, "email"),
            ({"email": None}, "email"),
            ({"password": ...}, "password"),
            ({"password": "x" * 11}, "password"),
            ({"password": "abcdefgh" * 16 + "x"}, "password"),
            ({"password": "Password1234"}, "password"),
            ({"password": "ada@ACME.example"}, "password"),
            ({"password": 123456789012}, "password"),
            ({"display_name": "x" * 201}, "display_name"),
            ({"time_zone": "Mars/Olympus"}, "time_zone"),
            ({"time_zone": "UTC+25"}, "time_zone"),
            ({"time_zone": "<+03>-3"}, "time_zone"),
            ({"time_zone": "'; drop table wr.tenants"}, "time_zone"),
            ({"time_zone": "\0"}, "time_zone"),
            ({"time_zone": 3}, "time_zone"),
            ({"home_currency": "XAU"}, "home_currency"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_is_made(
        self, database: Database, changes: dict[str, Any], field: str
    ) -> None:
        answer = sign_up(**changes)
        assert (answer.status, [d["field"] for d in answer.json["details"]]) == (400, [field])
        assert answer.json["details"][0]["message"].startswith(field)
        assert signed_up(database) == 0

    def test_all_wrong_fields_are_named_at_once(self) -> None:
        answer = sign_up(name=..., email="x", password="short")
        assert [d["field"] for d in answer.json["details"]] == ["name", "email", "password"]

    @pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b'{"password": "\\ud800\\ud800\\ud800"}', b"\xff"])
    def test_garbage_is_a_400(self, body: bytes) -> None:
        assert doors.http(handler, "POST", "/api/tenants", body).status == 400

    def test_spaces_at_the_ends_of_a_password_belong_to_it(self) -> None:
        tenant = sign_up(password="  twelve too  ").json["tenant"]["slug"]
        login = {"tenant": tenant, "email": "ada@acme.example"}
        for password, status in (("  twelve too  ", 201), ("twelve too", 401)):
            answer = doors.http(handler, "POST", "/api/session", {**login, "password": password})
            assert answer.status == status


class TestLimits:
    def test_five_sign_ups_an_hour_are_let_in_from_one_address(self, database: Database) -> None:
        assert [sign_up(name=f"C{n}").status for n in range(6)] == [201] * 5 + [429]
        refused = sign_up()
        assert refused.json["error"] == "Rate limit exceeded"
        assert 3500 < refused.json["retryAfter"] <= 3600
        assert refused.headers["retry-after"] == str(refused.json["retryAfter"])
        assert sign_up("203.0.113.8").status == 201
        database.execute("update wr.login_attempts set since = since - interval '1 hour'")
        assert sign_up().status == 201

    def test_at_once_no_more_are_let_in_either(self, database: Database) -> None:
        with ThreadPoolExecutor(12) as threads:
            statuses = list(threads.map(lambda n: sign_up(name=f"C{n}").status, range(12)))
        assert sorted(statuses) == [201] * 5 + [429] * 7
        assert signed_up(database) == 5

    def test_what_is_not_even_valid_is_not_counted(self) -> None:
        assert {sign_up(name="").status for _ in range(6)} == {400}
        assert sign_up().status == 201

    def test_an_operator_switches_it_off_and_on(self, database: Database) -> None:
        database.execute(
            "insert into wr.switches (name, value, changed_by) values ('pause_sign_up', 'true', 'test')"
        )
        refused = sign_up()
        assert (refused.status, refused.json["code"]) == (503, "paused")
        assert "switched off" in refused.json["error"]
        assert int(refused.headers["retry-after"]) > 0
        assert signed_up(database) == 0
        database.execute("update wr.switches set value = 'false'")
        assert sign_up().status == 201


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        (None, "unknown"),
    ],
)
def test_an_address_of_version_6_counts_with_its_neighbours(address: str | None, network: str) -> None:
    assert attempts.network(address) == network
