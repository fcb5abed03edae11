"""What waits for somebody to decide, counted as far as a number beside a menu's entry tells."""

from winroom import queries
from winroom.callers import Caller, Role
from winroom.db import Connection, Row, only

# More are told as "99+".
AT_MOST = 100

_SQL = queries.load("attention")


def counts(conn: Connection, caller: Caller) -> Row:
    """`approvals`, suspected `duplicates` and `failed_events`; nothing for whoever decides nothing."""
    if caller.role < Role.MANAGER:
        return {}
    return only(conn.execute(_SQL["counts"], {"at_most": AT_MOST}))
