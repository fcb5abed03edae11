"""Which path leads where, and what a request says: the ways that API Gateway's events can look."""

from base64 import b64encode
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import doors
from winroom.answers import Page, Reply, rendered
from winroom.request import Request
from winroom.routes import Route, Table

SEGMENTS = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)


def by_id(call: object, thing_id: UUID) -> Reply[Any]:
    return Reply({})


def by_name(call: object, name: str) -> Reply[Any]:
    return Reply({})


def all_of_them(call: object) -> Reply[Any]:
    return Reply({})


THINGS, MINE = (
    Route("GET", "/things/{thing_id}", by_id, None),
    Route("GET", "/things/mine", all_of_them, None),
)
PARTS = Route("POST", "/things/{thing_id}/parts", by_id, None)
NAMED = Route("GET", "/named/{name}", by_name, None)
TABLE = Table([THINGS, MINE, PARTS, NAMED])


@pytest.mark.fire
@given(SEGMENTS.filter(lambda text: text != "mine"))
def test_an_id_is_one_part_of_a_path_whatever_it_is(text: str) -> None:
    assert TABLE.at(f"/things/{text}") == ({"GET": THINGS}, {"thing_id": text})
    assert TABLE.at(f"/things/{text}/parts") == ({"POST": PARTS}, {"thing_id": text})
    assert TABLE.at(f"/things/{text}/others") == ({}, {})


@pytest.mark.fire
@given(st.lists(SEGMENTS, min_size=1))
def test_an_id_of_another_system_may_hold_slashes(parts: list[str]) -> None:
    assert TABLE.at("/named/" + "/".join(parts)) == ({"GET": NAMED}, {"name": "/".join(parts)})


def test_a_path_that_is_spelled_out_is_nobodys_id() -> None:
    assert TABLE.at("/things/mine") == ({"GET": MINE}, {})


@pytest.mark.parametrize("path", ["", "/", "/things", "/things/", "/things/a/b", "things/a"])
def test_what_is_no_path_of_the_table_leads_nowhere(path: str) -> None:
    assert TABLE.at(path) == ({}, {})


@pytest.mark.fire
@given(st.binary(), st.booleans())
def test_a_body_arrives_as_it_was_sent(body: bytes, is_text: bool) -> None:
    event = doors.event("POST", "/", "", {}, body)
    if is_text:
        text = b64encode(body).decode()
        event |= {"body": text, "isBase64Encoded": False}
        body = text.encode()
    assert Request.of(event).body == body


def test_a_request_is_read_as_http_means_it() -> None:
    event = doors.event("GET", "/a b", "q=%20x&q=y&empty=&flag", {"X-One": "1", "Cookie": "a=b=c; d=e"}, None)
    request = Request.of(event)
    assert (request.method, request.path, request.peer) == ("GET", "/a b", "203.0.113.7")
    assert request.query == {"q": "y", "empty": "", "flag": ""}
    assert request.headers["x-one"] == "1"
    assert request.cookies == {"a": "b=c", "d": "e"}
    del event["cookies"]
    event["headers"]["cookie"] = "a=b=c; d=e"
    assert Request.of(event).cookies == request.cookies
    del event["headers"], event["rawQueryString"]
    bare = Request.of(event)
    assert (bare.headers, bare.cookies, bare.query, bare.body) == ({}, {}, {}, b"")


def test_an_answer_says_each_header_once_and_cookies_apart() -> None:
    page = Page("<p>", headers={"Cache-Control": "max-age=1", "Set-Cookie": "a=b"}, media_type="text/css")
    answer = rendered(page, 200, {"X-Request-ID": "r", "cache-control": "private"})
    assert answer["headers"]["cache-control"] == "max-age=1"
    assert answer["headers"]["content-type"] == "text/css; charset=utf-8"
    assert answer["headers"]["x-request-id"] == "r"
    assert answer["cookies"] == ["a=b"]
    assert "set-cookie" not in answer["headers"]
