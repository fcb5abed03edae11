"""What the operator sees: one JSON logger per process, the line that every invocation leaves, and the metrics
that CloudWatch reads out of that line. Never logged: keys, tickets, tokens, passwords, payloads."""

import json
import logging
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from functools import cache, wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from winroom import db
from winroom.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

Event = TypeVar("Event")
Answer = TypeVar("Answer")

NAMESPACE = "WinRoom"
# All there are, with their units. Each is paid for by its dimensions, so there are at most 20, and none has
# another than the stack: which route and which company, the log lines tell.
METRICS: Mapping[str, str] = MappingProxyType(
    {
        "Requests": "Count",
        "RequestLatency": "Milliseconds",
        "ServerErrors": "Count",
        "RateLimited": "Count",
        # Sale events: durable, turned into queue items, given up after their retries, hopeless at once.
        "Ingested": "Count",
        "Processed": "Count",
        "Failed": "Count",
        "Quarantined": "Count",
        # From a sale's acceptance to its queue item, and from that to the last socket.
        "ProcessingLag": "Seconds",
        "BroadcastLatency": "Milliseconds",
        "SocketErrors": "Count",
        # Heartbeats that arrived: silence is the alarm.
        "ProcessorBeats": "Count",
        "SocketBeats": "Count",
        # Gauges, each minute; see gauges.py.
        "PendingEvents": "Count",
        "FailedEvents": "Count",
        "OpenDeadLetters": "Count",
        "Connections": "Count",
        "DatabaseConnections": "Percent",
        "DatabaseSize": "Bytes",
        # Waits for the database that took longer than db.SLOW.
        "SlowQueries": "Count",
    }
)
# CloudWatch takes so many values of one metric from a line; the last of them tell as much as all.
_AT_MOST = 100
# A deque, because threads that post to sockets measure too.
_measured: deque[tuple[str, float]] = deque()


@cache
def logger() -> "Logger":
    """The process's logger; its service's name and level come from Powertools' own variables."""
    # Imported here: importing a module reads no environment, and Powertools reads plenty.
    from aws_lambda_powertools import Logger

    # What these complain of, they also raise; and psycopg's own lines name users and databases.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    return Logger(logger_handler=_STDOUT, utc=True, json_serializer=_line)


def _line(entry: Mapping[str, Any]) -> str:
    # In ASCII: strangers chose some of the words, and others end lines, or turn what a terminal shows.
    return json.dumps(entry, default=str, separators=(",", ":"))


def measure(**values: float) -> None:
    """Adds values to metrics; they leave with the line of the invocation. Raises KeyError for an unknown one.

    Counts of one invocation are added up; of anything else each value counts for percentiles.
    """
    if unknown := values.keys() - METRICS.keys():
        raise KeyError(f"no such metric: {', '.join(unknown)}")
    _measured.extend(values.items())


def door(handler: Callable[[Event, Any], Answer]) -> Callable[[Event, Any], Answer]:
    """Decorates a Lambda handler: one info line with the duration, or one error with its trace, and in either
    the metrics of the invocation.

    Keys that a handler appends to the logger (`logger().append_keys(tenant_id=...)`) are on that
    line too, and are gone at the next invocation.
    """

    @wraps(handler)
    def watched(event: Event, context: Any) -> Answer:
        log = logger()
        log.clear_state()
        log.append_keys(function_request_id=getattr(context, "aws_request_id", None))
        started = time.perf_counter()
        try:
            answer = handler(event, context)
        except Exception:
            log.exception("failed", duration_ms=_since(started), **_metrics())
            raise
        metrics = _metrics()
        log.info("handled", duration_ms=_since(started), **metrics)
        if metrics and log.log_level > logging.INFO:
            # How much is logged must not decide what is measured.
            print(json.dumps(metrics), file=sys.stdout)
        return answer

    return watched


def _metrics() -> dict[str, Any]:
    """What was measured since this was last asked, as CloudWatch's embedded metric format; may be nothing."""
    if slow := db.take_slow_waits():
        measure(SlowQueries=slow)
    values: dict[str, list[float]] = defaultdict(list)
    while _measured:
        name, value = _measured.popleft()
        values[name].append(value)
    if not values:
        return {}
    kinds = [{"Name": name, "Unit": METRICS[name]} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Stack"]], "Metrics": kinds}
    return {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "Stack": settings().stack,
        **{name: _told(name, measured) for name, measured in values.items()},
    }


def _told(name: str, values: list[float]) -> float | list[float]:
    if METRICS[name] == "Count":
        return sum(values)
    return values[0] if len(values) == 1 else values[-_AT_MOST:]


class _Stdout(logging.StreamHandler[TextIO]):
    """Writes to the standard output of the moment: who replaces it must not be written past."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


# One, because two threads may make the logger at once, and Powertools sets up the first alone.
_STDOUT = _Stdout()


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
