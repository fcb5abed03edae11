"""API keys: shown once, stored as a hash, revoked everywhere within a minute."""

import hashlib
import secrets
from typing import Literal
from uuid import UUID

from winroom import queries
from winroom.callers import Caller, Role
from winroom.db import Connection, Row, only

PREFIX = "wr_live_"
Scope = Literal["ingest", "full"]

_SQL = queries.load("api_keys")
_ROLES = {"ingest": Role.INGEST, "full": Role.MANAGER}


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


def resolve(conn: Connection, key: str) -> Caller | None:
    """Whom the key speaks for, or None when it is unknown or revoked. Needs no tenant entered."""
    row = conn.execute(_SQL["resolve"], {"key_hash": _hash(key)}).fetchone()
    return Caller.of(_ROLES[row["scope"]], row, api_key_id=row["api_key_id"]) if row else None


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
