"""Retention: what is over and done with is archived, what nobody needs any more is deleted, across tenants.
Only winroom_jobs may call it.

Archived are sales that were claimed and approved (after 30 days) and processed events (after 90): they are
found as before, and return when a claim is taken back or a sale corrected. Deleted are the room's messages
and the audit log (after 90 days), counters, cached values and heartbeats (after hours). Everything else
stays, above all what makes a sale the same sale (`wr.sale_keys`), claims, boards, and what failed with what
was decided on it.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

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

# Where a batch begins: before everything, or where the one before it ended.
Place = Mapping[str, Any]
START: Place = {"updated_at": None, "tenant_id": None, "queue_id": None}

_SQL = queries.load("retention")


class Batch(NamedTuple):
    """How many rows it was, and where the next one begins; None where nothing more is due."""

    number: int
    next: Place | None


def work(conn: Connection, kind: Kind, after: Place = START) -> Batch:
    """Archives or deletes what is due of a kind, the oldest first, AT_ONCE rows at most.

    A transaction of its own for each call, please: what it has locked stays so until the commit.
    """
    row = only(conn.execute(_SQL[kind], {"limit": AT_ONCE, **after}))
    # Of most kinds all that it saw went, and the next batch begins with what is left.
    row = {"saw": row["number"], **START, **row}
    is_last = row["saw"] < AT_ONCE
    return Batch(row["number"], None if is_last else {name: row[name] for name in START})
