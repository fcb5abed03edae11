"""SQS: sale events become queue items. A batch is one transaction; when it fails, each tenant is worked for
itself, and then half by half down to the single event, so that one bad event never stops its neighbours.
Sales that came while the database was away are recorded, and then the same. Imports come last, part by part:
who has worked one sends for the next."""

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import psycopg

from winroom import db, health, imports, messages, queue, reception, sales, telemetry
from winroom.db import Row
from winroom.errors import Busy, DatabaseUnavailable
from winroom.messages import ImportReady, OfSales, RoomChanged, SaleEventReceived, Unreadable, UnrecordedSale

Record = Mapping[str, Any]
Batch = dict[str, SaleEventReceived]
# What queue.enqueue yields.
Settled = list[Row]

# Seconds kept for recording what failed, before the function's time is up.
_RESERVE = 8.0
# Imported events of one transaction: each takes a lock, and the database has so many for all companies.
_AT_ONCE = 100


@telemetry.door
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that are to come back; everything else is settled."""
    records = [record for record in event["Records"] if record["body"] != messages.HEARTBEAT]
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _RESERVE
    read, unsettled = _read(records)
    unsettled += _process(_batches((r, m) for r, m in read if isinstance(m, SaleEventReceived)), deadline)
    recorded, waiting = _record([(r, m) for r, m in read if isinstance(m, UnrecordedSale)], deadline)
    unsettled += waiting + _process(_batches(recorded), deadline)
    for message in [m for _, m in read if isinstance(m, ImportReady)]:
        _work(message, deadline)
    if len(records) < len(event["Records"]):
        _beat()
    messages.hasten_sale_events(
        (r["receiptHandle"], _times_received(r)) for r in records if r["messageId"] in unsettled
    )
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in unsettled]}


def _read(records: Iterable[Record]) -> tuple[list[tuple[Record, OfSales]], list[str]]:
    """Messages, and the ids of those that nobody understands: a release that does may come back."""
    read: list[tuple[Record, OfSales]] = []
    unreadable: list[str] = []
    for record in records:
        try:
            read.append((record, messages.read_sales_event(record["body"])))
        except Unreadable as error:
            telemetry.logger().error("unreadable message", reason=str(error))
            unreadable.append(record["messageId"])
    return read, unreadable


def _record(
    received: Sequence[tuple[Record, UnrecordedSale]], deadline: float
) -> tuple[list[tuple[Record, SaleEventReceived]], list[str]]:
    """Records sales that came whole, one by one; what waits to be processed, and the ids of the messages that
    are to come back: one failure that may take seconds is enough, and the others wait with it."""
    recorded: list[tuple[Record, SaleEventReceived]] = []
    waiting: list[str] = []
    failure: Exception | None = None
    for record, message in received:
        if isinstance(failure, DatabaseUnavailable | Busy) or time.monotonic() > deadline:
            waiting.append(record["messageId"])
            continue
        try:
            with db.tenant_session(message.tenant_id) as conn:
                event = reception.record(conn, message)
        except Exception as error:
            failure = error
            waiting.append(record["messageId"])
        else:
            recorded += [(record, event)] if event else []
    if waiting:
        telemetry.logger().warning(
            "sales are not recorded yet",
            waiting=len(waiting),
            error=failure and repr(failure.__cause__ or failure),
        )
    return recorded, waiting


def _batches(received: Iterable[tuple[Record, SaleEventReceived]]) -> list[Batch]:
    """What is worked together. What came back may have killed its process: it is worked alone, and takes
    no neighbours along."""
    fresh: Batch = {}
    returning: list[Batch] = []
    for record, message in received:
        if _times_received(record) > 1:
            returning.append({record["messageId"]: message})
        else:
            fresh[record["messageId"]] = message
    return [fresh, *returning] if fresh else returning


def _times_received(record: Record) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


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
            settled = _enqueue([(message.tenant_id, message.event_id) for message in batch.values()])
        except DatabaseUnavailable:
            # Visibility brings them back; none of their attempts is spent.
            telemetry.logger().warning("database unavailable", **_about(batch))
            return [*unsettled, *batch, *chain.from_iterable(waiting)]
        except Exception as error:
            parts = _parts(batch)
            if len(parts) > 1 and time.monotonic() < deadline:
                waiting.extend(parts)
            else:
                unsettled += _record_failures(batch, error)
        else:
            messages.try_to_wake_rooms(_changes(settled, batch))
            _log(batch, settled)
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
    telemetry.measure(Ingested=len(part.recorded))
    changes: list[RoomChanged] = []
    try:
        for start in range(0, len(part.recorded), _AT_ONCE):
            events = [(message.tenant_id, event_id) for event_id in part.recorded[start : start + _AT_ONCE]]
            changes += _changes(_enqueue(events), {})
    except Exception:
        telemetry.logger().warning("not enqueued, the sweeper will send the events", exc_info=True)
    messages.try_to_wake_rooms(changes[-1:])
    if part.next_row is not None:
        messages.try_to_send_sale_events([replace(message, next_row=part.next_row)])


def _beat() -> None:
    try:
        with db.open_session() as conn:
            health.beat(conn, "processor")
        telemetry.measure(ProcessorBeats=1)
    except Exception:
        # Not worth another try: the next one comes within a minute, and silence tells the truth.
        telemetry.logger().warning("a heartbeat was not noted", exc_info=True)


def _enqueue(events: Sequence[tuple[UUID, UUID]]) -> Settled:
    settled = db.tenant_statement(partial(queue.enqueue, events=events)).fetchall()
    quarantined = sum(row["failure"] is not None for row in settled)
    telemetry.measure(Processed=len(settled) - quarantined, Quarantined=quarantined)
    return settled


def _changes(settled: Settled, batch: Batch) -> list[RoomChanged]:
    """What to wake the rooms with that have something new; the batch tells which requests it comes from."""
    told = (row for row in settled if row["seq"])
    return [
        RoomChanged(
            tenant_id,
            seq,
            event_ids=tuple(str(row["event_id"]) for row in rows),
            request_ids=tuple(m.trace for m in batch.values() if m.trace and m.tenant_id == tenant_id),
        )
        for (tenant_id, seq), rows in groupby(told, itemgetter("tenant_id", "seq"))
    ]


def _parts(batch: Batch) -> list[Batch]:
    """A batch of several tenants tenant by tenant, one of a single tenant in two halves, a single event
    whole: halves cost fewer commits, and rooms are woken less often, than one event after another."""
    parts: dict[object, Batch] = defaultdict(dict)
    by_tenant = len({message.tenant_id for message in batch.values()}) > 1
    events = list(dict.fromkeys(message.event_id for message in batch.values()))
    second = set(events[len(events) // 2 :])
    for message_id, message in batch.items():
        parts[message.tenant_id if by_tenant else message.event_id in second][message_id] = message
    return list(parts.values())


def _record_failures(batch: Batch, error: Exception) -> list[str]:
    """Notes why the batch failed on each of its events; returns the messages that are to come back."""
    is_one = len({message.event_id for message in batch.values()}) == 1
    # Of several events nobody knows which one is hopeless.
    is_hopeless = is_one and isinstance(error, psycopg.DataError | psycopg.IntegrityError)
    record = sales.quarantine if is_hopeless else sales.postpone
    for message in {message.event_id: message for message in batch.values()}.values():
        work = partial(record, event_id=message.event_id, error=_reason(error))
        try:
            recorded = db.tenant_batch(message.tenant_id, work).fetchone()
        except Exception:
            telemetry.logger().exception("failures not recorded, the messages come back", **_about(batch))
            return list(batch)
        if recorded and recorded["status"] == "failed":
            telemetry.measure(**{"Quarantined" if is_hopeless else "Failed": 1})
        telemetry.logger().warning(
            "event failed",
            event_id=str(message.event_id),
            sale_id=recorded and recorded["sale_id"],
            tenant_id=str(message.tenant_id),
            request_id=message.trace,
            status=recorded and recorded["status"],
            error=type(error.__cause__ or error).__name__,
        )
    return []


def _log(batch: Batch, settled: Settled) -> None:
    now = datetime.now(UTC)
    rows = {row["event_id"]: row for row in settled}
    lags = {m.event_id: (now - m.received_at).total_seconds() for m in batch.values() if m.event_id in rows}
    for lag in lags.values():
        telemetry.measure(ProcessingLag=round(lag, 3))
    telemetry.logger().info(
        "events processed",
        **_about(batch),
        sale_ids=[row["sale_id"] for row in rows.values()],
        quarantined=[str(event_id) for event_id, row in rows.items() if row["failure"]],
    )


def _about(batch: Batch) -> dict[str, Any]:
    """What a sale is followed by through every function."""
    return {
        "event_ids": [str(message.event_id) for message in batch.values()],
        "tenant_ids": sorted({str(message.tenant_id) for message in batch.values()}),
        "request_ids": [message.trace for message in batch.values()],
    }


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}".partition("\n")[0]
