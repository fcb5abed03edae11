"""The sweeper: finds, across tenants, what was left lying. Only winroom_jobs may call it."""

from winroom import queries
from winroom.db import Connection, Row
from winroom.messages import ImportReady, RoomChanged, SaleEventReceived

_SQL = queries.load("sweeper")


def take_due_events(conn: Connection, limit: int) -> list[SaleEventReceived]:
    """Events that wait for the processor past their time; set five minutes on, so send them now."""
    return [
        SaleEventReceived(row["event_id"], row["tenant_id"], row["created_at"])
        for row in conn.execute(_SQL["take_due_events"], {"limit": limit})
    ]


def take_stalled_imports(conn: Connection, limit: int) -> list[ImportReady]:
    """Unfinished imports that nobody touched for a minute; touched now, so send them. After an hour of
    standing still an import is failed."""
    return [
        ImportReady(row["import_id"], row["tenant_id"], row["next_row"])
        for row in conn.execute(_SQL["take_stalled_imports"], {"limit": limit})
    ]


def lagging_rooms(conn: Connection) -> list[RoomChanged]:
    """What to wake the rooms with that were not told in time.

    SQS would take the number alone for the wake-up it has seen, and swallow it for five minutes.
    """
    return [
        RoomChanged(row["tenant_id"], row["seq"], cause=f"sweep-{row['second']}")
        for row in conn.execute(_SQL["lagging_rooms"])
    ]


def forget_unwelcome(conn: Connection, limit: int) -> list[Row]:
    """Forgets sockets of disabled or logged-out people, revoked keys and displays, and all that is paused.

    Their `connection_id`, to be closed after the commit, and `tenant_id`, None where one was gone already.
    """
    return conn.execute(_SQL["forget_unwelcome"], {"limit": limit}).fetchall()


def forget_leftovers(conn: Connection) -> Row:
    """Deletes unused tickets and outlived sockets; tells how many `tickets` and `connections`."""
    return conn.execute(_SQL["forget_leftovers"]).fetchall()[0]
