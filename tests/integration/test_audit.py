"""The audit log through its HTTP door: complete, searchable, and without a secret in it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.api.app import ROUTES, handler
from functions.ingestion.app import ROUTES as INGESTION_ROUTES
from functions.ingestion.app import handler as ingestion
from tests import crm, doors
from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale
from tests.floor import call, claim, display, enqueue
from winroom import audit, users
from winroom.answers import SESSION_COOKIE
from winroom.callers import Role
from winroom.routes import BODY_LIMIT, Route

AUTHENTICATED = [route for route in [*ROUTES, *INGESTION_ROUTES] if route.role is not None]


@pytest.fixture
def admin(company: Company) -> tuple[UUID, str]:
    return company.person("admin")


class Log:
    """The log as an admin reads it."""

    def __init__(self, company: Company, key: str) -> None:
        self.company, self.key = company, key

    def ask(self, query: str = "", **more: Any) -> Answer:
        return doors.http(handler, "GET", f"/api/audit?{query}", key=self.key, **more)

    def read(self, query: str = "") -> list[dict[str, Any]]:
        answer = self.ask(query)
        assert answer.status == 200, answer.raw
        found: list[dict[str, Any]] = answer.json["audit"]
        return found

    def fill(self, number: int, **columns: Any) -> None:
        """Requests of the past, a minute apart, the newest a minute ago."""
        row = {
            "endpoint": "/api/events",
            "http_method": "POST",
            "status_code": 202,
            "user_id": None,
            "api_key_id": None,
            **columns,
        }
        self.company.database.execute(
            "insert into wr.api_audit_log (tenant_id, request_id, created_at, endpoint, http_method,"
            " status_code, user_id, api_key_id)"
            " select %s, 'r' || n, now() - n * interval '1 minute', %s, %s, %s, %s, %s"
            " from generate_series(1, %s) n",
            *(self.company.tenant_id, *row.values(), number),
        )


@pytest.fixture
def log(company: Company, admin: tuple[UUID, str]) -> Log:
    return Log(company, admin[1])


class TestList:
    def test_newest_first_with_who_asked(
        self, company: Company, admin: tuple[UUID, str], log: Log, database: Database
    ) -> None:
        wall = display(company)
        call(company, "GET", "/api/products", headers={"X-Request-ID": "by-key", "User-Agent": "curl"})
        call(company, "POST", "/api/products", {}, key=admin[1], headers={"X-Request-ID": "by-person"})
        call(company, "GET", "/api/products", key=wall, headers={"X-Request-ID": "by-display"})
        by_display, by_person, by_key = log.read()
        assert [row["request_id"] for row in (by_display, by_person, by_key)] == [
            "by-display",
            "by-person",
            "by-key",
        ]
        (full,) = company.rows("select api_key_id from wr.api_keys where scope = 'full'")
        assert by_key == {
            "id": by_key["id"],
            "created_at": by_key["created_at"],
            "caller": {"kind": "key", "id": str(full["api_key_id"]), "name": "Office", "email": None},
            "endpoint": "/api/products",
            "http_method": "GET",
            "status_code": 200,
            "request_id": "by-key",
            "request_ip": "203.0.113.7",
            "user_agent": "curl",
            "response_time_ms": by_key["response_time_ms"],
            "error_message": None,
            "repeats": 1,
        }
        (person,) = company.rows("select email, display_name from wr.users")
        assert by_person["caller"] == {
            "kind": "user",
            "id": str(admin[0]),
            "name": person["display_name"],
            "email": person["email"],
        }
        assert (by_person["status_code"], by_person["error_message"]) == (400, "invalid")
        assert (by_display["caller"]["kind"], by_display["caller"]["name"]) == ("display", "Wall")
        assert by_display["status_code"] == 403

    def test_who_asked_may_be_nobody_that_is_known(self, log: Log) -> None:
        log.fill(1)
        assert log.read()[0]["caller"] is None

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", {"sent", "refused", "wrong", "seen", "broken"}),
            ("status=403", {"refused"}),
            ("status=4xx", {"refused", "wrong"}),
            ("status=500", {"broken"}),
            ("status=2xx", {"sent", "seen"}),
            ("status=202", {"sent"}),
            ("status=3xx", set()),
            ("method=GET", {"seen", "broken"}),
            ("endpoint=/api/queue", {"seen", "broken"}),
            ("endpoint=/api/queue/{queue_id}/claim", {"wrong"}),
            ("request_id=rseen", {"seen"}),
            ("request_id=r%25", set()),
            ("user_id={user}", {"seen", "broken", "wrong"}),
            ("user_id={user}&status=4xx", {"wrong"}),
            ("user_id={user}&method=GET&status=5xx", {"broken"}),
            ("user_id={key}", set()),
            ("api_key_id={key}", {"sent", "refused"}),
            ("api_key_id={key}&status=4xx&method=POST", {"refused"}),
            ("from={before}", {"sent", "refused", "wrong", "seen", "broken"}),
            ("from={after}", set()),
            ("to={before}", set()),
            ("to={after}&status=403&from={before}", {"refused"}),
            ("method=GET&to={after}", {"seen", "broken"}),
        ],
    )
    def test_it_is_filtered(
        self, company: Company, log: Log, admin: tuple[UUID, str], query: str, expected: set[str]
    ) -> None:
        user_id, (key,) = (
            company.person("manager")[0],
            company.rows("select api_key_id from wr.api_keys where scope = 'ingest'"),
        )
        by_key = {"api_key_id": key["api_key_id"]}
        rows: dict[str, dict[str, Any]] = {
            "sent": by_key,
            "refused": {**by_key, "status_code": 403},
            "wrong": {
                "user_id": user_id,
                "status_code": 409,
                "endpoint": "/api/queue/{queue_id}/claim",
            },
            "seen": {
                "user_id": user_id,
                "status_code": 200,
                "endpoint": "/api/queue",
                "http_method": "GET",
            },
            "broken": {
                "user_id": user_id,
                "status_code": 500,
                "endpoint": "/api/queue",
                "http_method": "GET",
            },
        }
        for name, columns in rows.items():
            log.fill(1, **columns)
            company.database.execute(
                "update wr.api_audit_log set request_id = %s where request_id = 'r1'", f"r{name}"
            )
        now = datetime.now(UTC)
        for name, value in {
            "user": user_id,
            "key": key["api_key_id"],
            "before": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "after": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }.items():
            query = query.replace(f"{{{name}}}", str(value))
        assert {row["request_id"].removeprefix("r") for row in log.read(query)} == expected

    @pytest.mark.parametrize("query", ["", "status=4xx", "method=POST", "user_id={user}"])
    def test_it_comes_in_pages(self, company: Company, log: Log, query: str) -> None:
        user_id = company.person()[0]
        log.fill(7, status_code=404, user_id=user_id)
        # Of one moment, as many requests are.
        company.database.execute(
            "update wr.api_audit_log set created_at = '2026-01-01' where request_id > 'r4'"
        )
        query = f"from=2025-01-01T00:00:00Z&{query.replace('{user}', str(user_id))}"
        newest = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        seen: list[tuple[str, str]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = log.ask(f"to={newest}&{query}&limit=3&cursor={cursor}").json
            assert len(page["audit"]) <= 3
            seen += [(row["created_at"], row["id"]) for row in page["audit"]]
            cursor = page["nextCursor"]
        assert len(seen) == 7
        assert seen == sorted(seen, reverse=True)

    def test_a_search_without_an_index_looks_at_so_many_a_page_and_goes_on(
        self, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit, "LOOKED_AT", 10)
        log.fill(25)
        log.fill(1, http_method="DELETE")
        log.company.database.execute(
            "update wr.api_audit_log set created_at = now() - interval '1 hour' where http_method = 'DELETE'"
        )
        until = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        pages: list[list[str]] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = log.ask(f"method=DELETE&to={until}&cursor={cursor}").json
            pages.append([row["http_method"] for row in answer["audit"]])
            cursor = answer["nextCursor"]
        assert pages == [[], [], ["DELETE"]]

    def test_it_looks_back_over_a_week_unless_told_otherwise(self, log: Log) -> None:
        user_id = uuid4()
        log.fill(1, user_id=user_id, status_code=404)
        log.company.database.execute("update wr.api_audit_log set created_at = now() - interval '8 days'")
        assert log.read("method=POST") == log.read("status=4xx&to=2020-01-01T00:00:00Z") == []
        week_ago = (datetime.now(UTC) - timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
        day_before = (datetime.now(UTC) - timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = [
            log.read(query)
            for query in (
                f"from={week_ago}&method=POST",
                f"to={day_before}&method=POST",
                f"to={day_before}",
                "status=404",
                f"user_id={user_id}&method=POST",
            )
        ]
        assert [[row["request_id"] for row in rows] for rows in found] == [["r1"]] * 5

    @pytest.mark.parametrize(
        "query",
        [
            *(
                "from=yesterday",
                "to=5",
                "status=40",
                "status=4x",
                "status=600",
                "status=4xx%0A5",
                "method=get",
            ),
            *(
                "endpoint=%00",
                "user_id=x",
                "api_key_id=x",
                "request_id=%00",
                "cursor=x",
                "limit=0",
                "limit=101",
            ),
        ],
    )
    def test_a_wrong_parameter_is_named(self, log: Log, query: str) -> None:
        answer = log.ask(query)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, query.partition("=")[0])

    @pytest.mark.parametrize(
        "moment", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59Z"]
    )
    @pytest.mark.parametrize("side", ["from", "to"])
    def test_the_ends_of_time_are_no_error(self, log: Log, side: str, moment: str) -> None:
        for more in ("", "&method=GET", "&status=4xx"):
            assert log.ask(f"{side}={moment}{more}").status == 200

    def test_blank_parameters_are_none(self, log: Log) -> None:
        log.fill(1)
        blank = "from=&to=&status=&method=&endpoint=&user_id=&api_key_id=&request_id=&cursor="
        assert len(log.read(blank)) == 1

    def test_admins_alone_and_each_company_its_own(
        self, company: Company, rival: Company, log: Log, admin: tuple[UUID, str]
    ) -> None:
        others = [company.person(role)[1] for role in ("manager", "seller", "watcher")]
        for key in [company.full_key, company.ingest_key, display(company), *others]:
            assert doors.http(handler, "GET", "/api/audit", key=key).status == 403
        theirs = Log(rival, rival.person("admin")[1])
        assert theirs.read() == []
        (own,) = theirs.read()
        assert theirs.read(f"user_id={admin[0]}") == []
        assert log.read(f"request_id={own['request_id']}") == []
        assert [row["id"] for row in log.read(f"cursor={own['id']}")] == []


class TestCompleteness:
    """Each authenticated request leaves exactly one row, whatever became of it."""

    @pytest.fixture(params=["key", "person", "display"])
    def caller(self, request: pytest.FixtureRequest, company: Company) -> tuple[str, str]:
        """A credential of each kind, and the column that tells whose it is."""
        if request.param == "key":
            return company.full_key, "api_key_id"
        if request.param == "person":
            return company.person("manager")[1], "user_id"
        return display(company), "display_id"

    def rows(self, company: Company) -> list[dict[str, Any]]:
        return [
            dict(row)
            for row in company.rows(
                "select endpoint, http_method, status_code, error_message, repeats,"
                " num_nonnulls(user_id, api_key_id, display_id) as callers from wr.api_audit_log"
                " order by created_at, audit_id"
            )
        ]

    @pytest.mark.parametrize("route", AUTHENTICATED, ids=lambda route: f"{route.method} {route.path}")
    def test_of_every_route(
        self, company: Company, queues: Sqs, caller: tuple[str, str], route: Route
    ) -> None:
        door = ingestion if route in INGESTION_ROUTES else handler
        path = "/".join(str(uuid4()) if part.startswith("{") else part for part in route.path.split("/"))
        headers = {"Content-Type": route.media_type}
        answer = doors.http(door, route.method, path, {}, key=caller[0], headers=headers)
        assert answer.status < 500
        (row,) = self.rows(company)
        assert (row["endpoint"], row["http_method"]) == (route.path, route.method)
        assert (row["status_code"], row["callers"]) == (answer.status, 1)
        assert company.rows(f"select 1 from wr.api_audit_log where {caller[1]} is not null")

    @pytest.mark.parametrize(
        ("status", "code", "method", "path", "body", "headers"),
        [
            (400, "invalid", "POST", "/api/products", b"{", {}),
            (400, "invalid", "POST", "/api/products", {"name": ""}, {}),
            (400, "invalid", "GET", "/api/products?limit=x", None, {}),
            (400, "invalid", "GET", "/api/products", None, {"X-API-Version": "7"}),
            (404, "not_found", "GET", "/api/products/no-id", None, {}),
            (404, "not_found", "GET", "/api/products/00000000-0000-7000-8000-000000000000", None, {}),
            (409, "conflict", "POST", "/api/products", {"name": "Taken"}, {}),
            (413, "too_large", "POST", "/api/products", {"name": "x" * BODY_LIMIT}, {}),
            (415, "unsupported_media_type", "POST", "/api/products", b"a", {"Content-Type": "text/csv"}),
            (415, "unsupported_media_type", "POST", "/api/products", b"a", {"Content-Encoding": "gzip"}),
        ],
    )
    @pytest.mark.parametrize("by", ["key", "person"])
    def test_of_what_is_refused(
        self,
        company: Company,
        database: Database,
        by: str,
        status: int,
        code: str,
        method: str,
        path: str,
        body: object,
        headers: dict[str, str],
    ) -> None:
        database.execute("insert into wr.products (tenant_id, name) values (%s, 'Taken')", company.tenant_id)
        key = company.full_key if by == "key" else company.person("manager")[1]
        answer = doors.http(handler, method, path, body, key=key, headers=headers)
        assert answer.status == status
        (row,) = self.rows(company)
        assert (row["status_code"], row["error_message"], row["repeats"]) == (status, code, 1)

    def test_of_what_succeeds_changes_or_repeats(self, company: Company, queues: Sqs) -> None:
        body = sale(sale_id="a")
        crm.post(company, body)
        crm.post(company, body)
        crm.post(company, {**body, "sell_price": 5})
        crm.post_batch(company, body, {}, {**body, "sell_price": 6})
        (item,) = enqueue(company, queues)
        claim(company, item)
        claim(company, item)
        claim(company, item, "nobody")
        doors.http(handler, "HEAD", "/api/products", key=company.full_key)
        told = [
            (r["http_method"], r["endpoint"].rpartition("/")[2], r["status_code"]) for r in self.rows(company)
        ]
        assert told == [
            ("POST", "events", 202),
            ("POST", "events", 202),
            ("POST", "events", 409),
            ("POST", "batch", 202),
            ("GET", "queue", 200),
            ("POST", "claim", 200),
            ("POST", "claim", 200),
            ("POST", "claim", 400),
            ("HEAD", "products", 200),
        ]

    def test_of_a_role_that_may_not_and_of_a_bug(
        self, company: Company, caller: tuple[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        doors.http(handler, "GET", "/api/users", key=caller[0])
        monkeypatch.setattr("winroom.rate_limit.headers", lambda *_: 1 / 0)
        doors.http(handler, "GET", "/api/leaderboard", key=caller[0])
        # The work was done and noted before it went wrong: the log tells what the caller was told.
        assert [row["status_code"] for row in self.rows(company)] == [403, 500]

    def test_of_another_sites_try_with_a_persons_cookie(self, company: Company) -> None:
        _, token = company.person("manager")
        forged = {"Cookie": f"{SESSION_COOKIE}={token}", "Sec-Fetch-Site": "cross-site"}
        answer = doors.http(handler, "POST", "/api/products", {"name": "Desk"}, headers=forged)
        assert answer.status == 403
        (row,) = self.rows(company)
        assert (row["status_code"], row["callers"]) == (403, 1)
        # Who could not be told from anybody is in nobody's log.
        doors.http(handler, "POST", "/api/products", {}, headers={"Cookie": f"{SESSION_COOKIE}=x"})
        doors.http(handler, "POST", "/api/products", {}, key="wr_live_nobodys")
        doors.http(handler, "POST", "/api/products", {}, headers={**forged, "Authorization": "Bearer"})
        assert len(self.rows(company)) == 1

    def test_a_flood_is_one_row_a_minute_and_caller_with_its_number(
        self, company: Company, log: Log, caller: tuple[str, str], database: Database
    ) -> None:
        doors.http(handler, "GET", "/api/leaderboard", key=caller[0])
        # To the end of the minute after: the hour may strike while this runs.
        database.execute("update wr.rate_counters set hits = 300, minute = minute + interval '1 minute'")
        statuses = [doors.http(handler, "GET", "/api/streak", key=caller[0]).status for _ in range(5)]
        refused = doors.http(handler, "POST", "/api/leaderboard/none", {}, key=caller[0])
        assert (set(statuses), refused.status) == ({429}, 404)
        over = log.read("status=429")
        assert sum(row["repeats"] for row in over) == 5
        assert len(over) <= 2
        assert {row["error_message"] for row in over} == {"rate_limited"}


SECRET = "hush-hush"


class TestSecrets:
    def test_neither_the_log_nor_the_lines_hold_any(
        self,
        company: Company,
        database: Database,
        queues: Sqs,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        email = f"{SECRET}-not@acme.example"
        password = f"{SECRET}-password-{uuid4()}"
        with database.operator() as conn:
            users.create(conn, company.tenant_id, email, "Ann", "admin", password)
        login = {"tenant": company.slug, "email": email, "password": password}
        session = doors.http(handler, "POST", "/api/session", login)
        assert session.status == 201, session.raw
        token = session.json["token"]
        wall = display(company)
        made = doors.http(handler, "POST", "/api/api-keys", {"name": "K", "scope": "full"}, key=token)
        assert made.status == 201, made.raw
        event = sale(customer_name=SECRET, notes=SECRET, product_sku=SECRET, seller_external_id=SECRET)
        attempts: list[Callable[[], Answer]] = [
            lambda: doors.http(handler, "POST", "/api/session", {**login, "password": f"{SECRET}-wrong"}),
            lambda: doors.http(handler, "POST", "/api/session", {**login, "email": f"{SECRET}@x.example"}),
            lambda: doors.http(
                handler, "POST", "/api/products", {"name": SECRET, "sku": "\0" + SECRET}, key=token
            ),
            lambda: doors.http(handler, "POST", "/api/products", f'{{"{SECRET}'.encode(), key=token),
            lambda: doors.http(handler, "GET", "/api/leaderboard", key=wall),
            lambda: doors.http(handler, "GET", "/api/leaderboard", key=f"wr_live_{SECRET}"),
            lambda: doors.http(handler, "GET", f"/api/queue?q={SECRET}", key=company.full_key),
            lambda: doors.http(handler, "GET", f"/api/products/{SECRET}", key=token),
            lambda: crm.post(company, event),
            lambda: crm.post(company, {**event, "sell_price": 7}),
            lambda: crm.post_batch(company, event, {"sale_id": SECRET}),
        ]
        for attempt in attempts:
            assert attempt().status < 500
        (failed, *_) = doors.http(handler, "GET", "/api/failed-events", key=token).json["failed_events"]
        doors.http(
            handler, "PATCH", f"/api/failed-events/{failed['id']}", {"event": {"notes": SECRET}}, key=token
        )
        monkeypatch.setattr("winroom.products.page", lambda *_: 1 / 0)
        assert doors.http(handler, "GET", f"/api/products?q={SECRET}", key=token).status == 500

        lines = capsys.readouterr().out
        assert '"status":500' in lines.replace(" ", "")
        kept = str(company.rows("select * from wr.api_audit_log"))
        assert len(company.rows("select 1 from wr.api_audit_log")) >= 12
        for text in (lines, kept):
            for secret in (
                SECRET,
                password,
                token,
                wall,
                made.json["key"],
                company.full_key,
                company.ingest_key,
            ):
                assert secret not in text


def test_every_role_is_tried() -> None:
    assert {route.role for route in AUTHENTICATED} >= {Role.INGEST, Role.DISPLAY, Role.WATCHER, Role.ADMIN}
