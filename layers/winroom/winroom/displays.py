"""Displays: revocable links that let a screen on the wall watch the room, and nothing more."""

import hashlib
import secrets
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from winroom import copy, queries
from winroom.callers import Caller, Role
from winroom.db import Connection, Row
from winroom.errors import Conflict, NotFound
from winroom.validation import BlankIsAbsent, Input, Text100

PREFIX = "wr_wall_"
# A company's links that open the room.
AT_MOST = 100
State = Literal["live", "revoked"]

_SQL = queries.load("displays")


class NewDisplay(Input):
    """A display as it is created; its name tells people where it hangs."""

    name: Text100


class Filter(Input):
    """Which displays to list; `cursor` is the last display of the page before."""

    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 100


def create(conn: Connection, caller: Caller, display: NewDisplay) -> tuple[str, Row]:
    """Makes a display and returns its link's secret, the only time it is ever seen, with its row.

    Raises Conflict where the company has AT_MOST live ones.
    """
    link = PREFIX + secrets.token_urlsafe(24)
    conn.execute(_SQL["hold_company"])
    made = conn.execute(
        _SQL["create"],
        {
            "name": display.name,
            "link_hash": _hash(link),
            "created_by": caller.name,
            "at_most": AT_MOST,
        },
    ).fetchone()
    if made is None:
        raise Conflict(copy.TOO_MANY_DISPLAYS.format(at_most=AT_MOST))
    return link, find(conn, made["id"])


def find(conn: Connection, display_id: UUID) -> Row:
    """A display's row, with the name of who made it. Raises NotFound."""
    row = conn.execute(_SQL["find"], {"display_id": display_id}).fetchone()
    if row is None:
        raise NotFound
    return row


def page(conn: Connection, wanted: Filter) -> list[Row]:
    """Displays, the live ones first, `wanted.limit` at most."""
    return conn.execute(_SQL["page"], wanted.model_dump()).fetchall()


def revoke(conn: Connection, display_id: UUID) -> Row:
    """Ends a display at once; one that has ended stays as it is. Raises NotFound."""
    conn.execute(_SQL["revoke"], {"display_id": display_id})
    return find(conn, display_id)


def resolve(conn: Connection, link: str) -> Caller | None:
    """Whom the link's secret speaks for, or None when it is unknown or revoked. Needs no tenant entered."""
    row = conn.execute(_SQL["resolve"], {"link_hash": _hash(link)}).fetchone()
    return Caller.of(Role.DISPLAY, row, display_id=row["display_id"]) if row else None


def _hash(link: str) -> bytes:
    return hashlib.sha256(link.encode(errors="surrogatepass")).digest()
