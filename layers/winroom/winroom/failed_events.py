"""Failed events: what could not become a sale waits here until somebody edits it, replays it, accepts it as
a correction or discards it. An event has one open dead letter at most; a settled one is never opened again.

Whoever settles one locks the dead letter first, then that of the event which it corrects, then what
corrections.py says.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import Field

from winroom import copy, corrections, ids, messages, products, queries, sales, telemetry
from winroom.callers import Caller
from winroom.db import Connection, Row
from winroom.errors import Conflict, FieldProblem, Invalid, NotFound
from winroom.messages import RoomChanged, SaleEventReceived
from winroom.sales import SaleEvent
from winroom.validation import BlankIsAbsent, Input, Text500, Timestamp, YesOrNo, check

Reason = Literal["conflict", "unknown_product", "unreadable", "retries_exhausted", "lost"]
Resolution = Literal["replayed", "accepted", "discarded"]
Outcome = Literal["replayed", "skipped", "refused", "settled", "unknown"]

# So many are replayed in one request.
AT_ONCE = 500
# Nobody waits to learn how many more there are.
COUNTED = 10_000

_SQL = queries.load("failed_events")


class Filter(Input):
    """Which failed events to list; `q` is the start of a customer's name or a sale id, `cursor` the last one
    of the page before."""

    reason: Annotated[Reason | None, BlankIsAbsent] = None
    since: Annotated[Timestamp | None, BlankIsAbsent] = None
    q: Annotated[Text500 | None, BlankIsAbsent] = None
    resolved: bool = False
    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class Edit(Input):
    """The fields of the sale event to change; null removes one."""

    event: Annotated[dict[str, Any], Field(min_length=1)]


class Replay(Input):
    """What to change before the replay, if anything."""

    event: dict[str, Any] | None = None


class Selection(Input):
    """Which failed events to replay: those named by `ids`, or all open ones of a reason and since a moment,
    the oldest first. `cursor` is the `nextCursor` of the answer before."""

    reason: Annotated[Reason | None, BlankIsAbsent] = None
    since: Annotated[Timestamp | None, BlankIsAbsent] = None
    ids: Annotated[list[UUID], Field(min_length=1, max_length=AT_ONCE)] | None = None
    dry_run: YesOrNo = False
    cursor: Annotated[UUID | None, BlankIsAbsent] = None


class Discard(Input):
    """Why the event is no sale, for those who ask later."""

    reason: Text500


@dataclass(frozen=True, slots=True)
class Effects:
    """What is to be done after the commit: events for the processor, and a room to be woken."""

    due: Sequence[UUID] = ()
    change: RoomChanged | None = None


@dataclass(slots=True)
class Replayed:
    """What became of many: one result each, how often there was which outcome, and which events are due."""

    results: list[Row] = field(default_factory=list)
    next_cursor: UUID | None = None
    due: list[UUID] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Outcome]:
        return Counter(result["outcome"] for result in self.results)


def page(conn: Connection, wanted: Filter) -> list[Row]:
    """Failed events newest first, `wanted.limit` at most: the open ones, or with `resolved` the settled."""
    return conn.execute(_SQL["page"], wanted.model_dump() | _since(wanted.since)).fetchall()


def everywhere(conn: Connection, wanted: Filter, tenant_id: UUID | None) -> list[Row]:
    """The same of one company, or of all, each with its `tenant`: the operator's view. Knows no `q`."""
    values = wanted.model_dump() | _since(wanted.since) | {"tenant_id": tenant_id}
    return conn.execute(_SQL["everywhere"], values).fetchall()


def whose(conn: Connection, dead_letter_ids: Sequence[UUID]) -> list[Row]:
    """Those that there are, each with `tenant_id` and `slug` of its company: the operator's view."""
    return conn.execute(_SQL["whose"], {"ids": list(dead_letter_ids)}).fetchall()


def counts(conn: Connection) -> dict[Reason, int]:
    """How many are open, by reason; COUNTED stands for as many or more."""
    values = {"reasons": list(get_args(Reason)), "at_most": COUNTED}
    return {row["reason"]: row["number"] for row in conn.execute(_SQL["counts"], values)}


def find(conn: Connection, dead_letter_id: UUID) -> Row:
    """One failed event, with the content it contradicts (`existing`, `differences`) and its `history`.
    Raises NotFound."""
    found = conn.execute(_SQL["find"], {"id": dead_letter_id}).fetchone()
    if found is None:
        raise NotFound
    return found | {
        "differences": _differences(found["existing"], found["payload"]) if found["existing"] else [],
        "history": conn.execute(_SQL["history"], found).fetchall(),
    }


def edit(conn: Connection, caller: Caller, dead_letter_id: UUID, changes: Mapping[str, Any]) -> None:
    """Changes the content of an open one; what arrived is kept beside it. Nothing is replayed yet.

    Raises NotFound, Conflict where it is settled, Invalid naming each wrong field.
    """
    letter = _held(conn, dead_letter_id)
    _keep(conn, caller, letter, _edited(letter, changes))


def replay(
    conn: Connection, caller: Caller, dead_letter_id: UUID, changes: Mapping[str, Any] | None
) -> Effects:
    """Lets an open one begin anew, edited first where there are changes. A conflict is accepted: its content
    replaces that of the sale it contradicts, claims and boards included.

    Raises NotFound, Invalid naming each wrong field, Conflict where it is settled, its ids belong to other
    sales, or its correction cannot be made; nothing is changed then.
    """
    letter = _held(conn, dead_letter_id)
    event = _edited(letter, changes or {})
    if changes:
        _keep(conn, caller, letter, event)
    if letter["reason"] == "lost":
        return _record(conn, caller, letter, event)
    if letter["reason"] == "conflict":
        return _decide(conn, caller, letter, event)
    return _begin_anew(conn, caller, [(letter, event)])


def replay_many(conn: Connection, caller: Caller, wanted: Selection) -> Replayed:
    """Replays up to AT_ONCE of them, each for itself; those that would fail again at once stay as they are,
    and so do conflicts: each is a decision. In a dry run it only tells.

    Raises Invalid where both ids and a filter are given.
    """
    if wanted.ids and (wanted.reason or wanted.since or wanted.cursor):
        raise Invalid(details=[{"field": "ids", "message": copy.IDS_OR_FILTER}])
    found = _selected(conn, wanted)
    wait_for_people = {row["id"] for row in found if row["reason"] == "conflict"}
    held = {row["id"]: row for row in _hold(conn, {row["id"] for row in found} - wait_for_people)}
    problems, events = _problems(conn, [row for row in held.values() if row["is_open"]])
    replayed = Replayed(next_cursor=found[-1]["id"] if not wanted.ids and len(found) == AT_ONCE else None)
    if not wanted.dry_run:
        replayed.due += _replay_all(conn, caller, [(held[i], event) for i, event in events.items()], problems)
    for row in found:
        outcome, message = _outcome(row, held.get(row["id"]), problems)
        replayed.results.append({**row, "outcome": outcome, "message": message})
    unknown = set(wanted.ids or ()) - {row["id"] for row in found}
    replayed.results += [_unknown(dead_letter_id) for dead_letter_id in sorted(unknown)]
    return replayed


def discard(conn: Connection, caller: Caller, dead_letter_id: UUID, why: Discard) -> None:
    """Settles an open one that is no sale; its event stays failed. Raises NotFound, Conflict where it is
    settled already."""
    letter = _held(conn, dead_letter_id)
    _settle(conn, caller, [letter], "discarded", why.reason)


def tell(caller: Caller, effects: Effects, trace: str) -> None:
    """After the commit: sends on what has begun anew, and wakes a room whose sale was corrected."""
    now = datetime.now(UTC)
    if effects.due:
        messages.try_to_send_sale_events(
            [SaleEventReceived(event_id, caller.tenant_id, now, trace) for event_id in effects.due]
        )
    if effects.change:
        messages.try_to_wake_rooms([effects.change])


def _since(moment: datetime | None) -> dict[str, object]:
    # Ids are time-ordered, and an index.
    return {"since": moment, "since_id": moment and ids.first_of(moment)}


def _differences(existing: Mapping[str, Any], proposed: Mapping[str, Any]) -> list[Row]:
    return [
        {"field": name, "existing": existing.get(name), "proposed": proposed.get(name)}
        for name in SaleEvent.model_fields
        if existing.get(name) != proposed.get(name)
    ]


def _held(conn: Connection, dead_letter_id: UUID) -> Row:
    """An open dead letter, locked. Raises NotFound, Conflict where somebody settled it."""
    found = _hold(conn, [dead_letter_id])
    if not found:
        raise NotFound
    telemetry.logger().append_keys(event_id=str(found[0]["event_id"]), sale_id=found[0]["sale_id"])
    if not found[0]["is_open"]:
        raise Conflict(_settled(found[0]))
    return found[0]


def _hold(conn: Connection, dead_letter_ids: Iterable[UUID]) -> list[Row]:
    return conn.execute(_SQL["hold"], {"ids": list(dead_letter_ids)}).fetchall()


def _settled(letter: Row) -> str:
    at = letter["resolved_at"].isoformat(timespec="seconds").replace("+00:00", "Z")
    return copy.SETTLED_BEFORE.format(resolution=letter["resolution"], at=at, by=letter["resolved_by"])


def _edited(letter: Row, changes: Mapping[str, Any]) -> SaleEvent:
    """The content with the changes, as a sale event. Raises Invalid, Conflict where its event is gone."""
    if letter["reason"] != "lost" and not letter["has_event"]:
        raise Conflict(copy.EVENT_MISSING)
    # What is kept of a lost event may be the message that told of it, until somebody has written the event.
    is_message = letter["reason"] == "lost" and "sale_id" not in letter["payload"]
    content: dict[str, Any] = {} if is_message else letter["payload"]
    if "amount" in changes:  # the other name of the price: of two, the older value would win
        content = {name: value for name, value in content.items() if name != "sell_price"}
    merged = {name: value for name, value in {**content, **changes}.items() if value is not None}
    try:
        event = check(SaleEvent, merged)
    except Invalid as error:
        raise Invalid(copy.LOST_SALE if is_message else None, details=error.details) from error
    if letter["reason"] not in ("lost", "conflict"):
        _refuse_other_ids(letter, event)
    return event


def _refuse_other_ids(letter: Row, event: SaleEvent) -> None:
    """By its ids whoever sent the event knows it: with others, a repetition would be a second sale."""
    problems: list[FieldProblem] = [
        {"field": name, "message": copy.ID_IS_KEPT.format(field=name)}
        for name in ("sale_id", "external_event_id")
        if getattr(event, name) != letter[f"received_{name}"]
    ]
    if problems:
        raise Invalid(details=problems)


def _keep(conn: Connection, caller: Caller, letter: Row, event: SaleEvent) -> None:
    values = {"id": letter["id"], "payload": _text(event), "sale_id": event.sale_id, "by": caller.name}
    conn.execute(_SQL["edit"], values)


def _text(event: SaleEvent) -> str:
    return event.model_dump_json(exclude_none=True)


def _settle(
    conn: Connection,
    caller: Caller,
    letters: Sequence[Row],
    resolution: Resolution,
    reason: str | None = None,
) -> None:
    values = {
        "ids": [letter["id"] for letter in letters],
        "resolution": resolution,
        "by": caller.name,
        "reason": reason,
    }
    conn.execute(_SQL["settle"], values)


def _begin_anew(conn: Connection, caller: Caller, failed: Sequence[tuple[Row, SaleEvent]]) -> Effects:
    """Failed events with their content: pending and due. The hash that they are known by stays, so that
    their sender's repetition remains one."""
    values = {
        "ids": [letter["id"] for letter, _ in failed],
        "event_ids": [letter["event_id"] for letter, _ in failed],
        "payloads": [_text(event) for _, event in failed],
        "fingerprints": [event.fingerprint() for _, event in failed],
        "seller_ids": [event.seller_external_id for _, event in failed],
        "by": caller.name,
    }
    return Effects(due=[row["event_id"] for row in conn.execute(_SQL["replay"], values)])


def _record(conn: Connection, caller: Caller, letter: Row, event: SaleEvent) -> Effects:
    """A lost event is recorded for the first time, under its own id."""
    if letter["has_event"]:
        raise Conflict(copy.EVENT_RECORDED)
    if sales.record(conn, sales.rows({letter["event_id"]: event}), "api").fetchone() is None:
        raise Conflict(_taken(_owners(conn, [event])[0]) or copy.EVENT_RECORDED)
    _settle(conn, caller, [letter], "replayed")
    return Effects(due=[letter["event_id"]])


def _owners(conn: Connection, events: Sequence[SaleEvent]) -> list[Row]:
    """Whose their ids are, in order: the event ids `by_sale` and `by_external`, null where free."""
    values = {
        "sale_ids": [event.sale_id for event in events],
        "external_event_ids": [event.external_event_id for event in events],
    }
    return conn.execute(_SQL["owners"], values).fetchall()


def _taken(owner: Row) -> str | None:
    """What is to be told of ids that belong to others; None where both are free."""
    if owner["by_sale"]:
        return copy.SALE_ID_TAKEN.format(event_id=owner["by_sale"])
    if owner["by_external"]:
        return copy.EXTERNAL_ID_TAKEN.format(event_id=owner["by_external"])
    return None


def _decide(conn: Connection, caller: Caller, letter: Row, event: SaleEvent) -> Effects:
    """A kept conflict corrects the sale whose id it bears; with ids that are free it is a sale of its own."""
    (owner,) = _owners(conn, [event])
    if owner["by_external"] and owner["by_external"] != owner["by_sale"]:
        raise Conflict(copy.EXTERNAL_ID_TAKEN.format(event_id=owner["by_external"]))
    if owner["by_sale"] is None:
        return _record_anew(conn, caller, letter, event)
    # An id that was mistyped while editing must not overwrite whatever sale happens to bear it.
    if owner["by_sale"] == letter["conflicts_with"] or event.sale_id == letter["received_sale_id"]:
        return _correct(conn, caller, letter, event, owner["by_sale"])
    raise Conflict(copy.SALE_ID_TAKEN.format(event_id=owner["by_sale"]))


def _record_anew(conn: Connection, caller: Caller, letter: Row, event: SaleEvent) -> Effects:
    values = {
        "event_id": letter["event_id"],
        "sale_id": event.sale_id,
        "external_event_id": event.external_event_id,
        "content_hash": event.content_hash(),
    }
    if conn.execute(_SQL["take_ids"], values).fetchone() is None:
        raise Conflict(_taken(_owners(conn, [event])[0]))
    return _begin_anew(conn, caller, [(letter, event)])


def _correct(conn: Connection, caller: Caller, letter: Row, event: SaleEvent, known_id: UUID) -> Effects:
    """The sale takes the content of the conflict, wherever it is on its way."""
    # Before its event, as everybody does who replays it.
    _open_letters(conn, known_id)
    known = corrections.hold(conn, known_id)
    if known["status"] == "failed":
        _settle(conn, caller, _open_letters(conn, known_id), "replayed")
    values = {
        "id": letter["id"],
        "event_id": letter["event_id"],
        "known_id": known_id,
        "by": caller.name,
        "replaced": Jsonb(known["payload"]),
        "payload": _text(event),
        "content_hash": event.content_hash(),
        "fingerprint": event.fingerprint(),
    }
    conn.execute(_SQL["accept"], values)
    change = corrections.make(conn, caller, known, event)
    return Effects(change=change) if change else Effects(due=[known_id])


def _open_letters(conn: Connection, event_id: UUID) -> list[Row]:
    return conn.execute(_SQL["hold_letter_of"], {"event_id": event_id}).fetchall()


def _selected(conn: Connection, wanted: Selection) -> list[Row]:
    if wanted.ids:
        return conn.execute(_SQL["named"], {"ids": wanted.ids}).fetchall()
    values = wanted.model_dump() | _since(wanted.since) | {"limit": AT_ONCE}
    return conn.execute(_SQL["candidates"], values).fetchall()


def _problems(conn: Connection, letters: Sequence[Row]) -> tuple[dict[UUID, str], dict[UUID, SaleEvent]]:
    """Why some would fail again at once, and the content of the others, by the ids of the dead letters."""
    problems: dict[UUID, str] = {}
    events: dict[UUID, SaleEvent] = {}
    for letter in letters:
        try:
            events[letter["id"]] = _edited(letter, {})
        except (Invalid, Conflict) as error:
            problems[letter["id"]] = " ".join([error.message, *(d["message"] for d in error.details)])
    known, owners = products.named(conn, list(events.values())), _owners(conn, list(events.values()))
    lost = {letter["id"] for letter in letters if letter["reason"] == "lost"}
    for position, (dead_letter_id, event) in enumerate(events.items()):
        if event.named_product and position not in known:
            problems[dead_letter_id] = copy.PRODUCT_STILL_UNKNOWN.format(product=event.named_product)
        elif dead_letter_id in lost and (taken := _taken(owners[position])):
            problems[dead_letter_id] = taken
    return problems, {i: event for i, event in events.items() if i not in problems}


def _replay_all(
    conn: Connection, caller: Caller, good: Sequence[tuple[Row, SaleEvent]], problems: dict[UUID, str]
) -> list[UUID]:
    """Replays those that nothing stands in the way of; returns the events that are due, and adds what
    turned out to be a problem after all."""
    due = list(_begin_anew(conn, caller, [one for one in good if one[0]["reason"] != "lost"]).due)
    for letter, event in good:
        if letter["reason"] == "lost":
            try:
                due += _record(conn, caller, letter, event).due
            except Conflict as error:
                problems[letter["id"]] = error.message
    return due


def _outcome(row: Row, letter: Row | None, problems: Mapping[UUID, str]) -> tuple[Outcome, str | None]:
    if letter is None:
        return "skipped", copy.NEEDS_A_DECISION
    if not letter["is_open"]:
        return "settled", _settled(letter)
    problem = problems.get(row["id"])
    return ("refused", problem) if problem else ("replayed", None)


def _unknown(dead_letter_id: UUID) -> Row:
    return {
        "id": dead_letter_id,
        "event_id": None,
        "sale_id": None,
        "reason": None,
        "outcome": "unknown",
        "message": copy.NO_SUCH_FAILED_EVENT,
    }
