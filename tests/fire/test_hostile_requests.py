"""Requests that mean harm, to every HTTP door as API Gateway hands them over: whatever they hold, each is
answered, without an error of ours, a header of theirs, or a line in the log that is not ours."""

import gzip
import json
import re
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from functions.api import app as api
from functions.dashboard import app as dashboard
from functions.ingestion import app as ingestion
from tests import doors
from tests.conftest import Size, Tell
from tests.doors import Handler
from tests.factories import Company, sale
from winroom import telemetry
from winroom.answers import SESSION_COOKIE
from winroom.forms import MULTIPART, URLENCODED
from winroom.imports import MOST_BYTES
from winroom.routes import Route

Json = dict[str, Any]

DOORS = [(door, route) for door in (api, dashboard, ingestion) for route in door.ROUTES]
# All that JSON can carry to a function.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
HEADERS = (
    *("accept", "authorization", "content-encoding", "content-type", "host", "origin", "sec-fetch-site"),
    *("user-agent", "x-api-version", "x-forwarded-for", "x-forwarded-proto", "x-request-id"),
    "access-control-request-method",
)
SPLIT = "x\r\nSet-Cookie: a=b\r\n\r\n<script>"

pytestmark = pytest.mark.usefixtures("queues", "quick_passwords", "unlimited")


def paths(route: Route) -> st.SearchStrategy[str]:
    """Paths of the route, with anything for its ids."""
    return TEXT.map(lambda text: re.sub(r"{\w+}", lambda _: text, route.path))


REQUESTS = st.sampled_from(DOORS).flatmap(
    lambda one: st.fixed_dictionaries(
        {
            "handler": st.just(one[0].handler),
            "method": st.just(one[1].method) | st.sampled_from(["HEAD", "OPTIONS", "GET", "POST"]) | TEXT,
            "path": paths(one[1]) | TEXT,
            "query": TEXT,
            "headers": st.dictionaries(st.sampled_from(HEADERS), TEXT),
            "body": st.none() | st.binary() | TEXT.map(str.encode),
        }
    ).map(lambda asked: asked | {"headers": {"content-type": one[1].media_type} | asked["headers"]})
)


def splitting(**headers: str) -> Json:
    """A request that tries to write into the head of its answer."""
    return {
        "handler": dashboard.handler,
        "method": "GET",
        "path": f"/queue/{SPLIT}",
        "query": f"next=/{SPLIT}&notice={SPLIT}",
        "headers": headers,
        "body": None,
    }


def unreadable(media_type: str) -> Json:
    """A form that is none."""
    headers = {"content-type": media_type}
    return splitting(**headers) | {"method": "POST", "path": "/imports", "body": b"--b\nx"}


@given(REQUESTS, st.booleans())
@example(splitting(), False)
@example(splitting(**{"x-request-id": SPLIT, "origin": SPLIT, "host": SPLIT}), True)
@example(splitting(**{"user-agent": "a\0b"}), True)
@example(unreadable(MULTIPART), True)
@example(unreadable(f"{MULTIPART}; boundary=b"), True)
@how(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_request_is_answered_in_our_own_words(
    company: Company,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    asked: Json,
    is_known: bool,
) -> None:
    asked = dict(asked)
    handler = asked.pop("handler")
    if is_known:
        cookie = f"{SESSION_COOKIE}={company.person('admin')[1]}"
        asked["headers"] = {"sec-fetch-site": "same-origin", **asked["headers"], "cookie": cookie}
    capsys.readouterr()
    caplog.clear()
    answer = handler(doors.event(**asked), doors.context())
    assert answer["statusCode"] < 500 or asked["path"] == "/api/health"
    head = [*answer["headers"].items(), *(("set-cookie", cookie) for cookie in answer["cookies"])]
    assert all(re.fullmatch("[a-z-]+", name, re.I) and re.fullmatch("[ -~]*", value) for name, value in head)
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    assert "<script>" not in answer["body"]
    out = capsys.readouterr().out
    assert out.isascii()
    assert {line["level"] for line in map(json.loads, out.splitlines())} <= {"INFO", "WARNING"}
    assert {record.name for record in caplog.records} <= {telemetry.logger().name}


def heavy(size: int) -> Iterator[tuple[str, Handler, str, str, bytes]]:
    """Bodies that cost a careless parser more than they weigh, of so many bytes at most."""
    n = min(size, 100 * 1024) - 200
    a_sale, form = json.dumps(sale()).encode()[:-1], f"{MULTIPART}; boundary=b"
    events = partial(lambda what, body: (what, ingestion.handler, "/api/events", "application/json", body))
    yield events("lists within lists", b"[" * n)
    yield events("objects within objects", b'{"a":' * (n // 5))
    yield events("nested where nobody looks", a_sale + b', "x": ' + b"[" * (n // 4) + b"]" * (n // 4) + b"}")
    yield events("an amount of many digits", a_sale + b', "sell_price": ' + b"9" * (n - 300) + b"}")
    yield events("a text of many digits", a_sale + b', "sell_price": "' + b"0" * (n - 300) + b'1"}')
    yield events("one key many times", a_sale + b', "sale_id": "a"' * ((n - 300) // 16) + b"}")
    yield events("escapes", a_sale + b', "notes": "' + rb"\u0041" * ((n - 300) // 6) + b'"}')
    login = partial(lambda what, body: (what, dashboard.handler, "/login", URLENCODED, body))
    yield login("fields without end", b"a&" * (n // 2))
    yield login("percent signs", b"%" * n)
    upload = partial(lambda what, body: (what, dashboard.handler, "/imports", form, body))
    part = b'--b\r\nContent-Disposition: form-data; name="a"; filename="x"\r\n\r\n\r\n'
    yield upload("parts without end", part * (size // len(part)))
    yield upload("half a boundary", b"\r\n--" * (size // 4))
    yield upload("a head without end", part[:4] + b"A:b\r\n" * (size // 5))
    file = partial(lambda what, body: (what, api.handler, "/api/imports?dry_run=true", "text/csv", body))
    yield file("a header of commas", b"a" + b"," * (size - 1))
    yield file("a quote that never ends", b'"' + b"a\n" * (size // 2 - 1))
    yield file("quotes", b'"' * size)
    head = b"sale_id,occurred_at,customer_name,sell_price,seller_external_id\n"
    yield file("blank lines", head + b"\n" * (size - len(head)))
    yield file("bad rows", head + b"a\n" * min(49_999, (size - len(head)) // 2))


def test_no_body_costs_more_than_it_weighs(company: Company, size: Size, tell: Tell) -> None:
    _, token = company.person("admin")
    known = {"cookie": f"{SESSION_COOKIE}={token}", "sec-fetch-site": "same-origin"}
    costs: dict[str, float] = {}
    for what, handler, path, media_type, body in heavy(size(400_000, MOST_BYTES)):
        began = time.process_time()
        answer = doors.http(handler, "POST", path, body, headers={**known, "content-type": media_type})
        costs[what] = time.process_time() - began
        assert answer.status in (200, 202, 400), (what, answer.raw)
    dearest = max(costs, key=costs.__getitem__)
    tell({"heavy bodies": len(costs), "CPU seconds of the dearest": f"{costs[dearest]:.1f}, {dearest}"})
    assert costs[dearest] < 5  # of the thirty that a door has


def test_a_bomb_is_not_unpacked(company: Company) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    for door, path in ((ingestion, "/api/events"), (api, "/api/session"), (dashboard, "/login")):
        for encoding in ("gzip", "GZIP", "deflate", "br", "identity, gzip", "x"):
            headers = {"content-encoding": encoding}
            answer = doors.http(door.handler, "POST", path, bomb, key=company.full_key, headers=headers)
            assert answer.status == 415
