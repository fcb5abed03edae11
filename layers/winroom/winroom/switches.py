"""Switches: what operators turn off while something is wrong, for everybody, one company or one key. A caller
brings along what is paused for it; where there is none, everybody's are read. Either is what was true within
the last minute, and holds while the database is away, for a caller up to an hour."""

import time
from typing import Literal, get_args
from uuid import UUID

from winroom import copy, queries
from winroom.callers import Caller
from winroom.db import Connection, Row
from winroom.errors import Paused

ForAll = Literal["pause_ingestion", "pause_sign_up", "pause_fan_out"]
# These are thrown for a company or a key: `pause_tenant:<its id>`.
ForOne = Literal["pause_tenant", "pause_key"]

# Seconds.
REMEMBERED_FOR = 60.0

_SQL = queries.load("switches")
_read_at = 0.0
_on: frozenset[str] = frozenset()


def admit(caller: Caller) -> None:
    """Raises Paused where the caller's company is, or the key that it came with."""
    if "pause_tenant" in caller.pauses:
        raise Paused(copy.COMPANY_PAUSED)
    if "pause_key" in caller.pauses:
        raise Paused(copy.KEY_PAUSED)


def admit_sales(caller: Caller) -> None:
    """Raises Paused where no sales come in."""
    if stops_sales(caller):
        raise Paused(copy.INGESTION_PAUSED)


def stops_sales(caller: Caller) -> bool:
    """Whether no sales come in."""
    return "pause_ingestion" in caller.pauses


def read(conn: Connection) -> None:
    """Reads everybody's switches, to be remembered for a minute. Needs no tenant entered."""
    global _read_at, _on
    _read_at, _on = time.time(), frozenset(row["name"] for row in conn.execute(_SQL["on"]))


def refresh(conn: Connection) -> None:
    """Reads them again where that was more than a minute ago."""
    if time.time() - _read_at > REMEMBERED_FOR:
        read(conn)


def is_on(name: ForAll) -> bool:
    """Whether the switch was thrown when this process last read them."""
    return name in _on


def on_for_all() -> list[ForAll]:
    """Those that were thrown when this process last read them."""
    return [name for name in get_args(ForAll) if is_on(name)]


def forget_all() -> None:
    """Empties this process's memory."""
    global _read_at, _on
    _read_at, _on = 0.0, frozenset()


def turn(
    conn: Connection, name: ForAll | ForOne, one: UUID | None, *, on: bool, by: str, reason: str | None
) -> bool:
    """Throws a switch, or takes it back: False where it stands like that already, and nothing is changed.
    `one` is the company or the key that it is thrown for. For operators."""
    values = {"name": f"{name}:{one}" if one else name, "on": on, "changed_by": by, "reason": reason}
    return conn.execute(_SQL["turn"], values).fetchone() is not None


def page(conn: Connection) -> list[Row]:
    """Everybody's switches, and those that were ever thrown for a company or a key. For operators."""
    return conn.execute(_SQL["page"], {"names": list(get_args(ForAll))}).fetchall()
