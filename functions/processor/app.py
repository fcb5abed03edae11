"""SQS: sale events become queue items. A batch is one transaction; when it fails, each tenant is worked for
itself, and then each event, so that one bad event never stops its neighbours. Imports come after them, part
by part: who has worked one sends for the next."""

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any
from uuid import UUID

import psycopg

from winroom import db, health, imports, messages, queue, sales, telemetry
from winroom.errors import DatabaseUnavailable
from winroom.messages import ImportReady, RoomChanged, SaleEventReceived, Unreadable

Record = Mapping[str, Any]
Batch = dict[str, SaleEventReceived]

# Seconds kept for recording what failed, before the function's time is up.
_RESERVE = 8.0
# Imported events of one transaction: each takes a lock, and the database has so many for all companies.
_AT_ONCE = 100


@telemetry.door
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that are to come back; everything else is settled."""
    records = [record for record in event["Records"] if record["body"] != messages.HEARTBEAT]
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _RESERVE
    read = list(_read(records))
    unsettled = _process(_batches((r, m) for r, m in read if isinstance(m, SaleEventReceived)), deadline)
    for message in [m for _, m in read if isinstance(m, ImportReady)]:
        _work(message, deadline)
    if len(records) < len(event["Records"]):
        _beat()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in unsettled]}


def _read(records: Iterable[Record]) -> Iterator[tuple[Record, SaleEventReceived | ImportReady]]:
    for record in records:
        try:
            yield record, messages.read_sales_event(record["body"])
        except Unreadable as error:
            # Events and imports are durable: the sweeper sends them again in words we understand.
            telemetry.logger().error("unreadable message dropped", reason=str(error))


def _batches(received: Iterable[tuple[Record, SaleEventReceived]]) -> list[Batch]:
    """What is worked together. What came back may have killed its process: it is worked alone, and takes
    no neighbours along."""
    fresh: Batch = {}
    returning: list[Batch] = []
    for record, message in received:
        if int(record["attributes"]["ApproximateReceiveCount"]) > 1:
            returning.append({record["messageId"]: message})
        else:
            fresh[record["messageId"]] = message
    return [fresh, *returning] if fresh else returning


def _process(batches: Sequence[Batch], deadline: float) -> list[str]:
    """Works batches; returns the ids of the messages that are to come back.

    The parts of a batch that failed wait until the others had their turn: a tenant whose room is locked
    costs three seconds at each attempt, and its neighbours must not wait for all of them.
    """
    unsettled: list[str] = []
    waiting = deque(batches)
    while waiting:
        batch = waiting.popleft()
        try:
            changes = _enqueue(_by_tenant(batch))
        except DatabaseUnavailable:
            # Visibility brings them back; none of their attempts is spent.
            telemetry.logger().warning("database unavailable")
            return [*unsettled, *batch, *chain.from_iterable(waiting)]
        except Exception as error:
            parts = _parts(batch)
            if len(parts) > 1 and time.monotonic() < deadline:
                waiting.extend(parts)
            else:
                unsettled += _record_failures(batch, error)
        else:
            messages.try_to_wake_rooms(changes)
            _log(batch)
    return unsettled


def _work(message: ImportReady, deadline: float) -> None:
    """Works a part of an import. Whatever fails or is killed here, the sweeper sees to: it sends events that
    are pending and imports that stand still."""
    if time.monotonic() > deadline:
        return
    try:
        with db.tenant_session(message.tenant_id) as conn:
            part = imports.work(conn, message.import_id, message.next_row)
        if part:
            _pass_on(message, part)
    except Exception:
        telemetry.logger().warning(
            "part of an import failed", import_id=str(message.import_id), exc_info=True
        )


def _pass_on(message: ImportReady, part: imports.Part) -> None:
    """What was recorded becomes queue items, and the next part is sent for."""
    changes: list[RoomChanged] = []
    try:
        for start in range(0, len(part.recorded), _AT_ONCE):
            changes += _enqueue({message.tenant_id: part.recorded[start : start + _AT_ONCE]})
    except Exception:
        telemetry.logger().warning("not enqueued, the sweeper will send the events", exc_info=True)
    messages.try_to_wake_rooms(changes[-1:])
    if part.next_row is not None:
        messages.try_to_send_sale_events([replace(message, next_row=part.next_row)])


def _beat() -> None:
    try:
        with db.open_session() as conn:
            health.beat(conn, "processor")
    except Exception:
        # Not worth another try: the next one comes within a minute, and silence tells the truth.
        telemetry.logger().warning("a heartbeat was not noted", exc_info=True)


def _by_tenant(batch: Batch) -> dict[UUID, list[UUID]]:
    events: dict[UUID, list[UUID]] = defaultdict(list)
    for message in batch.values():
        events[message.tenant_id].append(message.event_id)
    return events


def _enqueue(events: Mapping[UUID, Sequence[UUID]]) -> list[RoomChanged]:
    tenants = sorted(events)
    work = [(tenant, partial(queue.enqueue, event_ids=events[tenant])) for tenant in tenants]
    numbers = [[row["seq"] for row in cursor] for cursor in db.tenants_batch(work)]
    return [RoomChanged(t, max(n)) for t, n in zip(tenants, numbers, strict=True) if n]


def _parts(batch: Batch) -> list[Batch]:
    """A batch of several tenants tenant by tenant, one of a single tenant event by event."""
    parts: dict[UUID, Batch] = defaultdict(dict)
    by_tenant = len({message.tenant_id for message in batch.values()}) > 1
    for message_id, message in batch.items():
        parts[message.tenant_id if by_tenant else message.event_id][message_id] = message
    return list(parts.values())


def _record_failures(batch: Batch, error: Exception) -> list[str]:
    """Notes why the batch failed on each of its events; returns the messages that are to come back."""
    is_one = len({message.event_id for message in batch.values()}) == 1
    # Of several events nobody knows which one is hopeless.
    is_hopeless = is_one and isinstance(error, psycopg.DataError | psycopg.IntegrityError)
    record = sales.quarantine if is_hopeless else sales.postpone
    events = {message.event_id: message.tenant_id for message in batch.values()}
    for event_id, tenant_id in events.items():
        telemetry.logger().warning(
            "event failed",
            event_id=str(event_id),
            tenant_id=str(tenant_id),
            is_hopeless=is_hopeless,
            error=type(error.__cause__ or error).__name__,
        )
        try:
            db.tenant_batch(tenant_id, partial(record, event_id=event_id, error=_reason(error)))
        except Exception:
            telemetry.logger().exception("failures not recorded, the messages come back")
            return list(batch)
    return []


def _log(batch: Batch) -> None:
    """What a sale is followed by through every function."""
    now = datetime.now(UTC)
    telemetry.logger().info(
        "events processed",
        event_ids=[str(message.event_id) for message in batch.values()],
        request_ids=[message.trace for message in batch.values()],
        lag_seconds=[round((now - message.received_at).total_seconds(), 3) for message in batch.values()],
    )


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}".partition("\n")[0]
