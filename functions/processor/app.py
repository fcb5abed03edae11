"""SQS: sale events become queue items. A batch is one transaction; when it fails, each tenant is worked for
itself, and then each event, so that one bad event never stops its neighbours."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import psycopg

from winroom import db, health, messages, queue, sales, telemetry
from winroom.errors import DatabaseUnavailable
from winroom.messages import RoomChanged, SaleEventReceived, Unreadable

Batch = dict[str, SaleEventReceived]


@telemetry.door
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers with the messages that are to come back; everything else is settled."""
    fresh: Batch = {}
    returning: Batch = {}
    has_beaten = False
    for record in event["Records"]:
        if record["body"] == messages.HEARTBEAT:
            has_beaten = True
            continue
        try:
            message = SaleEventReceived.read(record["body"])
        except Unreadable as error:
            # The event itself is durable: the sweeper sends it again in words we understand.
            telemetry.logger().error("unreadable message dropped", reason=str(error))
            continue
        seen_before = int(record["attributes"]["ApproximateReceiveCount"]) > 1
        (returning if seen_before else fresh)[record["messageId"]] = message
    # What came back may have killed its process: it is worked alone, and takes no neighbours along.
    batches = [fresh, *({message_id: message} for message_id, message in returning.items())]
    unsettled = [message_id for batch in batches if batch for message_id in _process(batch)]
    if has_beaten:
        _beat()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in unsettled]}


def _beat() -> None:
    try:
        with db.open_session() as conn:
            health.beat(conn, "processor")
    except Exception:
        # Not worth another try: the next one comes within a minute, and silence tells the truth.
        telemetry.logger().warning("a heartbeat was not noted", exc_info=True)


def _process(batch: Batch) -> list[str]:
    """Works a batch; returns the ids of the messages that are to come back."""
    try:
        changes = _enqueue(list(batch.values()))
    except DatabaseUnavailable:
        # Visibility brings them back; none of their attempts is spent.
        telemetry.logger().warning("database unavailable", messages=len(batch))
        return list(batch)
    except Exception as error:
        return _divide(batch, error)
    messages.try_to_wake_rooms(changes)
    # A sale is followed by these through every function.
    telemetry.logger().info(
        "events processed",
        event_ids=[str(message.event_id) for message in batch.values()],
        request_ids=[message.trace for message in batch.values()],
        lag_seconds=[_age(message) for message in batch.values()],
    )
    return []


def _enqueue(batch: Sequence[SaleEventReceived]) -> list[RoomChanged]:
    events: dict[UUID, list[UUID]] = defaultdict(list)
    for message in batch:
        events[message.tenant_id].append(message.event_id)
    tenants = sorted(events)
    work = [(tenant, partial(queue.enqueue, event_ids=events[tenant])) for tenant in tenants]
    numbers = [[row["seq"] for row in cursor] for cursor in db.tenants_batch(work)]
    return [RoomChanged(t, max(n)) for t, n in zip(tenants, numbers, strict=True) if n]


def _divide(batch: Batch, error: Exception) -> list[str]:
    """Works the parts of a batch that failed as a whole; a single event's failure is recorded."""
    parts: dict[UUID, Batch] = defaultdict(dict)
    by_tenant = len({message.tenant_id for message in batch.values()}) > 1
    for message_id, message in batch.items():
        parts[message.tenant_id if by_tenant else message.event_id][message_id] = message
    if len(parts) > 1:
        return [message_id for part in parts.values() for message_id in _process(part)]
    return _record_failure(batch, error)


def _record_failure(batch: Batch, error: Exception) -> list[str]:
    message = next(iter(batch.values()))
    hopeless = isinstance(error, psycopg.DataError | psycopg.IntegrityError)
    record = sales.quarantine if hopeless else sales.postpone
    telemetry.logger().warning(
        "event failed",
        event_id=str(message.event_id),
        tenant_id=str(message.tenant_id),
        hopeless=hopeless,
        error=type(error.__cause__ or error).__name__,
    )
    try:
        db.tenant_batch(message.tenant_id, lambda conn: record(conn, message.event_id, _reason(error)))
    except Exception:
        telemetry.logger().exception("failure not recorded, the message comes back")
        return list(batch)
    return []


def _age(message: SaleEventReceived) -> float:
    return round((datetime.now(UTC) - message.received_at).total_seconds(), 3)


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}".partition("\n")[0]
