"""Tenants: companies, their plans and what they asked of us."""

import re
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from winroom import board, copy, db, plans, queries
from winroom.db import Connection, Row, only
from winroom.errors import Conflict, Invalid
from winroom.plans import Plan
from winroom.sales import Currency
from winroom.validation import Input, Published, Text100, Text200, WholeNumber

_SLUG = r"[a-z0-9][a-z0-9-]{0,62}"
# Operators name a company by its slug or its id: one must never be taken for the other.
_ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DEFAULTS: Mapping[str, Any] = {
    "home_currency": "USD",
    "time_zone": "UTC",
    "suspect_duplicates": True,
    "claim_approval": False,
    "share_margin": False,
}
_SQL = queries.load("tenants")


def _slug(text: str) -> str:
    slug = text.lower()
    if not re.fullmatch(_SLUG, slug):
        raise PydanticCustomError("slug", "")
    if re.fullmatch(_ID, slug):
        raise PydanticCustomError("slug_like_id", "")
    return slug


Slug = Annotated[
    str, AfterValidator(_slug), Published(pattern=f"^{_SLUG}$", **{"not": {"pattern": f"^{_ID}$"}})
]
_Switch = Annotated[bool, Field(strict=True)]


class TenantChanges(Input):
    """What of a company changes: only what is given; a setting that is null is the default again."""

    # Its default is never read.
    name: Text200 = Field(default_factory=str)
    home_currency: Currency | None = None
    time_zone: Text100 | None = None
    suspect_duplicates: _Switch | None = None
    claim_approval: _Switch | None = None
    share_margin: _Switch | None = None
    ingestion_per_minute: Annotated[WholeNumber, Field(ge=1)] | None = None


def create(
    conn: Connection,
    tenant_id: UUID,
    slug: str,
    name: str,
    plan: Plan = "free",
    settings: Mapping[str, Any] | None = None,
) -> Row:
    """Makes a company with its empty room. Raises Conflict where the slug is taken."""
    values = {
        "tenant_id": tenant_id,
        "slug": slug,
        "name": name,
        "plan": plan,
        "settings": Jsonb(settings or {}),
    }
    row = conn.execute(_SQL["create"], values).fetchone()
    if row is None:
        message = copy.SLUG_TAKEN.format(slug=slug)
        raise Conflict(message, details=[{"field": "slug", "message": message}])
    conn.execute(_SQL["open_room"], {"tenant_id": tenant_id})
    return _shown(row)


def named(conn: Connection, tenant_id: UUID, name: str, slug: str | None, settings: Mapping[str, Any]) -> Row:
    """Makes a company; a slug that is not given is made of its name, another one where that is taken."""
    if slug:
        return create(conn, tenant_id, slug, name, settings=settings)
    slug = slug_of(name) or "company"
    try:
        return create(conn, tenant_id, slug, name, settings=settings)
    except Conflict:
        return create(conn, tenant_id, f"{slug[:56]}-{secrets.token_hex(3)}", name, settings=settings)


def slug_of(name: str) -> str:
    """The name as a slug; nothing where no letter of it is Latin, or it looks like an id."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63]
    return "" if re.fullmatch(_ID, slug) else slug


def find(conn: Connection, tenant: str) -> Row | None:
    """A company by its slug or its id: the operator's view, across tenants."""
    return conn.execute(_SQL["find"], {"tenant": tenant}).fetchone()


def every(conn: Connection) -> list[Row]:
    """All companies by their slugs: the operator's view, across tenants."""
    return conn.execute(_SQL["every"]).fetchall()


def show(conn: Connection) -> Row:
    """The entered tenant, each setting as it takes effect."""
    return _shown(only(conn.execute(_SQL["show"])))


def change(conn: Connection, wanted: TenantChanges) -> Row:
    """Changes the entered tenant. Raises Invalid for an unknown time zone or a limit beyond what is granted.

    Waits for claims under way: after a change of the time zone all days of the board are cut anew.
    """
    before = only(conn.execute(_SQL["lock"]))
    changes = wanted.model_dump(exclude_unset=True)
    if changes.get("time_zone"):
        changes["time_zone"] = known_zone(conn, changes["time_zone"])
    _check_limit(before, changes.get("ingestion_per_minute"))
    name = changes.pop("name", before["name"])
    settings = {k: v for k, v in {**before["settings"], **changes}.items() if v is not None}
    after = only(conn.execute(_SQL["change"], {"name": name, "settings": Jsonb(settings)}))
    if _setting(before, "time_zone") != _setting(after, "time_zone"):
        # Some three seconds for a hundred thousand claims; API Gateway waits for thirty.
        with db.patiently(conn, 25):
            recount(conn)
    else:
        conn.execute(_SQL["forget_cache"])
    return _shown(after)


def recount(conn: Connection) -> None:
    """Counts the boards of the entered tenant anew. Waits for claims under way; later ones wait."""
    conn.execute(_SQL["lock"])
    board.recount(conn)
    conn.execute(_SQL["forget_cache"])


def known_zone(conn: Connection, name: str) -> str:
    """A time zone as PostgreSQL writes it, whatever its case. Raises Invalid, naming the field `time_zone`.

    Asked of the list of names: as a zone PostgreSQL would take `UTC+25`, and "EUROPE" for an abbreviation.
    """
    found = conn.execute(_SQL["find_zone"], {"name": name}).fetchone()
    if found is None:
        message = copy.UNKNOWN_TIME_ZONE.format(field="time_zone")
        raise Invalid(details=[{"field": "time_zone", "message": message}])
    return str(found["name"])


def in_utc(conn: Connection, moments: Sequence[datetime], time_zone: str | None = None) -> list[datetime]:
    """Times without an offset, as told in a time zone or else in the company's own, in order.

    Raises Invalid for an unknown time zone.
    """
    values = {"moments": moments, "time_zone": time_zone and known_zone(conn, time_zone)}
    return [row["moment"] for row in conn.execute(_SQL["local_times"], values)]


def _check_limit(tenant: Row, wanted: int | None) -> None:
    most = plans.most_ingestion(tenant["plan"], tenant["settings"])
    if wanted is not None and wanted > most:
        message = copy.BEYOND_PLAN.format(field="ingestion_per_minute", most=most)
        raise Invalid(details=[{"field": "ingestion_per_minute", "message": message}])


def _setting(tenant: Row, name: str) -> Any:
    return tenant["settings"].get(name, _DEFAULTS[name])


def _shown(tenant: Row) -> Row:
    most = plans.most_ingestion(tenant["plan"], tenant["settings"])
    limit = plans.ingestion_limit(tenant["plan"], tenant["settings"])
    return {
        "id": tenant["tenant_id"],
        "slug": tenant["slug"],
        "name": tenant["name"],
        "plan": tenant["plan"],
        "limits": {"ingestion_per_minute": most, "people_per_minute": plans.PEOPLE_LIMIT},
        "settings": {n: _setting(tenant, n) for n in _DEFAULTS} | {"ingestion_per_minute": limit},
        "created_at": tenant["created_at"],
    }
