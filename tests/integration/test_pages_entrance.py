"""The way in on pages: signing up, logging in and out, one's own password; what those see who are not in."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.dashboard import words
from tests.factories import Company
from tests.visits import Visitor
from winroom import copy
from winroom.answers import SESSION_COOKIE

PASSWORD = "correct horse battery staple"
NOBODY = Visitor("")

pytestmark = pytest.mark.usefixtures("quick_passwords", "queues")


def sign_up(**changes: str) -> dict[str, str]:
    return {"name": "Acme Sons", "email": "ada@acme.example", "password": PASSWORD, **changes}


def logged_in(answer_cookies: object) -> Visitor:
    (cookie,) = [str(c) for c in answer_cookies]  # type: ignore[attr-defined]
    assert "HttpOnly" in cookie
    return Visitor(cookie.partition("=")[2].partition(";")[0])


class TestSignUp:
    def test_it_shows_the_key_once_with_a_line_that_works_and_lets_the_admin_in(
        self, environment: pytest.MonkeyPatch
    ) -> None:
        answer = NOBODY.post("/sign-up", **sign_up())
        assert answer.status == 201
        (key,) = set(re.findall(r"wr_live_[\w-]+", answer.raw))
        assert f"curl https://room.example.com/api/events -H 'Authorization: Bearer {key}'" in answer.raw
        admin = logged_in(answer.cookies)
        again = admin.shown("/welcome")
        assert "wr_live_" not in again
        assert words.WAITING_FOR_FIRST_SALE in again
        assert words.API_KEYS in admin.shown("/queue")

    @pytest.mark.parametrize(
        ("changes", "field", "says"),
        [
            ({"name": " "}, "name", f"{words.COMPANY} is required"),
            ({"email": "ada"}, "email", f"{words.EMAIL} must be an email address"),
            ({"password": "short"}, "password", f"{words.PASSWORD} must be 12 to 128 characters long"),
            ({"time_zone": "Mars/Base"}, "time_zone", f"{words.TIME_ZONE} must be the name of a time zone"),
        ],
    )
    def test_what_is_wrong_is_told_beside_its_field_and_the_rest_is_kept(
        self, environment: pytest.MonkeyPatch, changes: dict[str, str], field: str, says: str
    ) -> None:
        page = NOBODY.refused(400, "/sign-up", **sign_up(**changes))
        assert f'id="{field}-problem">{says}' in page
        assert words.FIX_FIELDS in page
        kept = sign_up(**changes)
        assert all(f'value="{kept[name]}"' in page for name in ("name", "email"))
        assert PASSWORD not in page

    def test_a_form_of_another_site_makes_no_company(self, company: Company) -> None:
        before = company.database.execute("select count(*) as n from wr.tenants")
        answer = NOBODY.post("/sign-up", site="cross-site", **sign_up())
        assert answer.status == 403
        assert company.database.execute("select count(*) as n from wr.tenants") == before


class TestLogin:
    @pytest.fixture(autouse=True)
    def _company(self, environment: pytest.MonkeyPatch) -> None:
        NOBODY.post("/sign-up", **sign_up(slug="acme-sons"))

    def login(self, **changes: str) -> dict[str, str]:
        return {"tenant": "acme-sons", "email": "ada@acme.example", "password": PASSWORD, **changes}

    def test_whoever_asked_for_a_page_comes_back_to_it(self) -> None:
        asked = NOBODY.get("/leaderboard?period=year")
        assert (asked.status, asked.headers["cache-control"]) == (303, "no-store")
        login = urlsplit(asked.headers["location"])
        (wanted,) = parse_qs(login.query)["next"]
        assert f'name="next" value="{wanted}"' in NOBODY.shown(asked.headers["location"])
        answer = NOBODY.post("/login", next=wanted, **self.login())
        assert (answer.status, answer.headers["location"]) == (303, "/leaderboard?period=year")
        assert words.BOARD_LEDE["year"] in logged_in(answer.cookies).shown(wanted)

    @pytest.mark.parametrize(
        "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nX: 1", "evil", ""]
    )
    def test_nobody_is_sent_anywhere_else(self, wanted: str) -> None:
        answer = NOBODY.post("/login", next=wanted, **self.login())
        assert (answer.status, answer.headers["location"]) == (303, "/queue")

    def test_a_wrong_password_is_told_without_a_word_about_who_exists(self) -> None:
        pages = [
            NOBODY.refused(401, "/login", **self.login(**wrong))
            for wrong in ({"password": "wrong"}, {"email": "bob@acme.example"}, {"tenant": "nobody"})
        ]
        assert all(copy.WRONG_LOGIN in page for page in pages)
        assert all('wrong"' not in page for page in pages)

    def test_after_too_many_tries_the_page_says_so(self) -> None:
        answers = [NOBODY.post("/login", **self.login(password="wrong")) for _ in range(12)]
        assert answers[-1].status == 429
        assert int(answers[-1].headers["retry-after"]) > 0

    def test_logging_out_ends_it_and_says_so(self) -> None:
        visitor = logged_in(NOBODY.post("/login", **self.login()).cookies)
        answer = visitor.post("/logout")
        assert f"{SESSION_COOKIE}=;" in answer.cookies[0]
        assert words.NOTICES["logged_out"] in NOBODY.shown(answer.headers["location"])
        assert 'value="acme-sons"' in NOBODY.shown(answer.headers["location"])
        assert visitor.get("/queue").status == 303

    def test_a_password_is_changed_and_the_old_one_lets_nobody_in(self) -> None:
        visitor = logged_in(NOBODY.post("/login", **self.login()).cookies)
        wrong = visitor.refused(400, "/account", current_password="x" * 12, new_password="y" * 14)
        assert f'id="current_password-problem">{words.CURRENT_PASSWORD} is not your password' in wrong
        answer = visitor.post("/account", current_password=PASSWORD, new_password="another horse battery")
        assert answer.status == 303
        assert visitor.get("/account").status == 303
        assert words.NOTICES["password_changed"] in logged_in(answer.cookies).shown(
            answer.headers["location"]
        )
        assert NOBODY.post("/login", **self.login()).status == 401


class TestWhoIsNotIn:
    def test_a_key_is_told_that_pages_are_for_people(self, company: Company) -> None:
        answer = Visitor("").get("/queue", key=company.full_key)
        assert answer.status == 403
        assert copy.PEOPLE_ONLY in unescape(answer.raw)

    def test_what_is_not_there_is_a_page_too(self, environment: pytest.MonkeyPatch) -> None:
        answer = NOBODY.get("/nowhere")
        assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert words.NOT_FOUND in answer.raw

    def test_another_method_is_refused_with_those_that_there_are(
        self, environment: pytest.MonkeyPatch
    ) -> None:
        answer = NOBODY.post("/leaderboard")
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")

    def test_an_absent_database_is_a_page_that_says_so(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
        answer = Visitor("eyJ").get("/queue")
        assert answer.status == 503
        assert words.ERROR_TITLES[503] in answer.raw
        assert int(answer.headers["retry-after"]) > 0


class TestFiles:
    def test_they_are_kept_for_a_year_under_an_address_of_their_content(
        self, environment: pytest.MonkeyPatch
    ) -> None:
        page = NOBODY.shown("/login")
        (style,) = re.findall(r'href="(/static/[0-9a-f]{16}/style\.css)"', page)
        answer = NOBODY.get(style)
        assert (answer.status, answer.headers["cache-control"]) == (
            200,
            "public, max-age=31536000, immutable",
        )
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        for other in (style.replace("style", "nothing"), "/static/../app.py"):
            assert NOBODY.get(other).status == 404

    def test_those_of_another_release_are_ours_and_not_kept(self, environment: pytest.MonkeyPatch) -> None:
        # While one release replaces another, the page of the one asks the other.
        answer = NOBODY.get("/static/0000000000000000/style.css")
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")

    def test_a_page_may_load_nothing_but_our_own(self, environment: pytest.MonkeyPatch) -> None:
        answer = NOBODY.get("/login")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "connect-src 'self' ws://127.0.0.1:9;" in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "<script>" not in answer.raw
        assert "style=" not in answer.raw
