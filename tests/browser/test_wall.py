"""The wallboard: nobody touches it, for days. What it celebrates, what it keeps to itself, and what its
line's cuts do to it."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, CDPSession, Page, Route, expect

from infra.local.stack import Stack
from tests import factories
from tests.browser.conftest import Office, Open, expect_eventually, expect_live
from tests.browser.line import Line
from tests.e2e.conftest import new_company

STALE = re.compile(r"^Stale since \d\d:\d\d$")


def takeover(page: Page) -> Any:
    return page.locator("#takeover")


@dataclass(frozen=True)
class Revoked:
    """A screen whose link was revoked, and when."""

    page: Page
    since: float


@pytest.fixture(scope="module", autouse=True)
def revoked(chromium: Browser, stack: Stack) -> Iterator[Revoked]:
    """Begun before the other tests: it takes a minute until a link is dead everywhere."""
    office = Office(new_company(stack))
    page = chromium.new_page(base_url=stack.http_url)
    page.goto(office.wall)
    expect_live(page)
    office.ask("POST", f"/api/displays/{office.display['id']}/revoke")
    yield Revoked(page, time.monotonic())
    page.close()


def test_a_win_takes_over_with_who_won_whom_and_for_how_much(office: Office, visit: Open) -> None:
    office.register("anna", "Anna Andersson")
    page = visit(office.wall)
    expect_live(page)
    expect(takeover(page)).to_be_hidden()
    office.win("Ada Lovelace", "anna", sell_price="1250.00")
    expect(takeover(page)).to_be_visible()
    expect(takeover(page)).to_contain_text("Anna Andersson")
    expect(takeover(page)).to_contain_text("Ada Lovelace")
    expect(takeover(page)).to_contain_text("$1,250.00")
    expect(takeover(page).locator("i").first).to_be_attached()  # confetti
    # It gives the screen back by itself, and leaves nothing behind.
    expect(takeover(page)).to_be_hidden()
    expect(takeover(page).locator("i")).to_have_count(0)
    expect(page.locator("#wins .row")).to_have_count(1)
    expect(page.locator("#board-month .place")).to_contain_text("Anna Andersson")
    expect(page.locator("#streak")).to_contain_text("Anna Andersson")


def test_a_win_is_celebrated_also_where_the_wall_has_read_of_it_before(office: Office, visit: Open) -> None:
    office.register("anna", "Anna")
    page = visit("/login")
    frames: list[str] = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda frame: frames.append(str(frame))))
    page.goto(office.wall)
    expect_live(page)
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route(f"**{office.wall}", hold_the_first)
    sale_id = office.sell("Ada Lovelace")
    expect_eventually(page, lambda: len(held) == 1, "the wall does not read again")
    office.claim(sale_id, "anna")
    expect_eventually(page, lambda: any("queue.claimed" in frame for frame in frames), "no word of the claim")
    held[0].continue_()
    expect(takeover(page)).to_be_visible()


def test_a_claim_is_celebrated_when_it_is_approved_and_an_import_never(office: Office, visit: Open) -> None:
    boss = office.hire("Boss", "manager")
    office.operate(
        "update wr.tenants set settings = settings || '{\"claim_approval\": true}'"
        " where tenant_id = %(tenant)s"
    )
    for name in ("anna", "bert"):
        office.register(name, name.title())
    page = visit(office.wall)
    expect_live(page)
    file = "sale_id,occurred_at,customer_name,sell_price,seller_external_id\n"
    file += f"I-1,{datetime.now(UTC).isoformat()},Imported,70.00,bert\n"
    answer = office.company.call(
        "POST", "/api/imports", content=file.encode(), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 202, answer.text
    imported = office.claim("I-1", "bert")
    waiting = office.claim(office.sell("Ada Lovelace"), "anna")
    office.ask("POST", f"/api/claims/{imported}/approve", by=boss)
    expect(page.locator("#board-today")).to_contain_text("Bert")  # it counts
    expect(takeover(page)).to_be_hidden()
    expect(page.locator("#board-today")).not_to_contain_text("Anna")
    office.ask("POST", f"/api/claims/{waiting}/approve", by=boss)
    expect(takeover(page)).to_be_visible()
    expect(takeover(page)).to_contain_text("Ada Lovelace")
    expect(takeover(page)).not_to_contain_text("Imported")
    expect(takeover(page)).to_be_hidden()
    expect(page.locator("#board-today")).to_contain_text("Anna")


def test_the_panels_take_turns(office: Office, visit: Open) -> None:
    page = visit("/login")
    page.clock.install()
    page.goto(office.wall)
    shown = page.locator(".panel.shown")
    headings = []
    for _ in range(5):
        expect(shown).to_have_count(1)
        headings.append(shown.locator("h1").inner_text())
        page.clock.fast_forward(12_500)
    assert headings[0].startswith("This month")
    assert headings[1].startswith("Today")
    assert headings[2:4] == ["Newest wins", "Current streak"]
    assert headings[4] == headings[0]


def test_who_wants_no_sound_and_no_motion_gets_none(office: Office, visit: Open) -> None:
    office.register("anna", "Anna")
    page = visit(office.wall, reduced_motion="reduce")
    expect_live(page)
    sound = page.locator("#sound")
    expect(sound).to_have_text("Sound is off")  # browsers allow none before a touch
    sound.click()
    expect(sound).to_have_text("Sound is on")
    expect(sound).to_have_attribute("aria-pressed", "true")
    sound.click()
    expect(sound).to_have_text("Sound is off")
    page.reload()
    expect_live(page)
    expect(sound).to_have_text("Sound is off")
    assert page.evaluate("localStorage.getItem('muted')") == "true"
    office.win("Ada Lovelace", "anna")
    expect(takeover(page)).to_be_visible()
    assert takeover(page).locator("i").count() == 0
    assert page.evaluate("getComputedStyle(document.getElementById('takeover')).animationName") == "none"


def test_the_link_shows_no_margin_cost_or_notes_and_can_change_nothing(office: Office, visit: Open) -> None:
    office.operate(
        "update wr.tenants set settings = settings || '{\"share_margin\": true}' where tenant_id = %(tenant)s"
    )
    office.register("anna", "Anna")
    frames: list[str] = []
    page = visit("/login")
    page.on("websocket", lambda ws: ws.on("framereceived", lambda frame: frames.append(str(frame))))
    answers: list[str] = []
    page.on("response", lambda answer: answers.append(answer.url))
    page.goto(office.wall)
    expect_live(page)
    secrets = {"cost_price": "777.77", "notes": "between us"}
    office.win("Ada Lovelace", "anna", sell_price="1000.00", **secrets)
    expect(takeover(page)).to_be_visible()
    expect(page.locator("#wins .row")).to_have_count(1)
    everything = page.content() + "".join(frames)
    for secret in ("777.77", "222.23", "between us", 'margin":"', "Margin"):
        assert secret not in everything
    assert any("Ada Lovelace" in frame for frame in frames)
    assert page.context.cookies() == []

    link = office.wall.rpartition("/")[2]
    item = office.item(office.sell("Next"))
    attempts = {
        "/api/events": factories.sale(),
        "/api/sales": factories.sale(),
        f"/api/queue/{item}/claim": {"seller_id": "anna", "claim_type": "upsell"},
        f"/api/queue/{item}/exclude": {"reason": "no"},
        "/api/displays": {"name": "Another"},
        "/api/products": {"name": "Chair"},
    }
    for path, body in attempts.items():
        answer = httpx.post(
            office.stack.http_url + path, json=body, headers={"Authorization": f"Bearer {link}"}, timeout=30
        )
        assert answer.status_code == 403, path
    for path in ("/queue", "/leaderboard", "/me", f"/queue/{item}"):
        page.goto(path)
        expect(page).to_have_title("Log in - Win Room")


def test_a_stale_wall_says_since_when_and_is_true_again_by_itself(
    office: Office, visit: Open, line: Line
) -> None:
    for name in ("anna", "bert"):
        office.register(name, name.title())
    office.win("First", "anna", sell_price="100.00")
    page = visit(office.wall, line=line)
    expect_live(page)
    line.cut()
    expect(page.locator("#line")).to_have_text(STALE)
    office.win("Second", "bert", sell_price="250.00")
    line.mend()
    expect(page.locator("#line")).to_have_text("Live", timeout=40_000)
    expect(page.locator("#board-month .place .name")).to_have_text(["Bert", "Anna"])
    expect(page.locator("#wins .row .name")).to_have_text(["Bert", "Anna"])


def test_a_day_of_cuts_and_wins_leaves_the_wall_as_small_as_it_was(
    office: Office, visit: Open, line: Line
) -> None:
    """Fifteen cuts are more than a day has: API Gateway ends a line every two hours."""
    sellers = ("anna", "bert", "cleo", "dora")
    for name in sellers:
        office.register(name, name.title())
    office.win("Warm up", "anna")
    page = visit("/login", line=line)
    page.clock.install()
    page.goto(office.wall)
    expect_live(page)
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")

    now = datetime.now(UTC).isoformat()
    office.sell_many([factories.sale(occurred_at=now) for _ in range(48)])
    expect_eventually(page, lambda: len(office.waiting()) == 48, "the sales are not in the queue", timeout=30)
    unclaimed = office.waiting()

    def cuts(number: int, wins_each: int) -> None:
        for _ in range(number):
            line.cut()
            expect(page.locator("#line")).to_have_text(STALE)
            for seller in sellers[:wins_each]:
                body = {"seller_id": seller, "claim_type": "upsell"}
                office.ask("POST", f"/api/queue/{unclaimed.pop()}/claim", body)
            line.mend()
            page.evaluate("dispatchEvent(new Event('online'))")
            expect_live(page)

    # The first round fills what is filled once: the lists, the fonts, the compiled code.
    cuts(3, 4)
    before = size(page, cdp)
    cuts(9, 4)
    cuts(3, 0)
    after = size(page, cdp)
    assert unclaimed == []
    expect(page.locator("#board-today .place .figure")).to_contain_text(
        ["13 wins", "12 wins", "12 wins", "12 wins"]
    )
    # Bounds, not equality: what a garbage collector leaves differs by some kilobytes.
    assert after["Nodes"] <= before["Nodes"] + 50, (before, after)
    assert after["JSEventListeners"] <= before["JSEventListeners"] + 5, (before, after)
    assert after["JSHeapUsedSize"] <= before["JSHeapUsedSize"] + 512 * 1024, (before, after)


def size(page: Page, cdp: CDPSession) -> dict[str, float]:
    """What the page occupies, once nothing is celebrated any longer."""
    for _ in range(5):  # more than may wait
        page.clock.fast_forward(7_100)
    expect(takeover(page)).to_be_hidden()
    expect(takeover(page).locator("i")).to_have_count(0)
    for _ in range(3):
        cdp.send("HeapProfiler.collectGarbage")
    metrics = cdp.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}


def test_a_revoked_link_has_ended_on_its_screens_after_a_minute(revoked: Revoked) -> None:
    # A minute, and the beat of the clock that looks for it.
    rest = max(1.0, 75 - (time.monotonic() - revoked.since))
    heading = revoked.page.get_by_role("heading", name="This wallboard link has ended")
    expect(heading).to_be_visible(timeout=rest * 1000)
