"""API keys: shown once, stored as a hash, revoked everywhere within a minute."""

import hashlib
import secrets
import time
from typing import Any, Literal
from uuid import UUID

from winroom import queries, tenants
from winroom.callers import Caller, Role
from winroom.db import Connection, Row, only

PREFIX = "wr_live_"
Scope = Literal["ingest", "full"]

_SQL = queries.load("api_keys")
_ROLES = {"ingest": Role.INGEST, "full": Role.MANAGER}
# So long may a revoked key still be taken, in this process, for a live one.
CACHED_FOR = 60.0
_CACHE_LIMIT = 10_000
_cache: dict[bytes, tuple[float, Caller]] = {}


def create(conn: Connection, tenant_id: UUID, name: str, scope: Scope, created_by: str) -> tuple[str, Row]:
    """Makes a key and returns it in plain, the only time it is ever seen, with its row."""
    key = PREFIX + secrets.token_urlsafe(24)
    row = only(
        conn.execute(
            _SQL["create"],
            {
                "tenant_id": tenant_id,
                "name": name,
                "scope": scope,
                "key_hash": _hash(key),
                "key_prefix": key[: len(PREFIX) + 8],
                "created_by": created_by,
            },
        )
    )
    return key, row


def remembered(key: str) -> Caller | None:
    """Whom this process took the key for within the last minute."""
    known = _cache.get(_hash(key))
    if known is None or time.time() - known[0] > CACHED_FOR:
        return None
    return known[1]


def resolve(conn: Connection, key: str) -> Caller | None:
    """Whom the key speaks for, or None when it is unknown or revoked. Needs no tenant entered."""
    if not key.startswith(PREFIX):
        return None
    row = conn.execute(_SQL["resolve"], {"key_hash": _hash(key)}).fetchone()
    if row is None:
        _cache.pop(_hash(key), None)
        return None
    if len(_cache) >= _CACHE_LIMIT:
        _cache.clear()
    caller = _caller(row)
    _cache[_hash(key)] = (time.time(), caller)
    return caller


def forget_all() -> None:
    """Empties this process's memory of keys."""
    _cache.clear()


def _caller(row: dict[str, Any]) -> Caller:
    return Caller(
        tenant_id=row["tenant_id"],
        role=_ROLES[row["scope"]],
        ingestion_limit=tenants.ingestion_limit(row["plan"], row["settings"]),
        api_key_id=row["api_key_id"],
    )


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
