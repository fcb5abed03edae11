"""Door: a websocket opens, closes, or says something. Answers are posted, like all that follows."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from winroom import (
    connections,
    copy,
    db,
    edge,
    messages,
    plans,
    rate_limit,
    room,
    sockets,
    switches,
    telemetry,
    tickets,
)
from winroom.db import Connection, Row
from winroom.errors import RateLimited
from winroom.rate_limit import Bucket
from winroom.settings import settings

Event = Mapping[str, Any]
Answer = dict[str, Any]

# No frame that we understand is longer; it bounds what a stranger's JSON can cost.
_LONGEST_FRAME = 4096


@telemetry.door
def handler(event: Event, context: object) -> Answer:
    """Never raises. The answer's body stays empty: not every gateway would pass it on."""
    try:
        return _ROUTES[event["requestContext"]["eventType"]](event)
    except Exception:
        telemetry.measure(SocketErrors=1)
        telemetry.logger().exception("failed")
        return {"statusCode": 500}


def _connect(event: Event) -> Answer:
    if not edge.admits(_header(event, edge.ORIGIN)):
        return {"statusCode": 403}
    ticket = (event.get("queryStringParameters") or {}).get("ticket", "")
    with db.open_session() as conn:
        redeemed = tickets.redeem(conn, ticket)
    if redeemed is None:
        # Who deploys us knocks without a ticket, to see that this release finds its database.
        return {"statusCode": 401, "headers": {edge.RELEASE: settings().release}}
    # The room comes from the ticket: a name that the client picks would open every room to all.
    with db.tenant_session(redeemed["tenant_id"]) as conn:
        connections.store(conn, event["requestContext"]["connectionId"], redeemed)
    return {"statusCode": 200}


def _header(event: Event, wanted: str) -> str | None:
    headers = event.get("headers") or {}
    return next((value for name, value in headers.items() if name.lower() == wanted), None)


def _disconnect(event: Event) -> Answer:
    _forget(event["requestContext"]["connectionId"])
    return {"statusCode": 200}


def _message(event: Event) -> Answer:
    connection_id = event["requestContext"]["connectionId"]
    with db.open_session() as conn:
        listener = connections.resolve(conn, connection_id)
    if listener is None or _is_flood(connection_id, listener["tenant_id"]):
        sockets.close([connection_id])
        return {"statusCode": 200}
    answer = _answer(connection_id, listener, event.get("body"))
    for gone in sockets.post({connection_id: answer}).gone:
        _forget(gone)
    return {"statusCode": 200}


def _is_flood(connection_id: str, tenant_id: UUID) -> bool:
    """Counts the frame. A page says something once a minute, and one word can ask for 500 messages."""
    said = Bucket(f"socket:{connection_id}", plans.PEOPLE_LIMIT)
    try:
        db.tenant_batch(tenant_id, lambda conn: rate_limit.count(conn, said))
    except RateLimited:
        telemetry.logger().warning("a socket says too much", connection_id=connection_id)
        return True
    return False


_ROUTES = {"CONNECT": _connect, "DISCONNECT": _disconnect, "MESSAGE": _message}


def _answer(connection_id: str, listener: Row, body: object) -> list[str]:
    frame = _read(body)
    match frame:
        case None:
            return [room.error("malformed", copy.FRAME_MALFORMED)]
        case {"action": "ping"}:
            return [_pong(listener["tenant_id"])]
        case {"action": "resume"}:
            after = frame.get("after")
            if after is None or (type(after) is int and 0 <= after <= room.LARGEST_SEQ):
                return _resume(connection_id, listener, after)
            return [room.error("invalid", copy.FRAME_AFTER)]
        case _:
            return [room.error("unknown_action", copy.FRAME_ACTION)]


def _read(body: object) -> dict[str, Any] | None:
    if not isinstance(body, str) or len(body) > _LONGEST_FRAME:
        return None
    try:
        frame = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None


def _pong(tenant_id: UUID) -> str:
    with db.tenant_session(tenant_id) as conn:
        return room.pong(room.seq(conn), is_paused=_is_paused(conn))


def _resume(connection_id: str, listener: Row, after: int | None) -> list[str]:
    with db.tenant_session(listener["tenant_id"]) as conn:
        is_new = connections.make_ready(conn, connection_id)
        change = room.touch_presence(conn) if is_new else None
        # The room is locked before its sockets, as by the fan-out, which forgets those that are gone.
        surplus = connections.forget_surplus(conn, connection_id) if is_new else []
    if change:
        messages.try_to_wake_rooms([change])
    if surplus:
        # Forgotten already: should closing fail, its next frame closes it.
        sockets.close(surplus)
    # A transaction of its own, after the one that made the socket ready: see room.py on gaps.
    with db.tenant_session(listener["tenant_id"]) as conn:
        if after is None:
            frames = [room.ready(room.seq(conn))]
        else:
            missed = room.Messages.of(room.missed(conn, after).fetchall())
            frames = missed.frames(listener["rendering"]) if missed else [room.ready(missed.through)]
        # Who comes while nobody is told anything learns it now, not with the first ping.
        return [*frames, room.pong(room.seq(conn), is_paused=True)] if _is_paused(conn) else frames


def _is_paused(conn: Connection) -> bool:
    """Whether nothing but answers reaches a socket, for now."""
    switches.refresh(conn)
    return switches.is_on("pause_fan_out")


def _forget(connection_id: str) -> None:
    with db.open_session() as conn:
        tenant_id = connections.forget(conn, connection_id)
    if tenant_id is not None:
        with db.tenant_session(tenant_id) as conn:
            change = room.touch_presence(conn)
        if change:
            messages.try_to_wake_rooms([change])
