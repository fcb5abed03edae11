"""People of a company, as its admins look after them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from functions.api.app import ROUTES, handler
from tests import doors
from tests.doors import Answer
from tests.factories import Company, Database
from winroom import callers, passwords

pytestmark = pytest.mark.usefixtures("quick_passwords")

PASSWORD = "correct horse battery"


@pytest.fixture
def admin(company: Company) -> str:
    return company.person("admin")[1]


def call(key: str, method: str, path: str = "", body: object = None, **more: Any) -> Answer:
    return doors.http(handler, method, f"/api/users{path}", body, key=key, **more)


def add(key: str, **changes: Any) -> Answer:
    body = {"email": "ben@acme.example", "display_name": "Ben", "role": "watcher", **changes}
    return call(key, "POST", "", {field: value for field, value in body.items() if value is not ...})


def change(key: str, user_id: object, **changes: Any) -> Answer:
    return call(key, "PATCH", f"/{user_id}", changes)


def login(email: str, password: str, tenant: str = "acme") -> Answer:
    body = {"tenant": tenant, "email": email, "password": password}
    return doors.http(handler, "POST", "/api/session", body)


def is_in(token: str) -> bool:
    return doors.http(handler, "GET", "/api/session", key=token).status == 200


def emails(company: Company) -> list[str]:
    return [row["email"] for row in company.rows("select email from wr.users order by user_id")]


class TestWhoMay:
    @pytest.mark.parametrize("role", ["watcher", "seller", "manager", "full key"])
    def test_only_admins_look_after_people(self, company: Company, role: str) -> None:
        user_id, token = company.person("watcher")
        key = company.full_key if role == "full key" else company.person(role)[1]
        before = company.rows("select * from wr.users order by user_id")
        for route in ROUTES:
            if route.path.startswith("/api/users"):
                path = route.path.replace("{user_id}", str(user_id))
                refused = doors.http(handler, route.method, path, {"role": "admin"}, key=key)
                assert (route.path, refused.status, refused.json["code"]) == (route.path, 403, "forbidden")
        assert company.rows("select * from wr.users order by user_id") == before
        assert is_in(token)

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [("GET", "", None), ("PATCH", "", {"disabled": True}), ("POST", "/reset-password", None)],
    )
    def test_another_companys_people_are_as_unknown_as_any(
        self, company: Company, rival: Company, admin: str, method: str, path: str, body: object
    ) -> None:
        theirs, token = rival.person("watcher")
        same = {"X-Request-ID": "same"}
        answers = [
            call(admin, method, f"/{user_id}{path}", body, headers=same)
            for user_id in (theirs, uuid4(), "no-id", "\U0001f600", "%00")
        ]
        assert {(a.status, a.raw) for a in answers} == {(404, answers[0].raw)}
        assert is_in(token)


class TestAdding:
    def test_a_person_is_added_and_may_log_in(self, company: Company, rival: Company, admin: str) -> None:
        answer = add(admin, email=" Ben@ACME.example ", display_name=" Ben <b>\U0001f600", password=PASSWORD)
        assert answer.status == 201
        user = answer.json
        assert user == {
            "id": user["id"],
            "email": "ben@acme.example",
            "display_name": "Ben <b>\U0001f600",
            "role": "watcher",
            "seller_id": None,
            "disabled_at": None,
            "created_at": user["created_at"],
        }
        assert call(admin, "GET", f"/{user['id']}").json == user
        assert login("ben@acme.example", PASSWORD).status == 201
        assert emails(rival) == []

    def test_a_password_that_is_not_given_is_made_and_shown_once(self, company: Company, admin: str) -> None:
        made = add(admin).json
        password = made.pop("password")
        assert len(password) >= 12
        assert call(admin, "GET", f"/{made['id']}").json == made
        assert login("ben@acme.example", password).status == 201
        assert password not in str(
            company.rows("select u::text, l::text from wr.users u, wr.api_audit_log l")
        )

    def test_an_email_is_there_once_in_a_company(self, company: Company, rival: Company, admin: str) -> None:
        assert add(admin).status == 201
        again = add(admin, email="BEN@acme.example")
        assert (again.status, [d["field"] for d in again.json["details"]]) == (409, ["email"])
        assert add(rival.person("admin")[1]).status == 201
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda _: add(admin, email="x@acme.example"), range(6)))
        assert sorted(a.status for a in answers) == [201] + [409] * 5

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"email": ...}, "email"),
            ({"email": "ben"}, "email"),
            ({"display_name": ...}, "display_name"),
            ({"display_name": ""}, "display_name"),
            ({"display_name": "x" * 201}, "display_name"),
            ({"display_name": "\0"}, "display_name"),
            ({"role": ...}, "role"),
            ({"role": "owner"}, "role"),
            ({"role": 5}, "role"),
            ({"seller_id": "nobody"}, "seller_id"),
            ({"seller_id": "theirs"}, "seller_id"),
            ({"seller_id": "x" * 256}, "seller_id"),
            ({"seller_id": "a\0b"}, "seller_id"),
            ({"password": "short"}, "password"),
            ({"password": "ben@acme.example"}, "password"),
            ({"password": " " * 11}, "password"),
        ],
    )
    def test_a_wrong_field_is_named_and_nobody_is_added(
        self, company: Company, rival: Company, admin: str, changes: dict[str, Any], field: str
    ) -> None:
        company.database.seller(rival, "theirs")
        before = emails(company)
        answer = add(admin, **changes)
        assert (answer.status, [d["field"] for d in answer.json["details"]]) == (400, [field])
        assert answer.json["details"][0]["message"].startswith(field)
        assert emails(company) == before
        assert company.count("sellers") == 0


class TestSellers:
    def test_a_seller_acts_for_the_one_that_is_named(self, company: Company, admin: str) -> None:
        company.database.seller(company, "ben")
        assert add(admin, role="seller", seller_id=" BEN ").json["seller_id"] == "ben"
        assert company.count("sellers") == 1
        manager = add(admin, email="m@acme.example", role="manager", seller_id="ben")
        assert manager.json["seller_id"] == "ben"

    def test_or_for_the_one_whose_id_is_their_email_which_is_made(self, company: Company, admin: str) -> None:
        assert add(admin, role="seller", seller_id="").json["seller_id"] == "ben@acme.example"
        (made,) = company.rows("select seller_id, display_name, email, is_active from wr.sellers")
        assert made == {
            "seller_id": "ben@acme.example",
            "display_name": "Ben",
            "email": "ben@acme.example",
            "is_active": True,
        }

    def test_or_linked_where_sales_have_made_it_already(self, company: Company, admin: str) -> None:
        company.database.seller(company, "ben@acme.example")
        assert add(admin, role="seller").json["seller_id"] == "ben@acme.example"
        assert company.rows("select display_name from wr.sellers") == [{"display_name": "Ben@Acme.Example"}]

    def test_who_becomes_a_seller_gets_one_as_well(self, company: Company, admin: str) -> None:
        user_id = add(admin).json["id"]
        assert company.count("sellers") == 0
        assert change(admin, user_id, role="seller").json["seller_id"] == "ben@acme.example"
        company.database.seller(company, "anna")
        assert change(admin, user_id, seller_id="Anna").json["seller_id"] == "anna"
        assert change(admin, user_id, display_name="B").json["seller_id"] == "anna"
        assert change(admin, user_id, seller_id=None).json["seller_id"] == "ben@acme.example"
        assert change(admin, user_id, role="watcher").json["seller_id"] == "ben@acme.example"
        assert change(admin, user_id, seller_id=None).json["seller_id"] is None
        assert company.count("sellers") == 2

    def test_an_unknown_one_is_named(self, company: Company, rival: Company, admin: str) -> None:
        company.database.seller(rival, "theirs")
        user_id = add(admin).json["id"]
        for seller_id in ("nobody", "theirs"):
            refused = change(admin, user_id, seller_id=seller_id, display_name="Changed")
            assert (refused.status, [d["field"] for d in refused.json["details"]]) == (400, ["seller_id"])
        assert call(admin, "GET", f"/{user_id}").json["display_name"] == "Ben"


class TestListing:
    def test_people_come_in_pages_as_they_were_added(
        self, company: Company, rival: Company, admin: str
    ) -> None:
        rival.person("watcher")
        for _ in range(4):
            company.person("watcher")
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = call(admin, "GET", f"?limit=2&cursor={cursor}").json
            assert len(page["users"]) <= 2
            seen += [user["email"] for user in page["users"]]
            cursor = page["nextCursor"]
        assert len(seen) == 5
        assert seen == emails(company)

    def test_they_are_listed_active_or_disabled_or_all(self, company: Company, admin: str) -> None:
        user_id = add(admin).json["id"]
        change(admin, user_id, disabled=True)

        def listed(query: str) -> int:
            return len(call(admin, "GET", query).json["users"])

        assert (listed("?status=active"), listed("?status=disabled"), listed("?status=")) == (1, 1, 2)
        (gone,) = call(admin, "GET", "?status=disabled").json["users"]
        assert (gone["id"], gone["disabled_at"] is not None) == (user_id, True)

    @pytest.mark.parametrize("query", ["status=gone", "limit=0", "limit=101", "limit=x", "cursor=x"])
    def test_a_wrong_parameter_is_named(self, admin: str, query: str) -> None:
        answer = call(admin, "GET", f"?{query}")
        assert (answer.status, answer.json["details"][0]["field"]) == (400, query.partition("=")[0])

    def test_no_list_tells_a_password(self, company: Company, admin: str) -> None:
        add(admin, password=PASSWORD)
        assert "$argon2id$" not in call(admin, "GET").raw


class TestChanging:
    def test_what_is_given_changes_and_nothing_else(self, company: Company, admin: str) -> None:
        user = add(admin, password=PASSWORD).json
        assert change(admin, user["id"], display_name="\U0001f600 Ben").json == {
            **user,
            "display_name": "\U0001f600 Ben",
        }
        changed = change(admin, user["id"], email="x@y.example", password="x", token_version=9)
        assert changed.json["email"] == "ben@acme.example"
        assert login("ben@acme.example", PASSWORD).status == 201

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"display_name": None}, "display_name"),
            ({"display_name": " "}, "display_name"),
            ({"role": None}, "role"),
            ({"role": "root"}, "role"),
            ({"disabled": None}, "disabled"),
            ({"disabled": "true"}, "disabled"),
            ({"disabled": 1}, "disabled"),
            ({"seller_id": 1}, "seller_id"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_changes(
        self, admin: str, changes: dict[str, Any], field: str
    ) -> None:
        user_id = add(admin).json["id"]
        before = call(admin, "GET", f"/{user_id}").json
        answer = change(admin, user_id, **{"display_name": "Changed", **changes})
        assert (answer.status, [d["field"] for d in answer.json["details"]]) == (400, [field])
        assert call(admin, "GET", f"/{user_id}").json == before

    @pytest.mark.parametrize(
        "changes", [{"role": "manager"}, {"role": "seller"}, {"seller_id": "anna"}, {"disabled": True}]
    )
    def test_what_somebody_may_do_is_up_to_date_because_their_tokens_end(
        self, company: Company, admin: str, changes: dict[str, Any]
    ) -> None:
        company.database.seller(company, "anna")
        user_id, token = company.person("watcher")
        assert is_in(token)
        assert change(admin, user_id, **changes).status == 200
        assert not is_in(token)

    def test_what_changes_nothing_of_that_ends_no_token(self, company: Company, admin: str) -> None:
        user_id, token = company.person("watcher")
        same = change(admin, user_id, display_name="W", role="watcher", seller_id=None, disabled=False)
        assert same.status == 200
        assert is_in(token)

    def test_a_process_that_remembers_them_takes_a_minute(
        self, company: Company, admin: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user_id, token = company.person("manager")
        with monkeypatch.context() as other_process:
            other_process.setattr(callers, "forget_all", lambda: None)
            assert is_in(token)
            change(admin, user_id, disabled=True)
            assert is_in(token)
            now = time.time()
            other_process.setattr(time, "time", lambda: now + 61)
            assert not is_in(token)

    def test_their_sockets_close_with_the_next_sweep(
        self, company: Company, database: Database, admin: str
    ) -> None:
        user_id, _ = company.person("manager")
        database.execute(
            "insert into wr.connections (tenant_id, connection_id, user_id, token_version, rendering)"
            " values (%s, 'theirs', %s, 0, 'full')",
            company.tenant_id,
            user_id,
        )
        with psycopg.connect(database.url_of("jobs"), autocommit=True) as jobs:
            unwelcome = "select connection_id from wr.unwelcome_connections()"
            assert jobs.execute(unwelcome).fetchall() == []
            change(admin, user_id, role="watcher")
            assert jobs.execute(unwelcome).fetchall() == [("theirs",)]

    def test_who_is_disabled_is_out_until_they_are_let_in_again(self, company: Company, admin: str) -> None:
        user_id = add(admin, password=PASSWORD).json["id"]
        token = login("ben@acme.example", PASSWORD).json["token"]
        first = change(admin, user_id, disabled=True).json["disabled_at"]
        assert first is not None
        assert change(admin, user_id, disabled=True).json["disabled_at"] == first
        assert login("ben@acme.example", PASSWORD).status == 401
        assert change(admin, user_id, disabled=False).json["disabled_at"] is None
        assert not is_in(token)
        assert login("ben@acme.example", PASSWORD).status == 201


class TestTheLastAdmin:
    @pytest.mark.parametrize("changes", [{"disabled": True}, {"role": "manager"}, {"role": "seller"}])
    def test_stays(self, company: Company, rival: Company, changes: dict[str, Any]) -> None:
        user_id, token = company.person("admin")
        rival.person("admin")
        gone, _ = company.person("admin")
        assert change(token, gone, disabled=True).status == 200
        refused = change(token, user_id, display_name="Changed", **changes)
        assert (refused.status, refused.json["code"]) == (409, "conflict")
        assert "make somebody else an admin first" in refused.json["error"]
        assert is_in(token)
        assert call(token, "GET", f"/{user_id}").json["display_name"] == "Admin"
        assert company.count("sellers") == 0
        assert change(token, user_id, display_name="Changed", role="admin", disabled=False).status == 200

    def test_goes_when_there_is_another(self, company: Company) -> None:
        user_id, token = company.person("admin")
        other, _ = company.person("manager")
        assert change(token, other, role="admin").status == 200
        assert change(token, user_id, role="watcher").status == 200
        # A disabled admin is the last of nothing.
        assert not is_in(token)

    def test_of_two_who_dismiss_each_other_one_stays(self, company: Company) -> None:
        for attempt in range(8):
            pair = [company.person("admin"), company.person("admin")]
            ready = threading.Barrier(2)

            def dismiss(
                n: int,
                pair: list[tuple[UUID, str]] = pair,
                ready: threading.Barrier = ready,
                attempt: int = attempt,
            ) -> Answer:
                ready.wait()
                wish: dict[str, Any] = {"disabled": True} if attempt % 2 else {"role": "watcher"}
                return change(pair[n][1], pair[1 - n][0], **wish)

            with ThreadPoolExecutor(2) as threads:
                answers = list(threads.map(dismiss, range(2)))
            # The second may also come when its own token has ended.
            assert sorted(a.status for a in answers) in ([200, 409], [200, 401])
            active = company.rows("select from wr.users where role = 'admin' and disabled_at is null")
            assert len(active) == 1
            company.database.execute("update wr.users set role = 'watcher' where role = 'admin'")


class TestResetting:
    def test_a_new_password_is_shown_once_and_all_tokens_end(self, company: Company, admin: str) -> None:
        user = add(admin, password=PASSWORD).json
        token = login("ben@acme.example", PASSWORD).json["token"]
        answer = call(admin, "POST", f"/{user['id']}/reset-password")
        assert answer.status == 200
        password = answer.json["password"]
        assert answer.json == {**user, "password": password}
        assert not is_in(token)
        assert login("ben@acme.example", PASSWORD).status == 401
        assert login("ben@acme.example", password).status == 201
        assert call(admin, "POST", f"/{user['id']}/reset-password").json["password"] != password

    def test_who_has_used_up_their_attempts_gets_new_ones(self, company: Company, admin: str) -> None:
        user_id = add(admin).json["id"]
        assert {login("ben@acme.example", "forgotten").status for _ in range(11)} == {401, 429}
        password = call(admin, "POST", f"/{user_id}/reset-password").json["password"]
        assert login("ben@acme.example", password).status == 201

    def test_who_is_disabled_stays_disabled(self, company: Company, admin: str) -> None:
        user_id = add(admin).json["id"]
        change(admin, user_id, disabled=True)
        password = call(admin, "POST", f"/{user_id}/reset-password").json["password"]
        assert login("ben@acme.example", password).status == 401


def test_a_random_password_is_one_that_may_be_chosen() -> None:
    made = {passwords.random() for _ in range(100)}
    assert len(made) == 100
    assert all(passwords._sound(password) for password in made)
