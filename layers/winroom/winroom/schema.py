"""The database's shape: roles, migrations and their ways back. The migrator's and the operator's business."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any, LiteralString

import psycopg
from psycopg import errors as pg
from psycopg import sql

from winroom.errors import WinRoomError

# The oldest PostgreSQL that we run on.
OLDEST = 15
LOGINS = ("app", "jobs", "operator", "readonly")

_PACKAGE = resources.files("winroom")
_LOCK = int.from_bytes(b"winroom", "big")
_WAY_BACK = ".rollback.sql"

# Seconds in which a migration is tried again that did not get its locks, and the pause before each try.
_PATIENCE = 120.0
_PAUSE = 1.0

_Connection = psycopg.Connection[tuple[str, ...]]


class DatabaseTooOld(WinRoomError):
    """The database is older than what Win Room needs."""

    code = "database_too_old"


class MigrationMissing(WinRoomError):
    """The database has a migration that this release does not know, or has no way back from one."""

    code = "migration_missing"


class MigrationBlocked(WinRoomError):
    """A migration did not get its locks: a long transaction holds one of them."""

    code = "migration_blocked"


def check_server(conn: psycopg.Connection[Any]) -> None:
    """Raises DatabaseTooOld for a PostgreSQL that we do not run on."""
    if (version := conn.info.server_version // 10000) < OLDEST:
        raise DatabaseTooOld(
            f"The database is PostgreSQL {version}, Win Room needs {OLDEST} or later: upgrade it, and try "
            "again. Nothing was changed."
        )


def migrate(owner_url: str, passwords: Mapping[str, str], to: str | None = None) -> list[str]:
    """Brings the schema up to migration `to` (default: the newest) and returns the ids it applied.

    `passwords` are by login without `winroom_`; a login that is missing keeps the password it has.
    Each migration is one transaction; of two migrators at once the second waits and finds nothing to do.
    Raises DatabaseTooOld, before anything is changed, and MigrationBlocked for one that gets no lock within
    two minutes; those before it stay.
    """
    with _alone(owner_url) as conn:
        _make_roles(conn, passwords)
        _become_owner(conn)
        applied = _applied(conn)
        todo = [m for m in known() if m not in applied and (to is None or m <= to)]
        for migration in todo:
            _run(conn, f"{migration}.sql", "insert into wr.migrations (migration_id) values (%s)", migration)
        return todo


def roll_back(owner_url: str, to: str | None = None) -> list[str]:
    """Takes back every migration after `to` (default: all), newest first, and returns what it undid.

    Raises MigrationMissing where this release has no way back from one, MigrationBlocked as `migrate` does.
    """
    with _alone(owner_url) as conn:
        _become_owner(conn)
        unwanted = sorted((m for m in _applied(conn) if to is None or m > to), reverse=True)
        if strangers := [m for m in unwanted if not (_PACKAGE / "migrations" / (m + _WAY_BACK)).is_file()]:
            raise MigrationMissing(f"This release has no way back from {', '.join(strangers)}.")
        for migration in unwanted:
            _run(conn, migration + _WAY_BACK, "delete from wr.migrations where migration_id = %s", migration)
        return unwanted


def erase(owner_url: str) -> None:
    """Takes away everything at once, whatever state it is in, as before the first migration. Raises
    MigrationBlocked as `migrate` does."""
    with _alone(owner_url) as conn:
        _become_owner(conn)
        _when_free(conn, "The schema", lambda: conn.execute("drop schema wr cascade"))


def known() -> list[str]:
    """The ids of this release's migrations, oldest first."""
    names = (entry.name for entry in (_PACKAGE / "migrations").iterdir())
    return sorted(n.removesuffix(".sql") for n in names if n.endswith(".sql") and not n.endswith(_WAY_BACK))


def applied(owner_url: str) -> set[str]:
    """The ids of the migrations that the database has; asks only, and waits for nobody."""
    with psycopg.connect(owner_url, connect_timeout=10) as conn:
        known_here = conn.execute("select to_regclass('wr.migrations') is not null").fetchone()
        return _applied(conn) if known_here == (True,) else set()


@contextmanager
def _alone(owner_url: str) -> Iterator[_Connection]:
    # A lock of the session, not a row in a table: a migrator that dies lets go of it.
    with psycopg.connect(owner_url, autocommit=True, connect_timeout=10) as conn:
        check_server(conn)
        conn.execute("select pg_advisory_lock(%s)", [_LOCK])
        yield conn


def _run(conn: _Connection, file: str, note: LiteralString, migration: str) -> None:
    """One migration and the note of it."""

    def work() -> None:
        conn.execute(_text(file))
        conn.execute(note, [migration])

    _when_free(conn, file, work)


def _when_free(conn: _Connection, what: str, work: Callable[[], object]) -> None:
    """Does the work in one transaction, between the requests of others."""
    ends = time.monotonic() + _PATIENCE
    while True:
        try:
            with conn.transaction():
                work()
            return
        except (pg.LockNotAvailable, pg.DeadlockDetected) as error:
            if time.monotonic() > ends:
                raise MigrationBlocked(
                    f"{what} was not changed: a long transaction holds a lock that it needs. "
                    "End that (pg_stat_activity shows it), and try again."
                ) from error
            time.sleep(_PAUSE)  # whoever queued up behind us goes first


def _make_roles(conn: _Connection, passwords: Mapping[str, str]) -> None:
    conn.execute((_PACKAGE / "roles.sql").read_bytes())
    for login in LOGINS:
        if password := passwords.get(login):
            role = f"winroom_{login}"
            # Hashed on this side, so that the password stands in no server log.
            hashed = conn.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            conn.execute(sql.SQL("alter role {} login password {}").format(sql.Identifier(role), hashed))


def _become_owner(conn: _Connection) -> None:
    conn.execute("set role winroom_owner")
    conn.execute("set client_min_messages = warning")
    # An alter table that waits behind one long query stops every sale behind itself. Requests wait for 2 s
    # (roles.sql), and after 1 s PostgreSQL ends one of a deadlock's sides: a migration gives way before that.
    conn.execute("set lock_timeout = '500ms'")
    # What takes longer than the migrator has must fail while somebody is there to say so.
    conn.execute("set statement_timeout = '9min'")
    conn.execute("create schema if not exists wr")
    conn.execute(
        "create table if not exists wr.migrations ("
        "migration_id text primary key, applied_at timestamptz not null default now())"
    )


def _applied(conn: _Connection) -> set[str]:
    return {migration for (migration,) in conn.execute("select migration_id from wr.migrations")}


def _text(name: str) -> bytes:
    return (_PACKAGE / "migrations" / name).read_bytes()
