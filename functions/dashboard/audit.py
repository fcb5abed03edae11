"""The audit log as people see it: who asked what of us, and what became of it."""

from functions.dashboard import choices, days, pages, words
from functions.dashboard.pages import Choices
from winroom import api_keys, audit, room, users
from winroom.answers import Page
from winroom.audit import Filter
from winroom.db import Connection
from winroom.validation import check
from winroom.web import Call


def index(call: Call) -> Page:
    """Requests, the newest first. A page may be short, or empty, and there may still be older ones."""
    with call.session() as conn:
        seq = room.seq(conn)
        wanted = check(Filter, days.in_moments(conn, call.request.query))
        found, cursor = audit.page(conn, wanted)
        return pages.show(
            call,
            conn,
            "audit.html",
            seq=seq,
            days=days.as_days(conn, call.request.query),
            wanted=wanted,
            requests=found,
            people=choices.with_chosen(_people(conn), wanted.user_id),
            keys=choices.with_chosen(_keys(conn), wanted.api_key_id),
            statuses=choices.with_chosen(list(words.AUDIT_STATUSES.items()), wanted.status),
            next=pages.next_page(call, cursor),
        )


def _people(conn: Connection) -> Choices:
    return [(str(row["id"]), row["display_name"]) for row in users.page(conn, users.Filter())]


def _keys(conn: Connection) -> Choices:
    return [(str(row["id"]), row["name"]) for row in api_keys.page(conn, api_keys.Filter())]
