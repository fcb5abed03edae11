"""API keys: shown once, stored as a hash, revoked everywhere within a minute."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from winroom import copy, queries
from winroom.callers import REMEMBERED_FOR, Caller, Role
from winroom.db import Connection, Row
from winroom.errors import Conflict, NotFound
from winroom.validation import BlankIsAbsent, Input, Text100, WholeNumber

PREFIX = "wr_live_"
# So much of a key is kept in plain, to tell it from others.
_SHOWN = len(PREFIX) + 8
# A company's keys that open anything, those included that are on their way out.
AT_MOST = 100
Scope = Literal["ingest", "full"]
State = Literal["live", "ending", "revoked"]

_SQL = queries.load("api_keys")
_ROLES = {"ingest": Role.INGEST, "full": Role.MANAGER}


class NewApiKey(Input):
    """A key as it is created; its name tells people what it is for."""

    name: Text100
    scope: Scope


class Rotation(Input):
    """For how long the old key goes on beside the new one: up to a week."""

    overlap_minutes: Annotated[WholeNumber, Field(ge=0, le=7 * 24 * 60)] = 60


class Filter(Input):
    """Which keys to list; `cursor` is the last key of the page before."""

    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 100


def create(conn: Connection, tenant_id: UUID, name: str, scope: Scope, created_by: str) -> tuple[str, Row]:
    """Makes a key and returns it in plain, the only time it is ever seen, with its row.

    Raises Conflict where the company has AT_MOST live ones.
    """
    key = PREFIX + secrets.token_urlsafe(24)
    conn.execute(_SQL["hold_company"], {"tenant_id": tenant_id})
    made = conn.execute(
        _SQL["create"],
        {
            "tenant_id": tenant_id,
            "name": name,
            "scope": scope,
            "key_hash": _hash(key),
            "key_prefix": key[:_SHOWN],
            "created_by": created_by,
            "at_most": AT_MOST,
        },
    ).fetchone()
    if made is None:
        raise Conflict(copy.TOO_MANY_KEYS.format(at_most=AT_MOST))
    return key, find(conn, made["id"])


def find(conn: Connection, api_key_id: UUID) -> Row:
    """A key's row, with the name of who made it. Raises NotFound."""
    row = conn.execute(_SQL["find"], {"api_key_id": api_key_id}).fetchone()
    if row is None:
        raise NotFound
    return row


def page(conn: Connection, wanted: Filter) -> list[Row]:
    """Keys, the live ones first, `wanted.limit` at most."""
    return conn.execute(_SQL["page"], wanted.model_dump()).fetchall()


def whose(conn: Connection, key: str) -> list[Row]:
    """The keys with this id, or that begin as `key` does, with `tenant_id` and `slug` of their companies:
    the operator's view, across tenants. A key that has leaked is found by itself."""
    values = {"key": key, "prefix": key[:_SHOWN] if len(key) >= _SHOWN else None}
    return conn.execute(_SQL["whose"], values).fetchall()


def revoke(conn: Connection, api_key_id: UUID) -> Row:
    """Ends a key at once, also one that was to end later; one that has ended stays as it is.

    Raises NotFound.
    """
    conn.execute(_SQL["revoke"], {"api_key_id": api_key_id})
    return find(conn, api_key_id)


def rotate(conn: Connection, caller: Caller, api_key_id: UUID, rotation: Rotation) -> tuple[str, Row]:
    """Makes a key of the same name and scope; the old one ends when the overlap does.

    Raises NotFound, or Conflict for a key that has its end already.
    """
    retired = conn.execute(
        _SQL["retire"], {"api_key_id": api_key_id, "overlap_minutes": rotation.overlap_minutes}
    ).fetchone()
    if retired is None:
        raise Conflict(copy.KEY_NOT_LIVE.format(state=find(conn, api_key_id)["state"]))
    return create(conn, caller.tenant_id, retired["name"], retired["scope"], caller.name)


def was_shut_out(conn: Connection, api_key_id: str, moment: datetime) -> bool:
    """Whether a key that was remembered for longer than a minute should have opened nothing at that moment:
    it was revoked, or it or its company was paused and still is."""
    values = {"api_key_id": api_key_id, "moment": moment - timedelta(seconds=REMEMBERED_FOR)}
    return conn.execute(_SQL["was_shut_out"], values).fetchone() is not None


def resolve(conn: Connection, key: str) -> Caller | None:
    """Whom the key speaks for, or None when it is unknown or revoked. Needs no tenant entered."""
    row = conn.execute(_SQL["resolve"], {"key_hash": _hash(key)}).fetchone()
    return Caller.of(_ROLES[row["scope"]], row, api_key_id=row["api_key_id"]) if row else None


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
