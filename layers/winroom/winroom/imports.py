"""Imports: files of sales, worked part by part with exact counts, whatever is lost, doubled or killed on the
way. A file imported twice is imported once: its rows keep the ids that they had."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from pydantic import Field
from typing_extensions import TypedDict

from winroom import copy, ids, products, queries, sales, tenants
from winroom.callers import Caller
from winroom.db import Connection, Row, only
from winroom.errors import Invalid, NotFound
from winroom.sales import Received, SaleEvent
from winroom.spreadsheets import Line, Reading, Spreadsheet, moment
from winroom.validation import BlankIsAbsent, Input, Text255, check

Status = Literal["pending", "running", "done", "failed"]
Item = TypeVar("Item")

# So many bytes a file may have.
MOST_BYTES = 4 * 1024 * 1024
# Rows of one message, and of one transaction.
PART = 500
# So many problems are told one by one; the others are counted.
MOST_PROBLEMS = 1000
# Parts that are stored, and events that a dry run compares, in one statement.
_STORED_AT_ONCE = 10
_JUDGED_AT_ONCE = 5000

_SQL = queries.load("imports")


class Options(Reading):
    """What to do with a file of sales."""

    dry_run: Annotated[
        bool, Field(description="Only tell what would become of each row; nothing is stored.")
    ] = False
    file_name: Annotated[Text255, Field(description="What to call the import.")] = "sales.csv"


class Filter(Input):
    """Which imports to list; `cursor` is the last import of the page before."""

    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class Problem(TypedDict):
    """What is wrong with a row, counted as a spreadsheet does: the header is row 1. No field: the row as a
    whole."""

    row: int
    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Part:
    """What became of a part."""

    # New events, durable and pending: to be enqueued.
    recorded: list[UUID]
    # Where the next part begins; None after the last.
    next_row: int | None


@dataclass(frozen=True, slots=True)
class _Checked:
    """Lines apart: those that are sales, each with its row, and what is wrong with the others."""

    sales: list[tuple[int, SaleEvent]]
    problems: list[Problem]
    bad: int

    @property
    def events(self) -> list[SaleEvent]:
        return [event for _, event in self.sales]


def examine(conn: Connection, sheet: Spreadsheet, options: Options) -> Row:
    """What would become of each row; writes nothing. Takes a second for every 10,000 rows or so.

    Raises Invalid for an unknown time zone.
    """
    checked = _checked(_with_times(conn, sheet.lines, options.time_zone))
    verdicts = _judged(conn, checked.events)
    fresh = [event for event, verdict in zip(checked.events, verdicts, strict=True) if verdict is None]
    return {
        "rows": len(sheet.lines),
        "new": len(fresh),
        "already_known": verdicts.count(False),
        "conflicting": verdicts.count(True),
        "unknown_products": _without_product(conn, fresh),
        "bad": checked.bad,
        "ignored_columns": sheet.ignored_columns,
        "problems": checked.problems[:MOST_PROBLEMS],
        "problems_total": len(checked.problems),
    }


def create(conn: Connection, caller: Caller, sheet: Spreadsheet, options: Options) -> Row:
    """Stores a file to be worked: send ImportReady for its first row after the commit.

    Raises Invalid for an unknown time zone.
    """
    lines, import_id = _with_times(conn, sheet.lines, options.time_zone), ids.new()
    values = {
        "import_id": import_id,
        "file_name": options.file_name,
        "mapping": Jsonb(sheet.mapping),
        "ignored_columns": sheet.ignored_columns,
        "total_rows": len(lines),
        "created_by": caller.name,
    }
    conn.execute(_SQL["create"], values)
    parts = [(n * PART, json.dumps(part)) for n, part in enumerate(_parts(lines, PART))]
    # By and by: no single statement may take longer than we have patience with a silent server.
    for some in _parts(parts, _STORED_AT_ONCE):
        first_rows, contents = zip(*some, strict=True)
        values = {"import_id": import_id, "first_rows": list(first_rows), "contents": list(contents)}
        conn.execute(_SQL["add_parts"], values)
    return find(conn, import_id)


def find(conn: Connection, import_id: UUID) -> Row:
    """An import, how far it is, and what is wrong with its rows. Raises NotFound."""
    values = {"import_id": import_id, "failed": copy.IMPORT_FAILED}
    row = conn.execute(_SQL["find"], values).fetchone()
    if row is None:
        raise NotFound
    return row


def page(conn: Connection, wanted: Filter) -> list[Row]:
    """Imports newest first, `wanted.limit` at most, without their problems."""
    return conn.execute(_SQL["page"], {**wanted.model_dump(), "failed": copy.IMPORT_FAILED}).fetchall()


def work(conn: Connection, import_id: UUID, next_row: int) -> Part | None:
    """Records the part that begins at a row; None where that is done already, or somebody is at it."""
    place = {"import_id": import_id, "next_row": next_row}
    taken = conn.execute(_SQL["take_part"], place).fetchone()
    if taken is None:
        return None
    lines = [Line(*line) for line in json.loads(taken["content"])]
    checked = _checked(lines)
    received, refusals = _recorded(conn, checked.sales)
    problems = [*checked.problems, *refusals]
    settled = {
        "rows": len(lines),
        "accepted": sum(r.is_new for r in received),
        "duplicates": sum(r.is_duplicate for r in received),
        "conflicts": sum(r.is_conflict for r in received),
        "bad": checked.bad + len(refusals),
        "problems_total": len(problems),
        "problems": Jsonb(problems[: MOST_PROBLEMS - taken["problems_told"]]),
    }
    row = only(conn.execute(_SQL["settle_part"], {**place, **settled}))
    return Part([r.event_id for r in received if r.is_new], row["next_row"])


def _recorded(
    conn: Connection, found: Sequence[tuple[int, SaleEvent]]
) -> tuple[list[Received], list[Problem]]:
    """Records the sales; what the database refuses is searched for by halves, and costs no other row."""
    try:
        with conn.transaction():
            return _received(conn, [event for _, event in found]), []
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        if len(found) == 1:
            reason = str(error).partition("\n")[0]
            message = copy.IMPORT_ROW_REFUSED.format(reason=reason)
            return [], [{"row": found[0][0], "field": None, "message": message}]
    middle = len(found) // 2
    (first, refused), (second, also) = _recorded(conn, found[:middle]), _recorded(conn, found[middle:])
    return [*first, *second], [*refused, *also]


def _received(conn: Connection, events: Sequence[SaleEvent]) -> list[Received]:
    by_id = {ids.new(): event for event in events}
    recorded = {row["event_id"] for row in sales.record(conn, sales.rows(by_id), "import")}
    rest = {i: event for i, event in by_id.items() if i not in recorded}
    known = sales.compare(conn, sales.rows(rest), "import") if rest else []
    return [*(Received(event_id) for event_id in by_id if event_id in recorded), *known]


def _checked(lines: Sequence[Line]) -> _Checked:
    found: list[tuple[int, SaleEvent]] = []
    problems: list[Problem] = []
    for row, values, problem in lines:
        if problem:
            problems.append({"row": row, "field": None, "message": problem})
            continue
        try:
            found.append((row, check(SaleEvent, values)))
        except Invalid as error:
            problems += [{"row": row, **told} for told in error.details]
    return _Checked(found, problems, len(lines) - len(found))


def _with_times(conn: Connection, lines: Sequence[Line], time_zone: str | None) -> list[Line]:
    """The lines with their times as events tell them; those without an offset are of the zone."""
    texts = {line.values["occurred_at"] for line in lines if "occurred_at" in line.values}
    moments = {text: told for text in texts if (told := moment(text))}
    local = [text for text, told in moments.items() if told.tzinfo is None]
    moments |= zip(local, tenants.in_utc(conn, [moments[text] for text in local], time_zone), strict=True)
    times = {text: told.isoformat() for text, told in moments.items() if told.tzinfo}
    return [_with_time(line, times) for line in lines]


def _with_time(line: Line, times: dict[str, str]) -> Line:
    told = line.values.get("occurred_at", "")
    # What is no time stays as it is: the model says what is wrong with it.
    return line._replace(values={**line.values, "occurred_at": times[told]}) if told in times else line


def _judged(conn: Connection, events: Sequence[SaleEvent]) -> list[bool | None]:
    """Whether each event contradicts what is known or comes before it in the file; None if it is new."""
    taken: dict[tuple[str, str], bytes] = {}
    verdicts: list[bool | None] = []
    for part in _parts(events, _JUDGED_AT_ONCE):
        hashes = [event.content_hash() for event in part]
        for event, content, known in zip(part, hashes, _known(conn, part, hashes), strict=True):
            verdicts.append(_verdict(taken, event, content) if known is None else known)
    return verdicts


def _verdict(taken: dict[tuple[str, str], bytes], event: SaleEvent, content: bytes) -> bool | None:
    """The same within the file; a new event's ids are then `taken`."""
    keys = [("sale", event.sale_id)]
    if event.external_event_id:
        keys.append(("event", event.external_event_id))
    before = [taken[key] for key in keys if key in taken]
    if before:
        return any(other != content for other in before)
    taken |= dict.fromkeys(keys, content)
    return None


def _known(conn: Connection, events: Sequence[SaleEvent], hashes: Sequence[bytes]) -> list[bool | None]:
    values = {
        "sale_ids": [event.sale_id for event in events],
        "external_event_ids": [event.external_event_id for event in events],
        "content_hashes": hashes,
    }
    return [row["is_conflict"] for row in conn.execute(_SQL["judge"], values)]


def _without_product(conn: Connection, events: Sequence[SaleEvent]) -> int:
    """How many of them name a product that the catalogue does not have."""
    known = products.named(conn, events)
    return sum(bool(event.named_product) and n not in known for n, event in enumerate(events))


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
