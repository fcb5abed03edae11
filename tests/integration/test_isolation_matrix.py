"""Every table x select, insert, update, delete x own, foreign and no tenant, as each role.

The matrix grows with the schema: a table of the catalogue fails here until it has a sample row, and
then until it is protected.
"""

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, IntegrityError
from psycopg.types.json import Jsonb

from infra.local import postgres
from tests.factories import Database
from winroom import db, ids, schema

Conn = psycopg.Connection[tuple[Any, ...]]

OPERATIONS = ("select", "insert", "update", "delete")

# Tables without a tenant, and what the application may do with them.
GLOBAL: dict[str, set[str]] = {
    "migrations": set(),
    "switches": {"select"},
    "heartbeats": {"select", "insert", "update"},
}
# And what winroom_jobs may do with any table at all.
JOBS: dict[str, set[str]] = {"switches": {"select"}, "heartbeats": {"select", "insert", "update"}}

# What the application must never do, whatever a migration grants one day.
NEVER = [
    ("events", "update"),
    ("events", "delete"),
    ("sale_keys", "delete"),
    ("tenants", "delete"),
    ("users", "delete"),
    ("api_keys", "delete"),
    ("api_audit_log", "delete"),
    ("sales_events", "delete"),
    ("sales_events_dlq", "delete"),
    ("sales_events_archive", "update"),
    ("sales_events_archive", "delete"),
    ("queue", "delete"),
    ("queue_archive", "update"),
    ("queue_archive", "delete"),
    ("claims", "delete"),
]

# What the application may call of the entered tenant; tests/integration/test_retention.py.
OWN = {"unarchive_item", "unarchive_event"}

# What it may call before a tenant is known. Every other definer crosses tenants.
DOORS = {
    "resolve_api_key",
    "resolve_login",
    "resolve_session",
    "resolve_display",
    "count_attempt",
    "forgive_attempt",
    "redeem_ticket",
    "resolve_connection",
    "forget_connection",
}


def sample_rows() -> dict[str, dict[str, Any]]:
    """A minimal valid row for each table, in the order of their foreign keys, unlike any other."""
    word, digest, event, item = secrets.token_hex(8), secrets.token_bytes(32), ids.new(), ids.new()
    seller: dict[str, Any] = {"seller_id": "anna"}
    sale: dict[str, Any] = {"event_id": event, "sale_id": word}
    key = {"name": "Key", "created_by": "test"}
    received = {"payload": Jsonb({}), "content_hash": digest}
    money = {"customer_name": "Ms X", "sell_price": 1, "currency": "USD"}
    queued = {**sale, **seller, **money, "fingerprint": digest, "occurred_at": "2026-01-02"}
    archived = {
        **{**received, "fingerprint": digest, "source": "api", "status": "processed", "retry_count": 0},
        **dict.fromkeys(("next_attempt_at", "created_at", "updated_at"), "2026-01-02"),
    }
    claim = {"claimed_by": "anna", "claim_type": "upsell", "actor": "user"}
    opened = {"user_id": ids.new(), "token_version": 0, "rendering": "full"}
    return {
        "tenants": {"slug": word, "name": word},
        "sellers": {**seller, "display_name": "Anna"},
        "products": {"name": word},
        "users": {
            **{"email": f"{word}@example.com", "display_name": "Anna", "password_hash": "-"},
            "role": "seller",
        },
        "api_keys": {**key, "scope": "full", "key_hash": digest, "key_prefix": "wr_live_"},
        "displays": {**key, "link_hash": digest},
        "api_audit_log": {
            **{"endpoint": "/api", "http_method": "GET", "status_code": 200, "request_id": word},
        },
        "rate_counters": {"bucket": word, "minute": "2026-01-02", "hits": 1},
        "login_attempts": {"subject": word, "failures": 1},
        "cache_kv": {"key": word, "value": Jsonb({})},
        "imports": {"file_name": "sales.csv", "created_by": "test"},
        "import_parts": {"import_id": item, "first_row": 0, "content": "[]"},
        "sale_keys": {**sale, "content_hash": digest},
        "sales_events": {**sale, **received, "fingerprint": digest},
        "sales_events_dlq": {"event_id": event, "failure_reason": "test", "payload": Jsonb({})},
        "sales_events_archive": {**sale, **archived},
        "queue": queued,
        "queue_archive": {
            **{**queued, "queue_id": item, "status": "claimed", "assigned_seller_id": "anna"},
            **{"source": "api", "created_at": "2026-01-02", "updated_at": "2026-01-02"},
        },
        "claims": {**claim, **money, "queue_id": item, "sale_id": word},
        "board_days": {"day": "2026-01-02", **seller, "currency": "USD"},
        "board_months": {"month": "2026-01-01", **seller, "currency": "USD"},
        "rooms": {},
        "events": {**{"seq": 1, "type": "test", "sale_id": word, "actor": "test"}, "payload": "{}"},
        "tickets": {"ticket_hash": digest, **opened},
        "connections": {"connection_id": word, **opened},
    }


TABLES = tuple(sample_rows())
PARENTS = ("tenants", "sellers", "products")
cells = pytest.mark.parametrize("operation", OPERATIONS)
tables = pytest.mark.parametrize("table", TABLES)


@pytest.fixture(scope="module")
def house(server: Database) -> Iterator[Database]:
    """One database for the whole matrix: each cell plants companies of its own in it."""
    with server.cloned("isolation") as clone:
        # Rights on the database itself are not cloned: the migrator gives and takes them.
        schema.migrate(clone.owner_url, passwords={})
        yield clone


@pytest.fixture(scope="module")
def logins(house: Database) -> Iterator[dict[str, Conn]]:
    """A connection of each login."""
    with ExitStack() as open_connections:
        found = {
            login: open_connections.enter_context(psycopg.connect(house.url_of(login), autocommit=True))
            for login in schema.LOGINS
        }
        found["operator"].execute("set synchronous_commit = off")  # rows of a test may be lost
        yield found


@pytest.fixture(scope="module")
def app(logins: dict[str, Conn]) -> Conn:
    return logins["app"]


@pytest.fixture(scope="module")
def operator(logins: dict[str, Conn]) -> Conn:
    return logins["operator"]


def test_every_table_has_a_sample_row(operator: Conn) -> None:
    assert tables_without_sample(operator) == set()


def test_a_table_without_a_sample_row_is_found(database: Database) -> None:
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute("create table wr.forgotten (tenant_id uuid)")
        assert tables_without_sample(conn) == {"forgotten"}


def tables_without_sample(conn: Conn) -> set[str]:
    relations = conn.execute(
        "select relname from pg_class where relnamespace = 'wr'::regnamespace"
        " and relkind in ('r', 'p', 'f', 'v', 'm')"
    )
    return {name for (name,) in relations} - set(TABLES) - set(GLOBAL)


@cells
@tables
def test_the_application_does_with_own_rows_what_it_was_granted(
    app: Conn, operator: Conn, table: str, operation: str
) -> None:
    check_own(app, operator, table, operation)


@cells
@tables
def test_the_application_neither_sees_nor_touches_foreign_rows(
    app: Conn, operator: Conn, table: str, operation: str
) -> None:
    check_foreign(app, operator, table, operation)


@cells
@tables
def test_without_a_tenant_every_table_is_empty(app: Conn, operator: Conn, table: str, operation: str) -> None:
    check_nobody(app, operator, table, operation)


Check = Callable[[Conn, Conn, str, str], None]


def check_own(app: Conn, operator: Conn, table: str, operation: str) -> None:
    ours = planted(operator, table, only_its_parents=operation == "insert")
    with entered(app, ours):
        if not granted(app, table, operation):
            with refused(app, "permission denied"):
                run(app, table, operation, ours)
        else:
            assert run(app, table, operation, ours) == 1


def check_foreign(app: Conn, operator: Conn, table: str, operation: str) -> None:
    ours = planted(operator, table)
    theirs = planted(operator, table, only_its_parents=operation == "insert")
    with entered(app, ours):
        if operation == "insert" or not granted(app, table, operation):
            allowed = granted(app, table, operation)
            reason = "row-level security" if allowed else "permission denied"
            with refused(app, reason):
                run(app, table, operation, theirs)
        else:
            assert run(app, table, operation, theirs) == 0
            # Nor does a statement that names no tenant reach further than our own row.
            assert run(app, table, operation, None) == 1
    if operation == "insert":  # it was the policy that refused the row, not the row itself
        assert run(operator, table, operation, theirs) == 1
    if operation == "update" and granted(app, table, operation, "tenant_id"):
        stranger = planted(operator, table, only_its_parents=True)
        with entered(app, ours), refused(app, "row-level security"):
            app.execute(told("update {} set tenant_id = %s", table), [stranger])
    assert held(operator, table, theirs) == 1


def check_nobody(app: Conn, operator: Conn, table: str, operation: str) -> None:
    ours = planted(operator, table)
    newcomer = planted(operator, table, only_its_parents=True)
    # A pooled connection that served somebody before: the setting is then '' and no longer null.
    with app.transaction():
        app.execute("select wr.enter_tenant(%s)", [ours])
    with app.transaction(force_rollback=True):
        if not granted(app, table, operation):
            with refused(app, "permission denied"):
                run(app, table, operation, ours)
        elif operation == "insert":
            with refused(app, "row-level security"):
                run(app, table, operation, newcomer)
        else:
            assert run(app, table, operation, ours) == 0
            assert run(app, table, operation, None) == 0
    assert held(operator, table, ours) == 1


def test_a_fresh_connection_sees_nothing(house: Database, operator: Conn) -> None:
    with psycopg.connect(house.url_of("app"), autocommit=True) as fresh:
        for table in TABLES:
            planted(operator, table)
            if granted(fresh, table, "select"):
                assert (run(fresh, table, "select", None), table) == (0, table)


EVERY_CELL: set[tuple[Check, str]] = {
    (check, o) for check in (check_foreign, check_nobody) for o in OPERATIONS
}
LEAKS: dict[str, tuple[LiteralString, set[tuple[Check, str]]]] = {
    "no row security": ("alter table wr.leak disable row level security", EVERY_CELL),
    "a policy that shows all": ("create policy p on wr.leak using (true)", EVERY_CELL),
    "a policy that checks no new rows": (
        "create policy p on wr.leak using (tenant_id = wr.current_tenant()) with check (true)",
        {(check_foreign, "insert"), (check_foreign, "update"), (check_nobody, "insert")},
    ),
    # No leak, yet of no use: own rows cannot be reached either.
    "no policy": (
        "comment on table wr.leak is ''",
        {(check_own, o) for o in OPERATIONS} | {(check_foreign, o) for o in ("select", "update", "delete")},
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_the_matrix_finds_a_leak(database: Database, monkeypatch: pytest.MonkeyPatch, leak: str) -> None:
    definition, expected = LEAKS[leak]
    monkeypatch.setattr(sys.modules[__name__], "sample_rows", lambda: {"leak": {}})
    with (
        psycopg.connect(database.superuser_url, autocommit=True) as conn,
        psycopg.connect(database.url_of("app"), autocommit=True) as app,
    ):
        conn.execute("create table wr.leak (tenant_id uuid primary key)")
        conn.execute("alter table wr.leak enable row level security")
        conn.execute("grant select, insert, update, delete on wr.leak to winroom_app")
        conn.execute(definition)
        found = {
            (check, operation)
            for check in (check_own, check_foreign, check_nobody)
            for operation in OPERATIONS
            if fails(partial(check, app, conn, "leak", operation))
        }
    assert found == expected


def fails(check: Callable[[], None]) -> bool:
    try:
        check()
    except (AssertionError, pytest.fail.Exception, psycopg.Error):
        return True
    return False


@pytest.mark.parametrize(("table", "operation"), NEVER)
def test_what_is_kept_for_ever_cannot_be_changed(
    app: Conn, operator: Conn, table: str, operation: str
) -> None:
    ours = planted(operator, table)
    with entered(app, ours), refused(app, "permission denied"):
        run(app, table, operation, ours)


def test_the_application_cannot_empty_a_table(app: Conn) -> None:
    for table in TABLES:
        with refused(app, "permission denied"):
            app.execute(told("truncate {}", table))


@cells
@pytest.mark.parametrize("table", GLOBAL)
def test_global_tables_give_the_application_what_is_listed(app: Conn, table: str, operation: str) -> None:
    check_granted(app, table, operation, GLOBAL[table])


@pytest.mark.parametrize("table", TABLES + tuple(GLOBAL))
def test_jobs_touch_no_table_but_the_listed(logins: dict[str, Conn], table: str) -> None:
    for operation in OPERATIONS:
        check_granted(logins["jobs"], table, operation, JOBS.get(table, set()))


@pytest.mark.parametrize("table", TABLES + tuple(GLOBAL))
def test_readonly_may_read_and_nothing_else(logins: dict[str, Conn], table: str) -> None:
    for operation in OPERATIONS:
        check_granted(logins["readonly"], table, operation, {"select"})


def test_readonly_takes_no_password_hash_home(house: Database) -> None:
    with db.connect(house.url_of("readonly")) as conn, pytest.raises(InsufficientPrivilege):
        conn.execute("select password_hash from wr.users")


def test_the_operator_inside_a_company_sees_no_other(house: Database, operator: Conn) -> None:
    for table in TABLES:
        ours, theirs = planted(operator, table), planted(operator, table)
        with db.connect(house.url_of("operator")) as conn:
            seen = told("select tenant_id from {}", table)
            assert {ours, theirs} <= {row["tenant_id"] for row in conn.execute(seen)}
            db.enter(conn, ours)
            assert {row["tenant_id"] for row in conn.execute(seen)} <= {ours}
            assert conn.execute("select current_user as name").fetchone() == {"name": "winroom_app"}


@tables
def test_readonly_sees_every_tenant(logins: dict[str, Conn], operator: Conn, table: str) -> None:
    for _ in range(2):
        assert held(logins["readonly"], table, planted(operator, table)) == 1


@tables
def test_the_operator_works_on_every_tenant(operator: Conn, table: str) -> None:
    for operation in OPERATIONS:
        tenant = planted(operator, table, only_its_parents=operation == "insert")
        with operator.transaction(force_rollback=True):
            assert run(operator, table, operation, tenant) == 1


def test_the_owner_of_the_tables_sees_and_changes_nothing(house: Database, operator: Conn) -> None:
    with psycopg.connect(house.owner_url, autocommit=True) as owner:
        for table in TABLES:
            tenant = planted(operator, table)
            for operation in ("select", "update", "delete"):
                assert (run(owner, table, operation, None), table) == (0, table)
            assert held(operator, table, tenant) == 1


def test_the_operator_can_dump_all_companies(house: Database, operator: Conn) -> None:
    tenant = planted(operator, "claims")
    command = [str(postgres.binaries() / "pg_dump"), "--enable-row-security", "--schema=wr"]
    dump = subprocess.run([*command, house.url_of("operator")], text=True, capture_output=True, check=False)
    assert dump.stderr == ""
    assert dump.stdout.count(str(tenant)) >= 4  # the company, its seller, product and claim


POWERS: list[LiteralString] = [
    "create table wr.mine (n integer)",
    "create table public.mine (n integer)",
    "create temporary table mine (n integer)",
    "create view wr.mine as select 1",
    "create function wr.mine() returns integer language sql return 1",
    "create schema mine",
    "create role mine",
    "alter table wr.users disable row level security",
    "alter table wr.users owner to current_user",
    "alter table wr.users add column mine integer",
    "alter function wr.current_tenant() owner to current_user",
    "create policy mine on wr.users using (true)",
    "drop policy tenant_isolation on wr.users",
    "create trigger mine before insert on wr.users execute function wr.touch_updated_at()",
    "create index on wr.users (display_name)",
    "drop table wr.users",
    "truncate wr.users cascade",
    "copy wr.events from '/dev/null'",
    "set session_replication_role = replica",
]


@pytest.mark.parametrize("statement", POWERS)
def test_no_login_can_change_the_schema(
    house: Database, logins: dict[str, Conn], statement: LiteralString
) -> None:
    for conn in logins.values():
        with refused(conn):
            conn.execute(statement)
    # It was for want of rights alone: a superuser can.
    with psycopg.connect(house.superuser_url) as conn:
        conn.execute(statement)
        conn.rollback()


@pytest.mark.parametrize("login", schema.LOGINS)
def test_no_login_can_become_another_role(logins: dict[str, Conn], login: str) -> None:
    conn = logins[login]
    others = conn.execute(
        "select rolname from pg_roles where rolname not in (current_user, 'pg_database_owner')"
    )
    ways: list[LiteralString] = [
        "set role {}",
        "set session authorization {}",
        "grant {} to current_user",
    ]
    for (other,) in others.fetchall():
        for way in ways:
            if (login, other, way) == ("operator", "winroom_app", "set role {}"):
                continue  # inside one company it works as the application; see db.enter
            with refused(conn):
                conn.execute(sql.SQL(way).format(sql.Identifier(other)))


def test_switching_row_security_off_shows_an_error_and_no_rows(app: Conn, operator: Conn) -> None:
    with entered(app, planted(operator, "users")), refused(app, "row-level security"):
        app.execute("set local row_security = off")
        app.execute("select from wr.users")


def test_a_tenant_is_entered_for_one_transaction_only(app: Conn, operator: Conn) -> None:
    tenant = planted(operator, "users")
    with app.transaction():
        app.execute("select wr.enter_tenant(%s)", [tenant])
        assert run(app, "users", "select", None) == 1
    assert run(app, "users", "select", None) == 0


def test_what_crosses_tenants_is_for_jobs_and_the_rest_for_the_application(house: Database) -> None:
    with psycopg.connect(house.superuser_url) as conn:
        definers = conn.execute(
            "select proname, has_function_privilege('winroom_app', oid, 'execute')"
            " from pg_proc where pronamespace = 'wr'::regnamespace and prosecdef"
        ).fetchall()
    assert {name for name, for_app in definers if for_app} == DOORS | OWN
    assert len(definers) > len(DOORS)


@pytest.mark.parametrize("login", ["app", "operator", "readonly"])
def test_only_jobs_can_call_what_crosses_tenants(logins: dict[str, Conn], login: str) -> None:
    calls = crossing_calls(logins["jobs"])
    assert len(calls) >= 4
    for call in calls:
        with logins["jobs"].transaction(force_rollback=True):
            logins["jobs"].execute(call)
        with refused(logins[login], "permission denied for function"):
            logins[login].execute(call)


def crossing_calls(conn: Conn) -> list[sql.Composed]:
    """A call of each cross-tenant function, with nulls for arguments; a trigger's is nobody's to call."""
    found = conn.execute(
        "select proname, pronargs from pg_proc"
        " where pronamespace = 'wr'::regnamespace and prosecdef and proname <> all (%s)"
        " and prorettype <> 'trigger'::regtype",
        [list(DOORS | OWN)],
    )
    return [
        sql.SQL("select {}({})").format(
            sql.Identifier("wr", name), sql.SQL(", ").join([sql.NULL] * arguments)
        )
        for name, arguments in found
    ]


def planted(operator: Conn, table: str, only_its_parents: bool = False) -> UUID:
    """A new company with one row in the table and in those that rows of it point to."""
    tenant, known = ids.new(), list(sample_rows())
    before = [name for name in known[: known.index(table)] if name in PARENTS]
    with operator.transaction():
        for name in before if only_its_parents else [*before, table]:
            run(operator, name, "insert", tenant)
    return tenant


@contextmanager
def entered(conn: Conn, tenant: UUID) -> Iterator[None]:
    """A transaction of the tenant, of which nothing stays."""
    with conn.transaction(force_rollback=True):
        conn.execute("select wr.enter_tenant(%s)", [tenant])
        yield


@contextmanager
def refused(conn: Conn, reason: str = ".") -> Iterator[None]:
    with pytest.raises(InsufficientPrivilege, match=reason), conn.transaction():
        yield


def run(conn: Conn, table: str, operation: str, tenant: UUID | None) -> int:
    """Does it to the tenant's rows, or with None to all it can reach; returns how many rows."""
    if operation == "insert":
        row = {**sample_rows()[table], "tenant_id": tenant}
        statement = sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier("wr", table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
        )
        return conn.execute(statement, list(row.values())).rowcount
    where = sql.SQL("" if tenant is None else " where tenant_id = {}").format(tenant)
    if operation == "select":
        counted = conn.execute(told("select count(*) from {}", table) + where).fetchone()
        assert counted is not None
        return int(counted[0])
    if operation == "update":
        column = sql.Identifier(updatable(conn, table))
        change = sql.SQL("update {} set {} = {}")
        return conn.execute(change.format(sql.Identifier("wr", table), column, column) + where).rowcount
    return conn.execute(told("delete from {}", table) + where).rowcount


def updatable(conn: Conn, table: str) -> str:
    """A column that the role may update, or else any: the statement is then refused."""
    column = conn.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
        " and not attisdropped and attgenerated = ''"
        " order by has_column_privilege(attrelid, attnum, 'update') desc, attnum",
        [f"wr.{table}"],
    ).fetchone()
    assert column is not None
    return str(column[0])


def granted(conn: Conn, table: str, operation: str, column: str | None = None) -> bool:
    function = (
        "has_table_privilege"
        if operation == "delete"
        else "has_any_column_privilege"
        if column is None
        else "has_column_privilege"
    )
    arguments = [f"wr.{table}", *([column] if column else []), operation]
    answer = conn.execute(
        sql.SQL("select {}({})").format(
            sql.Identifier(function), sql.SQL(", ").join(map(sql.Literal, arguments))
        )
    ).fetchone()
    assert answer is not None
    return bool(answer[0])


def check_granted(conn: Conn, table: str, operation: str, allowed: set[str]) -> None:
    with conn.transaction(force_rollback=True):
        if operation not in allowed:
            with refused(conn, "permission denied"):
                try_it(conn, table, operation)
        else:
            try_it(conn, table, operation)


def try_it(conn: Conn, table: str, operation: str) -> None:
    if operation != "insert":
        run(conn, table, operation, None)
    else:
        with suppress(IntegrityError), conn.transaction():  # allowed, though no valid row
            conn.execute(told("insert into {} default values", table))


def held(operator: Conn, table: str, tenant: UUID) -> int:
    return run(operator, table, "select", tenant)


def told(statement: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier("wr", table))
