"""Credentials that are guessed, or shown where another belongs: none opens anything, all are answered alike,
and guessing leaves no trace but its cost."""

import secrets
from collections.abc import Iterator
from itertools import islice
from uuid import uuid4

import jwt

from functions.api import app as api
from functions.dashboard import app as dashboard
from tests import doors
from tests.conftest import Size, Tell
from tests.doors import Answer
from tests.factories import Company
from tests.gateway import Client, Gateway, ticket
from tests.wire import Wire
from winroom import api_keys, callers, displays
from winroom.answers import SESSION_COOKIE

SAME_ID = {"X-Request-ID": "same"}


def bearer(credential: str) -> Answer:
    return doors.http(api.handler, "GET", "/api/leaderboard", key=credential, headers=SAME_ID)


def cookie(credential: str) -> Answer:
    headers = SAME_ID | {"Cookie": f"{SESSION_COOKIE}={credential}"}
    return doors.http(api.handler, "GET", "/api/leaderboard", headers=headers)


def wall(credential: str) -> Answer:
    return doors.http(dashboard.handler, "GET", f"/wall/{credential}", headers=SAME_ID)


def guesses(company: Company) -> Iterator[str]:
    """Keys, links and tokens as ours look, and what begins or ends as a good one does."""
    key, (_, token) = company.full_key, company.person("admin")
    while True:
        yield api_keys.PREFIX + secrets.token_urlsafe(24)
        yield displays.PREFIX + secrets.token_urlsafe(24)
        yield key[:-1]
        yield f"{key}x"
        yield f"{token}{secrets.token_urlsafe(1)}"
        claims = {"iss": "winroom", "sub": str(uuid4()), "tenant": str(company.tenant_id), "exp": 2**33}
        yield jwt.encode(claims | {"version": 0}, secrets.token_urlsafe(32), "HS256", headers={"kid": "a"})


def test_guesses_are_answered_alike_and_leave_nothing(
    company: Company,
    wire: Wire,
    size: Size,
    tell: Tell,
) -> None:
    assert bearer(company.full_key).status == 200  # it opens the connection
    callers.forget_all()
    tables = ("api_audit_log", "rate_counters", "login_attempts")
    before = [company.count(table) for table in tables]
    number, answers, trips = size(300, 6_000), set(), set()
    for guess in islice(guesses(company), number):
        with wire.counted() as counted:
            answer = bearer(guess)
        answers.add((answer.status, answer.raw, str(answer.headers)))
        trips.add((guess.startswith("wr_"), counted[0]))
    tell({"credentials that were guessed": number})
    assert [status for status, _, _ in answers] == [401]
    # What we did not sign is not even looked for; whatever is looked for costs the same.
    assert trips == {(True, 1), (False, 0)}
    assert callers._memory == {}
    assert [company.count(table) for table in tables] == before


def test_a_credential_opens_what_it_is_for_and_nothing_else(company: Company, gateway: Gateway) -> None:
    _, admin = company.person("admin")
    made = doors.http(api.handler, "POST", "/api/displays", {"name": "Wall"}, key=admin)
    link, opener = made.json["token"], ticket(company)
    shown = {"key": company.full_key, "ingest": company.ingest_key, "token": admin, "link": link}
    opened = {
        (what, where.__name__)
        for what, credential in {**shown, "ticket": opener}.items()
        for where in (bearer, wall)
        if where(credential).status == 200
    }
    assert opened == {("key", "bearer"), ("token", "bearer"), ("link", "bearer"), ("link", "wall")}
    assert bearer(company.ingest_key).status == 403
    for credential in shown.values():
        assert Client(gateway).connect({"ticket": credential}) == 401
        assert cookie(f"{credential}x").status == cookie(opener).status == 401
    # After all that it is as good as new.
    assert Client(gateway).connect({"ticket": opener}) == 200
