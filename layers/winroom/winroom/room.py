"""The room: a tenant's numbered log of what changes for people to see, and its websocket contract.
A number is taken by the writer's last statement before its commit, and never afterwards.

Server to client, one JSON object a frame; `data` as published, money as strings:

    {"v": 1, "type": "queue.claimed", "seq": 8, "at": "...", "data": {...}}   see `Type`
    {"v": 1, "type": "batch", "messages": [...]}        several of these in order, at most 32 KB
    {"v": 1, "type": "reset", "seq": 900, "at": "..."}  missed too much: read everything again
    {"v": 1, "type": "ready", "seq": 8, "at": "..."}    answers a resume that missed nothing
    {"v": 1, "type": "presence", "at": "...", "data": {"viewers": 3}}   not numbered, not stored
    {"v": 1, "type": "pong", "seq": 8, "paused": true}   what happens is told to nobody now, only to who asks
    {"v": 1, "type": "error", "at": "...", "data": {"error": "...", "code": "..."}}

`data` of queue.created, .excluded and .restored is the item as it is from then on: `id`, `saleId`,
`sellerId`, `sellerName`, `customerName`, `productName`, `category`, `occurredAt`, `source`, `sellPrice`,
`margin`, `currency`, `status`, `reason`, `suspectedDuplicateOf`, `awaitsReview`. queue.released and
claim.rejected tell the same of an item that is pending again, and `claimId` and `claimedBy` of the claim that
ended. queue.claimed and claim.approved tell of the claim: `id` (the item's), `claimId`, `saleId`, `sellerId`
and `sellerName` (who claims), `claimType`, `state`, `customerName`, `productName`, `source`, `sellPrice`,
`margin`, `currency`; boards count it when its `state` is approved. queue.corrected tells that a sale has
another content now, the item as in queue.created, and `claimId`, `claimedBy` and `state` of the claim that
holds it, null where none does: boards count again. `margin` and `reason` are for full renderings alone.

`paused` is there only while it is true: numbers are then as old as the last answer.

Client to server: {"action": "resume", "after": 8} first, and when `seq` jumps or a pong is ahead;
`after` absent or null is a fresh client, which reads over HTTP once ready. {"action": "ping"}.
A socket that says more in a minute than a person may ask is closed, and so is the oldest of too many that
belong to one person, key or display (plans.py).

Why there is no silent gap: a resume first commits that the socket is ready and then, in a later
transaction, reads what was missed; the fan-out first reads the messages and then, in a later
statement, the ready sockets. A message that the fan-out read before the socket was ready is in the
answer to the resume; any other finds the socket ready. It may come twice, or before the answer:
clients drop numbers they have seen. A post that fails shows as a jump, or in the next pong.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from winroom import queries, telemetry
from winroom.callers import Caller
from winroom.db import Connection, Cursor, Row
from winroom.errors import NotFound
from winroom.messages import RoomChanged

Rendering = Literal["full", "plain"]
Type = Literal[
    "queue.created",
    "queue.claimed",
    "queue.released",
    "queue.excluded",
    "queue.restored",
    "queue.corrected",
    "claim.approved",
    "claim.rejected",
]

# More than this many at once become a reset: 10,000 imported rows are not 10,000 posts a viewer.
AT_MOST = 500
# API Gateway bills a frame by the begun 32 KB and splits a larger one.
FRAME_BYTES = 32 * 1024
# A number that every client can hold exactly.
LARGEST_SEQ = 2**53 - 1

_SQL = queries.load("room")


def rendering_for(caller: Caller) -> Rendering:
    """What its sockets are posted: all, or all but the margins and what managers wrote."""
    return "full" if caller.sees_margin else "plain"


def publish(
    conn: Connection,
    message_type: Type,
    sale_id: str,
    actor: str,
    payload: Mapping[str, Any],
) -> int:
    """Writes a message to the log and returns its number; wake the room with it after the commit.

    The last statement of its caller: it locks the room until the commit. `payload` becomes the
    message's `data`: money as strings with two decimals, with `margin` (or null), never cost
    or notes.
    """
    values = {
        "type": message_type,
        "sale_id": sale_id,
        "actor": actor,
        "payload": Jsonb(dict(payload)),
    }
    row = conn.execute(_SQL["publish"], values).fetchone()
    if row is None:
        raise NotFound
    telemetry.logger().append_keys(sale_id=sale_id, event_id=row["event_id"] and str(row["event_id"]))
    return int(row["seq"])


def seq(conn: Connection) -> int:
    """The number of the room's newest message, 0 before the first."""
    return seq_of(ask_seq(conn))


def ask_seq(conn: Connection) -> Cursor:
    """The same, for `seq_of`. Sends only."""
    return conn.execute(_SQL["seq"])


def seq_of(asked: Cursor) -> int:
    row = asked.fetchone()
    return int(row["seq"]) if row else 0


def waiting(conn: Connection) -> Cursor:
    """What the fan-out has not posted yet, for `Messages.of`. Sends only."""
    return conn.execute(_SQL["after"], {"after": None, "limit": AT_MOST})


def missed(conn: Connection, after: int) -> Cursor:
    """What a client that has seen `after` has missed, for `Messages.of`. Sends only."""
    return conn.execute(_SQL["after"], {"after": after, "limit": AT_MOST})


def mark_posted(conn: Connection, through: int) -> None:
    """Notes that all up to `through` was posted; the mark never moves back. Sends only."""
    conn.execute(_SQL["mark_posted"], {"seq": through})


def touch_presence(conn: Connection) -> RoomChanged | None:
    """Notes that a viewer came or left; what to wake the room with, if it may be told at once.

    Within five seconds of the last telling it may not, and the sweeper sees to the rest.
    """
    row = conn.execute(_SQL["touch_presence"]).fetchone()
    if row is None or not row["is_due"]:
        return None
    return RoomChanged(row["tenant_id"], row["seq"], cause=f"presence-{row['slot']}")


def note_presence(conn: Connection) -> None:
    """The same, to be told later. Sends only."""
    conn.execute(_SQL["touch_presence"])


def take_presence(conn: Connection) -> Cursor:
    """Yields a row if viewers must be told now how many they are. Sends only.

    Count them in a later statement: whoever changes the number after that touches presence again.
    """
    return conn.execute(_SQL["take_presence"])


@dataclass(frozen=True, slots=True)
class Messages:
    """A stretch of the log up to the room's newest message, or the fact that it is too much."""

    # The number up to which a client is complete that applied the frames.
    through: int
    rows: Sequence[Row]
    is_reset: bool

    @classmethod
    def of(cls, found: Sequence[Row]) -> "Messages":
        """From what `waiting` or `missed` yields; a room that is not there has nothing to tell."""
        if not found:
            return cls(0, (), is_reset=False)
        rows = [row for row in found if row["seq"] is not None]
        # Numbers have no gaps, so counting tells whether all are here: not beyond AT_MOST, nor when
        # retention took some, nor when the client's number is not from this log at all.
        through = found[0]["room_seq"]
        return cls(through, rows, is_reset=through - found[0]["after"] != len(rows))

    def __bool__(self) -> bool:
        return self.is_reset or bool(self.rows)

    def frames(self, rendering: Rendering) -> list[str]:
        """What is posted to a socket of this rendering, in this order."""
        if self.is_reset:
            return [reset(self.through)]
        return _packed(_message(row, rendering) for row in self.rows)


def reset(seq: int) -> str:
    """Tells a client to read everything again."""
    return _frame(type="reset", seq=seq, at=_now())


def ready(seq: int) -> str:
    """Answers a resume that missed nothing."""
    return _frame(type="ready", seq=seq, at=_now())


def presence(viewers: int) -> str:
    """Tells how many are there."""
    return _frame(type="presence", at=_now(), data={"viewers": viewers})


def pong(seq: int, *, is_paused: bool) -> str:
    """Answers a ping; a client that has seen less than `seq` resumes. While the fan-out is paused, that is
    how news come, and the client is told so."""
    return _frame(type="pong", seq=seq, **({"paused": True} if is_paused else {}))


def error(code: str, sentence: str) -> str:
    """Answers a frame that is not understood."""
    return _frame(type="error", at=_now(), data={"error": sentence, "code": code})


def _message(row: Row, rendering: Rendering) -> str:
    data = row["payload"]
    if rendering == "plain":
        # Displays hang on walls, and sellers see margins only where their company says so.
        data = {name: value for name, value in data.items() if name not in ("margin", "reason")}
    return _frame(type=row["type"], seq=row["seq"], at=row["created_at"].isoformat(), data=data)


def _packed(messages: Iterable[str]) -> list[str]:
    """As few frames as hold the messages within FRAME_BYTES; a lone message needs no batch."""
    opening, closing = '{"v":1,"type":"batch","messages":[', "]}"
    batches: list[list[str]] = []
    size = FRAME_BYTES
    for message in messages:
        length = len(message.encode()) + 1
        if size + length > FRAME_BYTES:
            batches.append([])
            size = len(opening + closing) - 1  # no comma stands before the first
        batches[-1].append(message)
        size += length
    return [b[0] if len(b) == 1 else f"{opening}{','.join(b)}{closing}" for b in batches]


def _frame(**content: Any) -> str:
    return json.dumps({"v": 1, **content}, ensure_ascii=False, separators=(",", ":"))


def _now() -> str:
    return datetime.now(UTC).isoformat()
