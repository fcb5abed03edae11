"""Tickets: what opens a websocket, once, within a minute. Kept as hashes only.
Nothing that lives longer may travel in a websocket's URL, because URLs end up in logs."""

import hashlib
import secrets
from uuid import UUID

from winroom import queries
from winroom.callers import Caller
from winroom.db import Connection, Row
from winroom.room import Rendering

# Seconds.
VALID_FOR = 60

_SQL = queries.load("tickets")


def issue(
    conn: Connection,
    caller: Caller,
    rendering: Rendering,
    *,
    token_version: int | None = None,
    display_id: UUID | None = None,
) -> str:
    """Makes a ticket for a socket of this caller and returns it in plain, for the only time.

    The socket ends with what the caller came with: the key, the display, or the person's tokens of
    `token_version` (default: of now).
    """
    ticket = secrets.token_urlsafe(32)
    conn.execute(
        _SQL["issue"],
        {
            "ticket_hash": _hash(ticket),
            "tenant_id": caller.tenant_id,
            "user_id": caller.user_id,
            "api_key_id": caller.api_key_id,
            "display_id": display_id,
            "token_version": token_version,
            "rendering": rendering,
            "valid_for": VALID_FOR,
        },
    )
    return ticket


def redeem(conn: Connection, ticket: str) -> Row | None:
    """Takes the ticket: whose it was and its rendering, as `connections.store` wants it.

    None when it is unknown, used or too old. Needs no tenant entered.
    """
    return conn.execute(_SQL["redeem"], {"ticket_hash": _hash(ticket)}).fetchone()


def _hash(ticket: str) -> bytes:
    # What strangers send is hashed whatever it is, half a surrogate pair included.
    return hashlib.sha256(ticket.encode(errors="surrogatepass")).digest()
