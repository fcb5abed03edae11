"""Door: a room was woken. Posts what its sockets were not told yet; one at a time per tenant."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from winroom import connections, db, health, messages, room, sockets, switches, telemetry
from winroom.db import Connection, Cursor, Row, Work
from winroom.errors import Busy, DatabaseUnavailable

# Seconds after which a room that goes on is woken again instead, to let the next one have its turn.
_PATIENCE = 1.0
# Seconds kept for marking what was posted before the function's time is up.
_RESERVE = 4.0

Failures = dict[str, list[dict[str, str]]]
# What waits, whether presence is to be told, who listens.
Turn = tuple[Cursor, Cursor, Cursor]


@telemetry.door
def handler(event: Mapping[str, Any], context: Any) -> Failures:
    """Each room of the batch once. A room that failed gets all its messages back, in order and soon."""
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _RESERVE
    by_room: dict[UUID, list[Mapping[str, Any]]] = {}
    changes: list[messages.RoomChanged] = []
    for record in event["Records"]:
        if record["body"] == messages.HEARTBEAT:
            _beat()
            continue
        try:
            change = messages.RoomChanged.read(record["body"])
        except messages.Unreadable as error:
            telemetry.logger().error("a wake-up was dropped", reason=str(error))
        else:
            changes.append(change)
            by_room.setdefault(change.tenant_id, []).append(record)
    _name(changes)
    if by_room and _is_paused():
        # Told when it goes on: the sweeper wakes rooms that lag, every minute.
        telemetry.logger().warning("fan-out is paused", rooms=len(by_room))
        by_room.clear()
    failed: list[Mapping[str, Any]] = []
    # A turn each: a room in which much happens keeps no other of its batch waiting.
    rooms = deque((tenant_id, _catch_up(tenant_id, deadline)) for tenant_id in by_room)
    while rooms:
        tenant_id, turns = rooms.popleft()
        try:
            if next(turns, False):
                rooms.append((tenant_id, turns))
        except Exception:
            telemetry.measure(SocketErrors=1)
            telemetry.logger().exception("a room was not told", tenant_id=str(tenant_id))
            failed += by_room[tenant_id]
    messages.hasten_wake_ups([record["receiptHandle"] for record in failed])
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def _name(changes: Sequence[messages.RoomChanged]) -> None:
    """Puts what the wake-ups are about on every line of this invocation: a sale is followed by it."""
    telemetry.logger().append_keys(
        event_ids=[i for change in changes for i in change.event_ids],
        request_ids=[i for change in changes for i in change.request_ids],
    )


def _beat() -> None:
    try:
        with db.open_session() as conn:
            health.beat(conn, "socket")
            switches.read(conn)  # so that hardly any room waits for it
        telemetry.measure(SocketBeats=1)
    except Exception:
        # Not worth another try: the next one comes within a minute, and silence tells the truth.
        telemetry.logger().warning("a heartbeat was not noted", exc_info=True)


def _is_paused() -> bool:
    """Whether nobody is to be told anything now; without the database, what was known last holds."""
    with suppress(DatabaseUnavailable, Busy), db.open_session() as conn:
        switches.refresh(conn)
    return switches.is_on("pause_fan_out")


def _catch_up(tenant_id: UUID, deadline: float) -> Iterator[bool]:
    """Tells the room until nothing waits, True after each turn that another follows; when time is up, wakes
    it again for the rest."""
    ends = min(time.monotonic() + _PATIENCE, deadline)
    turn = _first
    while True:
        waiting, presence, listeners = (c.fetchall() for c in db.tenant_batch(tenant_id, turn))
        news = room.Messages.of(waiting)
        if not news and not presence:
            return
        frames = _frames(news, len(listeners) if presence else None, listeners)
        posted = sockets.post(frames, deadline - time.monotonic())
        _log(tenant_id, news, len(listeners), posted)
        settle = partial(_settle, through=news.through, gone=posted.gone)
        if time.monotonic() > ends:
            return _leave(tenant_id, settle, news.through)
        turn = partial(_next, settle)
        yield True


def _leave(tenant_id: UUID, settle: Work[None], through: int) -> None:
    with db.tenant_session(tenant_id) as conn:
        settle(conn)
        seq = room.seq(conn)
    if seq > through:
        messages.wake_rooms([messages.RoomChanged(tenant_id, seq, f"rest-{through}")])


def _first(conn: Connection) -> Turn:
    # The sockets come last: one that became ready since the messages were read is then either among
    # them or has the messages in the answer to its resume. Whoever counts them counts the newest.
    return room.waiting(conn), room.take_presence(conn), connections.ready(conn)


def _next(settle: Work[None], conn: Connection) -> Turn:
    settle(conn)
    return _first(conn)


def _settle(conn: Connection, through: int, gone: set[str]) -> None:
    """What was posted is marked, who is gone is forgotten. Sends only."""
    room.mark_posted(conn, through)
    if gone:
        connections.forget_gone(conn, gone)
        room.note_presence(conn)


def _frames(news: room.Messages, viewers: int | None, listeners: Sequence[Row]) -> dict[str, list[str]]:
    """What each connection is posted; rendered once for all that are shown the same."""
    last = [] if viewers is None else [room.presence(viewers)]
    rendered = {r: news.frames(r) + last for r in ("full", "plain")}
    return {listener["connection_id"]: rendered[listener["rendering"]] for listener in listeners}


def _log(tenant_id: UUID, news: room.Messages, listeners: int, posted: sockets.Posted) -> None:
    oldest = news.rows[0]["created_at"] if news.rows else datetime.now(UTC)
    latency_ms = round((datetime.now(UTC) - oldest).total_seconds() * 1000, 1)
    if news.rows:
        telemetry.measure(BroadcastLatency=latency_ms)
    telemetry.logger().info(
        "a room was told",
        tenant_id=str(tenant_id),
        seq=news.through,
        messages=len(news.rows),
        sale_ids=[row["payload"].get("saleId") for row in news.rows[: messages.NAMED]],
        is_reset=news.is_reset,
        sockets=listeners,
        gone=len(posted.gone),
        untold=len(posted.untold),
        latency_ms=latency_ms,
    )
