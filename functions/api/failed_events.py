"""Failed events over HTTP: reading, correcting, replaying and discarding what could not become a sale."""

from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from typing_extensions import TypedDict

from winroom import failed_events, sales
from winroom.answers import Reply, next_cursor
from winroom.failed_events import (
    Discard,
    Edit,
    Effects,
    Filter,
    Outcome,
    Reason,
    Replay,
    Resolution,
    Selection,
)
from winroom.web import Call


class Settled(TypedDict):
    """How a failed event ended; all null while it is open."""

    resolved_at: datetime | None
    resolution: Resolution | None
    resolved_by: str | None
    # Why it was discarded.
    resolution_reason: str | None


class DeadLetter(Settled):
    id: UUID
    reason: Reason
    last_error: str | None
    failed_at: datetime


class ListedFailedEvent(DeadLetter):
    event_id: UUID
    sale_id: str | None
    attempts: int
    # The event whose sale_id or external_event_id it bears.
    conflicts_with: UUID | None
    customer_name: str | None
    sell_price: str | None
    currency: str | None
    edited_by: str | None
    edited_at: datetime | None


class Difference(TypedDict):
    """A field in which a conflict differs from the sale it contradicts."""

    field: str
    existing: str | None
    proposed: str | None


class FailedEvent(DeadLetter):
    event_id: UUID
    sale_id: str | None
    attempts: int
    # What became of the event; null for a lost one.
    event_status: sales.Status | None
    source: sales.Source | None
    conflicts_with: UUID | None
    # The sale event as it would be replayed; of a lost one the message, until it was edited.
    payload: dict[str, Any]
    # What arrived, if it was edited since.
    original_payload: dict[str, Any] | None
    edited_by: str | None
    edited_at: datetime | None
    # What it contradicts, or, once it is accepted, what it replaced.
    existing: dict[str, Any] | None
    differences: list[Difference]
    # Earlier failures of the same event, the newest first.
    history: list[DeadLetter]


class Counts(TypedDict):
    """How many are open, whatever the list is filtered by; 10000 stands for as many or more."""

    conflict: int
    unknown_product: int
    unreadable: int
    retries_exhausted: int
    lost: int


class FailedEvents(TypedDict):
    failed_events: list[ListedFailedEvent]
    counts: Counts
    nextCursor: UUID | None


class Result(TypedDict):
    """What became of one. `replayed`: it began anew. `skipped`: a conflict, each of which is a decision.
    `refused`: it would fail again, and `message` says why. `settled`: somebody was faster. `unknown`: no such
    failed event."""

    id: UUID
    event_id: UUID | None
    sale_id: str | None
    reason: Reason | None
    outcome: Outcome
    message: str | None


class Tally(TypedDict):
    replayed: int
    skipped: int
    refused: int
    settled: int
    unknown: int


class Replayed(TypedDict):
    dry_run: bool
    counts: Tally
    results: list[Result]
    # Null where none are left; else send it as `cursor` to go on.
    nextCursor: UUID | None


def index(call: Call, query: Filter) -> Reply[FailedEvents]:
    """Failed events, the newest first: those that wait for somebody, or with `resolved=true` those that were
    settled. `counts` tells how many wait, by reason."""
    with call.session() as conn:
        found = failed_events.page(conn, query)
        counts = failed_events.counts(conn)
    return Reply(
        {
            "failed_events": found,
            "counts": counts,
            "nextCursor": next_cursor(found, query.limit),
        }
    )


def show(call: Call, failed_event_id: UUID) -> Reply[FailedEvent]:
    """One failed event: why it failed, its content and, for a conflict, how that differs from the sale it
    contradicts."""
    with call.session() as conn:
        return Reply(failed_events.find(conn, failed_event_id))


def edit(call: Call, failed_event_id: UUID, body: Edit) -> Reply[FailedEvent]:
    """Changes fields of an open one, null removes a field; the original is kept beside it. The sale_id and
    the external_event_id can be changed where they may be what is wrong: in conflicts and lost events."""
    with call.session() as conn:
        failed_events.edit(conn, call.caller, failed_event_id, body.event)
        return Reply(failed_events.find(conn, failed_event_id))


def replay(call: Call, failed_event_id: UUID, body: Replay) -> Reply[FailedEvent]:
    """Lets an event begin anew, with changes if `event` names some. A conflict is accepted as a correction:
    the sale it contradicts takes its content, in the queue, in its claim and on the boards; with ids that are
    free it becomes a sale of its own. Should it fail again, it is back as a new failed event."""
    with call.session() as conn:
        effects = failed_events.replay(conn, call.caller, failed_event_id, body.event)
        replayed = failed_events.find(conn, failed_event_id)
    failed_events.tell(call.caller, effects, call.request_id)
    return Reply(replayed)


def replay_many(call: Call, body: Selection) -> Reply[Replayed]:
    """Replays up to 500 at once, the oldest first: those named by `ids`, or all open ones of a `reason` and
    `since` a moment. Those that would fail again stay as they are; conflicts are skipped, for each of them is
    a decision. With `dry_run` nothing changes, and the outcomes are what they would be."""
    with call.session() as conn:
        replayed = failed_events.replay_many(conn, call.caller, body)
    failed_events.tell(call.caller, Effects(due=replayed.due), call.request_id)
    return Reply(
        {
            "dry_run": body.dry_run,
            "counts": {outcome: replayed.counts[outcome] for outcome in get_args(Outcome)},
            "results": replayed.results,
            "nextCursor": replayed.next_cursor,
        }
    )


def discard(call: Call, failed_event_id: UUID, body: Discard) -> Reply[FailedEvent]:
    """Settles an open one that is no sale; the reason is kept, and the event stays failed."""
    with call.session() as conn:
        failed_events.discard(conn, call.caller, failed_event_id, body)
        return Reply(failed_events.find(conn, failed_event_id))
