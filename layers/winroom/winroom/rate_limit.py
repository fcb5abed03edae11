"""Limits per minute, counted across all functions at once, in the transaction of the request they count."""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from uuid import UUID

from winroom import queries
from winroom.db import Connection, Cursor, Row
from winroom.errors import RateLimited

HEADERS = (
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit-Policy",
    "RateLimit",
)

_SQL = queries.load("rate_limit")
# Requests by tenant, bucket and minute.
_alone: Counter[tuple[UUID, str, int]] = Counter()


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is counted together: `ingestion` for a tenant's events, one per caller for everything else."""

    name: str
    limit: int

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]


def count(conn: Connection, bucket: Bucket) -> Cursor:
    """Counts a request; send it before the work it admits. Over the limit the transaction ends in
    RateLimited, so that nothing sent after it takes effect."""
    return conn.execute(_SQL["count"], {"bucket": bucket.name, "limit": bucket.limit})


def count_alone(tenant_id: UUID, bucket: Bucket) -> Row:
    """Counts a request that the database could not count, in this process alone, as `count` does."""
    minute = int(time.time() // 60)
    if any(counted < minute for _, _, counted in _alone):
        _alone.clear()
    _alone[tenant_id, bucket.name, minute] += 1
    hits, resets_at = _alone[tenant_id, bucket.name, minute], datetime.fromtimestamp((minute + 1) * 60, UTC)
    if hits > bucket.limit:
        raise RateLimited(resets_at=resets_at)
    return {"hits": hits, "resets_at": resets_at}


def headers(bucket: Bucket, row: Row) -> dict[str, str]:
    """What the caller may still do, as headers: of `hits` and `resets_at`, which counting yields."""
    return _headers(bucket, max(0, bucket.limit - row["hits"]), row["resets_at"])


def exhausted_headers(bucket: Bucket, resets_at: datetime) -> dict[str, str]:
    """The same for a request that was over the limit."""
    return _headers(bucket, 0, resets_at)


def _headers(bucket: Bucket, remaining: int, resets_at: datetime) -> dict[str, str]:
    seconds = max(1, ceil((resets_at - datetime.now(UTC)).total_seconds()))
    values = (
        str(bucket.limit),
        str(remaining),
        str(int(resets_at.timestamp())),
        f'"{bucket.kind}";q={bucket.limit};w=60',
        f'"{bucket.kind}";r={remaining};t={seconds}',
    )
    return dict(zip(HEADERS, values, strict=True))
