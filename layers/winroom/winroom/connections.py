"""Connections: the open websockets, whose they are, and whether they may be posted to yet."""

from collections.abc import Collection
from uuid import UUID

from winroom import plans, queries
from winroom.db import Connection, Cursor, Row

_SQL = queries.load("connections")


def store(conn: Connection, connection_id: str, ticket: Row) -> None:
    """Remembers a socket that is being opened, as its redeemed ticket says; it is not ready yet.

    API Gateway answers 410 for a socket that is still being made: it would be forgotten, and deaf.
    """
    conn.execute(_SQL["store"], {**ticket, "connection_id": connection_id})


def resolve(conn: Connection, connection_id: str) -> Row | None:
    """`tenant_id`, `rendering` and `is_ready` of a socket; None when it was forgotten."""
    return conn.execute(_SQL["resolve"], {"connection_id": connection_id}).fetchone()


def make_ready(conn: Connection, connection_id: str) -> bool:
    """Lets the fan-out post to the socket; False when it already did."""
    cursor = conn.execute(_SQL["make_ready"], {"connection_id": connection_id})
    return cursor.fetchone() is not None


def forget_surplus(conn: Connection, connection_id: str) -> list[str]:
    """Forgets the oldest sockets of this one's person, key or display where plans.py grants fewer; returns
    them, to be closed."""
    limits = {"of_one": plans.SOCKETS_OF_ONE, "of_many": plans.SOCKETS_OF_MANY}
    surplus = conn.execute(_SQL["forget_surplus"], {"connection_id": connection_id, **limits})
    return [row["connection_id"] for row in surplus]


def ready(conn: Connection) -> Cursor:
    """The tenant's `connection_id` and `rendering` that may be posted to. Sends only."""
    return conn.execute(_SQL["ready"])


def forget(conn: Connection, connection_id: str) -> UUID | None:
    """Forgets a socket: the tenant whose room it left, None when it was not known."""
    row = conn.execute(_SQL["forget"], {"connection_id": connection_id}).fetchone()
    return row["tenant_id"] if row else None


def forget_gone(conn: Connection, connection_ids: Collection[str]) -> None:
    """Forgets sockets of the entered tenant that API Gateway says are gone. Sends only."""
    conn.execute(_SQL["forget_gone"], {"connection_ids": list(connection_ids)})
