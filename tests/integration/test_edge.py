"""Behind an edge: nobody comes in past it, and its word is taken for who asks and for what we are called."""

from urllib.parse import urlencode

import pytest

from functions.api import app as api
from functions.broadcaster import socket
from functions.dashboard import app as dashboard
from functions.ingestion import app as ingestion
from tests import doors
from tests.doors import Answer
from tests.factories import Company, sale
from tests.gateway import Client, Gateway, ticket
from tests.visits import Visitor
from winroom import copy
from winroom.answers import SESSION_COOKIE
from winroom.forms import URLENCODED
from winroom.settings import settings

SECRET, NEXT = "the-secret-of-the-edge-0123456789ab", "the-secret-that-comes-next-0123456"
THROUGH = {"X-Winroom-Origin": SECRET}
EDGE = "64.252.64.7"

DOORS = [
    (api.handler, "/health"),
    (api.handler, "/api/health"),
    (api.handler, "/api/openapi.json"),
    (api.handler, "/api/nothing-here"),
    (ingestion.handler, "/api/events"),
    (dashboard.handler, "/login"),
    (dashboard.handler, "/favicon.ico"),
    (dashboard.handler, "/nothing-here"),
]


@pytest.fixture
def edge(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    environment.setenv("ORIGIN_SECRET", SECRET)
    settings.cache_clear()
    return environment


@pytest.mark.parametrize(
    "given", [{}, {"X-Winroom-Origin": ""}, {"X-Winroom-Origin": SECRET[:-1] + "\u00e9"}]
)
def test_no_door_opens_to_who_comes_past_the_edge(
    edge: pytest.MonkeyPatch, company: Company, given: dict[str, str]
) -> None:
    for handler, path in DOORS:
        headers = {**given, "X-Request-ID": "mine"}
        refused = doors.http(handler, "GET", path, key=company.full_key, headers=headers)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
        assert refused.json["error"] == copy.NOT_THROUGH_THE_EDGE
        assert refused.json["requestId"] == refused.headers["x-request-id"] == "mine"


def test_every_door_opens_to_who_comes_through_it(edge: pytest.MonkeyPatch, company: Company) -> None:
    for handler, path in DOORS:
        assert doors.http(handler, "GET", path, key=company.full_key, headers=THROUGH).status != 403


@pytest.mark.parametrize("path", ["/api/events", "/api/events/batch"])
def test_a_sale_past_the_edge_is_not_stored_and_its_sender_keeps_it(
    edge: pytest.MonkeyPatch, company: Company, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = doors.http(ingestion.handler, "POST", path, sale(), key=company.full_key)
    assert (refused.status, refused.json["code"]) == (429, "misdirected")
    assert refused.headers["retry-after"] == str(refused.json["retryAfter"]) == "3600"
    assert "by its public name" in refused.json["error"]
    assert "a sale came past the edge" in capsys.readouterr().out
    assert company.count("sales_events") == company.count("api_audit_log") == 0


def test_while_the_secret_is_replaced_both_are_known(edge: pytest.MonkeyPatch, company: Company) -> None:
    edge.setenv("ORIGIN_SECRET", f"{SECRET} {NEXT}")
    settings.cache_clear()
    for secret, status in ((SECRET, 200), (NEXT, 200), (f"{SECRET} {NEXT}", 403)):
        answer = doors.http(api.handler, "GET", "/health", headers={"X-Winroom-Origin": secret})
        assert answer.status == status


def test_no_socket_opens_past_the_edge(edge: pytest.MonkeyPatch, company: Company, gateway: Gateway) -> None:
    opener = ticket(company)
    for headers in ({}, {"x-winroom-origin": "guessed"}):
        assert Client(gateway).connect({"ticket": opener}, headers) == 403
    # The refusals have not spent the ticket; API Gateway spells headers as they were sent.
    assert Client(gateway).connect({"ticket": opener}, THROUGH) == 200


def test_the_audit_log_names_the_visitor_and_not_the_edge(edge: pytest.MonkeyPatch, company: Company) -> None:
    told = {
        f"198.51.100.9, {EDGE}": "198.51.100.9",
        f"10.0.0.1, 203.0.113.1, 198.51.100.8, {EDGE}": "198.51.100.8",
        f"10.0.0.1,{EDGE},2001:db8::9,{EDGE}": "2001:db8::9",
        "10.0.0.1, 198.51.100.7": "198.51.100.7",
        EDGE: EDGE,
        f"unknown, {EDGE}": None,
    }
    for forwarded_for in told:
        whoami(company, {**THROUGH, "X-Forwarded-For": forwarded_for})
    assert addresses(company) == list(told.values())


def test_without_an_edge_nobody_chooses_its_address(company: Company) -> None:
    whoami(company, {"X-Forwarded-For": "198.51.100.9", "X-Winroom-Origin": "anything"})
    assert addresses(company) == [EDGE]


def test_guesses_are_counted_by_visitor(edge: pytest.MonkeyPatch, company: Company) -> None:
    def signed_up(visitor: str) -> int:
        headers = {**THROUGH, "X-Forwarded-For": f"{visitor}, {EDGE}"}
        wish = {"name": "New", "email": "a@new.example", "password": "correct horse"}
        return doors.http(api.handler, "POST", "/api/tenants", wish, headers=headers, source_ip=EDGE).status

    assert 429 not in {signed_up("198.51.100.9") for _ in range(5)}
    assert signed_up("198.51.100.9") == 429
    assert signed_up("198.51.100.10") == 201


def test_links_and_forms_know_the_public_name(edge: pytest.MonkeyPatch, company: Company) -> None:
    edge.setenv("PUBLIC_URL", "https://sales.example.com")
    settings.cache_clear()
    assert "https://sales.example.com/wall/wr_wall_" in form(company, "https://sales.example.com").raw
    assert form(company, "https://abc.execute-api.us-east-1.amazonaws.com").status == 403


def test_every_answer_names_its_release(company: Company, gateway: Gateway) -> None:
    for handler, path in DOORS:
        assert doors.http(handler, "GET", path).headers["x-winroom-release"] == "test"
    knock = {"requestContext": {"eventType": "CONNECT", "connectionId": "x"}}
    refused = socket.handler(knock, doors.context())
    assert refused == {"statusCode": 401, "headers": {"X-Winroom-Release": "test"}}


def whoami(company: Company, headers: dict[str, str]) -> None:
    answer = doors.http(
        api.handler, "GET", "/api/tenant", key=company.full_key, headers=headers, source_ip=EDGE
    )
    assert answer.status == 200, answer.raw


def addresses(company: Company) -> list[str | None]:
    return [
        row["address"]
        for row in company.rows("select host(request_ip) as address from wr.api_audit_log order by audit_id")
    ]


def form(company: Company, origin: str) -> Answer:
    """An old browser's: it tells the origin of the page, and nothing else."""
    token = Visitor.of(company, "manager").token
    headers = {**THROUGH, "Cookie": f"{SESSION_COOKIE}={token}", "Content-Type": URLENCODED}
    headers |= {"Host": "abc.execute-api.us-east-1.amazonaws.com", "Origin": origin}
    body = urlencode({"name": "Office"}).encode()
    return doors.http(dashboard.handler, "POST", "/displays", body, headers=headers)
