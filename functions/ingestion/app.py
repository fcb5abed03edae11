"""HTTP: sale events come in. Durable before 202; what the queue did not take, the sweeper sends later."""

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from winroom import copy, db, reception, sales
from winroom.answers import Reply, next_cursor
from winroom.callers import Role
from winroom.errors import Conflict, FieldProblem, Invalid
from winroom.reception import Accepted
from winroom.routes import Route
from winroom.sales import Received, SaleEvent
from winroom.validation import BlankIsAbsent, Input, Timestamp, check
from winroom.web import Call, lambda_handler

_EXAMPLE = {
    "sale_id": "S-1001",
    "occurred_at": "2026-01-31T15:30:00Z",
    "customer_name": "Ada Lovelace",
    "sell_price": "1250.00",
    "seller_external_id": "grace",
}


class Batch(Input):
    """Up to a hundred events, each accepted or refused for itself."""

    events: Annotated[
        list[Any],
        Field(
            min_length=1,
            max_length=100,
            description="Each like the body of `POST /api/events`; what is not is refused for itself alone.",
            examples=[[_EXAMPLE]],
        ),
    ]


class Page(Input):
    """Which events to list, newest first; `cursor` is the `nextCursor` of the page before."""

    status: Annotated[sales.Status | None, BlankIsAbsent] = None
    since: Annotated[Timestamp | None, BlankIsAbsent] = None
    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class Verdict(TypedDict):
    """What became of one item: `status` is what its own HTTP status would be."""

    index: int
    status: Literal[202, 400, 409]
    eventId: NotRequired[UUID]
    eventStatus: NotRequired[sales.Status]
    message: NotRequired[str]
    duplicate: NotRequired[bool]
    error: NotRequired[str]
    code: NotRequired[str]
    details: NotRequired[list[FieldProblem]]


class Verdicts(TypedDict):
    results: list[Verdict]


class ListedEvent(TypedDict):
    event_id: UUID
    sale_id: str
    external_event_id: str | None
    source: sales.Source
    status: sales.Status
    failure: str | None
    conflicts_with: UUID | None
    attempts: int
    next_attempt_at: datetime | None
    error_message: str | None
    processed_at: datetime | None
    created_at: datetime


class Event(ListedEvent):
    # The event whose content this one has replaced, as an accepted correction.
    corrects: UUID | None
    queue_id: UUID | None
    suspected_duplicate_of: str | None


class OneEvent(TypedDict):
    event: Event


class Events(TypedDict):
    events: list[ListedEvent]
    nextCursor: UUID | None


def receive(call: Call, body: SaleEvent) -> Reply[Accepted]:
    """Takes one sale event: durable by the time it is answered."""
    return Reply(reception.receive_one(call, db.tenant_session, body, "api"))


def receive_batch(call: Call, body: Batch) -> Reply[Verdicts]:
    """Takes up to a hundred events: one request against the limit, a verdict for each."""
    events: dict[int, SaleEvent] = {}
    results: dict[int, dict[str, Any]] = {}
    for index, values in enumerate(body.events):
        try:
            events[index] = check(SaleEvent, values)
        except Invalid as error:
            results[index] = _refused(error)
    verdicts = reception.receive(call, db.tenant_session, list(events.values()), "api")
    for index, received in zip(events, verdicts, strict=True):
        results[index] = _conflict(received) if received.is_conflict else _accepted_item(received)
    return Reply({"results": [{"index": n, **results[n]} for n in sorted(results)]})


def show(call: Call, event_id: UUID) -> Reply[OneEvent]:
    """What became of an event."""
    with call.session() as conn:
        return Reply({"event": sales.find(conn, event_id)})


def index(call: Call, query: Page) -> Reply[Events]:
    """Events, the newest first."""
    with call.session() as conn:
        events = sales.page(conn, query.status, query.since, query.cursor, query.limit)
    return Reply({"events": events, "nextCursor": next_cursor(events, query.limit, "event_id")})


def _refused(error: Invalid) -> dict[str, Any]:
    return {
        "status": error.status,
        "error": error.message,
        "code": error.code,
        "details": error.details,
    }


def _accepted_item(received: Received) -> dict[str, Any]:
    # In a batch `status` is what the item's HTTP status would be.
    return {**reception.accepted(received), "status": 202, "eventStatus": received.status}


def _conflict(received: Received) -> dict[str, Any]:
    return {
        "status": Conflict.status,
        "error": copy.EVENT_CONFLICT.format(event_id=received.event_id),
        "code": Conflict.code,
    }


ROUTES = [
    Route(
        "POST",
        "/api/events",
        receive,
        Role.INGEST,
        status=202,
        is_ingestion=True,
        takes_sales=True,
        can_conflict=True,
    ),
    Route("GET", "/api/events", index, Role.INGEST, is_ingestion=True),
    Route(
        "POST",
        "/api/events/batch",
        receive_batch,
        Role.INGEST,
        status=202,
        is_ingestion=True,
        takes_sales=True,
        body_limit=1024 * 1024,
    ),
    Route("GET", "/api/events/{event_id}", show, Role.INGEST, is_ingestion=True),
]

handler = lambda_handler(ROUTES)
