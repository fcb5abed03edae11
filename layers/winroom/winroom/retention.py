"""Retention: what is over and done with is archived, what nobody needs any more is deleted, across tenants.
Only winroom_jobs may call it.

Archived are sales that were claimed and approved (after 30 days) and processed events (after 90): they are
found as before, and return when a claim is taken back or a sale corrected. Deleted are the room's messages
and the audit log (after 90 days), counters, cached values and heartbeats (after hours). Everything else
stays, above all what makes a sale the same sale (`wr.sale_keys`), claims, boards, and what failed with what
was decided on it.
"""

from typing import Literal, get_args

from winroom import queries
from winroom.db import Connection, only

Kind = Literal[
    "queue_items",
    "sales_events",
    "room_messages",
    "audit_rows",
    "rate_counters",
    "cached_values",
    "heartbeats",
]

KINDS: tuple[Kind, ...] = get_args(Kind)
# Rows of one batch, whose locks last for a tenth of a second.
AT_ONCE = 500

_SQL = queries.load("retention")


def work(conn: Connection, kind: Kind) -> int:
    """Archives or deletes what is due of a kind, the oldest first; how many rows it was, AT_ONCE at most.

    A transaction of its own for each call, please: what it has locked stays so until the commit.
    """
    return int(only(conn.execute(_SQL[kind], {"limit": AT_ONCE}))["number"])
