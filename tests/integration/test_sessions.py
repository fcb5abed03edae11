"""Logging in and out, one's own password, and how guessing is slowed down."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from functions.api.app import handler
from tests import doors
from tests.doors import Answer
from tests.factories import Company
from tests.wire import Wire
from winroom import passwords, sessions

pytestmark = pytest.mark.usefixtures("quick_passwords")

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    """Somebody who has a password."""

    company: Company
    user_id: UUID
    email: str

    def login(self, password: str = PASSWORD, **more: Any) -> Answer:
        return login(self.company.slug, self.email, password, **more)

    def token(self) -> str:
        return str(self.login().json["token"])


def person(company: Company, role: str = "seller", seller_id: str | None = None) -> Person:
    user_id, _ = company.person(role, seller_id)
    (row,) = company.database.execute(
        "update wr.users set password_hash = %s where user_id = %s returning email",
        passwords.hashed(PASSWORD),
        user_id,
    )
    return Person(company, user_id, row["email"])


@pytest.fixture
def anna(company: Company) -> Person:
    return person(company, seller_id="anna")


def login(tenant: object, email: object, password: object, **more: Any) -> Answer:
    body = {"tenant": tenant, "email": email, "password": password}
    return doors.http(handler, "POST", "/api/session", body, **more)


def who(token: str | None) -> Answer:
    return doors.http(handler, "GET", "/api/session", key=token)


def change_password(token: str, current: object, new: object, **more: Any) -> Answer:
    body = {"current_password": current, "new_password": new}
    return doors.http(handler, "POST", "/api/session/password", body, key=token, **more)


def audited(company: Company) -> list[tuple[str, int, UUID]]:
    rows = company.rows("select endpoint, status_code, user_id from wr.api_audit_log order by created_at")
    return [(row["endpoint"], row["status_code"], row["user_id"]) for row in rows]


def failures(company: Company) -> list[int]:
    rows = company.database.execute("select failures from wr.login_attempts order by subject")
    return [row["failures"] for row in rows]


class TestLoggingIn:
    def test_it_answers_who_and_brings_a_token(self, company: Company, anna: Person) -> None:
        answer = anna.login()
        assert answer.status == 201
        token = answer.json["token"]
        assert answer.json == {
            "token": token,
            "expiresIn": 12 * 60 * 60,
            "user": {
                "id": str(anna.user_id),
                "email": anna.email,
                "display_name": "Anna",
                "role": "seller",
                "seller_id": "anna",
            },
            "tenant": {"id": str(company.tenant_id), "slug": "acme", "name": "Acme"},
        }
        assert who(token).json == {name: answer.json[name] for name in ("user", "tenant")}

    def test_browsers_get_it_as_a_cookie_that_no_script_reads_and_no_other_site_sends(
        self, anna: Person
    ) -> None:
        answer = anna.login()
        (cookie,) = answer.cookies
        name, *attributes = cookie.split("; ")
        assert name == f"__Host-winroom={answer.json['token']}"
        assert set(attributes) == {"HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=43200"}
        assert answer.headers["cache-control"] == "no-store"

    def test_company_and_email_are_known_in_any_case(self, anna: Person) -> None:
        assert login(" ACME ", f" {anna.email.upper()}", PASSWORD).status == 201

    def test_a_password_is_taken_as_it_is(self, anna: Person) -> None:
        assert {anna.login(p).status for p in (f" {PASSWORD}", PASSWORD.upper(), PASSWORD[:-1])} == {401}

    def test_the_same_email_in_two_companies_is_two_people(self, company: Company, rival: Company) -> None:
        ours, theirs = person(company), person(rival)
        for one in (ours, theirs):
            company.database.execute(
                "update wr.users set email = 'x@y.example' where user_id = %s", one.user_id
            )
        for one in (ours, theirs):
            answer = login(one.company.slug, "x@y.example", PASSWORD)
            assert answer.json["user"]["id"] == str(one.user_id)

    def test_every_login_of_somebody_we_know_is_in_the_log_of_their_company(
        self, company: Company, rival: Company, anna: Person
    ) -> None:
        anna.login("wrong password")
        anna.login()
        login("rival", anna.email, PASSWORD)
        login("acme", "nobody@acme.example", PASSWORD)
        assert audited(company) == [
            ("/api/session", 401, anna.user_id),
            ("/api/session", 201, anna.user_id),
        ]
        assert audited(rival) == []
        kept = str(company.rows("select l::text from wr.api_audit_log l"))
        assert PASSWORD not in kept
        assert "wrong password" not in kept

    def test_a_hash_of_older_parameters_is_renewed(self, company: Company, anna: Person) -> None:
        from argon2 import PasswordHasher

        old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
        company.database.execute("update wr.users set password_hash = %s", old)
        assert anna.login("wrong password").status == 401
        assert company.rows("select password_hash from wr.users") == [{"password_hash": old}]
        assert anna.login().status == 201
        (row,) = company.rows("select password_hash from wr.users")
        assert not passwords.is_outdated(row["password_hash"])
        assert anna.login().status == 201
        assert company.rows("select password_hash from wr.users") == [row]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"email": "a@b.example", "password": "x"}, "tenant"),
            ({"tenant": "acme", "password": "x"}, "email"),
            ({"tenant": "acme", "email": "a@b.example"}, "password"),
            ({"tenant": "acme", "email": "a@b.example", "password": ""}, "password"),
            ({"tenant": "acme", "email": "a@b.example", "password": "x" * 129}, "password"),
            ({"tenant": "acme", "email": ["a@b.example"], "password": "x"}, "email"),
            ({"tenant": "a\0b", "email": "a@b.example", "password": "x"}, "tenant"),
            ({"tenant": "acme", "email": "\0", "password": "x"}, "email"),
            ({"tenant": None, "email": "a@b.example", "password": "x"}, "tenant"),
        ],
    )
    def test_a_wrong_field_is_named(self, company: Company, body: dict[str, Any], field: str) -> None:
        answer = doors.http(handler, "POST", "/api/session", body)
        assert (answer.status, [d["field"] for d in answer.json["details"]]) == (400, [field])
        assert failures(company) == []

    @pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'"\\udc00"', b"\xff\xfe", b"[" * 5000])
    def test_garbage_is_a_400(self, company: Company, body: bytes) -> None:
        assert doors.http(handler, "POST", "/api/session", body).status == 400

    def test_a_page_of_another_site_logs_nobody_in(self, company: Company, anna: Person) -> None:
        refused = anna.login(headers={"Sec-Fetch-Site": "cross-site"})
        assert (refused.status, refused.cookies) == (403, [])
        assert failures(company) == []
        for place in ("same-origin", "same-site", "none"):
            assert anna.login(headers={"Sec-Fetch-Site": place}).status == 201

    @pytest.mark.parametrize(
        ("origin", "status"),
        [("https://api.example.com", 201), ("https://evil.example", 403), ("null", 403), ("", 403)],
    )
    def test_nor_in_a_browser_that_tells_only_the_origin(
        self, company: Company, anna: Person, origin: str, status: int
    ) -> None:
        assert anna.login(headers={"Origin": origin, "Host": "api.example.com"}).status == status


class TestRefusals:
    def test_nobody_learns_who_exists(self, company: Company, rival: Company, anna: Person) -> None:
        gone = person(company)
        company.database.execute("update wr.users set disabled_at = now() where user_id = %s", gone.user_id)
        same: dict[str, Any] = {"headers": {"X-Request-ID": "same"}}
        answers = [
            anna.login("wrong password", **same),
            gone.login(**same),
            gone.login("wrong password", **same),
            login("acme", "nobody@acme.example", PASSWORD, **same),
            login("rival", anna.email, PASSWORD, **same),
            login("nowhere", anna.email, PASSWORD, **same),
            login("<script>", "' or 1=1 --", "\U0001f600", **same),
        ]
        assert {(a.status, a.raw, str(a.headers), str(a.cookies)) for a in answers} == {
            (401, answers[0].raw, str(answers[0].headers), "[]")
        }
        assert answers[0].json == {
            "error": "The company, the email or the password is wrong.",
            "code": "unauthenticated",
            "requestId": "same",
        }

    def test_and_nobody_learns_it_by_the_clock(
        self, company: Company, anna: Person, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verified: list[str] = []
        really = passwords.is_right

        def is_right(password_hash: str, password: str) -> bool:
            verified.append(password_hash)
            return really(password_hash, password)

        monkeypatch.setattr(passwords, "is_right", is_right)
        gone = person(company)
        company.database.execute("update wr.users set disabled_at = now() where user_id = %s", gone.user_id)
        who(None)
        login("acme", "first@acme.example", "opens the connection")
        work = []
        for tenant, email in (
            ("acme", anna.email),
            ("acme", gone.email),
            ("acme", "nobody@acme.example"),
            ("nowhere", anna.email),
        ):
            verified.clear()
            with wire.counted() as trips:
                assert login(tenant, email, "wrong password").status == 401
            work.append((len(verified), trips[0]))
        assert work == [(1, 2)] * 4

    def test_nobodys_password_is_as_hard_as_anybodys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()  # with the real parameters
        assert not passwords.is_outdated(passwords.NOBODYS_HASH)
        assert (
            passwords.hashed(PASSWORD).rpartition("$")[0].rpartition("$")[0]
            == "$argon2id$v=19$m=65536,t=3,p=4"
        )

    def test_a_hash_that_is_none_lets_nobody_in(self, company: Company) -> None:
        company.person("admin")
        (row,) = company.rows("select email from wr.users")
        assert login("acme", row["email"], "none").status == 401


class TestGuessing:
    def test_ten_failures_of_an_account_are_enough(self, company: Company, anna: Person) -> None:
        statuses = [anna.login("wrong password", source_ip=f"203.0.113.{n}").status for n in range(12)]
        assert statuses == [401] * 10 + [429] * 2
        refused = anna.login()
        assert (refused.status, refused.json["error"]) == (429, "Rate limit exceeded")
        assert 850 < refused.json["retryAfter"] <= 900
        assert refused.headers["retry-after"] == str(refused.json["retryAfter"])
        # Neither others of the company nor the same name elsewhere are held up.
        assert person(company).login().status == 201
        assert login("rival", anna.email, "x").status == 401
        company.database.execute("update wr.login_attempts set since = since - interval '15 minutes'")
        assert anna.login().status == 201

    def test_the_first_failure_begins_a_quarter_of_an_hour_and_the_next_one_after_it_another(
        self, company: Company, anna: Person
    ) -> None:
        def pass_minutes(minutes: int) -> None:
            company.database.execute(
                "update wr.login_attempts set since = since - make_interval(mins => %s)", minutes
            )

        for _ in range(2):
            assert [anna.login("wrong password").status for _ in range(9)] == [401] * 9
            pass_minutes(10)
            assert [anna.login("wrong password").status for _ in range(2)] == [401, 429]
            assert 250 < anna.login().json["retryAfter"] <= 300
            pass_minutes(5)

    def test_an_account_that_does_not_exist_is_refused_alike(self, company: Company) -> None:
        statuses = [login("acme", "no@acme.example", "x").status for _ in range(11)]
        assert statuses == [401] * 10 + [429]
        assert login("Acme", "NO@acme.example", "x").status == 429

    def test_fifty_failures_from_an_address_are_enough(self, company: Company, anna: Person) -> None:
        company.database.execute(
            "insert into wr.login_attempts (tenant_id, subject, failures) values (%s, %s, 49)",
            UUID(int=0),
            "login-from:" + "0" * 64,
        )
        login("acme", "first@acme.example", "x")
        company.database.execute(
            "update wr.login_attempts set failures = 49 where subject like 'login-from:%%' and failures = 1"
        )
        assert anna.login().status == 201
        assert login("acme", "b@acme.example", "x").status == 401
        assert anna.login().status == 429
        assert login("acme", "c@acme.example", "x").status == 429
        assert anna.login(source_ip="203.0.113.8").status == 201
        # What was refused for its address is not held against the account.
        assert login("acme", "c@acme.example", "x", source_ip="203.0.113.8").status == 401

    def test_a_success_forgives_the_account_wholly_and_the_address_once(
        self, company: Company, anna: Person
    ) -> None:
        for _ in range(9):
            anna.login("wrong password")
        assert failures(company) == [9, 9]
        assert anna.login().status == 201
        assert sorted(failures(company)) == [0, 9]
        assert [anna.login("wrong password").status for _ in range(11)] == [401] * 10 + [429]

    def test_at_once_no_more_are_let_through_either(self, company: Company, anna: Person) -> None:
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda n: anna.login(f"guess number {n}"), range(40)))
        assert sorted(a.status for a in answers) == [401] * 10 + [429] * 30
        assert audited(company) == [("/api/session", 401, anna.user_id)] * 10

    def test_what_is_counted_names_nobody(self, company: Company, anna: Person) -> None:
        login("acme", PASSWORD, anna.email)
        rows = company.database.execute("select subject from wr.login_attempts")
        assert all(row["subject"].split(":")[1].isalnum() for row in rows)
        assert PASSWORD not in str(rows)


class TestLoggingOut:
    def test_all_tokens_of_the_person_end_and_the_cookie_goes(self, company: Company, anna: Person) -> None:
        other = person(company)
        first, second, others = anna.token(), anna.token(), other.token()
        assert who(second).status == 200
        answer = doors.http(handler, "DELETE", "/api/session", key=first)
        assert (answer.status, answer.json) == (200, {"success": True})
        (cookie,) = answer.cookies
        assert cookie.startswith("__Host-winroom=; ")
        assert "Max-Age=0" in cookie
        assert {who(first).status, who(second).status} == {401}
        assert who(others).status == who(anna.token()).status == 200

    def test_a_token_that_another_process_remembers_dies_within_a_minute(
        self, company: Company, anna: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = anna.token()
        assert who(token).status == 200
        company.database.execute("update wr.users set token_version = token_version + 1")
        assert who(token).status == 200
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 61)
        assert who(token).status == 401

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/api/session"), ("DELETE", "/api/session"), ("POST", "/api/session/password")],
    )
    def test_keys_and_displays_have_no_session(self, company: Company, method: str, path: str) -> None:
        refused = doors.http(handler, method, path, {}, key=company.full_key)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
        assert "person" in refused.json["error"]
        assert doors.http(handler, method, path, {}, key=company.ingest_key).status == 403
        assert doors.http(handler, method, path, {}, key=display(company)).status == 403
        assert doors.http(handler, method, path, {}).status == 401


def display(company: Company) -> str:
    """The link of a wallboard."""
    link = "wr_wall_0123456789abcdef"
    company.database.execute(
        "insert into wr.displays (tenant_id, name, link_hash, created_by)"
        " values (%s, 'Wall', sha256(%s::bytea), 'test')",
        company.tenant_id,
        link,
    )
    return link


class TestOnesPassword:
    NEW = "an even better one"

    def test_it_changes_and_all_other_sessions_end(self, company: Company, anna: Person) -> None:
        elsewhere, here = anna.token(), anna.token()
        assert who(elsewhere).status == 200
        answer = change_password(here, PASSWORD, self.NEW)
        assert answer.status == 200
        assert answer.json["user"]["id"] == str(anna.user_id)
        assert answer.cookies[0].startswith(f"__Host-winroom={answer.json['token']}; ")
        assert who(answer.json["token"]).status == 200
        assert {who(elsewhere).status, who(here).status} == {401}
        assert anna.login().status == 401
        assert anna.login(self.NEW).status == 201

    def test_a_wrong_current_password_is_named_and_counted(self, company: Company, anna: Person) -> None:
        token = anna.token()
        refused = [change_password(token, "wrong password", self.NEW) for _ in range(10)]
        assert {r.status for r in refused} == {400}
        assert [d["field"] for d in refused[0].json["details"]] == ["current_password"]
        over = change_password(token, PASSWORD, self.NEW)
        assert (over.status, over.json["code"]) == (429, "rate_limited")
        assert anna.login().status == 429
        assert who(token).status == 200
        ours = [row for row in audited(company) if row[0] == "/api/session/password"]
        assert sorted(status for _, status, _ in ours) == [400] * 10 + [429]

    def test_the_right_one_forgives(self, company: Company, anna: Person) -> None:
        token = anna.token()
        for _ in range(9):
            change_password(token, "wrong password", self.NEW)
        assert change_password(token, PASSWORD, self.NEW).status == 200
        assert anna.login("wrong password").status == 401
        assert anna.login(self.NEW).status == 201

    @pytest.mark.parametrize(
        "new", ["short", "x" * 129, "passwordpassword", None, 123456789012, {"$ne": ""}, "the email"]
    )
    def test_a_weak_new_one_is_named(self, company: Company, anna: Person, new: object) -> None:
        refused = change_password(anna.token(), PASSWORD, anna.email if new == "the email" else new)
        assert (refused.status, [d["field"] for d in refused.json["details"]]) == (400, ["new_password"])
        assert anna.login().status == 201

    def test_of_two_changes_at_once_one_is_told_that_its_session_ended(self, anna: Person) -> None:
        token = anna.token()
        with ThreadPoolExecutor(4) as threads:
            answers = list(
                threads.map(lambda n: change_password(token, PASSWORD, f"{self.NEW} {n}"), range(4))
            )
        won = [n for n, answer in enumerate(answers) if answer.status == 200]
        assert len(won) == 1
        assert {a.status for a in answers} <= {200, 400, 401}
        assert anna.login(f"{self.NEW} {won[0]}").status == 201


class TestDisabling:
    def test_who_is_disabled_elsewhere_is_out_within_a_minute(
        self, company: Company, anna: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = anna.token()
        assert who(token).status == 200
        company.database.execute("update wr.users set disabled_at = now()")
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 59)
        assert who(token).status == 200
        monkeypatch.setattr(time, "time", lambda: now + 61)
        refused = who(token)
        assert (refused.status, refused.json["error"]) == (401, "Invalid or missing API token")


def test_a_session_is_for_a_workday(anna: Person) -> None:
    assert anna.login().json["expiresIn"] == sessions.VALID_FOR == 12 * 3600
