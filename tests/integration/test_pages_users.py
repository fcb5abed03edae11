"""People on pages: added with a password that is shown once, given other roles, disabled, let in again."""

import re
from uuid import UUID

import pytest

from functions.dashboard import words
from functions.dashboard.app import handler
from tests import doors
from tests.factories import Company
from tests.visits import Visitor
from winroom import copy
from winroom.forms import URLENCODED

MARKUP = "<script>alert(1)</script>"
ADA = {"email": "ada@example.com", "display_name": "Ada", "role": "watcher"}

pytestmark = pytest.mark.usefixtures("quick_passwords")


@pytest.fixture
def admin(company: Company) -> Visitor:
    return Visitor.of(company)


def id_of(company: Company, email: str) -> UUID:
    (person,) = company.rows("select user_id from wr.users where email = %s", email)
    found: UUID = person["user_id"]
    return found


def secret(page: str) -> str:
    (found,) = re.findall(r"<code data-copy>(.+?)</code>", page)
    return str(found)


def may_log_in(company: Company, email: str, password: str) -> bool:
    body = f"tenant={company.slug}&email={email}&password={password}".encode()
    headers = {"Content-Type": URLENCODED, "Sec-Fetch-Site": "same-origin"}
    return doors.http(handler, "POST", "/login", body, headers=headers).status == 303


class TestAdding:
    def test_a_password_that_is_made_is_shown_once_and_works(self, company: Company, admin: Visitor) -> None:
        answer = admin.post("/users", **ADA, seller_id="", password="")
        assert answer.status == 201
        assert words.PERSON_PASSWORD.format(email="ada@example.com") in answer.raw
        assert may_log_in(company, "ada@example.com", secret(answer.raw))
        listed = admin.shown("/users")
        assert "ada@example.com" in listed
        assert secret(answer.raw) not in listed

    def test_a_password_that_is_given_is_not_shown(self, company: Company, admin: Visitor) -> None:
        page = admin.done("/users", **ADA, password="a long enough one")
        assert words.NOTICES["person_added"] in page
        assert "a long enough one" not in page
        assert may_log_in(company, "ada@example.com", "a long enough one")

    def test_a_seller_gets_a_seller_by_their_email_or_the_one_that_is_named(
        self, company: Company, admin: Visitor
    ) -> None:
        company.database.seller(company, "grace")
        assert '<option value="grace">Grace</option>' in admin.shown("/users")
        admin.post("/users", **{**ADA, "role": "seller"})
        admin.post("/users", email="g@example.com", display_name="G", role="seller", seller_id="grace")
        people = company.rows("select seller_id from wr.users where role = 'seller' order by email")
        assert [person["seller_id"] for person in people] == ["ada@example.com", "grace"]

    def test_refused_forms_keep_what_was_filled_in_but_the_password(
        self, company: Company, admin: Visitor
    ) -> None:
        page = admin.refused(400, "/users", **{**ADA, "email": "ada"}, password="short-one", seller_id="x")
        assert f'id="email-problem">{words.EMAIL} must be an email address' in page
        assert f'id="password-problem">{words.PASSWORD} must be 12 to 128 characters long' in page
        assert 'value="Ada"' in page
        assert "short-one" not in page
        assert re.search(r'value="watcher" required checked', page)
        page = admin.refused(400, "/users", **ADA, seller_id="nobody")
        assert f'id="seller_id-problem">{words.PERSON_SELLER} must be a seller of your company' in page
        admin.post("/users", **ADA)
        page = admin.refused(409, "/users", **ADA)
        assert f'id="email-problem">{copy.EMAIL_TAKEN}' in page
        assert company.count("users") == 2

    def test_roles_are_explained_and_one_must_be_chosen(self, admin: Visitor) -> None:
        page = admin.shown("/users")
        for _, line in words.ROLE_LINES.values():
            assert line in page
        page = admin.refused(400, "/users", email="ada@example.com", display_name="Ada")
        assert f'id="role-problem">{words.ROLE} is required' in page


class TestChanging:
    def test_a_person_gets_another_name_role_and_seller(self, company: Company, admin: Visitor) -> None:
        company.database.seller(company, "grace")
        user_id, token = company.person("watcher")
        page = admin.done(f"/users/{user_id}", display_name="Grace", role="manager", seller_id="grace")
        assert words.NOTICES["saved"] in page
        (person,) = company.rows(
            "select display_name, role, seller_id from wr.users where user_id = %s", user_id
        )
        assert person == {"display_name": "Grace", "role": "manager", "seller_id": "grace"}
        assert Visitor(token).get("/queue").status == 303  # has to log in again

    def test_a_person_without_a_seller_has_none_from_then_on(self, company: Company, admin: Visitor) -> None:
        user_id, _ = company.person("manager", "grace")
        admin.done(f"/users/{user_id}", display_name="Grace", role="manager", seller_id="")
        (person,) = company.rows("select seller_id from wr.users where user_id = %s", user_id)
        assert person["seller_id"] is None

    def test_refused_changes_are_told_and_kept(self, company: Company, admin: Visitor) -> None:
        user_id, _ = company.person("watcher")
        page = admin.refused(400, f"/users/{user_id}", display_name="", role="manager", seller_id="nobody")
        assert f'id="display_name-problem">{words.NAME} must not be empty' in page
        assert 'value="nobody"' in page
        assert re.search(r'value="manager" required checked', page)

    def test_the_last_admin_stays(self, company: Company) -> None:
        user_id, token = company.person("admin")
        admin = Visitor(token)
        assert copy.LAST_ADMIN in admin.refused(409, f"/users/{user_id}", display_name="A", role="watcher")
        assert copy.LAST_ADMIN in admin.refused(409, f"/users/{user_id}", disabled="true")

    def test_a_person_is_disabled_and_let_in_again(self, company: Company, admin: Visitor) -> None:
        user_id, token = company.person("watcher")
        page = admin.done(f"/users/{user_id}", disabled="true")
        assert words.NOTICES["person_disabled"] in page
        assert words.PERSON_IS_DISABLED in page
        assert Visitor(token).get("/queue").status == 303
        assert str(user_id) in admin.shown("/users?status=disabled")
        assert str(user_id) not in admin.shown("/users?status=active")
        assert words.NOTICES["person_back"] in admin.done(f"/users/{user_id}", disabled="false")
        assert words.USERS_NONE_LEDE in admin.shown("/users?status=disabled")

    def test_a_new_password_is_shown_once_and_the_old_one_ends(
        self, company: Company, admin: Visitor
    ) -> None:
        admin.done("/users", **ADA, password="a long enough one")
        user_id = id_of(company, "ada@example.com")
        answer = admin.post(f"/users/{user_id}/reset-password")
        assert answer.status == 200
        assert not may_log_in(company, "ada@example.com", "a long enough one")
        assert may_log_in(company, "ada@example.com", secret(answer.raw))

    def test_ones_own_password_is_changed_where_one_stays_logged_in(self, company: Company) -> None:
        user_id, token = company.person("admin")
        page = Visitor(token).shown(f"/users/{user_id}")
        assert "reset-password" not in page
        assert words.DISABLE_OWN_WHY in page


def test_markup_stays_text(company: Company, admin: Visitor) -> None:
    assert MARKUP not in admin.post("/users", **{**ADA, "display_name": MARKUP}).raw
    for path in ("/users", f"/users/{id_of(company, 'ada@example.com')}"):
        assert MARKUP not in admin.get(path).raw
        assert MARKUP in admin.shown(path)


def test_only_admins_keep_people(company: Company, rival: Company) -> None:
    user_id, _ = company.person("watcher")
    manager = Visitor.of(company, "manager")
    for path in ("/users", f"/users/{user_id}"):
        assert manager.get(path).status == 403
        manager.refused(403, path, **ADA)
    manager.refused(403, f"/users/{user_id}/reset-password")
    stranger = Visitor.of(rival)
    assert stranger.get(f"/users/{user_id}").status == 404
    stranger.refused(404, f"/users/{user_id}", display_name="X")
    stranger.refused(404, f"/users/{user_id}/reset-password")
