"""The board's days: wins, revenue and margin per seller, currency and day in the tenant's time zone.
Kept in the transaction of the claim that changes them; equal to a recount of the approved claims, always."""

from uuid import UUID

from winroom import queries
from winroom.db import Connection, Row

_SQL = queries.load("board")


def add(conn: Connection, claim_id: UUID) -> None:
    """Counts a claim that has become approved, as it is now. Sends only."""
    conn.execute(_SQL["count"], {"claim_id": claim_id, "sign": 1})


def remove(conn: Connection, claim_id: UUID) -> None:
    """Takes an approved claim off again, before any of its values change. Sends only."""
    conn.execute(_SQL["count"], {"claim_id": claim_id, "sign": -1})


def recount(conn: Connection) -> None:
    """Cuts all days anew: after a change of the time zone, which must be written before. Sends only."""
    conn.execute(_SQL["clear"])
    # Not left to the days alone: a month that disagrees with them would go on disagreeing.
    conn.execute(_SQL["zero"])
    conn.execute(_SQL["recount"])


def differences(conn: Connection) -> list[Row]:
    """Where the days and a recount disagree: `day`, `seller_id`, `currency` and both counts of each."""
    return conn.execute(_SQL["differences"]).fetchall()


def months_adrift(conn: Connection) -> list[Row]:
    """Where the months and their days disagree: `month`, otherwise as `differences`."""
    return conn.execute(_SQL["months_adrift"]).fetchall()
