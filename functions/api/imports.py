"""Imports over HTTP: a file of sales comes in, and how far it is."""

from datetime import datetime
from uuid import UUID

from typing_extensions import TypedDict

from winroom import audit, db, imports, messages, spreadsheets
from winroom.answers import Reply, next_cursor
from winroom.imports import Filter, Options, Problem
from winroom.messages import ImportReady
from winroom.web import Call


class ListedImport(TypedDict):
    id: UUID
    file_name: str
    # Our field for each column that was understood.
    mapping: dict[str, str]
    ignored_columns: list[str]
    status: imports.Status
    total_rows: int
    done_rows: int
    percentage: int
    accepted: int
    duplicates: int
    conflicts: int
    bad: int
    problems_total: int
    # Why it failed.
    error: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class Import(ListedImport):
    # The first thousand.
    problems: list[Problem]


OneImport = TypedDict("OneImport", {"import": Import})


class Imports(TypedDict):
    imports: list[ListedImport]
    nextCursor: UUID | None


class DryRun(TypedDict):
    """What would become of a file's rows."""

    rows: int
    new: int
    # Recorded before, with the same content.
    already_known: int
    # Their ids are taken by other content: they would be kept as failed events.
    conflicting: int
    # Of the new ones: they would wait as failed events until the product is there.
    unknown_products: int
    bad: int
    ignored_columns: list[str]
    problems: list[Problem]
    problems_total: int


def create(call: Call, query: Options, body: str) -> Reply[OneImport | DryRun]:
    """Imports a CSV file of sales, at most 50,000 rows. It is worked row by row after this answer: see
    `GET /api/imports/{import_id}`.

    The first row names the columns: the fields of an event, in any order; `amount`, `subscription_id` and
    `created_at` are understood, other names with `mapping`. A row without a sale_id is known by its
    content, so that the same file twice is one import. With `dry_run=true` nothing is stored: 200 tells what
    would become of each row.
    """
    # Counted before the work: that may take seconds, and must not lock the caller's counter for so long.
    status = 200 if query.dry_run else call.route.status
    call.batch(lambda conn: audit.note(conn, call.entry, status))
    sheet = spreadsheets.read(body, query)
    with db.tenant_session(call.caller.tenant_id) as conn:
        if query.dry_run:
            return Reply(imports.examine(conn, sheet, query), status)
        stored = imports.create(conn, call.caller, sheet, query)
    messages.try_to_send_sale_events([ImportReady(stored["id"], call.caller.tenant_id, 0)])
    return Reply({"import": stored})


def show(call: Call, import_id: UUID) -> Reply[OneImport]:
    """How far an import is, and what is wrong with its rows."""
    with call.session() as conn:
        return Reply({"import": imports.find(conn, import_id)})


def index(call: Call, query: Filter) -> Reply[Imports]:
    """Imports, the newest first, without their problems."""
    with call.session() as conn:
        found = imports.page(conn, query)
    return Reply({"imports": found, "nextCursor": next_cursor(found, query.limit)})
