"""A walk over all routes of both tables: none lets in whom it must not, shows what is another company's, or
answers bad input with anything but a refusal that says what is wrong. A new route is walked from its first
day; one with a new kind of id asks to be told how to make such a thing (`office.MAKERS`)."""

import json
import re
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from psycopg import sql

from functions.api import app as api
from functions.ingestion import app as ingestion
from infra import openapi
from tests import doors
from tests.doors import Answer, Sqs
from tests.factories import Company, Database
from tests.integration.conftest import Overhear
from tests.office import MAKERS, Office
from winroom import rate_limit
from winroom.routes import Route

Json = dict[str, Any]

ROUTES = [*ingestion.ROUTES, *api.ROUTES]
DOCUMENT = openapi.document(ROUTES)
SECURED = [route for route in ROUTES if route.role is not None]
WITH_IDS = [route for route in ROUTES if "{" in route.path]

pytestmark = pytest.mark.usefixtures("queues", "quick_passwords", "unlimited")


def send(route: Route, key: str | None, path: str = "", body: object = None, **more: Any) -> Answer:
    """Asks for a route, as API Gateway does: /api/events is a door of its own."""
    path = path or route.path
    handler = ingestion.handler if path.startswith("/api/events") else api.handler
    method = more.pop("method", route.method)
    headers = {"Content-Type": route.media_type, **more.pop("headers", {})}
    return doors.http(handler, method, path, body, key=key, headers=headers, **more)


# What fields and parameters call such ids.
FIELDS = {name: name for name in MAKERS} | {
    "ids": "failed_event_id",
    "product": "product_id",
    "seller": "seller_id",
}


def ids_of(route: Route) -> list[str]:
    return re.findall(r"{(\w+)}", route.path)


def operation(route: Route) -> Json:
    found: Json = DOCUMENT["paths"][route.path][route.method.lower()]
    return found


def fields_of(route: Route) -> set[str]:
    """The fields of the JSON that the route takes."""
    schema = operation(route)["requestBody"]["content"]["application/json"]["schema"]
    return set(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"])


def body_of(route: Route, office: Office) -> Any:
    """A body that the route takes, with the ids of the office's own things; text as bytes."""
    content = operation(route).get("requestBody", {"content": {}})["content"]
    value = content[route.media_type]["example"] if content else None
    if isinstance(value, str):
        return value.encode()
    own = {name: office.things[name] for name in fields_of(route) if name in MAKERS} if content else {}
    return value and {**value, **own}


def queried(route: Route) -> set[str]:
    """The parameters of the route's query."""
    return {p["name"] for p in operation(route)["parameters"] if p.get("in") == "query"}


def takes_json(route: Route) -> bool:
    return "body" in route.takes and route.media_type == "application/json"


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def somewhere(route: Route) -> str:
    """The route's path with ids that nothing has."""
    return re.sub(r"{\w+}", lambda _: str(uuid4()), route.path)


@pytest.fixture
def ours(company: Company, queues: Sqs) -> Office:
    return Office(company, queues)


@pytest.fixture
def theirs(rival: Company, queues: Sqs) -> Office:
    return Office(rival, queues)


def contents(company: Company) -> Json:
    """All that a company has, but for its log and its counters, as text."""
    tables = company.database.execute(
        "select table_name as name from information_schema.columns where table_schema = 'wr'"
        " and column_name = 'tenant_id' and table_name not in ('api_audit_log', 'rate_counters')"
        " and table_name in (select tablename from pg_tables where schemaname = 'wr') order by 1"
    )
    rows = sql.SQL("select to_jsonb(t) - 'tenant_id' as row from wr.{} t where tenant_id = %s order by 1")
    with company.database.operator() as conn:
        return {
            row["name"]: conn.execute(
                rows.format(sql.Identifier(row["name"])), [company.tenant_id]
            ).fetchall()
            for row in tables
        }


def test_the_walk_knows_how_to_make_whatever_an_id_names() -> None:
    unknown = {name for route in ROUTES for name in ids_of(route)} - MAKERS.keys()
    assert unknown == set(), "tell MAKERS in tests/office.py how to make the things that these ids name"


class TestAnotherCompany:
    def test_its_ids_are_as_unknown_as_any_and_nothing_of_it_changes(
        self, subtests: pytest.Subtests, ours: Office, theirs: Office, overheard: Overhear
    ) -> None:
        foreign, admin = theirs.things, ours.admin
        unknown = dict.fromkeys(MAKERS, str(uuid4()))
        before = contents(theirs.company)
        for route in WITH_IDS:
            with subtests.test(named(route)):
                body, same_id = body_of(route, ours), {"X-Request-ID": "same"}
                paths = [route.path.format(**ids) for ids in (foreign, unknown)]
                asks = [partial(send, route, admin, path, body, headers=same_id) for path in paths]
                (answer, sent), (another, also_sent) = map(overheard, asks)
                assert (answer.status, answer.raw) == (404, another.raw)
                assert uncounted(answer) == uncounted(another)
                assert sent == also_sent
                assert contents(theirs.company) == before

    def test_the_same_ids_are_known_to_their_own_company(
        self, subtests: pytest.Subtests, theirs: Office
    ) -> None:
        for route in WITH_IDS:
            with subtests.test(named(route)):
                answer = send(route, theirs.admin, theirs.path(route), body_of(route, theirs))
                assert answer.status != 404, answer.raw

    def test_its_ids_in_a_query_find_no_more_than_unknown_ones(
        self, subtests: pytest.Subtests, ours: Office, theirs: Office, overheard: Overhear
    ) -> None:
        admin, same_id = ours.admin, {"X-Request-ID": "same"}
        for route in ROUTES:
            for field in queried(route) & {*FIELDS, "cursor"}:
                with subtests.test(f"{named(route)} {field}"):
                    foreign = theirs.things[FIELDS.get(field, "queue_id")]
                    paths = [f"{route.path}?{field}={value}" for value in (foreign, uuid4())]
                    asks = [partial(send, route, admin, path, headers=same_id) for path in paths]
                    (found, sent), (unfound, also_sent) = map(overheard, asks)
                    assert (found.status, sent) == (unfound.status, also_sent)
                    assert field == "cursor" or stripped(found.raw) == stripped(unfound.raw)

    def test_its_ids_in_a_body_are_as_unknown_as_any(
        self,
        subtests: pytest.Subtests,
        ours: Office,
        theirs: Office,
        database: Database,
        queues: Sqs,
        overheard: Overhear,
    ) -> None:
        another, same_id = Office(database.company("another"), queues), {"X-Request-ID": "same"}
        for route in filter(takes_json, SECURED):
            for field in sorted(fields_of(route) & FIELDS.keys()):
                with subtests.test(f"{named(route)} {field}"):
                    answers = []
                    # Made for this alone: a body may also take an id for a thing of its own.
                    for office, value in ((ours, MAKERS[FIELDS[field]](theirs)), (another, str(uuid4()))):
                        body = {**body_of(route, office), field: [value] if field == "ids" else value}
                        ask = partial(send, route, office.admin, office.path(route), body, headers=same_id)
                        answer, sent = overheard(ask)
                        answers.append((answer.status, stripped(answer.raw.replace(value, "*")), sent))
                    assert answers[0] == answers[1]


def uncounted(answer: Answer) -> Json:
    """Its headers, but for those that count requests."""
    counts = {name.lower() for name in rate_limit.HEADERS}
    return {name: value for name, value in answer.headers.items() if name not in counts}


def stripped(raw: str) -> str:
    """An answer without what differs each time: ids and times."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+Z|seller-[0-9a-f]{8}", "*", raw)


# Least first, each with what it may do in words of the published description.
RANKS = ("display", "watcher", "seller", "manager", "admin")


def may(caller: str, route: Route) -> bool:
    """Whether the description lets such a caller in."""
    least = operation(route)["x-least-role"]
    if least == "ingest":
        return caller in ("ingest", "full", "manager", "admin")
    if caller == "ingest" or (route.is_personal and caller in ("display", "full")):
        return False
    return RANKS.index(caller.replace("full", "manager")) >= RANKS.index(least)


class TestWhoMayDoIt:
    def test_nobody_without_a_credential_that_is_alive(self, subtests: pytest.Subtests, ours: Office) -> None:
        bodies = {route: body_of(route, ours) for route in SECURED}
        before = ours.company.count("api_audit_log")
        for route in SECURED:
            with subtests.test(named(route)):
                for key in (None, "wr_live_nonsense", "wr_wall_nonsense", "no.such.token", "\u00fc", ""):
                    answer = send(route, key, somewhere(route), bodies[route])
                    assert (answer.status, answer.json["code"]) == (401, "unauthenticated"), key
        assert ours.company.count("api_audit_log") == before

    def test_nobody_of_a_lesser_role_and_each_try_is_audited(
        self, subtests: pytest.Subtests, ours: Office
    ) -> None:
        company = ours.company
        callers = {"display": ours.ask("POST", "/api/displays", {"name": "Wall"})["token"]}
        callers |= {"ingest": company.ingest_key, "full": company.full_key} | people(company)
        for route in SECURED:
            with subtests.test(named(route)):
                body, before = body_of(route, ours), company.count("api_audit_log")
                # Who logs out is somebody else from then on.
                for caller, key in (callers | (people(company) if route.is_personal else {})).items():
                    answer = send(route, key, somewhere(route), body)
                    if may(caller, route):
                        assert answer.status != 401, caller
                        assert answer.status != 403 or caller == "seller", (caller, answer.raw)
                    else:
                        assert (answer.status, answer.json["code"]) == (403, "forbidden"), caller
                rows = company.rows(
                    "select endpoint, http_method from wr.api_audit_log order by audit_id offset %s", before
                )
                assert rows == [{"endpoint": route.path, "http_method": route.method}] * len(callers)


def people(company: Company) -> dict[str, str]:
    """The token of a person of each role."""
    return {role: company.person(role, role)[1] for role in RANKS[1:]}


NOT_JSON = [b"{", b"nonsense", b"\xff\xfe", b'{"a": NaN}', b'"\\ud800"', b"[" * 50_000, b'{"a":' * 15_000]
NOT_AN_OBJECT = [b"[]", b"null", b"7", b'"text"', b"true", b"1" * 5_000]
STRANGE: list[Any] = [
    *(None, True, -1, 1e308, 10**400, "", "a\0b", "\ud800", "x" * 50_000, "\U0001f389<script>", "9" * 400),
    *([], [None], {"a": {"b": []}}, "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00"),
]
STRANGE_TEXTS = [
    "",
    "%00",
    "x" * 5_000,
    "null",
    "[]",
    "-1",
    "1e9",
    "9" * 400,
    "%F0%9F%8E%89",
    "'--",
    "%FF",
    "+",
]
STRANGE_IDS = ["%00", "x" * 3_000, "%F0%9F%8E%89", "null", "-1", "'--", "%20", "..", "%25"]
HEADER = b"sale_id,occurred_at,customer_name,sell_price,seller_external_id\n"
STRANGE_FILES = [
    b"",
    b"\0",
    b"\xff",
    b"\n" * 9,
    b",,,,",
    b'"',
    b'"' * 9,
    HEADER * 2,
    b"a,a\n1,1",
    b"x" * 90_000,
]


class TestBadInput:
    def test_what_is_not_a_json_object_is_refused(self, subtests: pytest.Subtests, ours: Office) -> None:
        for route in filter(takes_json, ROUTES):
            with subtests.test(named(route)):
                admin = ours.admin
                for body in [*NOT_JSON, *NOT_AN_OBJECT, *([] if route.is_body_optional else [b""])]:
                    answer = send(route, admin, somewhere(route), body)
                    assert (answer.status, answer.json["code"]) == (400, "invalid"), body[:20]

    def test_a_strange_value_is_refused_or_taken(self, subtests: pytest.Subtests, ours: Office) -> None:
        for route in filter(takes_json, ROUTES):
            path, valid = ours.path(route), body_of(route, ours)
            for field in sorted(fields_of(route)):
                with subtests.test(f"{named(route)} {field}"):
                    admin = ours.admin
                    for value in STRANGE:
                        answer = send(route, admin, path, json.dumps({**valid, field: value}).encode())
                        assert answer.status < 500, (str(value)[:20], answer.raw)

    def test_a_value_of_a_wrong_type_is_refused_by_the_name_of_its_field(
        self, subtests: pytest.Subtests, ours: Office
    ) -> None:
        for route in filter(takes_json, ROUTES):
            # The older name is read only where the newer is absent.
            for field in sorted(fields_of(route) - {"amount"}):
                with subtests.test(f"{named(route)} {field}"):
                    body = {**body_of(route, ours), field: 7 if field == "event" else {"a": []}}
                    answer = send(route, ours.admin, ours.path(route), body)
                    assert answer.status == 400, answer.raw
                    assert field in {p["field"].partition(".")[0] for p in answer.json["details"]}

    def test_a_strange_file_is_refused_or_taken(self, subtests: pytest.Subtests, ours: Office) -> None:
        for route in ROUTES:
            if "body" not in route.takes or takes_json(route):
                continue
            for file in [*STRANGE_FILES, *(HEADER + part for part in STRANGE_FILES), HEADER + b"," * 90_000]:
                with subtests.test(f"{named(route)} {file[:80]!r}"):
                    assert send(route, ours.admin, somewhere(route), file).status < 500

    def test_another_type_encoding_or_size_is_refused(self, subtests: pytest.Subtests, ours: Office) -> None:
        for route in ROUTES:
            if "body" not in route.takes:
                continue
            with subtests.test(named(route)):
                admin, path = ours.admin, somewhere(route)
                another = {"Content-Type": "application/x-www-form-urlencoded"}
                assert send(route, admin, path, b"{}", headers=another).status == 415
                assert send(route, admin, path, b"{}", headers={"Content-Encoding": "gzip"}).status == 415
                too_large = send(route, admin, path, b" " * (route.body_limit + 1))
                assert (too_large.status, too_large.json["code"]) == (413, "too_large")
                assert send(route, admin, path, b" " * route.body_limit).status != 413

    def test_what_is_no_field_of_a_route_is_set_by_nobody(
        self, subtests: pytest.Subtests, ours: Office, theirs: Office
    ) -> None:
        foreign, before = str(theirs.company.tenant_id), contents(theirs.company)
        columns = ours.company.database.execute(
            "select distinct column_name as name from information_schema.columns where table_schema = 'wr'"
        )
        for route in filter(takes_json, ROUTES):
            with subtests.test(named(route)):
                smuggled = {row["name"]: foreign for row in columns if row["name"] not in fields_of(route)}
                body = {**smuggled, **body_of(route, ours)}
                assert send(route, ours.admin, ours.path(route), body).status < 500
                assert foreign not in str(contents(ours.company))
        assert contents(theirs.company) == before

    def test_a_version_that_nobody_knows_is_refused(self, subtests: pytest.Subtests, ours: Office) -> None:
        admin = ours.admin
        for route in ROUTES:
            with subtests.test(named(route)):
                for version in ("2", "", "one"):
                    given, body = {"X-API-Version": version}, body_of(route, ours)
                    answer = send(route, admin, somewhere(route), body, headers=given)
                    assert answer.status == 400
                    assert "X-API-Version" in answer.json["error"]

    def test_a_strange_parameter_is_refused_by_its_name_or_taken(
        self, subtests: pytest.Subtests, ours: Office
    ) -> None:
        admin = ours.admin
        for route in ROUTES:
            path, body = ours.path(route), body_of(route, ours)
            for name in sorted(queried(route)):
                with subtests.test(f"{named(route)} {name}"):
                    for text in STRANGE_TEXTS:
                        answer = send(route, admin, f"{path}?{name}={text}", body)
                        assert answer.status in (route.status, *route.also, 400), (text, answer.raw)
                        if answer.status == 400:
                            assert {problem["field"] for problem in answer.json["details"]} == {name}, text

    def test_unknown_parameters_are_ignored(self, subtests: pytest.Subtests, ours: Office) -> None:
        for route in ROUTES:
            if route.method == "GET":
                with subtests.test(named(route)):
                    path = f"{ours.path(route)}?nobody=knows&=&%00=%00&a[b]=c"
                    assert send(route, ours.admin, path).status in (route.status, *route.also)

    def test_a_strange_id_is_unknown(self, subtests: pytest.Subtests, ours: Office) -> None:
        admin = ours.admin
        for route in WITH_IDS:
            with subtests.test(named(route)):
                for text in STRANGE_IDS:
                    path = route.path.format(**dict.fromkeys(MAKERS, text))
                    answer = send(route, admin, path, body_of(route, ours))
                    assert (answer.status, answer.json["code"]) == (404, "not_found"), (text, answer.raw)


def test_methods_that_a_path_lacks_are_refused_with_those_that_it_has(
    subtests: pytest.Subtests, company: Company
) -> None:
    every = {"HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB"}
    for path, operations in DOCUMENT["paths"].items():
        methods = {method.upper() for method in operations} | ({"HEAD"} if "get" in operations else set())
        for method in sorted(every - methods):
            with subtests.test(f"{method} {path}"):
                anywhere = re.sub(r"{\w+}", str(uuid4()), path)
                answer = send(ROUTES[0], company.full_key, anywhere, method=method)
                assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
                assert answer.headers["allow"] == ", ".join(sorted(methods))
