"""The streak: who made the newest approved claims in a row. Counted from the claims themselves, so that what
is released or rejected mends or ends it by itself; kept until the room's number moves."""

from winroom import queries
from winroom.db import Connection, Row, only

# So many claims are looked at. A streak that is longer is told as at least so long.
AT_MOST = 1_000
# Seconds. So long may a name be an old one; numbers never are.
KEPT_FOR = 30

_SQL = queries.load("streaks")


def current(conn: Connection) -> Row:
    """The streak that is going on; of nobody, with a `count` of 0, before the first approved claim."""
    kept = conn.execute(_SQL["kept"]).fetchone()
    return kept or only(conn.execute(_SQL["count"], {"most": AT_MOST, "ttl_seconds": KEPT_FOR}))
