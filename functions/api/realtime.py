"""The way into the room: tickets for the websocket."""

from winroom import room, tenants, tickets
from winroom.settings import settings
from winroom.web import Call, Reply


def ticket(call: Call) -> Reply:
    """POST /api/realtime/ticket: opens one websocket, once, within a minute."""
    with call.session() as conn:
        rendering = room.rendering_for(call.caller, tenants.settings(conn))
        plain = tickets.issue(conn, call.caller, rendering)
    return Reply(200, {"url": settings().socket_url, "ticket": plain, "expiresIn": tickets.VALID_FOR})
