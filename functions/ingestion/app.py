"""HTTP: sale events come in. Durable before 202; what the queue did not take, the sweeper sends later."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from winroom import audit, copy, messages, sales, telemetry
from winroom.callers import Role
from winroom.db import Connection, Cursor
from winroom.errors import Conflict, Invalid
from winroom.messages import SaleEventReceived
from winroom.sales import Received, SaleEvent
from winroom.validation import BlankIsAbsent, Input, Timestamp, check
from winroom.web import Call, Reply, Route, application, lambda_handler


class Batch(Input):
    """Up to a hundred events, each accepted or refused for itself."""

    events: Annotated[list[Any], Field(min_length=1, max_length=100)]


class Page(Input):
    """Which events to list, newest first; `cursor` is the `nextCursor` of the page before."""

    status: Annotated[sales.Status | None, BlankIsAbsent] = None
    since: Annotated[Timestamp | None, BlankIsAbsent] = None
    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


def receive(call: Call) -> Reply:
    """POST /api/events: one sale event."""
    event = call.parse(SaleEvent)
    event_ids = sales.new_ids([event])

    def record(conn: Connection) -> Cursor:
        recorded = sales.record(conn, [event], event_ids)
        audit.note_received(conn, call.entry, event)
        return recorded

    (received,) = map(Received.of, call.batch(record))
    telemetry.logger().append_keys(event_id=str(received.event_id), sale_id=event.sale_id)
    _send(call, [received])
    if received.is_conflict:
        raise Conflict(copy.EVENT_CONFLICT.format(event_id=received.event_id))
    return Reply(202, _accepted(received))


def receive_batch(call: Call) -> Reply:
    """POST /api/events/batch: up to a hundred, one request against the limit, a verdict for each."""
    events: dict[int, SaleEvent] = {}
    results: dict[int, dict[str, Any]] = {}
    for index, values in enumerate(call.parse(Batch).events):
        try:
            events[index] = check(SaleEvent, values)
        except Invalid as error:
            results[index] = {
                "status": 400,
                "error": error.message,
                "code": error.code,
                "details": error.details,
            }
    valid = list(events.values())
    event_ids = sales.new_ids(valid)

    def record(conn: Connection) -> Cursor:
        recorded = sales.record(conn, valid, event_ids)
        audit.note(conn, call.entry, 202)
        return recorded

    received = [Received.of(row) for row in call.batch(record)]
    _send(call, received)
    for index, outcome in zip(events, received, strict=True):
        results[index] = _conflict(outcome) if outcome.is_conflict else _accepted_item(outcome)
    return Reply(202, {"results": [{"index": n, **results[n]} for n in sorted(results)]})


def show(call: Call) -> Reply:
    """GET /api/events/{event_id}: what became of it."""
    with call.session() as conn:
        return Reply(200, {"event": sales.find(conn, call.id("event_id"))})


def index(call: Call) -> Reply:
    """GET /api/events: the newest first."""
    page = call.query(Page)
    with call.session() as conn:
        events = sales.page(conn, page.status, page.since, page.cursor, page.limit)
    more = len(events) == page.limit
    return Reply(200, {"events": events, "nextCursor": events[-1]["event_id"] if more else None})


def _send(call: Call, received: Sequence[Received]) -> None:
    """Hands what is new to the processor. The events are durable: whatever happens here, 202 stands."""
    new = [
        SaleEventReceived(r.event_id, call.caller.tenant_id, datetime.now(UTC), call.request_id)
        for r in received
        if not r.is_duplicate and not r.is_conflict
    ]
    try:
        messages.send_sale_events(new)
    except Exception:
        telemetry.logger().warning("not sent, the sweeper will", events=len(new), exc_info=True)


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
    Route("POST", "/api/events", receive, Role.INGEST, is_ingestion=True),
    Route("GET", "/api/events", index, Role.INGEST, is_ingestion=True),
    Route(
        "POST",
        "/api/events/batch",
        receive_batch,
        Role.INGEST,
        is_ingestion=True,
        body_limit=1024 * 1024,
    ),
    Route("GET", "/api/events/{event_id}", show, Role.INGEST, is_ingestion=True),
]

app = application(ROUTES)
handler = lambda_handler(app)
