"""Failed events as people see them: why each could not become a sale, and what can be done about it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from functions.dashboard import actors, choices, pages
from winroom import failed_events, products, room
from winroom.answers import Page
from winroom.db import Connection, Row
from winroom.errors import NotFound
from winroom.failed_events import COUNTED, Discard, Effects, Filter, Selection
from winroom.forms import Form
from winroom.sales import SaleEvent
from winroom.validation import check
from winroom.web import Call

_PATH = "/failed-events"


def index(call: Call, query: Filter) -> Page:
    """How many wait for what reason, and which, newest first."""
    with call.session() as conn:
        seq = room.seq(conn)
        found = failed_events.page(conn, query)
        return pages.show(
            call,
            conn,
            "failed_events.html",
            seq=seq,
            wanted=query,
            events=found,
            counts=failed_events.counts(conn),
            counted=COUNTED,
            names=actors.called(conn, (event["resolved_by"] for event in found)),
            next=pages.next_page(call, found[-1]["id"] if len(found) == query.limit else None),
        )


def show(call: Call, failed_event_id: UUID) -> Page:
    """One failed event: its content as a form, what it contradicts, and what became of it."""
    with call.session() as conn:
        seq = room.seq(conn)
        event = failed_events.find(conn, failed_event_id)
        content = _content(event)
        ended = [event, *event["history"]]
        return pages.show(
            call,
            conn,
            "failed_event.html",
            seq=seq,
            event=event,
            content=content,
            # By its ids whoever sent it knows it: they may be changed only where they may be what is wrong.
            has_free_ids=event["reason"] in ("conflict", "lost"),
            products=choices.products(conn, call.caller, content.get("product_id")),
            product_names=_product_names(conn, call, event),
            names=actors.called(conn, [event["edited_by"], *(one["resolved_by"] for one in ended)]),
        )


def edit(call: Call, failed_event_id: UUID, form: Form) -> Page:
    """Keeps what was changed; nothing is replayed yet."""
    with call.session() as conn:
        if changes := _changes(conn, failed_event_id, form):
            failed_events.edit(conn, call.caller, failed_event_id, changes)
    return pages.see(f"{_PATH}/{failed_event_id}", "saved")


def replay(call: Call, failed_event_id: UUID, form: Form) -> Page:
    """Lets one begin anew, with what was changed; a conflict is accepted as a correction."""
    with call.session() as conn:
        changes = _changes(conn, failed_event_id, form)
        effects = failed_events.replay(conn, call.caller, failed_event_id, changes or None)
        became = failed_events.find(conn, failed_event_id)["resolution"]
    failed_events.tell(call.caller, effects, call.request_id)
    return pages.see(_PATH, became)


def discard(call: Call, failed_event_id: UUID, form: Form) -> Page:
    """Settles one that is no sale."""
    with call.session() as conn:
        failed_events.discard(conn, call.caller, failed_event_id, check(Discard, pages.filled(form)))
    return pages.see(_PATH, "discarded")


def preview(call: Call, query: Selection) -> Page:
    """What would become of each if all were replayed; nothing is changed."""
    with call.session() as conn:
        seq = room.seq(conn)
        told = failed_events.replay_many(conn, call.caller, query.model_copy(update={"dry_run": True}))
        return pages.show(
            call,
            conn,
            "failed_events_replay.html",
            seq=seq,
            wanted=query,
            results=told.results,
            counts=told.counts,
            next=pages.next_page(call, told.next_cursor),
        )


def replay_many(call: Call, form: Form) -> Page:
    """Replays those that were shown; where more wait than are done at once, shows the next ones."""
    wanted = check(Selection, pages.filled(form))
    with call.session() as conn:
        done = failed_events.replay_many(conn, call.caller, wanted)
    failed_events.tell(call.caller, Effects(due=done.due), call.request_id)
    asked = {"reason": wanted.reason} if wanted.reason else {}
    if done.next_cursor:
        more = urlencode({**asked, "cursor": done.next_cursor})
        return pages.see(f"{_PATH}/replay?{more}", "replayed_many")
    return pages.see(f"{_PATH}?{urlencode(asked)}", "replayed_many")


def _content(event: Row) -> Mapping[str, Any]:
    """The sale as far as it is known; of a lost one only a message is, until somebody has filled it in."""
    is_message = event["reason"] == "lost" and not event["original_payload"]
    content: Mapping[str, Any] = {} if is_message else event["payload"]
    return content


def _changes(conn: Connection, failed_event_id: UUID, form: Form) -> dict[str, str | None]:
    """What was changed in the form: all else stays as it is, and nobody is said to have edited it."""
    content = _content(failed_events.find(conn, failed_event_id))
    given = {name: value and value.replace("\r\n", "\n") for name, value in pages.cleared(form).items()}
    return {n: v for n, v in given.items() if n in SaleEvent.model_fields and v != content.get(n)}


def _product_names(conn: Connection, call: Call, event: Row) -> dict[str, str]:
    """The names of the products in a conflict's differences, by id."""
    names: dict[str, str] = {}
    for difference in event["differences"]:
        if difference["field"] == "product_id":
            for product_id in filter(None, (difference["existing"], difference["proposed"])):
                try:
                    names[product_id] = products.find(conn, call.caller, UUID(product_id))["name"]
                except NotFound:
                    names[product_id] = product_id
    return names
