"""HTTP: sale events come in. Durable before 202; what the queue did not take, the sweeper sends later."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from winroom import audit, copy, db, ids, messages, sales, telemetry
from winroom.callers import Role
from winroom.db import Connection, Cursor
from winroom.errors import Conflict, Invalid
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


def receive(call: Call) -> Reply:
    """POST /api/events: one sale event."""
    event = call.parse(SaleEvent)
    (received,) = _receive(call, [event])
    telemetry.logger().append_keys(sale_id=event.sale_id)
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
            results[index] = _refused(error)
    for index, received in zip(events, _receive(call, list(events.values())), strict=True):
        results[index] = _conflict(received) if received.is_conflict else _accepted_item(received)
    return Reply(202, {"results": [{"index": n, **results[n]} for n in sorted(results)]})


def _receive(call: Call, events: Sequence[SaleEvent]) -> list[Received]:
    """Records events in one round trip; those whose ids are taken cost another to compare them."""
    # Made before they are written, so that writing twice writes once.
    event_ids = [ids.new() for _ in events]

    def record(conn: Connection) -> Cursor:
        recorded = sales.record(conn, events, event_ids)
        audit.note(conn, call.entry, 202)
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


def show(call: Call) -> Reply:
    """GET /api/events/{event_id}: what became of it."""
    with call.session() as conn:
        return Reply(200, {"event": sales.find(conn, call.id("event_id"))})


def index(call: Call) -> Reply:
    """GET /api/events: the newest first."""
    page = call.query(Page)
    with call.session() as conn:
        events = sales.page(conn, page.status, page.since, page.cursor, page.limit)
    return Reply(200, {"events": events, "nextCursor": next_cursor(events, page.limit, "event_id")})


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
