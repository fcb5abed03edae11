"""The journeys of the specification, each at a real browser: a sale by hand, a sale from another system, and
what goes wrong."""

import json
import re
import subprocess
import time
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from infra.local import browser
from infra.local.stack import Stack
from tests.browser.conftest import PASSWORD, REFUSED, Office, Open, expect_live, row_of, rows, toast


def test_a_sale_entered_by_hand_is_in_the_queue_and_on_the_board_without_a_reload(
    office: Office, visit: Open
) -> None:
    anna, boss = office.hire("Anna"), office.hire("Boss", "manager")
    watching, board = visit("/queue", boss), visit("/leaderboard?period=today&metric=revenue", boss)
    expect_live(watching)
    expect_live(board)
    expect(board.get_by_text("No wins yet")).to_be_visible()

    page = visit("/sales/new", anna)
    page.get_by_label("Customer").fill("Grace Hopper")
    page.get_by_label("Price").fill("1800.50")
    page.get_by_label("Currency").select_option("USD")
    page.get_by_label("Notes").fill("Met at the fair")
    began = time.monotonic()
    page.get_by_role("button", name="Enter the sale").click()
    expect(toast(page, "Sale received")).to_be_visible()
    expect(row_of(watching, "Grace Hopper")).to_contain_text("$1,800.50")
    expect(row_of(page, "Grace Hopper")).to_be_visible()
    assert time.monotonic() - began < 5

    row_of(page, "Grace Hopper").get_by_role("button", name="Claim the sale of Grace Hopper").click()
    expect(toast(page, "Claimed. It counts on the board.")).to_be_visible()
    expect(rows(watching)).to_have_count(0)
    expect(board.locator(".place")).to_have_text(re.compile(r"1\s+Anna.*\$1,800\.50", re.DOTALL))


def test_a_sale_of_another_system_is_seen_claimed_and_ranked_live(office: Office, visit: Open) -> None:
    anna, bert, boss = office.hire("Anna"), office.hire("Bert"), office.hire("Boss", "manager")
    office.win("Early Bird", "bert", sell_price="500.00")
    page, other, board = visit("/queue", anna), visit("/queue", bert), visit("/leaderboard", boss)
    for one in (page, other, board):
        expect_live(one)
    expect(board.locator(".place")).to_have_count(1)

    office.item(office.sell("Warm Up"))
    expect(row_of(page, "Warm Up")).to_be_visible()
    began = time.monotonic()
    office.sell("Ada Lovelace", sell_price="1250.00")
    expect(row_of(page, "Ada Lovelace")).to_contain_text("$1,250.00")
    assert time.monotonic() - began < 2
    expect(rows(other)).to_have_count(2)

    page.get_by_label("Claim as").select_option("upsell")
    page.get_by_role("button", name="Claim the sale of Ada Lovelace").click()
    expect(toast(page, "Claimed")).to_be_visible()
    for everyone in (page, other):
        expect(row_of(everyone, "Ada Lovelace")).to_have_count(0)
        expect(row_of(everyone, "Warm Up")).to_be_visible()
    claims = office.company.rows("select claimed_by, claim_type from wr.claims order by claimed_at desc")
    assert claims[0] == {"claimed_by": "anna", "claim_type": "upsell"}

    # Anna passes Bert before everybody's eyes.
    office.win("One More", "anna", sell_price="10.00")
    office.win("Two More", "anna", sell_price="10.00")
    expect(board.locator(".place").first).to_contain_text("Anna")
    expect(board.locator(".place").nth(1)).to_contain_text("Bert")
    page.goto("/queue?status=claimed")
    expect(row_of(page, "Ada Lovelace")).to_contain_text("Claimed by Anna")
    page.goto("/me")
    expect(page.get_by_role("link", name="Ada Lovelace")).to_be_visible()


def test_whoever_climbs_an_open_board_is_shown_to_climb(office: Office, visit: Open) -> None:
    boss = office.hire("Boss", "manager")
    for name in ("anna", "bert"):
        office.register(name, name.title())
    office.win("Small", "anna", sell_price="100.00")
    office.win("Large", "bert", sell_price="200.00")
    board = visit("/leaderboard?metric=revenue", boss)
    expect_live(board)
    expect(board.locator(".place .name")).to_have_text(["Bert", "Anna"])
    office.win("Larger", "anna", sell_price="300.00")
    expect(board.locator(".place .name")).to_have_text(["Anna", "Bert"])
    expect(board.locator(".place .moved")).to_have_text(["\u25b2 1", "\u25bc 1"])


@pytest.mark.parametrize("with_script", [True, False], ids=["live", "without script"])
def test_a_negative_amount_is_told_beside_its_field_and_nothing_that_was_typed_is_lost(
    office: Office, visit: Open, with_script: bool
) -> None:
    page = visit("/sales/new", office.hire("Anna"), expecting=(REFUSED,), java_script_enabled=with_script)
    page.get_by_label("Customer").fill("Grace Hopper")
    page.get_by_label("Price").fill("-5")
    page.get_by_label("Currency").select_option("EUR")
    page.get_by_label("Notes").fill("Met at the fair")
    page.get_by_role("button", name="Enter the sale").click()
    expect(page.get_by_role("alert")).to_have_text("Please correct what is marked below.")
    price = page.get_by_label("Price")
    expect(price).to_have_attribute("aria-invalid", "true")
    told = price.get_attribute("aria-describedby")
    assert told
    expect(page.locator(f"#{told.split()[0]}")).to_contain_text("must be greater than 0")
    expect(price).to_have_value("-5")
    expect(page.get_by_label("Customer")).to_have_value("Grace Hopper")
    expect(page.get_by_label("Currency")).to_have_value("EUR")
    expect(page.get_by_label("Notes")).to_have_value("Met at the fair")
    price.fill("5")
    page.get_by_role("button", name="Enter the sale").click()
    expect(toast(page, "Sale received")).to_be_visible()


def test_a_session_that_is_wrong_leads_to_the_login_and_from_there_back(office: Office, visit: Open) -> None:
    anna = office.hire("Anna")
    page = visit("/login", None, expecting=(REFUSED,))
    browser.let_in(page, office.stack.http_url, "forged.to.kens")
    page.goto("/leaderboard?period=week")
    expect(page).to_have_title("Log in - Win Room")
    expect(page.get_by_text("Please log in to see this page.")).to_be_visible()
    page.get_by_label("Company's short name").fill(office.company.slug)
    page.get_by_label("Email").fill(anna.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("The company, the email or the password is wrong.")
    expect(page.get_by_label("Email")).to_have_value(anna.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_title("Leaderboard - Win Room")
    assert page.url.endswith("/leaderboard?period=week")


def test_whoever_asks_too_often_is_told_so_kindly(office: Office, visit: Open) -> None:
    anna = office.hire("Anna")
    page = visit("/queue", anna, expecting=(REFUSED,))
    expect_live(page)
    # The whole of this minute and of the next one is used up.
    office.operate(
        "insert into wr.rate_counters (tenant_id, bucket, minute, hits)"
        " values (%(tenant)s, %(bucket)s, date_trunc('minute', now()) + interval '1 minute', 1000)"
        " on conflict (tenant_id, bucket) do update set minute = excluded.minute, hits = excluded.hits",
        {"bucket": f"people:user:{anna.id}"},
    )
    page.goto("/leaderboard")
    expect(page.get_by_role("heading", name="Too many requests")).to_be_visible()
    expect(page.locator("main")).to_contain_text("try again")
    expect(page.get_by_role("link", name="Go to the queue")).to_be_visible()


def test_the_line_that_a_new_company_is_shown_sends_its_first_sale_and_the_page_lights_up(
    stack: Stack, office: Office, visit: Open
) -> None:
    office.operate("delete from wr.login_attempts")  # this machine may have signed up often
    page = visit("/sign-up")
    name = f"Lovelace {uuid4().hex[:8]}"
    page.get_by_label("Company", exact=True).fill(name)
    page.get_by_label("Email").fill("ada@lovelace.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name=f"Welcome, {name}")).to_be_visible()
    key = page.locator("[data-copy]").first.inner_text().strip()
    shown = page.locator("pre", has_text="curl").inner_text()
    assert key in shown
    expect_live(page)
    expect(page.get_by_text("Waiting for your first sale.")).to_be_visible()
    sent = subprocess.run(shown, shell=True, capture_output=True, text=True, check=True, timeout=30)  # noqa: S602 (as users paste it)
    assert json.loads(sent.stdout)["status"] == "pending"
    expect(page.locator("#first-sale")).to_have_text("Here it is: Ada Lovelace, $1,250.00. You are live.")
    page.get_by_role("link", name="Go to the queue").click()
    expect(row_of(page, "Ada Lovelace")).to_be_visible()
    # The key was shown this once.
    page.goto("/welcome")
    expect(page.locator("main")).not_to_contain_text(key)
