"""Sellers on pages: listed, added, renamed, taken out and brought back, whatever their ids look like."""

import pytest

from functions.dashboard import words
from tests.factories import Company
from tests.visits import Visitor
from winroom import copy

MARKUP = "<script>alert(1)</script>"
ODD_ID = "team a/zoe?x=1&y"


@pytest.fixture
def manager(company: Company) -> Visitor:
    return Visitor.of(company, "manager")


def test_where_there_is_none_the_page_says_so_and_its_form_is_open(manager: Visitor) -> None:
    page = manager.shown("/sellers")
    assert words.SELLERS_EMPTY in page
    assert '<details class="confirm adding" open>' in page


def test_a_seller_is_added_and_listed_with_a_way_to_their_claims(company: Company, manager: Visitor) -> None:
    page = manager.done("/sellers", seller_id="Grace", display_name="Grace Hopper", email="")
    assert words.NOTICES["seller_added"] in page
    assert "Grace Hopper" in page
    assert 'href="/claims?seller=grace&state=approved"' in page
    assert company.rows("select seller_id, email from wr.sellers") == [{"seller_id": "grace", "email": None}]


def test_refused_forms_keep_what_was_filled_in(company: Company, manager: Visitor) -> None:
    page = manager.refused(400, "/sellers", seller_id="grace", display_name="Grace Hopper", email="grace")
    assert f'id="email-problem">{words.EMAIL} must be an email address' in page
    assert 'value="Grace Hopper"' in page
    assert company.count("sellers") == 0
    manager.done("/sellers", seller_id="grace", display_name="Grace")
    taken = manager.refused(409, "/sellers", seller_id="grace", display_name="Another")
    assert copy.SELLER_TAKEN.format(seller_id="grace") in taken
    assert 'value="Another"' in taken


def test_a_seller_with_any_id_is_shown_and_changed(company: Company, manager: Visitor) -> None:
    manager.done("/sellers", seller_id=ODD_ID, display_name="Zoe", email="zoe@example.com")
    address = "/sellers/team%20a%2Fzoe%3Fx%3D1%26y"
    assert f'href="{address}"' in manager.shown("/sellers")
    page = manager.shown(address)
    assert f"<code>{ODD_ID}</code>" in page
    assert 'href="/claims?seller=team%20a%2Fzoe%3Fx%3D1%26y&state=approved"' in page
    page = manager.done(address, display_name="Zoe B", email="")
    assert words.NOTICES["saved"] in page
    assert company.rows("select display_name, email from wr.sellers") == [
        {"display_name": "Zoe B", "email": None}
    ]


def test_a_change_without_a_name_is_refused_beside_the_field(company: Company, manager: Visitor) -> None:
    manager.done("/sellers", seller_id="grace", display_name="Grace")
    page = manager.refused(400, "/sellers/grace", display_name=" ", email="grace@example.com")
    assert f'id="display_name-problem">{words.NAME} must not be empty' in page
    assert 'value="grace@example.com"' in page


def test_a_seller_is_deactivated_and_brought_back(company: Company, manager: Visitor) -> None:
    manager.done("/sellers", seller_id="grace", display_name="Grace", email="grace@example.com")
    hidden = manager.done("/sellers/grace", is_active="false")
    assert words.NOTICES["seller_hidden"] in hidden
    assert words.SELLER_INACTIVE in hidden
    assert "Grace" not in manager.shown("/sellers")
    assert "Grace" in manager.shown("/sellers?active=false")
    assert words.NOTICES["seller_back"] in manager.done("/sellers/grace", is_active="true")
    assert company.rows("select email, is_active from wr.sellers") == [
        {"email": "grace@example.com", "is_active": True}
    ]


def test_the_next_page_is_led_to(manager: Visitor) -> None:
    for seller_id in ("a & b", "c"):
        manager.done("/sellers", seller_id=seller_id, display_name=f"Seller {seller_id}")
    page = manager.shown("/sellers?limit=1")
    assert "Seller c" not in page
    assert 'href="?limit=1&cursor=a+%26+b"' in page
    assert "Seller c" in manager.shown("/sellers?limit=1&cursor=a+%26+b")


def test_markup_stays_text(manager: Visitor) -> None:
    manager.done("/sellers", seller_id="m", display_name=MARKUP)
    for path in ("/sellers", "/sellers/m"):
        assert MARKUP not in manager.get(path).raw
        assert MARKUP in manager.shown(path)


def test_only_managers_keep_sellers(company: Company, rival: Company, manager: Visitor) -> None:
    manager.done("/sellers", seller_id="grace", display_name="Grace")
    seller = Visitor.of(company, "seller")
    for path in ("/sellers", "/sellers/grace"):
        assert seller.get(path).status == 403
        seller.refused(403, path, display_name="Other")
    Visitor.of(rival).refused(404, "/sellers/grace", display_name="Other")
    assert company.rows("select display_name from wr.sellers") == [{"display_name": "Grace"}]
