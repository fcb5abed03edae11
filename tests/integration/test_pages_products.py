"""The catalogue on pages: listed, added, changed, taken out and brought back."""

import pytest

from functions.dashboard import words
from tests.factories import Company
from tests.visits import Visitor
from winroom import copy

MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def manager(company: Company) -> Visitor:
    return Visitor.of(company, "manager")


def only_address(company: Company) -> str:
    (product,) = company.rows("select product_id from wr.products")
    return f"/products/{product['product_id']}"


def test_where_there_is_none_the_page_says_so_and_its_form_is_open(manager: Visitor) -> None:
    page = manager.shown("/products")
    assert words.PRODUCTS_EMPTY in page
    assert '<details class="confirm adding" open>' in page


def test_a_product_is_added_once_and_listed_with_its_cost(company: Company, manager: Visitor) -> None:
    page = manager.done("/products", name="Desk", sku="D-1", default_cost="1234.5", category="")
    assert words.NOTICES["product_added"] in page
    assert "Desk" in page
    assert "D-1" in page
    assert "1,234.50" in page
    assert '<details class="confirm adding">' in page
    (product,) = company.rows("select name, category from wr.products")
    assert product == {"name": "Desk", "category": None}


def test_a_refused_form_says_what_is_wrong_beside_its_field_and_keeps_the_rest(
    company: Company, manager: Visitor
) -> None:
    page = manager.refused(400, "/products", name="Desk", default_cost="12,50", category="office")
    assert f'id="default_cost-problem">{words.DEFAULT_COST} must be a number' in page
    assert 'value="12,50"' in page
    assert 'value="office"' in page
    assert '<details class="confirm adding" open>' in page
    assert company.count("products") == 0


def test_a_name_that_is_taken_is_told(company: Company, manager: Visitor) -> None:
    manager.done("/products", name="Desk")
    assert copy.PRODUCT_NAME_TAKEN in manager.refused(409, "/products", name="desk")
    assert company.count("products") == 1


def test_the_list_is_searched_by_the_start_of_a_name_and_by_what_is_active(
    company: Company, manager: Visitor
) -> None:
    manager.done("/products", name="Desk")
    manager.done(only_address(company), is_active="false")
    manager.done("/products", name="Chair")
    assert "Desk" not in manager.shown("/products")
    assert "Chair" not in manager.shown("/products?active=false")
    everything = manager.shown("/products?active=all")
    assert "Desk" in everything
    assert "Chair" in everything
    assert "Chair" in manager.shown("/products?q=cha")
    assert words.NAMED_NOTHING in manager.shown("/products?q=desk")


def test_the_next_page_is_led_to(manager: Visitor) -> None:
    for name in ("Chair", "Desk"):
        manager.done("/products", name=name)
    page = manager.shown("/products?limit=1&active=all&notice=saved")
    assert "Desk" not in page
    (link,) = [part.partition('"')[0] for part in page.split('href="') if part.startswith("?")]
    assert "notice" not in link
    assert "Desk" in manager.shown(f"/products{link}")


def test_a_product_is_changed_and_what_is_emptied_is_gone(company: Company, manager: Visitor) -> None:
    manager.done("/products", name="Desk", sku="D-1", default_cost="10", category="office")
    address = only_address(company)
    page = manager.done(address, name="Table", sku="D-1", default_cost="", category=" ")
    assert words.NOTICES["saved"] in page
    (product,) = company.rows("select name, sku, default_cost, category, is_active from wr.products")
    assert product == {
        "name": "Table",
        "sku": "D-1",
        "default_cost": None,
        "category": None,
        "is_active": True,
    }


def test_a_change_without_a_name_is_refused_beside_the_field(company: Company, manager: Visitor) -> None:
    manager.done("/products", name="Desk")
    page = manager.refused(400, only_address(company), name=" ", sku="D-2")
    assert f'id="name-problem">{words.NAME} must not be empty' in page
    assert 'value="D-2"' in page


def test_a_product_is_deactivated_and_brought_back_and_nothing_else(
    company: Company, manager: Visitor
) -> None:
    manager.done("/products", name="Desk", default_cost="10")
    address = only_address(company)
    hidden = manager.done(address, is_active="false")
    assert words.NOTICES["product_hidden"] in hidden
    assert words.PRODUCT_INACTIVE in hidden
    assert words.NOTICES["product_back"] in manager.done(address, is_active="true")
    (product,) = company.rows("select default_cost::text, is_active from wr.products")
    assert product == {"default_cost": "10.00", "is_active": True}
    manager.refused(400, address, is_active="perhaps")


def test_markup_stays_text(company: Company, manager: Visitor) -> None:
    manager.done("/products", name=MARKUP, sku=MARKUP, category=MARKUP)
    for path in ("/products", only_address(company)):
        assert MARKUP not in manager.get(path).raw
        assert MARKUP in manager.shown(path)
    assert MARKUP not in manager.post("/products", name="x", default_cost=MARKUP).raw


def test_only_managers_keep_the_catalogue(company: Company, rival: Company, manager: Visitor) -> None:
    manager.done("/products", name="Desk")
    address = only_address(company)
    seller = Visitor.of(company, "seller")
    for path in ("/products", address):
        assert seller.get(path).status == 403
        seller.refused(403, path, name="Chair")
    stranger = Visitor.of(rival)
    assert stranger.get(address).status == 404
    stranger.refused(404, address, name="Chair")
    assert company.rows("select name from wr.products") == [{"name": "Desk"}]
