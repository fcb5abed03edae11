"""The way into the room: tickets for the websocket."""

from typing_extensions import TypedDict

from winroom import tickets
from winroom.answers import Reply
from winroom.settings import settings
from winroom.web import Call


class Ticket(TypedDict):
    url: str
    ticket: str
    expiresIn: int


def ticket(call: Call) -> Reply[Ticket]:
    """Opens one websocket, once, within a minute: connect to `url?ticket=...`."""
    with call.session() as conn:
        plain = tickets.issue(conn, call.caller)
    return Reply({"url": settings().socket_url, "ticket": plain, "expiresIn": tickets.VALID_FOR})
