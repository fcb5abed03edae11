"""Wallboards on pages: their links are shown once, and revoked for good."""

import re

import pytest

from functions.dashboard import words
from tests.factories import Company
from tests.visits import Visitor

MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def manager(company: Company) -> Visitor:
    return Visitor.of(company, "manager")


def only_id(company: Company) -> str:
    (display,) = company.rows("select display_id from wr.displays")
    return str(display["display_id"])


def test_a_link_is_shown_once_as_a_whole_address(company: Company, manager: Visitor) -> None:
    assert words.DISPLAYS_EMPTY in manager.shown("/displays")
    answer = manager.post("/displays", name="Office")
    assert answer.status == 201
    (link,) = re.findall(r"<code data-copy>(.+?)</code>", answer.raw)
    assert re.fullmatch(r"https://room\.example\.com/wall/wr_wall_[\w-]{32}", link)
    assert words.DISPLAY_ONCE in answer.raw
    assert company.count("displays") == 1
    page = manager.shown("/displays")
    assert "Office" in page
    assert words.DISPLAY_LIVE in page
    assert "wr_wall_" not in page


def test_a_refused_form_says_what_is_wrong_beside_its_field(company: Company, manager: Visitor) -> None:
    page = manager.refused(400, "/displays", name="x" * 101)
    assert f'id="name-problem">{words.NAME} must be at most 100 characters long' in page
    assert f'value="{"x" * 101}"' in page
    assert company.count("displays") == 0


def test_revoking_ends_it_for_good(company: Company, manager: Visitor) -> None:
    manager.post("/displays", name="Office")
    address = f"/displays/{only_id(company)}/revoke"
    listed = manager.shown("/displays")
    assert words.DISPLAY_REVOKE_WHY in listed
    assert f'action="{address}"' in listed
    page = manager.done(address)
    assert words.NOTICES["display_revoked"] in page
    assert words.REVOKED in page
    assert address not in page
    before = company.rows("select revoked_at from wr.displays")
    manager.done(address)
    assert company.rows("select revoked_at from wr.displays") == before


def test_markup_stays_text(manager: Visitor) -> None:
    assert MARKUP not in manager.post("/displays", name=MARKUP).raw
    assert MARKUP not in manager.get("/displays").raw
    assert MARKUP in manager.shown("/displays")


def test_only_managers_of_the_company_make_and_end_them(
    company: Company, rival: Company, manager: Visitor
) -> None:
    manager.post("/displays", name="Office")
    address = f"/displays/{only_id(company)}/revoke"
    seller = Visitor.of(company, "seller")
    assert seller.get("/displays").status == 403
    seller.refused(403, "/displays", name="Home")
    seller.refused(403, address)
    Visitor.of(rival).refused(404, address)
    assert company.rows("select name, revoked_at from wr.displays") == [
        {"name": "Office", "revoked_at": None}
    ]
