"""Texts that mean harm, in every field that takes one: what comes back, on every route, every page and the
socket, is what a harmless text's would be, and the text itself as it was sent."""

import csv
import io
import random
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import count
from typing import Any
from urllib.parse import quote, unquote_plus

import pytest

from functions.api import app as api
from functions.broadcaster import fanout
from functions.dashboard import app as dashboard
from functions.ingestion import app as ingestion
from functions.processor.app import handler as processor
from tests import doors
from tests.conftest import Size, Tell
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.gateway import Gateway, joined
from tests.office import Office
from tests.visits import Visitor
from winroom.callers import Role

Json = dict[str, Any]
# What was seen at a place: how it is made, and how often the text is in it.
Seen = dict[str, tuple[Any, int]]

HARMLESS = "harmless"
HOSTILE = [
    "'; drop table wr.sellers; --",
    "\\'); select pg_sleep(9); --",
    "%' or '1'='1",
    "%s %(text)s $1 :text {0} {customer} ${text} $& {{ 7 * 7 }} {% raw %}",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)' x='",
    "</title></textarea></script><!-- ]]>",
    "&lt;b&gt; &amp;amp; &#0; &nbsp",
    "javascript:alert(1)",
    '=HYPERLINK("https://evil.example";"x")',
    "@SUM(1+1)|cmd",
    "\x1b[31m\x1b]0;title\x07\x9b1m.",
    "a\r\nSet-Cookie: a=b\r\n\r\n<b>",
    '.\u2028{"level": "ERROR"}\x85\u2029.',
    "\u202egnp.\u2066exe\u200b\ufeff",
    "\U0001f389e\u0301\u0301\u0301\ufdfd",
    "../../../etc/passwd",
    "\\u0000\\n%00%0a+",
    "null",
]

pytestmark = pytest.mark.usefixtures("queues", "quick_passwords", "unlimited")


class Page(HTMLParser):
    """How a page is made, and the words on it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.made: list[tuple[str, ...]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.made.append((tag, *(name for name, _ in attrs)))
        self.words += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def made(value: Any) -> Any:
    """How JSON is made: its names and types."""
    if isinstance(value, dict):
        return {name: made(part) for name, part in value.items()}
    return [made(part) for part in value] if isinstance(value, list) else type(value)


def words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from words(part)
    else:
        yield str(value)


def often(text: str, among: list[str]) -> int:
    """How often it is among the words, some of which are addresses; ids of sellers are in small letters."""
    wanted = text.lower()
    return sum(max(word.lower().count(wanted), unquote_plus(word).lower().count(wanted)) for word in among)


class House:
    """A company in which everything is called the same."""

    def __init__(self, company: Company, queues: Sqs, gateway: Gateway, text: str) -> None:
        self.office, self.text, self.queues = Office(company, queues), text, queues
        self.socket = joined(gateway, company)
        self._numbers = count(1)
        self.ask = self.office.ask
        self.ids = self._filled()
        doors.sqs(fanout.handler, queues.take("room.fifo"))

    def _filled(self) -> dict[str, str]:
        """One of everything, by the name of its id."""
        text, ask = self.text, self.ask
        product = ask("POST", "/api/products", {"name": text, "sku": text, "category": text})
        ask("POST", "/api/sellers", {"seller_id": text, "display_name": text})
        person = {"email": "x@acme.example", "display_name": text, "role": "seller", "seller_id": text}
        made = ask("POST", "/api/users", person)
        ask("POST", "/api/api-keys", {"name": text, "scope": "ingest"})
        ask("POST", "/api/displays", {"name": text})
        ask("PATCH", "/api/tenant", {"name": text})
        event_id, *_ = [self._sell(number, product_sku=text) for number in "012"]
        self._sell("3", product_sku=f"{text}?")
        self._sell("1", sell_price="1.00")
        first, second, third = (row["id"] for row in ask("GET", "/api/queue?limit=3")["queue"])
        claim = ask("POST", f"/api/queue/{first}/claim", {"seller_id": text, "claim_type": "upsell"})
        ask("POST", f"/api/queue/{second}/claim", {"seller_id": text, "claim_type": "upsell"})
        ask("POST", f"/api/queue/{second}/release", {"reason": text})
        ask("POST", f"/api/queue/{third}/exclude", {"reason": text})
        failed, conflict = (row["id"] for row in ask("GET", "/api/failed-events?limit=2")["failed_events"])
        ask("POST", f"/api/failed-events/{failed}/discard", {"reason": text})
        return {
            "event_id": event_id,
            "product_id": product["id"],
            "seller_id": quote(text, safe=""),
            "user_id": made["id"],
            "queue_id": third,
            "claim_id": claim["claim"]["id"],
            "failed_event_id": conflict,
            "import_id": self._import(),
            "sale_id": quote(f"{text}1", safe=""),
        }

    def _sell(self, number: str, **changes: str) -> str:
        text = self.text
        named = {"sale_id": f"{text}{number}", "external_event_id": f"{text}{next(self._numbers)}"}
        rest = dict.fromkeys(("customer_name", "seller_external_id", "category", "notes"), text)
        return str(self.office.sell(**named, **rest, **changes).get("eventId"))

    def _import(self) -> str:
        row = {**sale(sale_id=f"{self.text}5", customer_name=self.text, notes=self.text), self.text: ""}
        file = io.StringIO(newline="")
        csv.writer(file).writerows([row.keys(), row.values()])
        csv_type = {"Content-Type": "text/csv"}
        path = f"/api/imports?file_name={quote(self.text)}"
        imported = self.ask("POST", path, file.getvalue().encode(), headers=csv_type)
        doors.sqs(processor, self.queues.take("sales-events"))
        return str(imported["import"]["id"])

    def seen(self) -> Seen:
        """All that people, programs and the socket are shown."""
        return {**dict(self._on_routes()), **dict(self._on_pages()), "the socket": self._by_socket()}

    def _on_routes(self) -> Iterator[tuple[str, tuple[Any, int]]]:
        lists = [(f"{path}?q=", path) for path in ("/api/queue", "/api/products", "/api/sellers")]
        yield from ((name, self._answered(f"{path}?q={quote(self.text)}")) for name, path in lists)
        for route in (*api.ROUTES, *ingestion.ROUTES):
            if route.method == "GET" and route.role is not None:
                yield f"GET {route.path}", self._answered(route.path.format(**self.ids))

    def _answered(self, path: str) -> tuple[Any, int]:
        door = ingestion if path.startswith("/api/events") else api
        answer = doors.http(door.handler, "GET", path, key=self.office.admin)
        assert answer.status == 200, answer.raw
        return made(answer.json), often(self.text, list(words(answer.json)))

    def _on_pages(self) -> Iterator[tuple[str, tuple[Any, int]]]:
        for route in dashboard.ROUTES:
            if route.method == "GET" and (route.role or 0) > Role.DISPLAY:
                answer = Visitor(self.office.admin).get(route.path.format(**self.ids))
                assert answer.status == route.status, answer.raw
                page = Page(answer.raw)
                yield f"page {route.path}", (page.made, often(self.text, page.words))

    def _by_socket(self) -> tuple[Any, int]:
        told = [m for frame in self.socket.told() for m in frame.get("messages", [frame])]
        numbered = [m for m in told if m["type"] != "presence"]
        return [m["type"] for m in numbered], often(self.text, list(words(numbered)))


def texts(number: int, seed: int) -> Iterator[str]:
    """Known to do harm somewhere, and then whatever the dice say."""
    dice = random.Random(seed)
    yield from dice.sample(HOSTILE, min(number, len(HOSTILE)))
    for _ in range(number - len(HOSTILE)):
        letters = (
            chr(dice.choice((dice.randrange(1, 0x100), dice.randrange(0x100, 0xD800)))) for _ in range(50)
        )
        yield f".{''.join(letters)}."


@pytest.mark.fire(minutes=2)
def test_what_is_typed_is_text_and_nothing_else_wherever_it_is_seen(
    database: Database,
    company: Company,
    queues: Sqs,
    gateway: Gateway,
    capsys: pytest.CaptureFixture[str],
    size: Size,
    seed: int,
    tell: Tell,
) -> None:
    expected = House(company, queues, gateway, HARMLESS).seen()
    assert min(expected[place][1] for place in ("the socket", "page /queue", "GET /api/failed-events")) > 0
    number = size(3, 8)
    tell({"texts": number, "places": len(expected)})
    for n, text in enumerate(texts(number, seed)):
        found = House(database.company(f"hostile-{n}"), queues, gateway, text).seen()
        different = [place for place in expected if found[place] != expected[place]]
        assert (text, different) == (text, [])
    assert capsys.readouterr().out.isascii()
