"""Tickets: what opens a websocket, once, within a minute. Kept as hashes only.
Nothing that lives longer may travel in a websocket's URL, because URLs end up in logs."""

import hashlib
import secrets

from winroom import queries, room
from winroom.callers import Caller
from winroom.db import Connection, Row

# Seconds.
VALID_FOR = 60

_SQL = queries.load("tickets")


def issue(conn: Connection, caller: Caller) -> str:
    """Makes a ticket for a socket of this caller and returns it in plain, for the only time.

    The socket ends with what the caller came with: the key, the display, or the person's generation of
    tokens.
    """
    ticket = secrets.token_urlsafe(32)
    conn.execute(
        _SQL["issue"],
        {
            "ticket_hash": _hash(ticket),
            "tenant_id": caller.tenant_id,
            "user_id": caller.user_id,
            "api_key_id": caller.api_key_id,
            "display_id": caller.display_id,
            "token_version": caller.token_version,
            "rendering": room.rendering_for(caller),
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
