"""Migrations go up, come back the way they went, and never leave half of themselves."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.errors import CheckViolation, DivisionByZero, OperationalError

from infra.local import postgres
from tests.factories import Database
from winroom import schema

MIGRATIONS = schema.known()


@pytest.fixture
def empty(database: Database) -> Database:
    """A database of this test's own with nothing of ours in it."""
    with psycopg.connect(database.owner_url) as conn:
        conn.execute("drop schema wr cascade")
    return database


def test_up_applies_every_migration_in_order_and_once(empty: Database) -> None:
    assert schema.migrate(empty.owner_url, {}) == MIGRATIONS
    assert schema.applied(empty.owner_url) == set(MIGRATIONS)
    reached = fingerprint(empty)
    assert schema.migrate(empty.owner_url, {}) == []
    assert fingerprint(empty) == reached


def test_a_database_that_is_too_old_is_told_so_and_left_alone(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "OLDEST", 99)
    with pytest.raises(
        schema.DatabaseTooOld, match=r"PostgreSQL \d+, Win Room needs 99 or later: upgrade it"
    ):
        schema.migrate(empty.owner_url, {})
    assert schema.applied(empty.owner_url) == set()


def test_down_to_zero_leaves_the_migrations_table_alone_and_up_again_is_the_same(
    database: Database,
) -> None:
    before = fingerprint(database)
    assert schema.roll_back(database.owner_url) == MIGRATIONS[::-1]
    assert left_in_schema(database) == {"migrations", "migrations_pkey"}
    assert schema.applied(database.owner_url) == set()
    schema.migrate(database.owner_url, {})
    assert fingerprint(database) == before


@pytest.mark.parametrize("migration", MIGRATIONS)
def test_the_way_back_restores_what_was_before(empty: Database, migration: str) -> None:
    schema.migrate(empty.owner_url, {}, to=earlier(migration))
    before = fingerprint(empty)
    assert schema.migrate(empty.owner_url, {}, to=migration) == [migration]
    assert fingerprint(empty) != before
    assert schema.roll_back(empty.owner_url, to=earlier(migration)) == [migration]
    assert fingerprint(empty) == before


CHANGES: list[LiteralString] = [
    "alter table wr.users add column leak text",
    "alter table wr.users alter column email drop not null",
    "alter table wr.users alter column token_version set default 1",
    "alter table wr.users drop constraint users_role_check",
    "alter table wr.users no force row level security",
    "alter table wr.users disable trigger touch",
    "alter table wr.cache_kv set unlogged",
    "alter table wr.users owner to winroom_operator",
    "drop index wr.queue_page",
    "drop policy readonly on wr.users",
    "alter policy tenant_isolation on wr.users with check (true)",
    "drop trigger touch on wr.users",
    "drop function wr.lagging_rooms()",
    "alter function wr.lagging_rooms() reset search_path",
    "alter function wr.lagging_rooms() owner to winroom_owner",
    "grant execute on function wr.lagging_rooms() to winroom_app",
    "grant delete on wr.users to winroom_app",
    "grant update (email) on wr.users to winroom_readonly",
    "grant create on schema wr to winroom_app",
    "create view wr.leak as select 1",
    "create type wr.leak as enum ('a')",
    "create sequence wr.leak",
]


def test_the_fingerprint_shows_every_kind_of_change(database: Database) -> None:
    with psycopg.connect(database.superuser_url) as conn:
        before = fingerprint_of(conn)
        for change in CHANGES:
            with conn.transaction(force_rollback=True):
                conn.execute(change)
                assert (change, fingerprint_of(conn)) != (change, before)
        assert fingerprint_of(conn) == before


def test_of_two_migrators_at_once_each_migration_is_applied_by_one(empty: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: schema.migrate(empty.owner_url, {}), range(4)))
    assert sorted(runs) == [[], [], [], MIGRATIONS]
    assert schema.applied(empty.owner_url) == set(MIGRATIONS)


def test_a_migration_that_fails_half_way_leaves_nothing_of_itself(empty: Database, release: Path) -> None:
    schema.migrate(empty.owner_url, {})
    before = fingerprint(empty)
    broken = release / "migrations" / "9001_broken.sql"
    broken.write_text("create table wr.half (n integer); select 1 / 0;")
    with pytest.raises(DivisionByZero):
        schema.migrate(empty.owner_url, {})
    assert fingerprint(empty) == before
    assert "9001_broken" not in schema.applied(empty.owner_url)

    broken.write_text("create table wr.half (n integer);")
    assert schema.migrate(empty.owner_url, {}) == ["9001_broken"]
    assert left_in_schema(empty) > {"half"}


def test_a_migration_that_cannot_be_noted_leaves_nothing_of_itself(empty: Database, release: Path) -> None:
    schema.migrate(empty.owner_url, {})
    before = fingerprint(empty)
    (release / "migrations" / "9001_broken.sql").write_text(
        "create table wr.half (n integer); alter table wr.migrations add check (migration_id < '9');"
    )
    with pytest.raises(CheckViolation):
        schema.migrate(empty.owner_url, {})
    assert fingerprint(empty) == before


def test_what_came_before_a_failure_stays(empty: Database, release: Path) -> None:
    (release / "migrations" / "9001_broken.sql").write_text("select 1 / 0;")
    with pytest.raises(DivisionByZero):
        schema.migrate(empty.owner_url, {})
    assert schema.applied(empty.owner_url) == set(MIGRATIONS)


def test_a_way_back_that_fails_changes_nothing(database: Database, release: Path) -> None:
    before = fingerprint(database)
    way_back = release / "migrations" / f"{MIGRATIONS[-1]}.rollback.sql"
    way_back.write_text(way_back.read_text() + "select 1 / 0;")
    with pytest.raises(DivisionByZero):
        schema.roll_back(database.owner_url)
    assert fingerprint(database) == before
    assert schema.applied(database.owner_url) == set(MIGRATIONS)


def test_a_database_newer_than_the_release_is_not_rolled_back(database: Database, release: Path) -> None:
    newer = release / "migrations" / "9001_newer.sql"
    newer.write_text("create table wr.newer (n integer);")
    schema.migrate(database.owner_url, {})
    newer.unlink()  # the older release, deployed again
    before = fingerprint(database)
    with pytest.raises(schema.MigrationMissing, match="9001_newer"):
        schema.roll_back(database.owner_url)
    assert fingerprint(database) == before
    # It runs on it as it is, and takes back nothing that it does not know of.
    assert schema.migrate(database.owner_url, {}) == []
    assert fingerprint(database) == before


def test_every_migration_has_a_way_back() -> None:
    files = {entry.name for entry in (schema._PACKAGE / "migrations").iterdir()}
    assert {f"{migration}.rollback.sql" for migration in MIGRATIONS} <= files


@pytest.fixture
def passwords(database: Database) -> Iterator[None]:
    """Passwords belong to the whole server: other tests want theirs back."""
    yield
    schema.migrate(database.owner_url, dict.fromkeys(schema.LOGINS, "test"))


@pytest.mark.usefixtures("passwords")
def test_passwords_are_set_hashed_and_those_not_given_are_kept(database: Database) -> None:
    schema.migrate(database.owner_url, {"app": "it's new"})
    psycopg.connect(database.url_of("app"), password="it's new").close()
    with pytest.raises(OperationalError, match="password authentication failed"):
        psycopg.connect(database.url_of("app"))
    for login in ("jobs", "operator", "readonly"):
        psycopg.connect(database.url_of(login)).close()
    with psycopg.connect(database.superuser_url) as conn:
        kept = conn.execute("select rolpassword from pg_authid where rolname ^@ 'winroom_'")
        assert {(stored or "SCRAM-SHA-256")[:13] for (stored,) in kept} == {"SCRAM-SHA-256"}


def test_a_plain_login_that_may_create_roles_can_migrate(server: Database) -> None:
    with psycopg.connect(server.superuser_url) as conn:
        role = conn.execute(
            "select rolsuper, rolbypassrls, rolcreatedb, rolreplication, rolcreaterole, rolcanlogin"
            " from pg_roles where rolname = 'winroom_owner'"
        ).fetchone()
    assert role == (False, False, False, False, True, True)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A server without any role of ours, its database owned by the cloud's master user."""
    state = tmp_path_factory.mktemp("cloud")
    (state / "logs").mkdir()
    with postgres.running(state, port=0) as owner_url:
        own = Database(owner_url, (state / "postgres.password").read_text())
        with psycopg.connect(own.superuser_url) as conn:
            conn.execute("alter role winroom_owner rename to master")
        parts = urlsplit(owner_url)
        address = parts.netloc.replace("winroom_owner", "master")
        url = urlunsplit(parts._replace(netloc=address))
        yield Database(url, (state / "postgres.password").read_text())


def test_two_migrators_at_once_make_everything_from_nothing(cloud: Database, server: Database) -> None:
    passwords = dict.fromkeys(schema.LOGINS, "test")
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: schema.migrate(cloud.owner_url, passwords), range(2)))
    assert sorted(runs) == [[], MIGRATIONS]
    assert fingerprint(cloud) == fingerprint(server)
    for login in schema.LOGINS:
        psycopg.connect(cloud.url_of(login)).close()
    with psycopg.connect(cloud.superuser_url) as conn:
        logins = conn.execute("select rolname from pg_roles where rolcanlogin and not rolsuper")
        assert {name for (name,) in logins} == {"master", *(f"winroom_{n}" for n in schema.LOGINS)}
    cloud.execute("insert into wr.tenants (slug, name) values ('acme', 'Acme')")
    with psycopg.connect(cloud.owner_url) as master:
        assert master.execute("select from wr.tenants").fetchall() == []


def earlier(migration: str) -> str:
    """The migration before this one; nothing sorts before the empty name."""
    return max((m for m in MIGRATIONS if m < migration), default="")


def left_in_schema(database: Database) -> set[str]:
    with psycopg.connect(database.superuser_url) as conn:
        return {
            name
            for (name,) in conn.execute(
                "select relname from pg_class where relnamespace = 'wr'::regnamespace"
                " union all select proname from pg_proc where pronamespace = 'wr'::regnamespace"
            )
        }


def fingerprint(database: Database) -> set[tuple[Any, ...]]:
    with psycopg.connect(database.superuser_url) as conn:
        return fingerprint_of(conn)


def fingerprint_of(conn: psycopg.Connection[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """All that the catalogue says about the schema, but for column positions."""
    return {row for query in CATALOGUE for row in conn.execute(query)}


CATALOGUE: list[LiteralString] = [
    # tables, views, indexes, sequences
    """
    select 'relation', relname, relkind::text, relpersistence::text, relrowsecurity::text,
           relforcerowsecurity::text, relowner::regrole::text, reloptions::text
    from pg_class where relnamespace = 'wr'::regnamespace
    """,
    """
    select 'column', attrelid::regclass::text, attname, format_type(atttypid, atttypmod),
           attnotnull::text, attidentity::text, attgenerated::text,
           attcollation::regcollation::text, pg_get_expr(adbin, adrelid)
    from pg_class join pg_attribute on attrelid = pg_class.oid
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where relnamespace = 'wr'::regnamespace and attnum > 0 and not attisdropped
    """,
    """
    select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid),
           convalidated::text
    from pg_constraint where connamespace = 'wr'::regnamespace
    """,
    """
    select 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid::text
    from pg_index join pg_class on pg_class.oid = indexrelid
    where relnamespace = 'wr'::regnamespace
    """,
    """
    select 'policy', polrelid::regclass::text, polname, polcmd::text, polpermissive::text,
           (select string_agg(role::text, ',' order by role::text)
            from unnest(polroles::regrole[]) role),
           pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
    from pg_policy
    """,
    """
    select 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(pg_trigger.oid),
           tgenabled::text
    from pg_trigger join pg_class on pg_class.oid = tgrelid
    where relnamespace = 'wr'::regnamespace and not tgisinternal
    """,
    """
    select 'function', oid::regprocedure::text, proowner::regrole::text, pg_get_functiondef(oid)
    from pg_proc where pronamespace = 'wr'::regnamespace
    """,
    """
    select 'type', typname, typtype::text from pg_type where typnamespace = 'wr'::regnamespace
    """,
    # who may do what
    """
    select 'grant', object, grantee::regrole::text, privilege_type, is_grantable::text
    from (
        select relname as object, coalesce(relacl, acldefault('r', relowner)) as acl
        from pg_class where relnamespace = 'wr'::regnamespace
        union all
        select attrelid::regclass || '.' || attname, attacl
        from pg_attribute join pg_class on pg_class.oid = attrelid
        where relnamespace = 'wr'::regnamespace
        union all
        select oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner))
        from pg_proc where pronamespace = 'wr'::regnamespace
        union all
        select nspname, coalesce(nspacl, acldefault('n', nspowner))
        from pg_namespace where nspname = 'wr'
    ) objects, aclexplode(acl)
    """,
]
