"""API keys on pages: shown once, rotated with an overlap, revoked within a minute."""

from uuid import UUID

from functions.dashboard import pages, words
from winroom import api_keys
from winroom.answers import Page, next_cursor
from winroom.api_keys import Filter, NewApiKey, Rotation
from winroom.db import Connection, Row
from winroom.forms import Form
from winroom.validation import check
from winroom.web import Call


def index(call: Call, query: Filter) -> Page:
    """The company's keys, those that still work first, and a form for another one."""
    with call.session() as conn:
        found = api_keys.page(conn, query)
        return pages.show(
            call,
            conn,
            "api_keys.html",
            keys=found,
            next=pages.next_page(call, next_cursor(found, query.limit)),
        )


def create(call: Call, form: Form) -> Page:
    """Makes a key and shows it this once."""
    wanted = check(NewApiKey, pages.filled(form))
    with call.session() as conn:
        made = api_keys.create(conn, call.caller.tenant_id, wanted.name, wanted.scope, call.caller.name)
        return _once(call, conn, *made, title=words.KEY_MADE, warning=words.KEY_MADE_ONCE)


def rotate(call: Call, api_key_id: UUID, form: Form) -> Page:
    """Makes another key of the same kind and shows it this once; the old one ends when the overlap does."""
    given = {name: pages.number(value) for name, value in pages.filled(form).items()}
    with call.session() as conn:
        made = api_keys.rotate(conn, call.caller, api_key_id, check(Rotation, given))
        return _once(call, conn, *made, title=words.KEY_ROTATED, warning=words.KEY_ROTATED_ONCE)


def revoke(call: Call, api_key_id: UUID) -> Page:
    """Ends a key."""
    with call.session() as conn:
        api_keys.revoke(conn, api_key_id)
    return pages.see("/api-keys", "key_revoked")


def _once(call: Call, conn: Connection, key: str, row: Row, title: str, warning: str) -> Page:
    return pages.show(
        call,
        conn,
        "once.html",
        title=title.format(name=row["name"]),
        label=words.KEY_SECRET,
        secret=key,
        warning=warning,
        back=("/api-keys", words.BACK_TO_KEYS),
        opens="",
    )
