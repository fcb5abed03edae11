"""How a session travels: as a Bearer header or a cookie, and what is no token of ours."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from functions.api.app import handler
from tests import doors
from tests.doors import Answer
from tests.factories import Company
from winroom import callers, sessions
from winroom.settings import settings

KEYS = {"a": "first-key-of-at-least-32-characters", "b": "second-key-of-at-least-32-characters"}


def who(**headers: str) -> Answer:
    return doors.http(
        handler, "GET", "/api/session", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def bearer(token: str) -> Answer:
    return who(Authorization=f"Bearer {token}")


def cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"theme=dark; __Host-winroom={token}; lang=en"}


class TestTransport:
    def test_a_token_is_taken_as_a_bearer_header_or_as_the_cookie(self, company: Company) -> None:
        user_id, token = company.person("watcher")
        for answer in (bearer(token), who(Authorization=f"bearer {token}"), who(**cookie(token))):
            assert (answer.status, answer.json["user"]["id"]) == (200, str(user_id))

    def test_a_header_goes_before_the_cookie(self, company: Company) -> None:
        mine, theirs = company.person("watcher")[1], company.person("watcher")
        answer = who(Authorization=f"Bearer {theirs[1]}", **cookie(mine))
        assert answer.json["user"]["id"] == str(theirs[0])
        # And a header that is no good is not made good by a cookie.
        for header in ("Bearer nonsense", "Bearer", "Bearer ", "Basic YTpi", mine):
            assert who(Authorization=header, **cookie(mine)).status == 401

    @pytest.mark.parametrize("name", ["winroom", "__Secure-winroom", "__host-winroom", "__Host-winroom2"])
    def test_a_cookie_of_another_name_is_none(self, company: Company, name: str) -> None:
        assert who(Cookie=f"{name}={company.person('watcher')[1]}").status == 401

    @pytest.mark.parametrize(
        ("headers", "is_ours"),
        [
            ({"Sec-Fetch-Site": "same-origin"}, True),
            ({"Sec-Fetch-Site": "same-site"}, False),
            ({"Sec-Fetch-Site": "cross-site"}, False),
            ({"Sec-Fetch-Site": "none"}, False),
            ({"Sec-Fetch-Site": "cross-site", "Origin": "https://api.example.com"}, False),
            ({"Origin": "https://api.example.com", "Host": "api.example.com"}, True),
            ({"Origin": "https://evil.example", "Host": "api.example.com"}, False),
            ({"Origin": "https://api.example.com.evil.example", "Host": "api.example.com"}, False),
            ({"Origin": "null", "Host": "api.example.com"}, False),
            ({"Origin": "", "Host": ""}, False),
            ({}, False),
        ],
    )
    def test_a_cookie_changes_things_from_our_own_pages_only(
        self, company: Company, headers: dict[str, str], is_ours: bool
    ) -> None:
        _, token = company.person("admin")
        sent = {**cookie(token), **headers}
        changed = doors.http(handler, "PATCH", "/api/tenant", {"name": "Changed"}, headers=sent)
        assert changed.status == (200 if is_ours else 403)
        (row,) = company.rows("select name from wr.tenants")
        assert row["name"] == ("Changed" if is_ours else "Acme")
        # Reading harms nobody, and a header is sent by nobody's browser of its own accord.
        assert doors.http(handler, "GET", "/api/tenant", headers=sent).status == 200
        assert doors.http(handler, "PATCH", "/api/tenant", {}, key=token, headers=headers).status == 200

    def test_logging_out_by_another_sites_page_is_refused_as_well(self, company: Company) -> None:
        _, token = company.person("seller")
        sent = {**cookie(token), "Sec-Fetch-Site": "cross-site"}
        assert doors.http(handler, "DELETE", "/api/session", headers=sent).status == 403
        assert bearer(token).status == 200


def forged(company: Company, user_id: UUID, key: str = KEYS["a"], kid: object = "a", **changes: Any) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": "winroom",
        "sub": str(user_id),
        "tenant": str(company.tenant_id),
        "version": 0,
        "iat": now,
        "exp": now + 60,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(claims, key, "HS256", headers={"kid": kid} if kid is not ... else {})


FORGERIES: dict[str, Callable[[Company, UUID], str]] = {
    "another key": lambda c, u: forged(c, u, key="x" * 40),
    "the other key than the one it names": lambda c, u: forged(c, u, key=KEYS["b"]),
    "an unknown key id": lambda c, u: forged(c, u, kid="c"),
    "a key id that is a path": lambda c, u: forged(c, u, kid="../../dev/null"),
    "no key id": lambda c, u: forged(c, u, kid=...),
    "expired": lambda c, u: forged(c, u, exp=int(time.time()) - 1),
    "no end": lambda c, u: forged(c, u, exp=...),
    "an end that is no time": lambda c, u: forged(c, u, exp="never"),
    "not yet begun": lambda c, u: forged(c, u, nbf=int(time.time()) + 60),
    "another issuer": lambda c, u: forged(c, u, iss="somebody"),
    "no issuer": lambda c, u: forged(c, u, iss=...),
    "no person": lambda c, u: forged(c, u, sub=...),
    "a person that is no id": lambda c, u: forged(c, u, sub="admin"),
    "an unknown person": lambda c, u: forged(c, uuid4()),
    "no company": lambda c, u: forged(c, u, tenant=...),
    "another company": lambda c, u: forged(c, u, tenant=str(uuid4())),
    "a company that is a list": lambda c, u: forged(c, u, tenant=[str(c.tenant_id)]),
    "a company that is null": lambda c, u: forged(c, u, tenant=None),
    "a past generation": lambda c, u: forged(c, u, version=-1),
    "a future generation": lambda c, u: forged(c, u, version=1),
    "a generation that is no number": lambda c, u: forged(c, u, version="zero"),
    "no signature": lambda c, u: unsigned(forged(c, u)),
    "a signature of nothing": lambda c, u: forged(c, u).rpartition(".")[0] + ".",
    "another signature": lambda c, u: forged(c, u).rpartition(".")[0] + "." + "A" * 43,
    "twice": lambda c, u: f"{forged(c, u)}.{forged(c, u)}",
}


def unsigned(token: str) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, "", "none", headers={"kid": "a"})


class TestForgeries:
    def test_what_the_forgeries_are_made_of_is_good(self, company: Company) -> None:
        user_id, _ = company.person("admin")
        assert bearer(forged(company, user_id)).status == 200

    @pytest.mark.parametrize("kind", FORGERIES)
    def test_a_forged_token_opens_nothing(self, company: Company, kind: str) -> None:
        user_id, _ = company.person("admin")
        token = FORGERIES[kind](company, user_id)
        answers = [bearer(token), who(**cookie(token))]
        assert [(a.status, a.json["error"]) for a in answers] == [(401, "Invalid or missing API token")] * 2
        assert company.rows("select from wr.api_audit_log") == []

    @pytest.mark.fire
    @given(
        st.one_of(
            st.text(st.characters(min_codepoint=33, max_codepoint=255), min_size=1, max_size=200),
            st.from_regex(
                r"[A-Za-z0-9_=-]{0,40}\.[A-Za-z0-9_=-]{0,40}\.[A-Za-z0-9_=-]{0,40}", fullmatch=True
            ),
        )
    )
    @example("e30.e30.e30")
    @example("eyJhbGciOiJIUzI1NiIsImtpZCI6W119.e30.x")
    @example("eyJhbGciOiJIUzI1NiIsImtpZCI6e319.e30.x")
    @example("W10.W10.W10")
    @example("bnVsbA.bnVsbA.bnVsbA")
    @example(".." * 100)
    @example("wr_live_")
    @example("wr_wall_")
    @examples(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_garbage_opens_nothing_and_breaks_nothing(self, company: Company, garbage: str) -> None:
        assert bearer(garbage).status == 401

    def test_what_a_token_says_is_no_secret_and_no_password(self, company: Company) -> None:
        user_id, token = company.person("seller")
        claims = jwt.decode(token, options={"verify_signature": False})
        assert set(claims) == {"iss", "sub", "tenant", "version", "iat", "exp"}
        assert (claims["sub"], claims["tenant"]) == (str(user_id), str(company.tenant_id))


class TestRotation:
    def test_tokens_of_the_old_key_are_good_while_the_new_one_signs(
        self, company: Company, environment: pytest.MonkeyPatch
    ) -> None:
        user_id, of_a = company.person("watcher")
        environment.setenv("SESSION_KID", "b")
        settings.cache_clear()
        of_b = sessions.token(company.tenant_id, user_id, 0)
        assert [jwt.get_unverified_header(t)["kid"] for t in (of_a, of_b)] == ["a", "b"]
        assert bearer(of_a).status == bearer(of_b).status == 200
        # Then the old key goes.
        environment.setenv("SESSION_KEYS", f"b:{KEYS['b']} c:a-third-key-of-at-least-32-characters")
        settings.cache_clear()
        callers.forget_all()
        assert (bearer(of_a).status, bearer(of_b).status) == (401, 200)

    def test_a_token_ends_after_its_workday(self, company: Company) -> None:
        _, token = company.person("watcher")
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == sessions.VALID_FOR
