"""What tests are made of: databases, companies and sales with honest defaults."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from winroom import api_keys, ids, plans, sessions, tenants
from winroom.db import Connection, connect

_sales = count(1)
_FIRST = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def sale(**changes: Any) -> dict[str, Any]:
    """The body of a valid sale event, unlike any other; `None` removes a field."""
    number = next(_sales)
    body = {
        "sale_id": f"sale-{number}",
        # Each a second after the one before: lists show the newest first.
        "occurred_at": (_FIRST + timedelta(seconds=number)).isoformat(),
        "customer_name": f"Customer {number}",
        "sell_price": "100.00",
        "currency": "USD",
        "seller_external_id": "anna",
        **changes,
    }
    return {field: value for field, value in body.items() if value is not None}


@dataclass(frozen=True)
class Company:
    """A tenant with a key for each scope."""

    tenant_id: UUID
    slug: str
    ingest_key: str
    full_key: str
    database: "Database"

    def rows(self, statement: str, *values: Any) -> list[DictRow]:
        """What the company itself would see, as the application's role."""
        with psycopg.connect(self.database.url_of("app"), row_factory=dict_row) as conn:
            conn.execute("select wr.enter_tenant(%s)", [self.tenant_id])
            return conn.execute(statement, values or None).fetchall()

    def count(self, table: str) -> int:
        return int(self.rows(f"select count(*) as n from wr.{table}")[0]["n"])

    def person(self, role: str = "seller", seller_id: str | None = None) -> tuple[UUID, str]:
        """Somebody of the company, without a password that anybody knows: their id and a live token."""
        if seller_id:
            self.database.seller(self, seller_id)
        (row,) = self.database.execute(
            "insert into wr.users (tenant_id, email, display_name, role, seller_id, password_hash)"
            " values (%s, %s, %s, %s, %s, 'none') returning user_id",
            self.tenant_id,
            f"{role}-{next(_sales)}@{self.slug}.example",
            (seller_id or role).title(),
            role,
            seller_id,
        )
        return row["user_id"], sessions.token(self.tenant_id, row["user_id"], 0)

    def set(self, **settings: Any) -> None:
        """Changes what the company asked of us."""
        self.database.execute(
            "update wr.tenants set settings = settings || %s where tenant_id = %s",
            Jsonb(settings),
            self.tenant_id,
        )


class Database:
    """A migrated database, with a login for each role."""

    def __init__(self, owner_url: str, superuser_password: str) -> None:
        self.owner_url = owner_url
        self._superuser_password = superuser_password

    def url_of(self, login: str) -> str:
        return self._url(f"winroom_{login}", "test", self.name)

    @property
    def superuser_url(self) -> str:
        return self._url("postgres", self._superuser_password, self.name)

    @property
    def name(self) -> str:
        return urlsplit(self.owner_url).path.removeprefix("/")

    def _url(self, user: str, password: str, name: str) -> str:
        parts = urlsplit(self.owner_url)
        address = f"{user}:{password}@{parts.hostname}:{parts.port}"
        return urlunsplit(parts._replace(netloc=address, path=f"/{name}"))

    @contextmanager
    def cloned(self, name: str) -> Iterator["Database"]:
        """A copy that lives as long as the context."""
        new, template = sql.Identifier(name), sql.Identifier(self.name)
        maintenance = self._url("postgres", self._superuser_password, "postgres")
        with psycopg.connect(maintenance, autocommit=True) as conn:
            conn.execute(sql.SQL("create database {} template {} owner winroom_owner").format(new, template))
            parts = urlsplit(self.owner_url)
            try:
                yield Database(urlunsplit(parts._replace(path=f"/{name}")), self._superuser_password)
            finally:
                conn.execute(sql.SQL("drop database {} with (force)").format(new))

    @contextmanager
    def operator(self) -> Iterator[Connection]:
        """A transaction of the operator, who sees every tenant."""
        with connect(self.url_of("operator")) as conn:
            yield conn

    def execute(self, statement: str, *values: Any) -> list[DictRow]:
        """Runs a statement as the operator and returns its rows, if it has any."""
        with self.operator() as conn:
            cursor = conn.execute(statement, values or None)
            # Not its description: `select from` has none, and rows all the same.
            has_rows = cursor.pgresult and cursor.pgresult.status == ExecStatus.TUPLES_OK
            return cursor.fetchall() if has_rows else []

    def company(self, slug: str, plan: plans.Plan = "enterprise") -> Company:
        tenant_id = ids.new()
        with self.operator() as conn:
            tenants.create(conn, tenant_id, slug, slug.title(), plan)
            ingest, _ = api_keys.create(conn, tenant_id, "CRM", "ingest", "test")
            full, _ = api_keys.create(conn, tenant_id, "Office", "full", "test")
        return Company(tenant_id, slug, ingest, full, self)

    def seller(self, company: Company, seller_id: str) -> None:
        self.execute(
            "insert into wr.sellers (tenant_id, seller_id, display_name) values (%s, %s, %s)"
            " on conflict do nothing",
            company.tenant_id,
            seller_id,
            seller_id.title(),
        )
