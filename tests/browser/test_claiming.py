"""Claiming: two at once, for somebody else, with the keyboard alone, and without any script."""

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import (
    PASSWORD,
    REFUSED,
    Office,
    Open,
    Person,
    expect_eventually,
    expect_live,
    row_of,
    rows,
    toast,
)


def test_of_two_who_claim_the_same_sale_at_once_one_wins_and_the_other_learns_who(
    office: Office, visit: Open
) -> None:
    people = {"Anna": office.hire("Anna"), "Bert": office.hire("Bert")}
    pages = {name: visit("/queue", person, expecting=(REFUSED,)) for name, person in people.items()}
    office.item(office.sell("Ada Lovelace"))
    held: list[Route] = []
    for page in pages.values():
        expect_live(page)
        expect(row_of(page, "Ada Lovelace")).to_be_visible()
        page.route("**/api/queue/*/claim", lambda route: held.append(route))
    for page in pages.values():
        row_of(page, "Ada Lovelace").get_by_role("button").click()
        # As good as claimed, whatever the answer will be.
        expect(rows(page)).to_have_count(0)
    expect_eventually(page, lambda: len(held) == 2, "both claims are on their way")
    for request in held:
        request.continue_()

    told = page_toasts(pages)
    winner, loser = sorted(told, key=lambda name: "already" in told[name])
    assert told[winner] == "Claimed. It counts on the board."
    assert re.search(rf"already claimed by {winner}\b", told[loser], re.IGNORECASE), told[loser]
    claims = office.company.rows("select claimed_by from wr.claims")
    assert claims == [{"claimed_by": winner.lower()}]
    for page in pages.values():
        expect(rows(page)).to_have_count(0)


def page_toasts(pages: dict[str, Page]) -> dict[str, str]:
    """What each page says after its claim."""
    found = {}
    for name, page in pages.items():
        expect(page.locator(".toasts p")).to_have_count(1)
        found[name] = page.locator(".toasts p").inner_text()
    return found


def test_a_manager_claims_for_whom_they_choose(office: Office, visit: Open) -> None:
    boss = office.hire("Boss", "manager")
    office.register("anna", "Anna")
    office.register("zoe", "Zoe Zimmer")
    office.item(office.sell("Own Seller", seller_external_id="anna"))
    office.item(office.sell("Other Seller", seller_external_id="anna"))
    page = visit("/queue", boss)
    expect_live(page)
    row_of(page, "Own Seller").get_by_role("button").click()
    expect(rows(page)).to_have_count(1)
    page.get_by_label("for", exact=True).select_option("zoe")
    row_of(page, "Other Seller").get_by_role("button").click()
    expect(rows(page)).to_have_count(0)
    expect(page.get_by_text("The queue is empty")).to_be_visible()
    claims = office.company.rows("select customer_name, claimed_by from wr.claims")
    assert {(c["customer_name"], c["claimed_by"]) for c in claims} == {
        ("Own Seller", "anna"),
        ("Other Seller", "zoe"),
    }


def test_a_claim_that_waits_for_approval_says_so(office: Office, visit: Open) -> None:
    office.operate(
        "update wr.tenants set settings = settings || '{\"claim_approval\": true}'"
        " where tenant_id = %(tenant)s"
    )
    page = visit("/queue", office.hire("Anna"))
    office.item(office.sell("Ada Lovelace"))
    row_of(page, "Ada Lovelace").get_by_role("button").click()
    expect(toast(page, "It counts once a manager has approved it.")).to_be_visible()


def test_a_watcher_is_offered_nothing_to_claim(office: Office, visit: Open) -> None:
    page = visit("/queue", office.hire("Wanda", "watcher"))
    expect_live(page)
    office.item(office.sell("Ada Lovelace"))
    expect(row_of(page, "Ada Lovelace")).to_be_visible()
    expect(page.get_by_role("button", name="Claim")).to_have_count(0)
    expect(page.get_by_role("link", name="New sale")).to_have_count(0)


def test_whose_sale_somebody_else_takes_keeps_a_place_in_the_list(office: Office, visit: Open) -> None:
    page = visit("/queue", office.hire("Anna"))
    sale_id = office.sell("Taken")
    office.item(sale_id)
    office.item(office.sell("Stays"))
    row_of(page, "Taken").get_by_role("button").focus()
    office.register("bert", "Bert")
    office.claim(sale_id, "bert")
    expect(row_of(page, "Taken")).to_have_count(0)
    # On the name, not on the button: whoever presses Enter at this moment must not claim another sale.
    expect(row_of(page, "Stays").get_by_role("link")).to_be_focused()


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until the element has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"no way to {selector} by Tab")


def test_the_keyboard_alone_logs_in_reaches_a_sale_and_claims_it(office: Office, visit: Open) -> None:
    anna = office.hire("Anna")
    for customer in ("Third", "Second", "First"):
        office.item(office.sell(customer))
    page = visit("/login")
    keys = page.keyboard
    for selector, text in {
        "#tenant": office.company.slug,
        "#email": anna.email,
        "#password": PASSWORD,
    }.items():
        tab_to(page, selector)
        keys.type(text)
    keys.press("Enter")
    expect(page).to_have_title("Queue - Win Room")
    expect_live(page)

    # The first Tab offers to skip what is on every page.
    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keys.press("Enter")
    expect(page.locator("main")).to_be_focused()
    tab_to(page, ".row button")
    expect(row_of(page, "First").get_by_role("button")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus is not to be seen"
    keys.press("Enter")
    expect(toast(page, "Claimed")).to_be_visible()
    # The focus stays in the list, on the sale that comes next.
    expect(row_of(page, "Second").get_by_role("button")).to_be_focused()
    office.item(office.sell("Meanwhile"))
    expect(row_of(page, "Meanwhile")).to_be_visible()
    expect(row_of(page, "Second").get_by_role("button")).to_be_focused()
    keys.press("Space")
    expect(row_of(page, "Third").get_by_role("button")).to_be_focused()
    keys.press("Shift+Tab")
    expect(row_of(page, "Third").get_by_role("link")).to_be_focused()
    keys.press("Enter")
    expect(page).to_have_title("Third - Win Room")
    tab_to(page, "form[action$='/claim'] button")
    keys.press("Enter")
    expect(toast(page, "Claimed. It counts on the board.")).to_be_visible()


def test_when_the_last_sale_is_claimed_by_keyboard_the_focus_stays_on_the_page(
    office: Office, visit: Open
) -> None:
    page = visit("/queue", office.hire("Anna"))
    office.item(office.sell("Only One"))
    button = row_of(page, "Only One").get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(0)
    expect(toast(page, "Claimed")).to_be_visible()
    where = page.evaluate("document.activeElement.tagName")
    assert where != "BODY", "the focus was thrown back to the top of the page"


def test_everything_works_without_a_script(office: Office, visit: Open) -> None:
    anna = office.hire("Anna")
    page = visit("/login", java_script_enabled=False)
    log_in(page, office, anna)
    # What is for those without scripts no locator takes for text; what is shown, it does.
    assert page.locator("#line").inner_text() == "Not live: reload for newer numbers"
    page.get_by_role("link", name="New sale").first.click()
    page.get_by_label("Customer").fill("Grace Hopper")
    page.get_by_label("Price").fill("99.90")
    page.get_by_role("button", name="Enter the sale").click()
    expect(toast(page, "Sale received")).to_be_visible()
    expect_eventually(page, lambda: len(office.waiting()) == 1, "the sale is not in the queue")
    page.reload()
    page.get_by_label("Claim as").select_option("retention")
    row_of(page, "Grace Hopper").get_by_role("button").click()
    expect(toast(page, "Claimed. It counts on the board.")).to_be_visible()
    expect(page.get_by_text("The queue is empty")).to_be_visible()
    page.get_by_role("link", name="Leaderboard").last.click()
    page.get_by_label("Period").select_option("today")
    page.get_by_label("Ranked by").select_option("revenue")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".place")).to_contain_text("$99.90")
    page.goto("/account")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out everywhere.")).to_be_visible()
    page.goto("/queue")
    expect(page).to_have_title("Log in - Win Room")


def log_in(page: Page, office: Office, person: Person) -> None:
    page.get_by_label("Company's short name").fill(office.company.slug)
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_title("Queue - Win Room")
