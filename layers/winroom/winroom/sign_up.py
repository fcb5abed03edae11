"""Signing up: a company appears with its first admin and the key of its CRM, or not at all."""

from typing import Annotated, Any
from uuid import UUID

from winroom import api_keys, passwords, tenants, users
from winroom.db import Connection
from winroom.sales import Currency
from winroom.tenants import Slug
from winroom.validation import BlankIsAbsent, Email, Input, Text100, Text200


class NewCompany(Input):
    """A company and who looks after it. Without a `slug`, which everybody logs in with, one is made from
    the name."""

    name: Text200
    slug: Annotated[Slug | None, BlankIsAbsent] = None
    email: Email
    password: passwords.New
    display_name: Annotated[Text200 | None, BlankIsAbsent] = None
    time_zone: Annotated[Text100 | None, BlankIsAbsent] = None
    home_currency: Currency | None = None


def complete(conn: Connection, tenant_id: UUID, wanted: NewCompany) -> dict[str, Any]:
    """Makes `tenant`, `user` and `api_key`, in plain and seen only now; `tenant_id` is entered already.

    Raises Conflict where the slug is taken, Invalid for a time zone that nobody knows.
    """
    passwords.must_differ(wanted.password, wanted.email, "password")
    tenant = tenants.named(conn, tenant_id, wanted.name, wanted.slug, _settings(conn, wanted))
    display_name = wanted.display_name or wanted.email.partition("@")[0]
    user = users.create(conn, tenant_id, wanted.email, display_name, "admin", wanted.password)
    key, _ = api_keys.create(conn, tenant_id, "First key", "ingest", f"user:{user['id']}")
    return {"tenant": tenant, "user": user, "api_key": key}


def _settings(conn: Connection, wanted: NewCompany) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if wanted.time_zone:
        settings["time_zone"] = tenants.known_zone(conn, wanted.time_zone)
    if wanted.home_currency:
        settings["home_currency"] = wanted.home_currency
    return settings
