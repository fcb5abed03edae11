"""A company that looks alive, on a running stack: six weeks of sales, people, approvals, failures. Pictures
are taken of it, and its pages are checked. It comes about by the API, as everything does; only its past is
written by the operator, for nobody can claim a sale last month."""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from urllib.parse import quote

import httpx

from functions.dashboard.app import ROUTES
from infra.local.stack import Stack
from winroom import api_keys, ids, tenants, users
from winroom.db import connect
from winroom.routes import Route

# What people open; the others redirect, or are what pages are made of.
PAGES = [
    route
    for route in ROUTES
    if route.method == "GET" and route.path not in ("/", "/favicon.ico", "/static/{release}/{name}")
]

PASSWORD = secrets.token_urlsafe(16)
SELLERS = {
    "elif": "Elif Demir",
    "jonas": "Jonas Weber",
    "amara": "Amara Okafor",
    "sofia": "Sofia Almeida",
    "noah": "Noah Lindqvist",
    "mei": "Mei Tanaka",
    "liam": "Liam O'Connor",
}
PEOPLE = [
    ("Elif Demir", "seller", "elif"),
    ("Jonas Weber", "manager", "jonas"),
    ("Hall Screen", "watcher", None),
]
PRODUCTS = [
    ("Rooftop 6 kW", "RT-06", "Rooftop", 4100),
    ("Rooftop 10 kW", "RT-10", "Rooftop", 6350),
    ("Home battery", "BAT-10", "Storage", 3900),
    ("Wallbox", "WB-11", "Charging", 410),
    ("Service plan", "SVC-1", "Service", 60),
]
PRICES = {"RT-06": 7200, "RT-10": 10900, "BAT-10": 6400, "WB-11": 890, "SVC-1": 240}
CUSTOMERS = """
    Grace Hopper, Alan Turing, Katherine Johnson, Ada Lovelace, Edsger Dijkstra, Barbara Liskov,
    Niklaus Wirth, Radia Perlman, Donald Knuth, Frances Allen, Tony Hoare, Mary Jackson, Leslie Lamport,
    Hedy Lamarr, Ken Thompson, Margaret Hamilton, Dorothy Vaughan, John Backus, Joan Clarke, Konrad Zuse,
    Adele Goldberg, Northgate Bakery, Harbour Dental, Willow Primary School, Alder & Sons, Bluewater Hotel
"""
NAMES = [name.strip() for name in CUSTOMERS.split(",")]
CLAIM_TYPES = ("first_touch", "first_touch", "upsell", "retention")


@dataclass(frozen=True)
class Showcase:
    """The company: one of each thing by the name of its id, and sessions of its people."""

    ids: Mapping[str, str]
    admin: str
    seller: str
    win: Callable[[], None]  # one more, now

    def path(self, route: Route) -> str:
        """Where a page is, with the ids of our own things. Raises KeyError for an id of a new kind: tell
        `build` how to come by one."""
        return route.path.format(**{name: quote(one, safe="") for name, one in self.ids.items()})

    def session(self, path: str) -> str | None:
        """As whom a page is looked at: as whoever sees most of it."""
        if path.startswith(("/login", "/sign-up", "/wall/")):
            return None
        return self.seller if path == "/me" else self.admin


def missing() -> set[str]:
    """The ids in paths of pages that no showcase has."""
    return {name for route in PAGES for name in re.findall(r"{(\w+)}", route.path)} - KINDS


# What `build` makes one of, at least.
KINDS = {
    "api_key_id",
    "claim_id",
    "display_id",
    "event_id",
    "failed_event_id",
    "import_id",
    "link",
    "product_id",
    "queue_id",
    "sale_id",
    "seller_id",
    "user_id",
}


class _Company:
    """The company's own key, and its admin's session."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.tenant_id = ids.new()
        self.slug = f"fairhaven-{secrets.token_hex(3)}"
        with connect(stack.operator_database_url) as conn:
            tenants.create(
                conn, self.tenant_id, self.slug, "Fairhaven Solar", "enterprise", {"share_margin": True}
            )
            users.create(conn, self.tenant_id, "mara@fairhaven.example", "Mara Lindqvist", "admin", PASSWORD)
            self.key, _ = api_keys.create(conn, self.tenant_id, "Back office", "full", "showcase")
        self.admin = self.log_in("mara@fairhaven.example")

    def log_in(self, email: str) -> str:
        login = {"tenant": self.slug, "email": email, "password": PASSWORD}
        answer = httpx.post(f"{self.stack.http_url}/api/session", json=login, timeout=30)
        return str(answer.raise_for_status().json()["token"])

    def ask(self, method: str, path: str, body: object = None, as_admin: bool = False, **more: Any) -> Any:
        headers = {
            "Authorization": f"Bearer {self.admin if as_admin else self.key}",
            **more.pop("headers", {}),
        }
        answer = httpx.request(
            method, self.stack.http_url + path, json=body, headers=headers, timeout=60, **more
        )
        return answer.raise_for_status().json()

    def send(self, sales: list[dict[str, Any]]) -> None:
        """Sends them, and waits until all are in the queue or have failed."""
        for start in range(0, len(sales), 100):
            self.ask("POST", "/api/events/batch", {"events": sales[start : start + 100]})
        self.wait_until(lambda: not self.ask("GET", "/api/events?status=pending&limit=1")["events"])

    def wait_until(self, is_so: Callable[[], Any]) -> None:
        ends = time.monotonic() + 60
        while not is_so():
            if time.monotonic() > ends:
                raise TimeoutError("the showcase does not come to an end: see the stack's logs")
            time.sleep(0.2)

    def find(self, sale_id: str) -> str:
        return str(self.ask("GET", f"/api/queue?q={sale_id}")["queue"][0]["id"])

    def claim(self, item: str, seller: str, claim_type: str) -> str:
        body = {"seller_id": seller, "claim_type": claim_type}
        return str(self.ask("POST", f"/api/queue/{item}/claim", body)["claim"]["id"])

    def operate(self, *statements: str) -> None:
        with connect(self.stack.operator_database_url) as conn:
            for statement in statements:
                conn.execute(statement, {"tenant": self.tenant_id})


def build(stack: Stack) -> Showcase:
    """Makes the company; takes half a minute."""
    company, dice, now = _Company(stack), Random(11), datetime.now(UTC)
    sale = partial(_sale, dice)
    people = _hire(company)
    products = [
        _add(company, "/api/products", name=name, sku=sku, category=category, default_cost=cost)
        for name, sku, category, cost in PRODUCTS
    ]
    keys = [_add(company, "/api/api-keys", name=name, scope="ingest") for name in ("HubSpot", "Zapier")]
    displays = [_add(company, "/api/displays", name=name) for name in ("Sales floor", "Reception")]
    company.send(
        [sale(n, now - timedelta(minutes=dice.uniform(100, 42 * 24 * 60))) for n in range(1000, 1130)]
    )
    imported = _import(company, now)
    claims = _claim_all(company, dice)
    _let_it_have_been(company)
    waiting = [sale(n, now - timedelta(minutes=3 + (n - 2000) ** 2.1)) for n in range(2000, 2012)]
    company.send(waiting)
    _make_trouble(company, waiting, sale(2100, now - timedelta(hours=2)))
    _let_claims_wait(company, [sale(n, now - timedelta(minutes=n - 2190)) for n in range(2200, 2203)])
    by_hand = _enter_by_hand(company, sale(2300, now))
    failed = company.ask("GET", "/api/failed-events", as_admin=True)["failed_events"]

    def win() -> None:
        one = sale(time.time_ns(), datetime.now(UTC), seller_external_id="elif", currency="USD")
        company.send([one])
        company.claim(company.find(one["sale_id"]), "elif", "first_touch")

    return Showcase(
        ids={
            "api_key_id": keys[0]["id"],
            "claim_id": claims[-1],
            "display_id": displays[0]["id"],
            "event_id": failed[0]["event_id"],
            "failed_event_id": failed[0]["id"],
            "import_id": imported,
            "link": displays[0]["token"],
            "product_id": products[0]["id"],
            "queue_id": by_hand,
            "sale_id": "FS-1001",
            "seller_id": "elif",
            "user_id": people[0]["id"],
        },
        admin=company.admin,
        seller=company.log_in("elif@fairhaven.example"),
        win=win,
    )


def _sale(dice: Random, n: int, at: datetime, **more: Any) -> dict[str, Any]:
    sku = dice.choice(list(PRICES))
    price = round(PRICES[sku] * dice.uniform(0.85, 1.3), 2)
    # Some are ahead of others, or it would be no board.
    seller = dice.choices(list(SELLERS), weights=[9, 8, 6, 5, 4, 3, 2])[0]
    return {
        "sale_id": f"FS-{n}",
        "occurred_at": at.isoformat(),
        "customer_name": dice.choice(NAMES),
        "sell_price": price,
        "currency": "EUR" if dice.random() < 0.25 else "USD",
        "product_sku": sku,
        "seller_external_id": seller,
        **more,
    }


def _hire(company: _Company) -> list[Any]:
    for seller, name in SELLERS.items():
        _add(company, "/api/sellers", seller_id=seller, display_name=name)
    return [
        _add(
            company,
            "/api/users",
            email=f"{name.split()[0].lower()}@fairhaven.example",
            display_name=name,
            role=role,
            seller_id=seller,
            password=PASSWORD,
        )
        for name, role, seller in PEOPLE
    ]


def _enter_by_hand(company: _Company, sale: dict[str, Any]) -> str:
    notes = "Met at the home show. Wants the battery before the winter; asks for a visit on a Saturday."
    company.ask("POST", "/api/sales", {**sale, "notes": notes}, as_admin=True)
    company.wait_until(lambda: company.ask("GET", f"/api/queue?q={sale['sale_id']}")["queue"])
    return company.find(sale["sale_id"])


def _add(company: _Company, path: str, **body: Any) -> Any:
    return company.ask("POST", path, {name: v for name, v in body.items() if v is not None}, as_admin=True)


def _claim_all(company: _Company, dice: Random) -> list[str]:
    """Everything that waits gets its seller's claim, or once in a while another's."""
    made = []
    while items := company.ask("GET", "/api/queue?limit=100")["queue"]:
        for item in items:
            seller = item["seller_id"] if dice.random() < 0.85 else dice.choice(list(SELLERS))
            made.append(company.claim(item["id"], seller, dice.choice(CLAIM_TYPES)))
    return made


def _let_it_have_been(company: _Company) -> None:
    """All of it happened when it was sold, or soon after."""
    company.operate(
        "update wr.queue set created_at = occurred_at + interval '2 seconds' where tenant_id = %(tenant)s",
        "update wr.claims c set claimed_at = q.occurred_at + interval '40 minutes' from wr.queue q"
        " where c.tenant_id = %(tenant)s and q.tenant_id = c.tenant_id and q.queue_id = c.queue_id",
        "update wr.events e set created_at = q.occurred_at"
        " + case e.type when 'queue.created' then interval '2 seconds' else interval '40 minutes' end"
        " from wr.queue q"
        " where e.tenant_id = %(tenant)s and q.tenant_id = e.tenant_id and q.sale_id = e.sale_id",
        "update wr.tenants set created_at = now() - interval '60 days' where tenant_id = %(tenant)s",
    )
    # With another time zone the board's days are cut anew.
    company.ask("PATCH", "/api/tenant", {"time_zone": "Europe/Berlin"}, as_admin=True)


def _make_trouble(company: _Company, waiting: list[dict[str, Any]], other: dict[str, Any]) -> None:
    """A sale set aside, one that looks like another, one that contradicts another, unknown products."""
    aside = company.find(waiting[4]["sale_id"])
    company.ask("POST", f"/api/queue/{aside}/exclude", {"reason": "Test order of the web shop"})
    company.send(
        [
            {**waiting[2], "sale_id": f"{waiting[2]['sale_id']}-B"},
            {**waiting[1], "sell_price": waiting[1]["sell_price"] + 500},
            {**other, "product_sku": "HP-12"},
            {**other, "sale_id": "FS-2101", "customer_name": "Mary Jackson", "product_sku": "HP-16"},
        ]
    )


def _import(company: _Company, now: datetime) -> str:
    header = "sale_id,occurred_at,customer_name,sell_price,currency,seller_external_id"
    rows = [
        f"OLD-{n},{(now - timedelta(days=60 + n)).isoformat()},{NAMES[n]},{800 + 37 * n}.00,EUR,mei"
        for n in range(24)
    ]
    rows += [
        "OLD-90,yesterday,Ada Lovelace,100.00,EUR,mei",
        "OLD-91,2026-01-05T10:00:00Z,Alan Turing,-1,EUR,mei",
    ]
    started = company.ask(
        "POST",
        "/api/imports?file_name=sales-of-last-year.csv",
        content="\n".join([header, *rows]).encode(),
        headers={"Content-Type": "text/csv"},
    )["import"]["id"]
    company.wait_until(
        lambda: company.ask("GET", f"/api/imports/{started}")["import"]["status"] in ("done", "failed")
    )
    return str(started)


def _let_claims_wait(company: _Company, sales: list[dict[str, Any]]) -> None:
    company.send(sales)
    company.ask("PATCH", "/api/tenant", {"claim_approval": True}, as_admin=True)
    for sale, seller in zip(sales, SELLERS, strict=False):
        company.claim(company.find(sale["sale_id"]), seller, "upsell")
    company.ask("PATCH", "/api/tenant", {"claim_approval": False}, as_admin=True)
