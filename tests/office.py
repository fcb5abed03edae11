"""A company with one thing of each kind, for walks over all routes and pages: whatever an id may name."""

import secrets
from collections.abc import Callable
from functools import cached_property
from typing import Any

from functions.api import app as api
from functions.ingestion import app as ingestion
from functions.processor.app import handler as processor
from tests import doors
from tests.doors import Sqs
from tests.factories import Company, sale
from winroom.routes import Route

Json = dict[str, Any]


class Office:
    """A company with an admin, who makes what the walk needs."""

    def __init__(self, company: Company, queues: Sqs) -> None:
        self.company = company
        self._queues = queues

    @property
    def admin(self) -> str:
        """The token of an admin, a new one each time: logging out is among the routes."""
        return self.company.person("admin")[1]

    @cached_property
    def things(self) -> dict[str, str]:
        """One of each kind, by the name of its id."""
        return {name: make(self) for name, make in MAKERS.items()}

    def path(self, route: Route, **ids: str) -> str:
        """The route's path with the ids of our own things, but for those given."""
        return route.path.format(**self.things | ids)

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> Json:
        answer = doors.http(api.handler, method, path, body, key=self.admin, **more)
        assert answer.status < 300, answer.raw
        found: Json = answer.json
        return found

    def sell(self, **changes: Any) -> Json:
        """Sends a sale, which becomes a queue item."""
        key = self.company.ingest_key
        answer = doors.http(ingestion.handler, "POST", "/api/events", sale(**changes), key=key)
        doors.sqs(processor, self._queues.take("sales-events"))
        found: Json = answer.json
        return found


def _event(office: Office) -> str:
    return str(office.sell()["eventId"])


def _item(office: Office) -> str:
    office.sell()
    return str(office.ask("GET", "/api/queue")["queue"][0]["id"])


def _seller(office: Office) -> str:
    seller_id = f"seller-{secrets.token_hex(4)}"
    return str(office.ask("POST", "/api/sellers", {"seller_id": seller_id, "display_name": "S"})["seller_id"])


def _claim(office: Office) -> str:
    body = {"seller_id": _seller(office), "claim_type": "upsell"}
    return str(office.ask("POST", f"/api/queue/{_item(office)}/claim", body)["claim"]["id"])


def _failed_event(office: Office) -> str:
    sale_id = f"twice-{secrets.token_hex(4)}"
    office.sell(sale_id=sale_id)
    office.sell(sale_id=sale_id, customer_name="Another")
    return str(office.ask("GET", "/api/failed-events")["failed_events"][0]["id"])


def _import(office: Office) -> str:
    file = (
        b"sale_id,occurred_at,customer_name,sell_price,seller_external_id\nI-1,2026-01-01T00:00:00Z,A,1,a\n"
    )
    made = office.ask("POST", "/api/imports", file, headers={"Content-Type": "text/csv"})
    return str(made["import"]["id"])


def _made_at(path: str, **body: Any) -> Callable[[Office], str]:
    """Makes a thing by a POST whose answer has its id."""
    return lambda office: str(
        office.ask("POST", path, {n: v() if callable(v) else v for n, v in body.items()})["id"]
    )


def _word() -> str:
    return secrets.token_hex(4)


def _email() -> str:
    return f"{_word()}@example.com"


# How to make the thing that an id names, in a company; answers its id.
MAKERS: dict[str, Callable[[Office], str]] = {
    "api_key_id": _made_at("/api/api-keys", name=_word, scope="ingest"),
    "claim_id": _claim,
    "display_id": _made_at("/api/displays", name=_word),
    "event_id": _event,
    "failed_event_id": _failed_event,
    "import_id": _import,
    "product_id": _made_at("/api/products", name=_word),
    "queue_id": _item,
    "seller_id": _seller,
    "user_id": _made_at("/api/users", email=_email, display_name="U", role="seller"),
}
