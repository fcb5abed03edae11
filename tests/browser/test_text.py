"""What customers typed is text and nothing else, wherever it is drawn, by the server or by a script; and
however long it is, a phone shows the page without scrolling sideways."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Office, Open, expect_live, rows

NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)>{customer}$&"
ATTRIBUTE = "\" onfocus=\"alert(1)\" autofocus='' x='"
LONG = "W" * 500
TEXTS = pytest.mark.parametrize("text", [NASTY, ATTRIBUTE, LONG], ids=["markup", "attribute", "500 letters"])
PHONE = {"width": 360, "height": 740}


def expect_harmless(page: Page) -> None:
    """Nothing of it has become an element or an attribute, and the page is no wider than its screen. A dialog
    would have failed the test by itself."""
    assert page.locator("img, main script, [onerror], [onfocus], [x]").count() == 0
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@TEXTS
def test_a_customers_name_is_text_on_every_page(office: Office, visit: Open, text: str) -> None:
    boss = office.hire("Boss", "manager")
    page = visit("/queue", boss, viewport=PHONE)
    expect_live(page)
    sale_id = office.sell(text, notes=text, category=text[:100], sell_price="9999999999.99")
    item = office.item(sale_id)
    expect(rows(page).locator(".name")).to_have_text(text)  # drawn by the script
    expect_harmless(page)
    page.reload()
    expect(rows(page).locator(".name")).to_have_text(text)  # drawn by the server
    expect(rows(page).get_by_role("button")).to_have_attribute("aria-label", f"Claim the sale of {text}")
    expect_harmless(page)
    page.get_by_label("Customer or sale id").fill(text[:500])
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_label("Customer or sale id")).to_have_value(text[:500])
    expect(rows(page)).to_have_count(1)
    expect_harmless(page)
    page.goto(f"/queue/{item}")
    expect(page).to_have_title(f"{text} - Win Room")
    expect(page.locator("h1")).to_have_text(text)
    expect_harmless(page)
    office.ask("POST", f"/api/queue/{item}/exclude", {"reason": text})
    expect(page.locator("#item-history")).to_contain_text(text)  # live
    expect_harmless(page)
    page.reload()
    expect(page.locator("#item-history")).to_contain_text(text)
    expect_harmless(page)


@TEXTS
def test_a_sellers_name_is_text_on_boards_and_in_toasts(office: Office, visit: Open, text: str) -> None:
    name = seller_id = text[:200].lower()  # ids are kept in small letters
    anna = office.hire("Anna")
    office.register(seller_id, name)
    page = visit("/queue", anna, viewport=PHONE, expecting=("status of 409",))
    sale_id = office.sell("Ada Lovelace")
    item = office.item(sale_id)
    expect(rows(page)).to_have_count(1)
    # Somebody claims it just before Anna's own claim arrives.
    page.route(
        "**/api/queue/*/claim",
        lambda route: (office.claim(sale_id, seller_id), route.continue_())[1],
    )
    rows(page).get_by_role("button").click()
    expect(page.locator(".toasts .bad")).to_contain_text(name)
    expect_harmless(page)
    board = visit("/leaderboard", anna, viewport=PHONE)
    expect(board.locator(".place .name")).to_have_text(name)
    expect_live(board)
    office.win("Next", seller_id)
    expect(board.locator(".place .figure")).to_contain_text("2 wins")  # drawn anew
    expect(board.locator(".place .name")).to_have_text(name)
    expect_harmless(board)
    board.goto(f"/queue/{item}")
    expect(board.locator("#item-facts")).to_contain_text(name)
    expect_harmless(board)


@TEXTS
@pytest.mark.parametrize("viewport", [PHONE, {"width": 1920, "height": 1080}], ids=["phone", "TV"])
def test_a_takeover_of_the_wall_shows_names_as_text(
    office: Office, visit: Open, text: str, viewport: dict[str, int]
) -> None:
    office.register("nasty", text[:200])
    wall = visit(office.wall, viewport=viewport)
    expect_live(wall)
    office.win(text, "nasty", sell_price="9999999999.99")
    expect(wall.locator("#takeover")).to_be_visible()
    expect(wall.locator("#takeover .huge")).to_have_text(text[:200])
    expect(wall.locator("#takeover .big").first).to_have_text(text)
    expect_harmless(wall)
    expect(wall.locator("#wins .row .about")).to_contain_text(text)
    expect(wall.locator("#board-month .name")).to_have_text(text[:200])
    expect_harmless(wall)
