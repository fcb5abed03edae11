"""Wallboards on pages: which screens watch the room, and by which links."""

from uuid import UUID

from functions.dashboard import pages, words
from winroom import displays
from winroom.answers import Page, next_cursor
from winroom.displays import Filter, NewDisplay
from winroom.forms import Form
from winroom.validation import check
from winroom.web import Call


def index(call: Call, query: Filter) -> Page:
    """The company's wallboards, those that still work first, and a form for another one."""
    with call.session() as conn:
        found = displays.page(conn, query)
        return pages.show(
            call,
            conn,
            "displays.html",
            displays=found,
            next=pages.next_page(call, next_cursor(found, query.limit)),
        )


def create(call: Call, form: Form) -> Page:
    """Makes a wallboard and shows its link this once."""
    with call.session() as conn:
        link, display = displays.create(conn, call.caller, check(NewDisplay, pages.filled(form)))
        return pages.show(
            call,
            conn,
            "once.html",
            title=words.DISPLAY_ADDED.format(name=display["name"]),
            label=words.DISPLAY_LINK,
            secret=f"{call.origin}/wall/{link}",
            warning=words.DISPLAY_ONCE,
            back=("/displays", words.BACK_TO_DISPLAYS),
            opens=f"/wall/{link}",
        )


def revoke(call: Call, display_id: UUID) -> Page:
    """Ends a wallboard's link."""
    with call.session() as conn:
        displays.revoke(conn, display_id)
    return pages.see("/displays", "display_revoked")
