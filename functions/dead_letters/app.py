"""SQS: messages that the processor never finished. The event's row decides what becomes of each."""

from typing import Any

from psycopg.errors import ForeignKeyViolation

from winroom import db, messages, reception, sales, telemetry
from winroom.db import Connection, Cursor
from winroom.messages import ImportReady, SaleEventReceived, Unreadable, UnrecordedSale


@telemetry.door
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers with the messages that are to come back: those that could not be decided now."""
    undecided = [r["messageId"] for r in event["Records"] if not _decide(r["body"])]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in undecided]}


def _decide(body: str) -> bool:
    """Whether nothing is left to decide."""
    if body == messages.HEARTBEAT:
        return True
    try:
        message = messages.read_sales_event(body)
    except Unreadable as error:
        # It may be a sale, of a release that was rolled back; whoever is alarmed looks at it.
        telemetry.logger().error("unreadable dead letter", reason=str(error))
        return False
    if isinstance(message, ImportReady):
        telemetry.logger().warning("import stalled, the sweeper resumes it", import_id=str(message.import_id))
        return True
    return _settle(message)


def _settle(message: SaleEventReceived | UnrecordedSale) -> bool:
    """Pending with attempts left: due now, an attempt spent. Pending without: failed. Processed or failed
    already: nothing to do. No row: recorded. False where that could not be done now."""
    event = message.event if isinstance(message, UnrecordedSale) else message
    about: dict[str, Any] = {
        "event_id": str(event.event_id),
        "tenant_id": str(event.tenant_id),
        "request_id": event.trace,
    }
    try:
        if isinstance(message, UnrecordedSale) and not _is_recorded(message):
            return True
        sale_id, status = _settled(event)
    except ForeignKeyViolation:
        telemetry.logger().error("dead letter of an unknown tenant dropped", **about)
        return True
    except Exception:
        # Its neighbours are decided whatever became of this one.
        telemetry.logger().warning("dead letter undecided", exc_info=True, **about)
        return False
    if status in ("failed", "lost"):
        telemetry.measure(Failed=1)
    telemetry.logger().warning("dead letter decided", sale_id=sale_id, status=status, **about)
    return True


def _is_recorded(message: UnrecordedSale) -> bool:
    """Records a sale that came whole; False where it is no event of its own, and nothing is left to do."""
    with db.tenant_session(message.tenant_id) as conn:
        return reception.record(conn, message) is not None


def _settled(message: SaleEventReceived) -> tuple[str | None, str | None]:
    """The sale's id and what it has become: `pending`, `failed`, `lost`, or nothing else than it was."""

    def settle(conn: Connection) -> tuple[Cursor, Cursor]:
        return (
            sales.postpone(conn, message.event_id, "The processor never finished it", at_once=True),
            sales.record_lost(conn, message.event_id, message.body()),
        )

    postponed, lost = (cursor.fetchone() for cursor in db.tenant_batch(message.tenant_id, settle))
    if postponed:
        return postponed["sale_id"], postponed["status"]
    return None, "lost" if lost else None
