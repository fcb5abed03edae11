"""The schema moves under running code. The contract, one release wide: code works on its own schema and on
the next one. So migrations run before new code is published, and a release is taken back the other way round:
first the code, then, if at all, the schema."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from tests.doors import Sqs
from tests.factories import Company, Database
from tests.integration.test_migrations import MIGRATIONS
from tests.office import Office
from winroom import db, schema

Column = tuple[str, str]  # its table, and its name
Contents = dict[Column, str | None]

# No release was ever made of these: nothing ran on one of them while the next was applied.
UNRELEASED = [m for m in MIGRATIONS if m <= "0012_leftovers"]


def test_each_migration_goes_up_and_back_between_the_requests_of_others_and_keeps_their_data(
    company: Company, rival: Company, queues: Sqs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_PAUSE", 0.05)
    for one in (company, rival):
        assert Office(one, queues).things
    db.close()
    for start, migration in reversed(list(pairwise(MIGRATIONS))):
        after = columns(database)
        schema.roll_back(database.owner_url, to=start)
        stays = after & columns(database)
        before = contents(database, stays)
        with traffic(database, {table for table, _ in stays}) as failures:
            schema.migrate(database.owner_url, {}, to=migration)
            assert (migration, changes(before, contents(database, stays))) == (migration, set())
            schema.roll_back(database.owner_url, to=start)
        assert (migration, changes(before, contents(database, stays))) == (migration, set())
        assert (migration, failures) == (migration, [])


def test_the_code_before_a_migration_works_after_it(database: Database) -> None:
    schema.roll_back(database.owner_url, to=UNRELEASED[-1])
    for before, migration in pairwise(MIGRATIONS[len(UNRELEASED) - 1 :]):
        assert taken_away(database, before, migration) == set()


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ("alter table wr.users drop column display_name", "column"),
        ("alter table wr.users rename column display_name to called", "column"),
        ("alter table wr.users alter column seller_id type varchar", "column"),
        ("alter table wr.users add column manager text not null", "demand"),
        ("alter table wr.users alter column seller_id set not null", "demand"),
        ("revoke select on wr.users from winroom_app", "grant"),
        ("revoke execute on function wr.enter_tenant(uuid) from winroom_app", "grant"),
        ("drop function wr.lagging_rooms()", "function"),
    ],
)
def test_what_a_migration_takes_away_is_found(
    database: Database, release: Path, change: str, missed: str
) -> None:
    (release / "migrations" / "9001_careless.sql").write_text(change)
    assert missed in {kind for kind, *_ in taken_away(database, MIGRATIONS[-1], "9001_careless")}


def test_a_migration_that_waits_for_a_lock_holds_up_requests_for_half_a_second_at_most(
    database: Database, release: Path
) -> None:
    (release / "migrations" / "9001_wide.sql").write_text("alter table wr.queue add column wide text")
    seconds = []
    with ThreadPoolExecutor() as threads, psycopg.connect(database.superuser_url) as long:
        long.execute("select count(*) from wr.queue")
        migrating = threads.submit(schema.migrate, database.owner_url, {})
        with psycopg.connect(database.url_of("app"), autocommit=True) as request:
            ends = time.monotonic() + 2.5
            while time.monotonic() < ends:
                began = time.monotonic()
                request.execute("select count(*) from wr.queue")
                seconds.append(time.monotonic() - began)
                time.sleep(0.01)
        assert not migrating.done()
        long.rollback()
        assert migrating.result() == ["9001_wide"]
    assert 0.3 < max(seconds) < 1.5  # it stood in the way, and gave way


def test_a_migration_that_gets_no_lock_says_what_to_do_and_leaves_nothing(
    database: Database, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_PATIENCE", 0)
    wide = release / "migrations" / "9001_wide.sql"
    wide.write_text("create table wr.half (n integer); alter table wr.queue add column wide text")
    with psycopg.connect(database.superuser_url) as long:
        long.execute("select count(*) from wr.queue")
        with pytest.raises(schema.MigrationBlocked, match=r"9001_wide.*pg_stat_activity"):
            schema.migrate(database.owner_url, {})
    assert schema.applied(database.owner_url) == set(MIGRATIONS)
    assert not {table for table, _ in columns(database)} & {"wr.half"}


def columns(database: Database) -> set[Column]:
    """All that there is, but for the list of migrations."""
    found = {(table, column) for _, table, column, _ in catalogued(database, PROMISES[0])}
    return {(table, column) for table, column in found if table != "wr.migrations"}


def contents(database: Database, of: set[Column]) -> Contents:
    """What stands in each column, whoever's it is."""
    found: Contents = {}
    with psycopg.connect(database.superuser_url, row_factory=dict_row) as conn:
        for table in {table for table, _ in of}:
            names = [column for its, column in of if its == table]
            wanted = sql.SQL(", ").join(DIGEST.format(sql.Identifier(name)) for name in names)
            (row,) = conn.execute(sql.SQL("select {} from {}").format(wanted, sql.SQL(table)))
            found |= {(table, column): digest for column, digest in row.items()}
    return found


# Of all values of a column, in an order of their own.
DIGEST = sql.SQL("md5(string_agg({0}::text, ',' order by {0}::text)) as {0}")


def changes(before: Contents, after: Contents) -> set[Column]:
    return {column for column in after if before[column] != after[column]}


# What every insert and update takes.
LOCK = sql.SQL("lock table {} in row exclusive mode")


@contextmanager
def traffic(database: Database, tables: set[str]) -> Iterator[list[str]]:
    """Short transactions that write to three tables in any order, without a pause; yields how they failed."""
    over, failures, written = threading.Event(), list[str](), [0]

    def write(seed: int) -> None:
        dice = random.Random(seed)
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("set lock_timeout = '2s'")  # as winroom_app has it
            conn.commit()
            while not over.wait(0.002):
                try:
                    with conn.transaction():
                        for table in dice.sample(sorted(tables), min(3, len(tables))):
                            conn.execute(
                                sql.SQL("lock table {} in row exclusive mode").format(sql.SQL(table))
                            )
                except psycopg.Error as error:
                    failures.append(str(error))
                written[0] += 1

    with ThreadPoolExecutor() as threads:
        writers = [threads.submit(write, seed) for seed in range(2)]
        try:
            while not written[0]:
                time.sleep(0.001)
            yield failures
        finally:
            over.set()
    for writer in writers:
        writer.result()


def taken_away(database: Database, before: str, migration: str) -> set[tuple[str, ...]]:
    """What the code that was written for `before` finds no more, or would have to give."""
    schema.migrate(database.owner_url, {}, to=before)
    promised, demanded = catalogued(database, *PROMISES), catalogued(database, DEMANDS)
    written = catalogued(database, WRITTEN)
    schema.migrate(database.owner_url, {}, to=migration)
    new = catalogued(database, DEMANDS) - demanded
    return (promised - catalogued(database, *PROMISES)) | {one for one in new if (one[1],) in written}


def catalogued(database: Database, *queries: LiteralString) -> set[tuple[str, ...]]:
    with psycopg.connect(database.superuser_url) as conn:
        return {row for query in queries for row in conn.execute(query)}


# Tables that running code may insert into.
WRITTEN: LiteralString = """
    select oid::regclass::text from pg_class, unnest('{app, jobs, resolver}'::text[]) who
    where relnamespace = 'wr'::regnamespace and relkind = 'r'
      and (has_table_privilege('winroom_' || who, oid, 'insert')
           or has_any_column_privilege('winroom_' || who, oid, 'insert'))
"""

# What an insert must give.
DEMANDS: LiteralString = """
    select 'demand', attrelid::regclass::text, attname
    from pg_class join pg_attribute on attrelid = pg_class.oid
    where relnamespace = 'wr'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
      and attnotnull and not atthasdef and attidentity = ''
"""

# What code relies on: columns and their types, functions, and its rights.
PROMISES: list[LiteralString] = [
    """
    select 'column', attrelid::regclass::text, attname, format_type(atttypid, atttypmod)
    from pg_class join pg_attribute on attrelid = pg_class.oid
    where relnamespace = 'wr'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
    """,
    """
    select 'function', oid::regprocedure::text, pg_get_function_result(oid), ''
    from pg_proc where pronamespace = 'wr'::regnamespace
    """,
    """
    select 'grant', object, grantee::regrole::text, privilege_type
    from (
        select oid::regclass::text as object, relacl as acl
        from pg_class where relnamespace = 'wr'::regnamespace
        union all
        select attrelid::regclass || '.' || attname, attacl
        from pg_attribute join pg_class on pg_class.oid = attrelid
        where relnamespace = 'wr'::regnamespace
        union all
        select oid::regprocedure::text, proacl from pg_proc where pronamespace = 'wr'::regnamespace
    ) objects, aclexplode(acl)
    where grantee in (select oid from pg_roles where rolname ^@ 'winroom_')
      and grantee <> 'winroom_owner'::regrole
    """,
]
