"""Tenants: companies, their plans and what they asked of us."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from psycopg.errors import UniqueViolation

from winroom import copy, queries
from winroom.db import Connection, Row, only
from winroom.errors import Conflict

Plan = Literal["free", "pro", "enterprise"]

# Accepted requests a minute at the ingestion routes; `settings.ingestion_per_minute` overrides.
INGESTION_LIMITS: Mapping[str, int] = {"free": 100, "pro": 1_000, "enterprise": 10_000}

_SQL = queries.load("tenants")


def create(conn: Connection, tenant_id: UUID, slug: str, name: str, plan: Plan = "free") -> Row:
    """Makes a company with its empty room. Raises Conflict where the slug is taken."""
    values = {"tenant_id": tenant_id, "slug": slug, "name": name, "plan": plan}
    try:
        row = only(conn.execute(_SQL["create"], values))
    except UniqueViolation as error:
        raise Conflict(copy.SLUG_TAKEN.format(slug=slug)) from error
    conn.execute(_SQL["open_room"], {"tenant_id": tenant_id})
    return row


def find(conn: Connection, slug: str) -> Row | None:
    """A company by its slug: the operator's view, across tenants."""
    return conn.execute(_SQL["find"], {"slug": slug}).fetchone()


def settings(conn: Connection) -> Mapping[str, Any]:
    """What the entered tenant asked of us."""
    return only(conn.execute(_SQL["settings"]))["settings"]  # type: ignore[no-any-return]


def ingestion_limit(plan: str, settings: Mapping[str, Any]) -> int:
    """How many requests a minute the tenant may send to the ingestion routes."""
    return int(settings.get("ingestion_per_minute") or INGESTION_LIMITS[plan])
