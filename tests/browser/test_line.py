"""The line to the room, cut and mended: a page says since when its numbers are stale, comes back by itself,
and shows exactly what the database holds."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import (
    REFUSED,
    Office,
    Open,
    expect_eventually,
    expect_live,
    listed,
    row_of,
    rows,
)
from tests.browser.line import Line

OFFLINE = re.compile(r"^Offline\. Numbers are as of \d\d:\d\d$")


def come_back(page: Page, line: Line) -> None:
    """The line is whole again, which the browser notices; without that, backoff would, some seconds later."""
    line.mend()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect_live(page)


def expect_what_the_database_holds(page: Page, office: Office) -> None:
    expect_eventually(page, lambda: listed(page) == office.waiting(), "the list differs from the database")


def test_after_a_cut_the_queue_shows_exactly_what_the_database_holds(
    office: Office, visit: Open, line: Line
) -> None:
    boss = office.hire("Boss", "manager")
    stays, claimed, excluded = (office.sell(f"{word} customer") for word in ("Stays", "Claimed", "Excluded"))
    for sale_id in (stays, claimed, excluded):
        office.item(sale_id)
    page = visit("/queue", boss, line=line)
    expect_live(page)
    expect(rows(page)).to_have_count(3)

    line.cut()
    expect(page.locator("#line")).to_have_text(OFFLINE)
    office.claim(claimed, "anna")
    office.ask("POST", f"/api/queue/{office.item(excluded)}/exclude", {"reason": "test"})
    back = office.sell("Comes and goes")
    office.claim(back, "anna")
    office.ask("POST", f"/api/queue/{office.item(back)}/release", {"reason": "by mistake"})
    gone = office.sell("Gone again")
    office.claim(gone, "anna")
    office.item(office.sell("New customer"))
    # Nothing of it has arrived, and the page knows that it is stale.
    expect(rows(page)).to_have_count(3)
    expect(page.locator("#line")).to_have_text(OFFLINE)

    come_back(page, line)
    expect(row_of(page, "New customer")).to_be_visible()
    expect(rows(page).locator(".name")).to_have_text(["New customer", "Comes and goes", "Stays customer"])
    expect_what_the_database_holds(page, office)
    office.item(office.sell("And live again"))
    expect(row_of(page, "And live again")).to_be_visible()


def test_the_page_comes_back_by_itself(office: Office, visit: Open, line: Line) -> None:
    page = visit("/queue", office.hire("Anna"), line=line)
    expect_live(page)
    line.cut()
    expect(page.locator("#line")).to_have_text(OFFLINE)
    line.mend()
    expect(page.locator("#line")).to_have_text("Live", timeout=40_000)


def test_a_line_that_falls_silent_without_a_word_is_taken_for_dead(
    office: Office, visit: Open, line: Line
) -> None:
    page = visit("/queue", office.hire("Anna"), line=line)
    expect_live(page)
    line.silence()
    page.evaluate("dispatchEvent(new Event('online'))")  # asks whether the line is alive
    expect(page.locator("#line")).to_have_text(OFFLINE, timeout=12_000)
    # What was on its way gets lost.
    line.cut()
    come_back(page, line)


def test_more_than_five_hundred_missed_messages_are_read_at_once(
    office: Office, visit: Open, line: Line
) -> None:
    boss = office.hire("Boss", "manager")
    page = visit("/queue", boss, line=line)
    expect_live(page)
    line.cut()
    expect(page.locator("#line")).to_have_text(OFFLINE)
    began = datetime.now(UTC) - timedelta(minutes=30)
    for batch in range(6):
        office.sell_many(
            [
                factories.sale(
                    customer_name=f"Missed {batch * 100 + n}",
                    occurred_at=(began + timedelta(seconds=batch * 100 + n)).isoformat(),
                )
                for n in range(100)
            ]
        )

    expect_eventually(
        page, lambda: len(office.waiting()) == 600, "the sales are not in the queue", timeout=60
    )
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", partial(_keep, frames)))
    come_back(page, line)
    expect(row_of(page, "Missed 599")).to_be_visible()
    size = len(listed(page))
    assert listed(page) == office.waiting()[:size]
    expect(page.get_by_role("link", name="Older")).to_be_visible()
    assert any('"type":"reset"' in frame.replace(" ", "") for frame in frames)


def _keep(frames: list[str], frame: Any) -> None:
    frames.append(str(frame))


def test_a_board_whose_line_was_cut_is_true_again_when_it_is_back(
    office: Office, visit: Open, line: Line
) -> None:
    boss = office.hire("Boss", "manager")
    for name in ("anna", "bert"):
        office.register(name, name.title())
    office.win("First", "anna", sell_price="100.00")
    board = visit("/leaderboard?metric=revenue", boss, line=line)
    expect_live(board)
    line.cut()
    expect(board.locator("#line")).to_have_text(OFFLINE)
    office.win("Second", "bert", sell_price="250.00")
    come_back(board, line)
    expect(board.locator(".place .name")).to_have_text(["Bert", "Anna"])
    expect(board.locator(".place .figure strong")).to_have_text(["$250.00", "$100.00"])


def test_a_claim_without_a_line_says_so_and_leaves_the_sale_where_it_was(
    office: Office, visit: Open, line: Line
) -> None:
    page = visit("/queue", office.hire("Anna"), line=line)
    office.item(office.sell("Grace Hopper"))
    expect(row_of(page, "Grace Hopper")).to_be_visible()
    line.cut()
    row_of(page, "Grace Hopper").get_by_role("button").click()
    expect(page.locator(".toasts .bad")).to_contain_text("No connection")
    expect(row_of(page, "Grace Hopper")).to_be_visible()
    come_back(page, line)
    row_of(page, "Grace Hopper").get_by_role("button").click()
    expect(page.locator(".toasts p:not(.bad)")).to_have_text("Claimed. It counts on the board.")
    expect(rows(page)).to_have_count(0)


def test_an_open_page_whose_session_has_ended_leads_to_the_login(
    office: Office, visit: Open, line: Line
) -> None:
    page = visit("/queue", office.hire("Anna"), line=line, expecting=(REFUSED,))
    expect_live(page)
    page.context.clear_cookies()
    line.cut()
    expect(page.locator("#line")).to_have_text(OFFLINE)
    line.mend()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page).to_have_title("Log in - Win Room")
    assert "next=%2Fqueue" in page.url
