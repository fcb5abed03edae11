"""What travels through the queues: the contracts, and the one place that sends them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Self, cast
from uuid import UUID

from winroom import aws, ids, telemetry
from winroom.settings import settings, trace_header

if TYPE_CHECKING:
    from winroom.sales import SaleRow, Source

HEARTBEAT = '{"version": 1, "heartbeat": true}'

# SQS takes so many messages in one request, and so many bytes of them, their attributes not counted.
_BATCH = 10
_BATCH_BYTES = 200_000
# A list of ids that serves the logs alone is no longer than this.
NAMED = 20
# Seconds until a wake-up that failed is tried again. FIFO keeps back what else its room is to be told.
_WAKE_UP_AGAIN = 3
# Seconds until a sale event that failed is, at most: it takes twice as long each time.
_EVENT_AGAIN = 180


class Unreadable(ValueError):
    """A message that is not one of ours."""


# All that reading a stranger's JSON raises: wrong shapes, numbers without end, brackets without end.
_NOT_OURS = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except _NOT_OURS as error:
        raise Unreadable(f"not {what}: {error}") from error


def _content(body: str, version: int = 1) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(body)
    if content["version"] != version:
        raise Unreadable(f"its version {content['version']!r} is unknown")
    return content


@dataclass(frozen=True, slots=True)
class SaleEventReceived:
    """On the sales-events queue: an event that is durable and waits to be processed."""

    event_id: UUID
    tenant_id: UUID
    received_at: datetime
    trace: str | None = None
    version: int = 1

    @classmethod
    def read(cls, body: str) -> Self:
        """Raises Unreadable for anything that `body()` did not write."""
        with _reading("a sale event message"):
            content = _content(body)
            return cls(
                event_id=UUID(content["event_id"]),
                tenant_id=UUID(content["tenant_id"]),
                # With a zone, whatever it names: without one it could not be compared.
                received_at=datetime.fromisoformat(content["received_at"]).astimezone(UTC),
                trace=content.get("trace"),
            )

    def body(self) -> str:
        return json.dumps(
            {
                "event_id": str(self.event_id),
                "tenant_id": str(self.tenant_id),
                "received_at": str(self.received_at),
                "trace": self.trace,
                "version": self.version,
            }
        )


@dataclass(frozen=True, slots=True)
class ImportReady:
    """On the sales-events queue: the part of an import that begins at `next_row` waits to be worked."""

    import_id: UUID
    tenant_id: UUID
    next_row: int
    version: int = 1

    @classmethod
    def read(cls, body: str) -> Self:
        """Raises Unreadable for anything that `body()` did not write."""
        with _reading("an import message"):
            content = _content(body)
            return cls(UUID(content["import_id"]), UUID(content["tenant_id"]), int(content["next_row"]))

    def body(self) -> str:
        return json.dumps(
            {
                "import_id": str(self.import_id),
                "tenant_id": str(self.tenant_id),
                "next_row": self.next_row,
                "version": self.version,
            }
        )


@dataclass(frozen=True, slots=True)
class UnrecordedSale:
    """On the sales-events queue: a sale whole, received while the database was away, to be recorded later."""

    event: SaleEventReceived
    source: "Source"
    # What SaleEvent.row() and audit.row() made of it.
    sale: "SaleRow"
    request: str

    @property
    def tenant_id(self) -> UUID:
        return self.event.tenant_id

    @property
    def api_key_id(self) -> str | None:
        """The key that it came with, if it was one."""
        key: str | None = json.loads(self.request)["api_key_id"]
        return key

    @classmethod
    def read(cls, body: str) -> Self:
        """Raises Unreadable for anything that `body()` did not write."""
        with _reading("a whole sale"):
            content = _content(body, version=2)
            event = SaleEventReceived.read(content["event"])
            sale = cast("SaleRow", dict(content["sale"]))
            return cls(event, content["source"], sale, content["request"])

    def body(self) -> str:
        return json.dumps(
            {
                "event": self.event.body(),
                "source": self.source,
                "sale": self.sale,
                "request": self.request,
                # Of the queue: releases that know the first one alone take no such message for an event's.
                "version": 2,
            }
        )


# What travels through the sales-events queue.
OfSales = SaleEventReceived | ImportReady | UnrecordedSale


def read_sales_event(body: str) -> OfSales:
    """What came through the sales-events queue. Raises Unreadable for anything but its three contracts."""
    with _reading("a message of the sales-events queue"):
        names = json.loads(body).keys()
    if "import_id" in names:
        return ImportReady.read(body)
    return (UnrecordedSale if "sale" in names else SaleEventReceived).read(body)


@dataclass(frozen=True, slots=True)
class RoomChanged:
    """On the room queue: a wake-up without content; losing or doubling it loses and doubles nothing."""

    tenant_id: UUID
    seq: int
    # What makes it differ from other wake-ups of the same number: presence has no number of its own.
    cause: str = ""
    # What it is about, for the logs alone; of many, some.
    event_ids: tuple[str, ...] = ()
    request_ids: tuple[str, ...] = ()

    @classmethod
    def read(cls, body: str) -> Self:
        """Raises Unreadable for anything that `body()` did not write."""
        with _reading("a wake-up"):
            content = json.loads(body)
            return cls(
                UUID(content["tenant_id"]),
                int(content["seq"]),
                event_ids=tuple(map(str, content.get("event_ids", ()))),
                request_ids=tuple(map(str, content.get("request_ids", ()))),
            )

    def body(self) -> str:
        return json.dumps(
            {
                "tenant_id": str(self.tenant_id),
                "seq": self.seq,
                "event_ids": self.event_ids[:NAMED],
                "request_ids": self.request_ids[:NAMED],
            }
        )


def send_sale_events(events: Sequence[OfSales]) -> None:
    """Hands events, and parts of imports, to the processor. Raises aws.Refused or NotSent; the sweeper sends
    what was not sent, unless it is an UnrecordedSale."""
    _send(
        settings().sales_events_queue_url,
        # The tenant as group makes it a fair queue: one company's flood does not starve the others.
        [{"MessageBody": e.body(), "MessageGroupId": str(e.tenant_id)} for e in events],
    )


def try_to_send_sale_events(events: Sequence[OfSales]) -> None:
    """The same after a commit that stands whatever happens now: a failure is logged."""
    try:
        send_sale_events(events)
    except Exception:
        telemetry.logger().warning("not sent, the sweeper will", exc_info=True)


def wake_rooms(changes: Iterable[RoomChanged]) -> None:
    """Wakes the fan-out of each room. Raises aws.Refused or NotSent; the sweeper wakes rooms that lag."""
    _send(
        settings().room_queue_url,
        [
            {
                "MessageBody": change.body(),
                "MessageGroupId": str(change.tenant_id),
                # The number in it: a constant one would make SQS swallow wake-ups for five minutes.
                "MessageDeduplicationId": f"{change.tenant_id}:{change.seq}{change.cause}",
            }
            for change in changes
        ],
    )


def try_to_wake_rooms(changes: Sequence[RoomChanged]) -> None:
    """The same after a commit that stands whatever happens now: a failure is logged."""
    try:
        wake_rooms(changes)
    except Exception:
        telemetry.logger().warning("rooms not woken, the sweeper will", exc_info=True)


def hasten_wake_ups(receipts: Sequence[str]) -> None:
    """Wake-ups that are not deleted come back in seconds, and not when their visibility timeout ends. They do
    that anyway: a failure is logged."""
    _hasten(settings().room_queue_url, [(receipt, _WAKE_UP_AGAIN) for receipt in receipts])


def hasten_sale_events(received: Iterable[tuple[str, int]]) -> None:
    """The same for sale events, of which each knows how often it was received: soon at first, then ever more
    rarely, so that they wait at most as long again as whatever they wait for has lasted."""
    again = [(receipt, min(2**times, _EVENT_AGAIN)) for receipt, times in received]
    _hasten(settings().sales_events_queue_url, again)


def _hasten(queue_url: str, receipts: Sequence[tuple[str, int]]) -> None:
    entries = [
        {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
        for n, (receipt, seconds) in enumerate(receipts)
    ]
    try:
        for start in range(0, len(entries), _BATCH):
            part = entries[start : start + _BATCH]
            _ask("ChangeMessageVisibilityBatch", {"QueueUrl": queue_url, "Entries": part})
    except Exception:
        telemetry.logger().warning("failed messages come back late", exc_info=True)


def send_heartbeats() -> None:
    """Sends a heartbeat down both queues; what arrives proves the way. Raises aws.Refused or NotSent."""
    beat = {"MessageBody": HEARTBEAT, "MessageGroupId": "heartbeat"}
    _send(settings().sales_events_queue_url, [beat])
    # Without a name of its own, SQS would swallow the next beats for five minutes.
    _send(settings().room_queue_url, [{**beat, "MessageDeduplicationId": str(ids.new())}])


class NotSent(Exception):
    """SQS refused some of the messages."""


def _send(queue_url: str, entries: list[dict[str, str]]) -> None:
    """Sends all that can be sent, and only then raises what went wrong."""
    failures: list[Exception] = []
    for messages in _parts(entries):
        part = [{"Id": str(n), **message, **_traced()} for n, message in enumerate(messages)]
        try:
            answer = _ask("SendMessageBatch", {"QueueUrl": queue_url, "Entries": part})
        except Exception as error:
            failures.append(error)
            continue
        if refused := answer.get("Failed"):
            failures.append(NotSent(f"{len(refused)} of {len(part)}: {refused[0].get('Message')}"))
    if failures:
        raise failures[0]


def _parts(entries: list[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """As many messages at once as SQS takes; bodies are ASCII, a character a byte."""
    part: list[dict[str, str]] = []
    size = 0
    for entry in entries:
        size += len(entry["MessageBody"])
        if len(part) == _BATCH or (part and size > _BATCH_BYTES):
            yield part
            part, size = [], len(entry["MessageBody"])
        part.append(entry)
    if part:
        yield part


def _traced() -> dict[str, Any]:
    """What lets X-Ray see the invocation that receives a message behind the one that sends it."""
    # Without the lineage, by which Lambda counts: it would take an import, whose parts send for each other,
    # for an endless loop, and stop it at the sixteenth.
    parts = [part for part in trace_header().split(";") if part and not part.startswith("Lineage=")]
    if not parts:
        return {}
    header = {"DataType": "String", "StringValue": ";".join(parts)}
    return {"MessageSystemAttributes": {"AWSTraceHeader": header}}


def _ask(action: str, request: dict[str, Any]) -> dict[str, Any]:
    endpoint = _endpoint(settings().sqs_endpoint(request["QueueUrl"]))
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{action}"}
    answer: dict[str, Any] = json.loads(endpoint.send("POST", "/", json.dumps(request).encode(), headers))
    return answer


@cache
def _endpoint(url: str) -> aws.Endpoint:
    # Two attempts: a stalled SQS must not hold a caller whose sale is already safe.
    return aws.Endpoint(url, "sqs", attempts=2)
