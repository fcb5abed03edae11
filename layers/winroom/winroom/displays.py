"""Displays: revocable links that let a screen on the wall watch the room, and nothing more."""

import hashlib

from winroom import queries
from winroom.callers import Caller, Role
from winroom.db import Connection

PREFIX = "wr_wall_"

_SQL = queries.load("displays")


def resolve(conn: Connection, link: str) -> Caller | None:
    """Whom the link's secret speaks for, or None when it is unknown or revoked. Needs no tenant entered."""
    row = conn.execute(_SQL["resolve"], {"link_hash": _hash(link)}).fetchone()
    return Caller.of(Role.DISPLAY, row, display_id=row["display_id"]) if row else None


def _hash(link: str) -> bytes:
    return hashlib.sha256(link.encode(errors="surrogatepass")).digest()
