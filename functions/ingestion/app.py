"""HTTP: sale events come in. Durable before 202; what the queue did not take, the sweeper sends later."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from winroom import audit, copy, db, ids, messages, sales, telemetry
from winroom.callers import Role
from winroom.db import Connection, Cursor
from winroom.errors import Conflict, FieldProblem, Invalid
from winroom.messages import SaleEventReceived
from winroom.sales import Received, SaleEvent
from winroom.validation import BlankIsAbsent, Input, Timestamp, check
from winroom.web import Call, Reply, Route, application, lambda_handler, next_cursor


class Batch(Input):
    """Up to a hundred events, each accepted or refused for itself."""

    events: Annotated[list[Any], Field(min_length=1, max_length=100)]


class Page(Input):
    """Which events to list, newest first; `cursor` is the `nextCursor` of the page before."""

    status: Annotated[sales.Status | None, BlankIsAbsent] = None
    since: Annotated[Timestamp | None, BlankIsAbsent] = None
    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class Accepted(TypedDict):
    eventId: UUID
    status: sales.Status
    message: str
    duplicate: bool


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
    queue_id: UUID | None
    suspected_duplicate_of: str | None


class OneEvent(TypedDict):
    event: Event


class Events(TypedDict):
    events: list[ListedEvent]
    nextCursor: UUID | None


def receive(call: Call, body: SaleEvent) -> Reply[Accepted]:
    """Takes one sale event: durable by the time it is answered."""
    (received,) = _receive(call, [body])
    telemetry.logger().append_keys(sale_id=body.sale_id)
    if received.is_conflict:
        raise Conflict(copy.EVENT_CONFLICT.format(event_id=received.event_id))
    return Reply(_accepted(received))


def receive_batch(call: Call, body: Batch) -> Reply[Verdicts]:
    """Takes up to a hundred events: one request against the limit, a verdict for each."""
    events: dict[int, SaleEvent] = {}
    results: dict[int, dict[str, Any]] = {}
    for index, values in enumerate(body.events):
        try:
            events[index] = check(SaleEvent, values)
        except Invalid as error:
            results[index] = _refused(error)
    for index, received in zip(events, _receive(call, list(events.values())), strict=True):
        results[index] = _conflict(received) if received.is_conflict else _accepted_item(received)
    return Reply({"results": [{"index": n, **results[n]} for n in sorted(results)]})


def _receive(call: Call, events: Sequence[SaleEvent]) -> list[Received]:
    """Records events in one round trip; those whose ids are taken cost another to compare them."""
    # Made before they are written, so that writing twice writes once.
    event_ids = [ids.new() for _ in events]

    def record(conn: Connection) -> Cursor:
        recorded = sales.record(conn, events, event_ids)
        audit.note(conn, call.entry, call.route.status)
        return recorded

    received = {row["event_id"]: Received(row["event_id"]) for row in call.batch(record)}
    _send(call, list(received))
    rest = {i: e for i, e in zip(event_ids, events, strict=True) if i not in received}
    if rest:
        compared = dict(zip(rest, _compare(call, rest, len(events) == 1), strict=True))
        received |= compared
        # Ours after all, where the answer to the commit was lost and the work was done again.
        _send(call, [i for i, known in compared.items() if known.is_new])
    telemetry.logger().append_keys(event_ids=[str(r.event_id) for r in received.values()])
    return [received[event_id] for event_id in event_ids]


def _compare(call: Call, events: Mapping[UUID, SaleEvent], is_all: bool) -> list[Received]:
    with db.tenant_session(call.caller.tenant_id) as conn:
        compared = sales.compare(conn, list(events.values()), list(events))
        if is_all and compared[0].is_conflict:
            audit.correct(conn, call.entry, Conflict.status, Conflict.code)
    return compared


def show(call: Call, event_id: UUID) -> Reply[OneEvent]:
    """What became of an event."""
    with call.session() as conn:
        return Reply({"event": sales.find(conn, event_id)})


def index(call: Call, query: Page) -> Reply[Events]:
    """Events, the newest first."""
    with call.session() as conn:
        events = sales.page(conn, query.status, query.since, query.cursor, query.limit)
    return Reply({"events": events, "nextCursor": next_cursor(events, query.limit, "event_id")})


def _send(call: Call, accepted: Sequence[UUID]) -> None:
    """Hands what is new to the processor. The events are durable: whatever happens here, 202 stands."""
    now = datetime.now(UTC)
    try:
        messages.send_sale_events(
            [SaleEventReceived(i, call.caller.tenant_id, now, call.request_id) for i in accepted]
        )
    except Exception:
        telemetry.logger().warning("not sent, the sweeper will", exc_info=True)


def _refused(error: Invalid) -> dict[str, Any]:
    return {
        "status": error.status,
        "error": error.message,
        "code": error.code,
        "details": error.details,
    }


def _accepted(received: Received) -> dict[str, Any]:
    return {
        "eventId": received.event_id,
        "status": received.status,
        "message": copy.EVENT_KNOWN if received.is_duplicate else copy.EVENT_RECEIVED,
        "duplicate": received.is_duplicate,
    }


def _accepted_item(received: Received) -> dict[str, Any]:
    # In a batch `status` is what the item's HTTP status would be.
    return {**_accepted(received), "status": 202, "eventStatus": received.status}


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
        body_limit=1024 * 1024,
    ),
    Route("GET", "/api/events/{event_id}", show, Role.INGEST, is_ingestion=True),
]

app = application(ROUTES)
handler = lambda_handler(app)
