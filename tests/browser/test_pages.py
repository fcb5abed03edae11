"""Every page of the route table, in a company that has everything: axe finds nothing, light or dark; no page
is wider than a phone, heavier than allowed, or made of anything that is not ours. A new page is walked from
its first day."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from infra import showcase
from infra.local.stack import Stack
from infra.showcase import Showcase
from tests.browser.conftest import REFUSED, Office, Open
from winroom.routes import Route

# What a page may weigh, in bytes and unpacked: all that it loads at first, and its scripts.
MOST_AT_FIRST, MOST_SCRIPT = 100_000, 20_000
PHONE: ViewportSize = {"width": 360, "height": 740}
OTHERS: list[ViewportSize] = [{"width": 768, "height": 1024}, {"width": 3840, "height": 2160}]
PAGES = pytest.mark.parametrize("route", showcase.PAGES, ids=lambda route: route.path)
BUILT_IN = {"resultTypes": ["violations"]}


@pytest.fixture(scope="package")
def company(stack: Stack) -> Showcase:
    return showcase.build(stack)


def test_the_showcase_has_one_of_each_thing_that_pages_are_about() -> None:
    assert showcase.missing() == set()


def problems(page: Page) -> list[str]:
    """What axe finds on the page as it is shown now, with everything that can be opened open."""
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
    # What moves or fades is another colour for a moment.
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")
    found = Axe().run(page, options=BUILT_IN).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for one in found
        for node in one["nodes"]
    ]


def width(page: Page) -> Any:
    return page.evaluate("document.documentElement.scrollWidth")


def weights(page: Page) -> dict[str, int]:
    """What the page has loaded at first, unpacked, by its address: itself, its style, its scripts."""
    found: dict[str, int] = page.evaluate(
        "Object.fromEntries(['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
        ".filter((one) => one.entryType === 'navigation' || /[.](js|css)$/.test(one.name))"
        ".map((one) => [one.name, one.decodedBodySize]))"
    )
    return found


@PAGES
def test_axe_finds_nothing_and_no_page_is_wider_than_its_screen_or_heavy(
    visit: Open, company: Showcase, route: Route
) -> None:
    path = company.path(route)
    page = visit(path, company.session(path), color_scheme="light")
    expect(page).to_have_title(re.compile(r"\S.* - Win Room$"))
    expect(page.locator("h1").first).to_be_attached()
    loaded = weights(page)
    assert len(loaded) >= 2, loaded
    assert sum(loaded.values()) < MOST_AT_FIRST, loaded
    assert sum(size for name, size in loaded.items() if name.endswith(".js")) < MOST_SCRIPT, loaded
    assert problems(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    assert problems(page) == []
    assert width(page) <= PHONE["width"]
    for viewport in OTHERS:
        page.set_viewport_size(viewport)
        assert width(page) <= viewport["width"]


def test_axe_finds_nothing_on_the_pages_of_refusals(visit: Open, company: Showcase, office: Office) -> None:
    nothing = "/queue/01a00000-0000-7000-8000-000000000000"
    page = visit(nothing, company.admin, expecting=(REFUSED,))
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    assert problems(page) == []
    page.goto("/sales/new")
    page.locator("form[action='/sales/new']").evaluate("(form) => { form.noValidate = true; }")
    page.get_by_role("button", name="Enter the sale").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert problems(page) == []
    page.emulate_media(color_scheme="dark")
    assert problems(page) == []
    page.goto("/wall/wr_wall_nobody")
    expect(page.get_by_role("heading", name="This wallboard link has ended")).to_be_visible()
    assert problems(page) == []


def test_a_toast_and_an_offline_line_can_be_read_by_everybody(visit: Open, office: Office) -> None:
    for scheme in ("light", "dark"):
        page = visit("/queue", office.hire(f"Anna {scheme}", seller_id=f"anna-{scheme}"), color_scheme=scheme)
        page.evaluate(
            "for (const kind of ['', 'bad']) {"
            " const note = document.createElement('p');"
            " note.className = kind; note.textContent = 'Claimed. It counts on the board.';"
            " document.getElementById('toasts').append(note); }"
            " document.getElementById('line').dataset.state = 'down'"
        )
        assert problems(page) == []


def test_the_takeover_of_the_wall_can_be_read_by_everybody(visit: Open, office: Office) -> None:
    office.register("anna", "Anna Andersson")
    for scheme in ("light", "dark"):
        wall = visit(office.wall, color_scheme=scheme, reduced_motion="reduce")
        expect(wall.locator("#line")).to_have_text("Live")
        office.win("Ada Lovelace", "anna")
        expect(wall.locator("#takeover")).to_be_visible()
        assert problems(wall) == []
