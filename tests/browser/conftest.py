"""People at their browsers: the deployed stack in a real Chromium, over its real websocket. Whatever a page
complains of fails the test that opened it, unless the test said that it would."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Locator, Page, expect

from infra.local import browser
from infra.local.stack import Stack
from tests import factories
from tests.browser import line as cable
from tests.browser.line import Line
from tests.e2e.conftest import Company, new_company, wait_until
from winroom import users
from winroom.db import connect

PASSWORD = "correct horse battery staple"
# What a browser logs by itself where a request fails or is refused: for tests in which one is.
REFUSED = r"the server responded with a status of 4\d\d"
LINE_FAILURES = r"ERR_|WebSocket connection to|the server responded with a status of 50[234]"

# A cold worker of a busy machine takes ten seconds.
expect.set_options(timeout=30_000)


@dataclass(frozen=True)
class Person:
    """Somebody with a password, and a session of theirs."""

    id: UUID
    email: str
    token: str


@dataclass(frozen=True)
class Office:
    """A company, its people, and a CRM that sends sales."""

    company: Company

    @property
    def stack(self) -> Stack:
        return self.company.stack

    def hire(self, name: str, role: users.Role = "seller", seller_id: str | None = None) -> Person:
        """Adds a person; a seller sells under their own name, in small letters."""
        email = f"{name.lower().replace(' ', '.')}@acme.example"
        if role == "seller":
            seller_id = seller_id or name.lower()
            self.register(seller_id, name)
        with connect(self.stack.operator_database_url) as conn:
            row = users.create(conn, self.company.tenant_id, email, name, role, PASSWORD, seller_id)
        login = {"tenant": self.company.slug, "email": email, "password": PASSWORD}
        answer = httpx.post(f"{self.stack.http_url}/api/session", json=login, timeout=30)
        return Person(row["id"], email, answer.raise_for_status().json()["token"])

    def register(self, seller_id: str, name: str) -> None:
        """Adds a seller who has no login."""
        self.ask("POST", "/api/sellers", {"seller_id": seller_id, "display_name": name})

    def ask(self, method: str, path: str, body: object = None, by: Person | None = None) -> Any:
        """What the API answers to a person, or to the company's own key."""
        headers = {"Authorization": f"Bearer {by.token}"} if by else {}
        answer = self.company.call(method, path, json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def sell(self, customer: str = "Ada Lovelace", **changes: Any) -> str:
        """Sends a sale of a moment ago; returns its id."""
        now = datetime.now(UTC).isoformat()
        body = factories.sale(**{"customer_name": customer, "occurred_at": now, **changes})
        self.company.sell(body)
        return str(body["sale_id"])

    def sell_many(self, sales: list[dict[str, Any]]) -> None:
        """Sends up to a hundred sales at once."""
        answer = self.ask("POST", "/api/events/batch", {"events": sales})
        assert {verdict["status"] for verdict in answer["results"]} == {202}

    def item(self, sale_id: str) -> str:
        """The id of a sale's item, once it is in the queue."""

        def found() -> list[dict[str, Any]]:
            return self.company.rows("select queue_id, sale_id from wr.queue")

        wait_until(lambda: any(row["sale_id"] == sale_id for row in found()))
        return next(str(row["queue_id"]) for row in found() if row["sale_id"] == sale_id)

    def claim(self, sale_id: str, seller_id: str, claim_type: str = "first_touch") -> str:
        """Claims a sale for a seller, as the company's own key may; returns the claim's id."""
        body = {"seller_id": seller_id, "claim_type": claim_type}
        return str(self.ask("POST", f"/api/queue/{self.item(sale_id)}/claim", body)["claim"]["id"])

    def win(self, customer: str, seller_id: str, **changes: Any) -> None:
        """A sale that is claimed at once."""
        self.claim(self.sell(customer, seller_external_id=seller_id, **changes), seller_id)

    def waiting(self) -> list[str]:
        """The ids of the items that wait, as the database holds them, newest first."""
        rows = self.company.rows(
            "select queue_id from wr.queue where status = 'pending' order by occurred_at desc, queue_id desc"
        )
        return [str(row["queue_id"]) for row in rows]

    def operate(self, statement: str, *values: Any) -> None:
        """What only the operator may do; `%(tenant)s` is this company."""
        with connect(self.stack.operator_database_url) as conn:
            conn.execute(statement, {"tenant": self.company.tenant_id, **(values[0] if values else {})})

    @cached_property
    def wall(self) -> str:
        """The path of a screen on the wall."""
        return str(self.display["path"])

    @cached_property
    def display(self) -> dict[str, Any]:
        made: dict[str, Any] = self.ask("POST", "/api/displays", {"name": "Hall"})
        return made


@dataclass
class Visit:
    """A browser of its own at the stack's door, and what its pages complain of."""

    context: BrowserContext
    origin: str
    expected: list[str]
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._complain(f"{error.name}: {error.message}"))
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self._must_be_ours(request.url))
        page.on("websocket", lambda socket: self._must_be_ours(socket.url))

    def _hear(self, told: ConsoleMessage) -> None:
        if told.type == "error":
            self._complain(told.text)

    def _dismiss(self, dialog: Dialog) -> None:
        self._complain(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _must_be_ours(self, url: str) -> None:
        if urlsplit(url).netloc != urlsplit(self.origin).netloc:
            self._complain(f"asked somebody else: {url}")

    def _complain(self, complaint: str) -> None:
        if not any(re.search(pattern, complaint) for pattern in self.expected):
            self.complaints.append(complaint)


Open = Callable[..., Page]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with browser.launched() as launched:
        yield launched


@pytest.fixture
def visit(chromium: Browser, stack: Stack) -> Iterator[Open]:
    """Opens a page in a browser of its own: as a person, by a session or as nobody; over a line, if one is
    given. What it complains of fails the test, but for what `expecting` says."""
    visits: list[Visit] = []

    def open_page(
        path: str,
        person: Person | str | None = None,
        line: Line | None = None,
        expecting: tuple[str, ...] = (),
        **options: Any,
    ) -> Page:
        options.setdefault("viewport", {"width": 1280, "height": 860})
        if line:
            options["proxy"] = {"server": line.proxy}
            expecting = (*expecting, LINE_FAILURES)
        context = chromium.new_context(base_url=stack.http_url, locale="en-GB", **options)
        visit = Visit(context, stack.http_url, list(expecting))
        visits.append(visit)
        context.on("page", visit.watch)
        page = context.new_page()
        if person:
            browser.let_in(page, stack.http_url, person if isinstance(person, str) else person.token)
        page.goto(path)
        return page

    yield open_page
    for visit in visits:
        visit.context.close()
    assert [complaint for visit in visits for complaint in visit.complaints] == []


@pytest.fixture
def line() -> Iterator[Line]:
    with cable.laid() as laid:
        yield laid


@pytest.fixture
def office(stack: Stack) -> Office:
    """A company called Acme that nobody works for yet."""
    return Office(new_company(stack))


def expect_live(page: Page) -> None:
    """Waits until the page says that it is live."""
    expect(page.locator("#line")).to_have_text("Live")


def rows(page: Page) -> Locator:
    """The sales in the list, without those that are about to leave."""
    return page.locator("#queue > .row:not(.leaving, .taken)")


def row_of(page: Page, customer: str) -> Locator:
    return rows(page).filter(has_text=customer)


def toast(page: Page, text: str) -> Locator:
    return page.locator(".toasts p, p.toast").filter(has_text=text)


def listed(page: Page) -> list[str]:
    """The ids of the items in the list, in its order."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('#queue > .row:not(.leaving, .taken)')]"
        ".map((row) => row.id.replace('item-', ''))"
    )
    return found


def expect_eventually(page: Page, is_so: Callable[[], bool], what: str, timeout: float = 15) -> None:
    """For what no locator can await. The page's events come meanwhile, as they would not while we slept."""
    ends = time.monotonic() + timeout
    while not is_so():
        assert time.monotonic() < ends, what
        page.wait_for_timeout(50)
