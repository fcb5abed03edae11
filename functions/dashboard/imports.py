"""Imports as people see them: a file is checked, then imported, and its progress is shown."""

import base64
import binascii
from uuid import UUID

from functions.dashboard import actors, choices, pages
from winroom import audit, copy, imports, messages, room, spreadsheets, switches
from winroom.answers import Page
from winroom.errors import Invalid
from winroom.forms import Form
from winroom.imports import Filter, Options
from winroom.messages import ImportReady
from winroom.spreadsheets import Spreadsheet
from winroom.validation import check
from winroom.web import Call

# Characters. A file of this size stays on the page that tells what would become of it; a larger one is chosen
# again, for the page would have to bring all of it twice.
_CARRIED = 512 * 1024


def index(call: Call, query: Filter) -> Page:
    """A form for a file, and the imports so far, newest first."""
    with call.session() as conn:
        seq = room.seq(conn)
        found = imports.page(conn, query)
        return pages.show(
            call,
            conn,
            "imports.html",
            seq=seq,
            imports=found,
            sellers=choices.sellers(conn),
            is_paused=switches.stops_sales(call.caller),
            names=actors.called(conn, (one["created_by"] for one in found)),
            next=pages.next_page(call, found[-1]["id"] if len(found) == query.limit else None),
        )


def show(call: Call, import_id: UUID) -> Page:
    """How far an import is, and what is wrong with its rows."""
    with call.session() as conn:
        seq = room.seq(conn)
        found = imports.find(conn, import_id)
        names = actors.called(conn, [found["created_by"]])
        return pages.show(call, conn, "import.html", seq=seq, this=found, names=names)


def create(call: Call, form: Form) -> Page:
    """Takes a file to be imported, row by row after this answer; or tells first what would become of it."""
    # Counted before the work: that may take seconds, and must not lock the caller's counter for so long.
    call.batch(lambda conn: audit.note(conn, call.entry, call.route.status))
    options = check(Options, pages.filled(form))
    text = form.get("file") or _carried(form)
    if not text:
        raise Invalid(details=[{"field": "file", "message": copy.PROBLEMS["missing"].format(field="file")}])
    sheet = spreadsheets.read(text, options)
    if options.dry_run:
        return _examined(call, text, options, sheet)
    with call.session() as conn:
        stored = imports.create(conn, call.caller, sheet, options)
    messages.try_to_send_sale_events([ImportReady(stored["id"], call.caller.tenant_id, 0)])
    return pages.see(f"/imports/{stored['id']}", "import_started")


def _examined(call: Call, text: str, options: Options, sheet: Spreadsheet) -> Page:
    is_carried = len(text) <= _CARRIED
    with call.session() as conn:
        return pages.show(
            call,
            conn,
            "import_check.html",
            seq=room.seq(conn),
            told=imports.examine(conn, sheet, options),
            options=options,
            given=options.model_dump(exclude={"dry_run"}, exclude_none=True),
            carried=base64.b64encode(text.encode()).decode() if is_carried else "",
        )


def _carried(form: Form) -> str:
    """The file that the page of a check has kept, byte by byte: a browser would change its line ends."""
    try:
        return base64.b64decode(form.get("carried", ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Invalid(copy.FORM_UNREADABLE) from error
