"""How sales come in over HTTP, sent or entered by hand: durable in one round trip, told apart from what is
known, handed to the processor, and answered in one way."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol
from uuid import UUID

from typing_extensions import TypedDict

from winroom import audit, copy, ids, messages, queries, sales, telemetry
from winroom.callers import Caller
from winroom.db import Connection, Cursor, Row, Work
from winroom.errors import Conflict
from winroom.messages import SaleEventReceived
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
    """Records events in one round trip; those whose ids are taken cost another to compare them."""
    # Made before they are written, so that writing twice writes once.
    event_ids = [ids.new() for _ in events]

    values = {
        "tenant_id": request.caller.tenant_id,
        "bucket": request.bucket.name,
        "limit": request.bucket.limit,
        "events": sales.rows(events, event_ids),
        "source": source,
        "request": audit.row(request.entry, HTTPStatus.ACCEPTED),
    }
    recorded = request.statement(lambda conn: conn.execute(_SQL["receive"], values))
    received = {event_id: Received(event_id) for event_id in recorded["event_ids"]}
    _send(request, list(received))
    rest = {i: e for i, e in zip(event_ids, events, strict=True) if i not in received}
    if rest:
        with session(request.caller.tenant_id) as conn:
            verdicts = sales.compare(conn, list(rest.values()), list(rest), source)
        compared = dict(zip(rest, verdicts, strict=True))
        received |= compared
        # Ours after all, where the answer to the commit was lost and the work was done again.
        _send(request, [i for i, known in compared.items() if known.is_new])
    telemetry.logger().append_keys(event_ids=[str(r.event_id) for r in received.values()])
    return [received[event_id] for event_id in event_ids]


def accepted(received: Received) -> dict[str, Any]:
    """What is answered for an event that is no conflict."""
    return {
        "eventId": received.event_id,
        "status": received.status,
        "message": copy.EVENT_KNOWN if received.is_duplicate else copy.EVENT_RECEIVED,
        "duplicate": received.is_duplicate,
    }


def _send(request: Request, accepted: Sequence[UUID]) -> None:
    """Hands what is new to the processor. The events are durable: whatever happens here, 202 stands."""
    now, tenant_id = datetime.now(UTC), request.caller.tenant_id
    telemetry.measure(Ingested=len(accepted))
    messages.try_to_send_sale_events(
        [SaleEventReceived(i, tenant_id, now, request.request_id) for i in accepted]
    )
