"""Door: the clock. Each schedule names its job."""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from winroom import db, gauges, messages, notices, retention, room, sockets, sweeper, telemetry

# More than this many due events, and stalled imports, wait for the next minute.
_EVENTS_AT_ONCE = 1000
_IMPORTS_AT_ONCE = 100
# A paused company may have thousands: closing them takes seconds, and those over it are the next minute's.
_SOCKETS_AT_ONCE = 2000
# Seconds, of the 55 that the function has; what is due then is left for the next run.
_RETENTION_PATIENCE = 40.0


class UnknownJob(ValueError):
    """A schedule asks for a job that this release does not have."""


@telemetry.door
def handler(event: Mapping[str, Any], context: object) -> None:
    """Runs the job that the event names. Raises UnknownJob, or all that went wrong, at the end."""
    job = event.get("job")
    if job not in _JOBS:
        raise UnknownJob(f"there is no job {job!r}, only {', '.join(_JOBS)}")
    telemetry.logger().append_keys(job=job)
    failures = [failure for part in _JOBS[job] if (failure := _attempt(part))]
    if failures:
        raise ExceptionGroup(f"parts of {job} failed", failures)


def _attempt(part: Callable[[], None]) -> Exception | None:
    """Runs one part of a job; its failure must not stop the others."""
    try:
        part()
    except Exception as error:
        return error
    return None


def _send_due_events() -> None:
    with db.jobs_session() as conn:
        due = sweeper.take_due_events(conn, _EVENTS_AT_ONCE)
    messages.send_sale_events(due)
    named = [str(event.event_id) for event in due[: messages.NAMED]]
    telemetry.logger().append_keys(due_events=len(due), event_ids=named)


def _send_stalled_imports() -> None:
    with db.jobs_session() as conn:
        stalled = sweeper.take_stalled_imports(conn, _IMPORTS_AT_ONCE)
    messages.send_sale_events(stalled)
    telemetry.logger().append_keys(stalled_imports=len(stalled))


def _close_unwelcome_sockets() -> None:
    with db.jobs_session() as conn:
        # Forgotten before it is closed: should closing fail, nothing is posted to it any more, and
        # its next frame closes it.
        unwelcome = sweeper.forget_unwelcome(conn, _SOCKETS_AT_ONCE)
    sockets.close([row["connection_id"] for row in unwelcome])
    for tenant_id in {row["tenant_id"] for row in unwelcome} - {None}:
        with db.tenant_session(tenant_id) as conn:
            change = room.touch_presence(conn)
        if change:
            messages.try_to_wake_rooms([change])
    telemetry.logger().append_keys(closed_sockets=len(unwelcome))


def _forget_leftovers() -> None:
    with db.jobs_session() as conn:
        forgotten = sweeper.forget_leftovers(conn)
    telemetry.logger().append_keys(forgotten=forgotten)


def _wake_lagging_rooms() -> None:
    with db.jobs_session() as conn:
        lagging = sweeper.lagging_rooms(conn)
    messages.wake_rooms(lagging)
    telemetry.logger().append_keys(lagging_rooms=len(lagging))


def _retain() -> None:
    """Works the kinds in turn, a batch each, until nothing is due or time is up; a kind that fails waits for
    the next run."""
    ends = time.monotonic() + _RETENTION_PATIENCE
    retained: Counter[retention.Kind] = Counter()
    failures: list[Exception] = []
    waiting = deque((kind, retention.START) for kind in retention.KINDS)
    while waiting and time.monotonic() < ends:
        kind, after = waiting.popleft()
        try:
            with db.jobs_session() as conn:
                batch = retention.work(conn, kind, after)
        except Exception as error:
            error.add_note(f"while working {kind}")
            failures.append(error)
            continue
        retained[kind] += batch.number
        if batch.next:
            waiting.append((kind, batch.next))
    telemetry.logger().append_keys(retained=dict(retained), left_over=[kind for kind, _ in waiting])
    if failures:
        raise ExceptionGroup("kinds failed", failures)


def _measure() -> None:
    with db.jobs_session() as conn:
        telemetry.measure(**gauges.read(conn))


def _summarise_yesterday() -> None:
    with db.jobs_session() as conn:
        summary = gauges.of_yesterday(conn)
    telemetry.logger().append_keys(summary=summary)
    notices.publish_summary(summary)


_JOBS = {
    "retention": (_retain,),
    "sweep": (
        messages.send_heartbeats,
        _send_due_events,
        _send_stalled_imports,
        _wake_lagging_rooms,
        _measure,
        # Last: it may take long, and nobody waits for it.
        _close_unwelcome_sockets,
        _forget_leftovers,
    ),
    "summary": (_summarise_yesterday,),
}
