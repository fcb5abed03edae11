"""How sales come in over HTTP, sent or entered by hand: durable in one round trip, told apart from what is
known, handed to the processor, and answered in one way. While the database is away they go to the processor
whole, and it records them when the database is back."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol
from uuid import UUID

import psycopg
from typing_extensions import TypedDict

from winroom import api_keys, audit, copy, ids, messages, queries, sales, telemetry
from winroom.callers import Caller
from winroom.db import Connection, Cursor, Row, Work
from winroom.errors import Conflict, DatabaseUnavailable
from winroom.messages import SaleEventReceived, UnrecordedSale
from winroom.rate_limit import Bucket
from winroom.sales import Received, SaleEvent, Source

_SQL = queries.load("reception")


class Accepted(TypedDict):
    eventId: UUID
    status: sales.Status
    message: str
    duplicate: bool


class Request(Protocol):
    """What receiving needs of a request; web.Call is one."""

    request_id: str

    @property
    def caller(self) -> Caller: ...
    @property
    def entry(self) -> audit.Entry: ...
    @property
    def bucket(self) -> Bucket: ...
    def statement(self, work: Work[Cursor]) -> Row: ...
    def count_alone(self) -> None: ...


# Another transaction of a tenant, neither counted nor audited: db.tenant_session.
Session = Callable[[UUID], AbstractContextManager[Connection]]


def receive_one(request: Request, session: Session, event: SaleEvent, source: Source) -> dict[str, Any]:
    """Takes one sale and returns the answer, in the shape `Accepted`. Raises Conflict."""
    (received,) = receive(request, session, [event], source)
    telemetry.logger().append_keys(sale_id=event.sale_id)
    if received.is_conflict:
        raise Conflict(copy.EVENT_CONFLICT.format(event_id=received.event_id))
    return accepted(received)


def receive(
    request: Request, session: Session, events: Sequence[SaleEvent], source: Source
) -> list[Received]:
    """Takes events. Raises RateLimited, DatabaseUnavailable where neither database nor queue takes them."""
    # Their ids are made before they are written, so that writing twice writes once.
    by_id = {ids.new(): event for event in events}
    telemetry.logger().append_keys(event_ids=[str(event_id) for event_id in by_id])
    try:
        return _recorded(request, session, by_id, source)
    except DatabaseUnavailable:
        if not by_id:
            raise
        _send_whole(request, by_id, source)
    return [Received(event_id, is_unrecorded=True) for event_id in by_id]


def record(conn: Connection, whole: UnrecordedSale) -> SaleEventReceived | None:
    """Records a sale that came while the database was away, and its request: returns what waits to be
    processed, None where it repeats or contradicts another, or was kept as a failed event. Safe to run twice.
    """
    received_at = whole.event.received_at
    try:
        with conn.transaction():
            audit.note_row(conn, whole.request, received_at)
            if whole.api_key_id and api_keys.was_shut_out(conn, whole.api_key_id, received_at):
                _keep(conn, whole, copy.KEY_SHUT_OUT)
                return None
            known = _known(conn, whole)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        _keep(conn, whole, str(error).partition("\n")[0])
        return None
    telemetry.logger().info(
        "a sale was recorded late",
        event_id=str(whole.event.event_id),
        tenant_id=str(whole.tenant_id),
        is_new=known is None or known.is_new,
        known_as=known and str(known.event_id),
    )
    if known is None:
        telemetry.measure(Ingested=1)
    return whole.event if known is None or known.is_new else None


def accepted(received: Received) -> dict[str, Any]:
    """What is answered for an event that is no conflict."""
    message = copy.EVENT_KEPT if received.is_unrecorded else copy.EVENT_RECEIVED
    return {
        "eventId": received.event_id,
        "status": received.status,
        "message": copy.EVENT_KNOWN if received.is_duplicate else message,
        "duplicate": received.is_duplicate,
    }


def _recorded(
    request: Request, session: Session, by_id: Mapping[UUID, SaleEvent], source: Source
) -> list[Received]:
    """Records events in one round trip; those whose ids are taken cost another to compare them."""
    values = {
        "tenant_id": request.caller.tenant_id,
        "bucket": request.bucket.name,
        "limit": request.bucket.limit,
        "events": sales.rows(by_id),
        "source": source,
        "request": audit.row(request.entry, HTTPStatus.ACCEPTED),
    }
    recorded = request.statement(lambda conn: conn.execute(_SQL["receive"], values))
    received = {event_id: Received(event_id) for event_id in recorded["event_ids"]}
    _send(request, list(received))
    rest = {i: event for i, event in by_id.items() if i not in received}
    if rest:
        with session(request.caller.tenant_id) as conn:
            verdicts = sales.compare(conn, sales.rows(rest), source)
        compared = dict(zip(rest, verdicts, strict=True))
        received |= compared
        # Ours after all, where the answer to the commit was lost and the work was done again.
        _send(request, [i for i, known in compared.items() if known.is_new])
        # They are known by the ids of those that they repeat or contradict.
        telemetry.logger().append_keys(event_ids=[str(received[i].event_id) for i in by_id])
    return [received[event_id] for event_id in by_id]


def _known(conn: Connection, whole: UnrecordedSale) -> Received | None:
    """Records it, if nobody has taken its ids; else what it repeats or contradicts, perhaps itself."""
    rows = json.dumps([whole.sale])
    if sales.record(conn, rows, whole.source).fetchone():
        return None
    # What another transaction has just written is seen by this statement, and was not by the one before.
    (known,) = sales.compare(conn, rows, whole.source)
    return known


def _keep(conn: Connection, whole: UnrecordedSale, reason: str) -> None:
    """As a failed event, for an admin to decide; its ids stay free for others."""
    sale = whole.sale
    kept = sales.record_lost(conn, whole.event.event_id, sale["payload"], reason, sale["sale_id"]).fetchone()
    telemetry.measure(Failed=1 if kept else 0)
    telemetry.logger().warning(
        "a sale was not recorded, and is kept as a failed event",
        event_id=str(whole.event.event_id),
        tenant_id=str(whole.tenant_id),
        reason=reason,
    )


def _send(request: Request, accepted: Sequence[UUID]) -> None:
    """Hands what is new to the processor. The events are durable: whatever happens here, 202 stands."""
    telemetry.measure(Ingested=len(accepted))
    messages.try_to_send_sale_events([_message(request, event_id) for event_id in accepted])


def _send_whole(request: Request, by_id: Mapping[UUID, SaleEvent], source: Source) -> None:
    """Hands events to the processor that are nowhere else. What it has taken of some that failed, their
    sender's repetition repeats."""
    request.count_alone()
    telemetry.measure(ServerErrors=1)  # operators must know, though their caller need not
    written = audit.row(request.entry, HTTPStatus.ACCEPTED)
    whole = [UnrecordedSale(_message(request, i), source, e.row(i), written) for i, e in by_id.items()]
    try:
        messages.send_sale_events(whole)
    except Exception as error:
        telemetry.logger().warning("the queue is away, too", exc_info=True)
        raise DatabaseUnavailable from error
    telemetry.logger().warning("the database is away: sales wait in the queue, whole", sales=len(whole))


def _message(request: Request, event_id: UUID) -> SaleEventReceived:
    return SaleEventReceived(event_id, request.caller.tenant_id, datetime.now(UTC), request.request_id)
