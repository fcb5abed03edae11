"""Displays over HTTP: links for screens on the wall, shown once."""

from datetime import datetime
from uuid import UUID

from typing_extensions import TypedDict

from winroom import displays
from winroom.answers import Reply, next_cursor
from winroom.displays import Filter, NewDisplay, State
from winroom.web import Call


class Display(TypedDict):
    id: UUID
    name: str
    created_by: str
    created_by_name: str
    created_at: datetime
    revoked_at: datetime | None
    state: State


class DisplayWithLink(Display):
    # Never shown again: a Bearer token, and the path of the page that a screen opens.
    token: str
    path: str


class Displays(TypedDict):
    displays: list[Display]
    nextCursor: UUID | None


def index(call: Call, query: Filter) -> Reply[Displays]:
    """The company's displays, those that still work first."""
    with call.session() as conn:
        found = displays.page(conn, query)
    return Reply({"displays": found, "nextCursor": next_cursor(found, query.limit)})


def create(call: Call, body: NewDisplay) -> Reply[DisplayWithLink]:
    """Makes a display and shows its link this once: `path` for a screen's browser, `token` as a Bearer
    token for a screen of your own. It watches, without cost, margin or notes, and changes nothing. A
    company has at most 100 that work."""
    with call.session() as conn:
        link, row = displays.create(conn, call.caller, body)
    return Reply({**row, "token": link, "path": f"/wall/{link}"})


def revoke(call: Call, display_id: UUID) -> Reply[Display]:
    """Ends a display: within a minute its link opens nothing, and its screens go dark. One that has ended
    stays as it is."""
    with call.session() as conn:
        return Reply(displays.revoke(conn, display_id))
