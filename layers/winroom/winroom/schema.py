"""The database's shape: roles, migrations and their ways back. The migrator's and the operator's business."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources

import psycopg
from psycopg import sql

from winroom.errors import WinRoomError

OLDEST = 15
LOGINS = ("app", "jobs", "operator", "readonly")

_PACKAGE = resources.files("winroom")
_LOCK = int.from_bytes(b"winroom", "big")
_WAY_BACK = ".rollback.sql"

_Connection = psycopg.Connection[tuple[str, ...]]


class DatabaseTooOld(WinRoomError):
    """The database is older than what Win Room needs."""

    code = "database_too_old"


class MigrationMissing(WinRoomError):
    """The database has a migration that this release does not know, or has no way back from one."""

    code = "migration_missing"


def migrate(owner_url: str, passwords: Mapping[str, str], to: str | None = None) -> list[str]:
    """Brings the schema up to migration `to` (default: the newest) and returns the ids it applied.

    `passwords` are by login without `winroom_`; a login that is missing keeps the password it has.
    Each migration is one transaction; of two migrators at once the second waits and finds nothing to do.
    Raises DatabaseTooOld, before anything is changed.
    """
    with _alone(owner_url) as conn:
        _check_version(conn)
        _make_roles(conn, passwords)
        _become_owner(conn)
        applied = _applied(conn)
        todo = [m for m in known() if m not in applied and (to is None or m <= to)]
        for migration in todo:
            with conn.transaction():
                conn.execute(_text(f"{migration}.sql"))
                conn.execute("insert into wr.migrations (migration_id) values (%s)", [migration])
        return todo


def roll_back(owner_url: str, to: str | None = None) -> list[str]:
    """Takes back every migration after `to` (default: all), newest first, and returns what it undid.

    Raises MigrationMissing where this release has no way back from one.
    """
    with _alone(owner_url) as conn:
        _become_owner(conn)
        unwanted = sorted((m for m in _applied(conn) if to is None or m > to), reverse=True)
        if strangers := [m for m in unwanted if not (_PACKAGE / "migrations" / (m + _WAY_BACK)).is_file()]:
            raise MigrationMissing(f"This release has no way back from {', '.join(strangers)}.")
        for migration in unwanted:
            with conn.transaction():
                conn.execute(_text(migration + _WAY_BACK))
                conn.execute("delete from wr.migrations where migration_id = %s", [migration])
        return unwanted


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
        conn.execute("select pg_advisory_lock(%s)", [_LOCK])
        yield conn


def _check_version(conn: _Connection) -> None:
    # Said before anything is made: what an old one lacks would come up half-way, in the parser's words.
    if (version := conn.info.server_version // 10000) < OLDEST:
        raise DatabaseTooOld(
            f"The database is PostgreSQL {version}, Win Room needs {OLDEST} or later: upgrade it, then "
            "deploy again. Nothing was changed."
        )


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
    # Behind one long query, an alter table would stop every sale: rather fail, and be run again.
    conn.execute("set lock_timeout = '5s'")
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
