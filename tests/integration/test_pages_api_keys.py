"""API keys on pages: shown once, rotated with an overlap, revoked."""

import re

import pytest

from functions.api.app import handler as api
from functions.dashboard import words
from tests import doors
from tests.factories import Company
from tests.visits import Visitor
from winroom import copy

MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def admin(company: Company) -> Visitor:
    return Visitor.of(company)


def secret(page: str) -> str:
    (found,) = re.findall(r"<code data-copy>(.+?)</code>", page)
    return str(found)


def id_of(company: Company, key: str) -> str:
    (row,) = company.rows(
        "select api_key_id from wr.api_keys where key_prefix = left(%s, 16) order by created_at", key
    )
    return str(row["api_key_id"])


def opens(key: str) -> bool:
    return doors.http(api, "GET", "/api/products", key=key).status == 200


def test_a_key_is_shown_once_and_works(company: Company, admin: Visitor) -> None:
    answer = admin.post("/api-keys", name="Reports", scope="full")
    assert answer.status == 201
    key = secret(answer.raw)
    assert opens(key)
    assert words.KEY_MADE_ONCE in answer.raw
    page = admin.shown("/api-keys")
    assert "Reports" in page
    assert key[:16] in page
    assert key not in page
    assert words.NEVER_USED in page


def test_a_refused_form_says_what_is_wrong_beside_its_fields(company: Company, admin: Visitor) -> None:
    page = admin.refused(400, "/api-keys", name="x" * 101, scope="everything")
    assert f'id="name-problem">{words.NAME} must be at most 100 characters long' in page
    assert f'id="scope-problem">{words.SCOPE} must be one of' in page
    assert f'value="{"x" * 101}"' in page
    assert '<details class="confirm adding" open>' in page
    assert company.count("api_keys") == 2


def test_a_rotated_key_goes_on_for_as_long_as_is_said(company: Company, admin: Visitor) -> None:
    old = id_of(company, company.full_key)
    answer = admin.post(f"/api-keys/{old}/rotate", overlap_minutes="1440")
    assert answer.status == 201
    assert words.KEY_ROTATED.format(name="Office") in answer.raw
    assert opens(secret(answer.raw))
    assert opens(company.full_key)
    (row,) = company.rows(
        "select revoked_at between now() + interval '1439 min' and now() + interval '1440 min' as ends_then"
        " from wr.api_keys where api_key_id = %s",
        old,
    )
    assert row["ends_then"]
    page = admin.shown("/api-keys")
    assert words.KEY_STATES["ending"] in page
    assert f"/api-keys/{old}/rotate" not in page
    again = admin.refused(409, f"/api-keys/{old}/rotate", overlap_minutes="60")
    assert copy.KEY_NOT_LIVE.format(state="ending") in again


def test_a_refused_rotation_is_told_beside_its_field(company: Company, admin: Visitor) -> None:
    old = id_of(company, company.full_key)
    for minutes, problem in (("soon", "must be a whole number"), ("99999", "must be at most 10080")):
        page = admin.refused(400, f"/api-keys/{old}/rotate", overlap_minutes=minutes)
        assert page.count(f'id="overlap_minutes-problem">{words.OVERLAP} {problem}') == 1
    assert company.count("api_keys") == 2


def test_a_revoked_key_opens_nothing(company: Company, admin: Visitor) -> None:
    address = f"/api-keys/{id_of(company, company.full_key)}/revoke"
    listed = admin.shown("/api-keys")
    assert words.KEY_REVOKE_WHY in listed
    assert f'action="{address}"' in listed
    page = admin.done(address)
    assert words.NOTICES["key_revoked"] in page
    assert address not in page
    assert not opens(company.full_key)


def test_a_company_without_keys_is_told_what_they_are_for(company: Company, admin: Visitor) -> None:
    company.database.execute("delete from wr.api_keys where tenant_id = %s", company.tenant_id)
    assert words.KEYS_EMPTY_LEDE in admin.shown("/api-keys")


def test_markup_stays_text(admin: Visitor) -> None:
    assert MARKUP not in admin.post("/api-keys", name=MARKUP, scope="ingest").raw
    assert MARKUP not in admin.get("/api-keys").raw
    assert MARKUP in admin.shown("/api-keys")


def test_only_admins_of_the_company_make_and_end_them(company: Company, rival: Company) -> None:
    address = f"/api-keys/{id_of(company, company.full_key)}"
    manager = Visitor.of(company, "manager")
    assert manager.get("/api-keys").status == 403
    manager.refused(403, "/api-keys", name="Mine", scope="full")
    for who, status in ((manager, 403), (Visitor.of(rival), 404)):
        who.refused(status, f"{address}/revoke")
        who.refused(status, f"{address}/rotate", overlap_minutes="0")
    assert opens(company.full_key)
    assert company.count("api_keys") == 2
