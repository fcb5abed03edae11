"""What must not mislead: a page says Live only of what is true, and one click is one claim."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests import factories
from tests.browser.conftest import (
    LINE_FAILURES,
    Office,
    Open,
    expect_eventually,
    expect_live,
    listed,
    row_of,
    rows,
    toast,
)


def test_a_double_click_or_a_key_that_is_held_down_claims_one_sale(office: Office, visit: Open) -> None:
    anna = office.hire("Anna")
    for n in range(4):
        office.item(office.sell(f"Customer {n}"))
    page = visit("/queue", anna)
    expect_live(page)
    expect(rows(page)).to_have_count(4)
    rows(page).first.get_by_role("button").dblclick()
    expect(toast(page, "Claimed")).to_have_count(1)
    expect(rows(page)).to_have_count(3)
    rows(page).first.get_by_role("button").focus()
    for _ in range(5):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(rows(page)).to_have_count(2)
    expect_eventually(page, lambda: listed(page) == office.waiting(), "the list differs from the database")
    assert len(office.waiting()) == 2


def test_what_the_gateway_says_of_its_own_troubles_is_no_answer_of_the_room(
    office: Office, visit: Open
) -> None:
    page = visit("/login", expecting=(LINE_FAILURES,))
    sockets: list[WebSocketRoute] = []

    def spoil_the_first(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if len(sockets) == 1:
            trouble = '{"message": "Internal server error", "connectionId": "x", "requestId": "y"}'
            socket.on_message(lambda _: socket.send(trouble))
        else:
            socket.connect_to_server()

    page.route_web_socket("**/ws?ticket=*", spoil_the_first)
    let_in(page, office)
    expect_eventually(page, lambda: len(sockets) == 1, "no socket was opened")
    assert page.locator("#line").inner_text() != "Live"
    # Nobody has answered, so it is no line: a new one is.
    expect(page.locator("#line")).to_have_text("Live", timeout=30_000)
    office.item(office.sell("Ada Lovelace"))
    expect(row_of(page, "Ada Lovelace")).to_be_visible()


def let_in(page: Page, office: Office) -> None:
    """Logs somebody in, in a page that is open already."""
    anna = office.hire("Anna")
    page.get_by_label("Company's short name").fill(office.company.slug)
    page.get_by_label("Email").fill(anna.email)
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/queue")


def test_a_board_that_cannot_be_read_says_since_when_it_is_stale(office: Office, visit: Open) -> None:
    office.register("anna", "Anna")
    page = visit("/leaderboard", office.hire("Boss", "manager"), expecting=(LINE_FAILURES,))
    expect_live(page)

    def fail(route: Route) -> None:
        route.fulfill(status=503, body="")

    page.route("**/leaderboard", fail)
    office.win("Ada Lovelace", "anna", sell_price="100.00")
    expect(page.locator("#line")).to_contain_text("Offline. Numbers are as of")
    expect(page.locator(".place")).to_have_count(0)
    page.unroute("**/leaderboard", fail)
    expect(page.locator(".place .figure strong")).to_have_text("$100.00")
    expect_live(page)


def test_a_page_that_nobody_tells_anything_does_not_say_live(office: Office, visit: Open) -> None:
    page = visit("/login")
    sockets: list[WebSocketRoute] = []

    def tap(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket("**/ws?ticket=*", tap)
    let_in(page, office)
    expect_live(page)
    # What the room answers while operators have paused the fan-out.
    sockets[0].send('{"v": 1, "type": "pong", "seq": 0, "paused": true}')
    expect(page.locator("#line")).to_have_text(re.compile(r"^Updated once a minute\. .* as of \d\d:\d\d$"))
    sockets[0].send('{"v": 1, "type": "pong", "seq": 0}')
    expect_live(page)


def test_a_released_sale_that_is_older_than_the_page_comes_back_where_it_belongs(
    office: Office, visit: Open
) -> None:
    began = datetime.now(UTC) - timedelta(hours=2)
    office.register("anna", "Anna")
    office.sell_many(
        [
            factories.sale(occurred_at=(began + timedelta(seconds=n)).isoformat(), customer_name=f"No {n}.")
            for n in range(55)
        ]
    )
    boss = office.hire("Boss", "manager")
    page = visit("/login")
    expect_eventually(page, lambda: len(office.waiting()) == 55, "the sales are not in the queue")
    page = visit("/queue", boss)
    expect_live(page)
    last = listed(page)[-1]
    assert len(listed(page)) == 50
    body = {"seller_id": "anna", "claim_type": "upsell"}
    office.ask("POST", f"/api/queue/{last}/claim", body)
    expect(page.locator(f"#item-{last}")).to_have_count(0)
    office.ask("POST", f"/api/queue/{last}/release", {"reason": "by mistake"})
    expect(page.locator(f"#item-{last}")).to_have_count(1)
    assert listed(page) == office.waiting()[:50]


def test_what_can_be_done_with_a_sale_follows_what_became_of_it(office: Office, visit: Open) -> None:
    office.register("anna", "Anna")
    sale_id = office.sell("Ada Lovelace")
    page = visit(f"/queue/{office.item(sale_id)}", office.hire("Boss", "manager"))
    expect_live(page)
    expect(page.get_by_role("button", name="Claim")).to_be_visible()
    office.claim(sale_id, "anna")
    expect(page.get_by_role("button", name="Claim")).to_have_count(0)
    expect(page.locator("summary", has_text="Release")).to_be_visible()


def test_a_screen_that_keeps_nothing_and_whose_clock_is_wrong_still_celebrates(
    office: Office, visit: Open
) -> None:
    office.register("anna", "Anna Andersson")
    wall = visit("/login")
    wall.add_init_script(
        "const real = Date.now; Date.now = () => real() + 20 * 60_000;"
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } });"
    )
    wall.goto(office.wall)
    expect_live(wall)
    office.win("Ada Lovelace", "anna")
    expect(wall.locator("#takeover")).to_contain_text("Anna Andersson")


def test_what_waits_for_a_decision_is_counted_as_it_comes(office: Office, visit: Open) -> None:
    office.register("anna", "Anna")
    office.ask("PATCH", "/api/tenant", {"claim_approval": True}, by=office.hire("Chief", "admin"))
    page = visit("/queue", office.hire("Boss", "manager"))
    expect_live(page)
    office.claim(office.sell("Ada Lovelace"), "anna")
    counted: Any = page.locator("#side a[href='/approvals'] .count")
    expect(counted).to_contain_text("1")
