"""The only door to PostgreSQL. Tenant rows are reached through a session or batch that entered its tenant;
with no tenant entered every table is empty. Works behind a transaction pooler: no session state at all."""

import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg import errors as pg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from winroom.errors import Busy, DatabaseUnavailable, RateLimited
from winroom.settings import settings

Row = dict[str, Any]
Cursor = psycopg.Cursor[DictRow]
Result = TypeVar("Result")

# A thawed Lambda holds a connection that died long ago; past this many seconds it is replaced unasked.
_STALE_AFTER = 60.0
# Seconds after which a wait for the server was a slow one.
SLOW = 0.5
_slow_waits = 0


class ServerSilent(psycopg.OperationalError):
    """The server took the question and says nothing: frozen, or cut off without a goodbye."""


class Connection(psycopg.Connection[DictRow]):
    """A pooled connection in autocommit mode that knows when it was last returned, and has no patience
    with a silent server: TCP alone would wait for minutes."""

    returned_at: float | None = None
    # Seconds; what the function has by default.
    patience: float | None = None

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        began = time.perf_counter()
        try:
            return super().wait(gen, interval, timeout or self.patience or settings().database_patience)
        except pg._WaitTimeout:  # psycopg asks callers to make a public error of it
            self.close()
            raise ServerSilent("the server does not answer") from None
        finally:
            if time.perf_counter() - began > SLOW and self.patience is None:
                _note_slow_wait()


Work = Callable[[Connection], Result]


def take_slow_waits() -> int:
    """How many waits for the server took longer than SLOW since this was last asked. Those of jobs, and those
    known to be long, do not count: nobody waits for them."""
    global _slow_waits
    taken, _slow_waits = _slow_waits, 0
    return taken


def _note_slow_wait() -> None:
    global _slow_waits
    _slow_waits += 1


@contextmanager
def tenant_session(
    tenant_id: UUID, opening: Work[object] | None = None, closing: Work[object] | None = None
) -> Iterator[Connection]:
    """One transaction of one tenant: read, decide, write. Commits at its end, rolls back on any error.

    `opening` and `closing` only send statements, and share the round trips of begin and commit.
    Raises DatabaseUnavailable, Busy or RateLimited; other database errors pass through.
    """
    with _translated():
        conn = _tried_again(lambda: _begun(tenant_id, opening))
        with _returned(_app_pool(), conn):
            yield conn
            with conn.pipeline():
                if closing:
                    closing(conn)
                committed = conn.execute("commit")
            _check(committed)


def tenant_batch(tenant_id: UUID, work: Work[Result]) -> Result:
    """Runs one tenant's work in one transaction and one round trip.

    Work only sends statements and returns their cursors: the results are there afterwards. It must be safe
    to run twice, because a dead connection is replaced once.
    """
    with _translated():
        return _tried_again(lambda: _pipelined(tenant_id, work))


def tenant_statement(work: Work[Cursor]) -> Cursor:
    """Runs one statement that enters its tenants itself: a transaction and a round trip of its own, of all
    ways the cheapest. It must be safe to run twice, as the work of a batch."""

    def run() -> Cursor:
        with _connection() as conn:
            return work(conn)

    with _translated():
        return _tried_again(run)


@contextmanager
def open_session() -> Iterator[Connection]:
    """A connection with no tenant entered: all it is good for are the resolver functions."""
    with _translated(), _connection() as conn:
        yield conn


@contextmanager
def jobs_session() -> Iterator[Connection]:
    """A transaction of winroom_jobs, who alone may call the cross-tenant functions. Maintenance only."""
    with _translated():
        pool = _pool(settings().jobs_database_url)
        conn = _checked_out(pool)
        conn.patience = settings().database_patience
        with _returned(pool, conn), conn.transaction():
            yield conn


def connect(url: str) -> Connection:
    """A connection of one's own, in a transaction: for commands, which are no functions and keep no pool."""
    # Perhaps behind a pooler, as those of the pools.
    return Connection.connect(url, row_factory=dict_row, prepare_threshold=None, connect_timeout=5)


def enter(conn: Connection, tenant_id: UUID) -> None:
    """Makes the operator's transaction one of a single tenant, with the application's rights: nouns rely on
    row security to see nobody else's rows, and the operator sees everybody's."""
    conn.execute("set local role winroom_app")
    conn.execute("select wr.enter_tenant(%s)", [tenant_id])


@contextmanager
def patiently(conn: Connection, seconds: int) -> Iterator[None]:
    """More time for statements of this transaction that are known to be long, and rare."""
    conn.execute("select wr.set_local('statement_timeout', %s)", [f"{seconds}s"])
    conn.patience = seconds + 1.0
    try:
        yield
    finally:
        conn.patience = None


def only(cursor: Cursor) -> Row:
    """The single row that a statement must have returned."""
    row = cursor.fetchone()
    if row is None:
        raise LookupError("a statement that always returns a row returned none")
    return row


def close() -> None:
    """Closes this process's connections; the next session opens new ones."""
    with _pools_lock:
        while _pools:
            _pools.popitem()[1].close()


_pools: dict[str, ConnectionPool[Connection]] = {}
_pools_lock = threading.Lock()

# No state at all (the socket broke), or a goodbye: of the server (57P01-57P03, admin or crash shutdown), of a
# pooler (08P01).
_LOST = {None, "57P01", "57P02", "57P03", "08P01"}


def _pool(url: str) -> ConnectionPool[Connection]:
    with _pools_lock:
        if url not in _pools:
            _pools[url] = _opened(url)
        return _pools[url]


def _opened(url: str) -> ConnectionPool[Connection]:
    return ConnectionPool(
        url,
        connection_class=Connection,
        kwargs={
            "autocommit": True,
            "row_factory": dict_row,
            # Prepared statements belong to a server session, and behind many a pooler that is not ours.
            "prepare_threshold": None,
            "connect_timeout": 2,
            "tcp_user_timeout": 2500,
        },
        min_size=0,
        max_size=settings().database_pool_size,
        open=True,
        # An absent database is answered with 503 within three seconds, the one retry included.
        timeout=1.2,
        reconnect_timeout=1.0,
        num_workers=1,
    )


def _app_pool() -> ConnectionPool[Connection]:
    return _pool(settings().database_url)


def _checked_out(pool: ConnectionPool[Connection]) -> Connection:
    conn = pool.getconn()
    if conn.returned_at and (_has_idled(conn) or _is_dead(conn)):
        conn.close()
        pool.putconn(conn)
        conn = pool.getconn()
    return conn


def _has_idled(conn: Connection) -> bool:
    return time.time() - (conn.returned_at or 0) > _STALE_AFTER


def _is_dead(conn: Connection) -> bool:
    # An idle server has nothing to say but goodbye.
    return bool(select.select([conn.fileno()], [], [], 0)[0])


@contextmanager
def _returned(pool: ConnectionPool[Connection], conn: Connection) -> Iterator[None]:
    try:
        yield
    except pg.ReadOnlySqlTransaction:
        conn.close()  # it leads to what was the primary before a failover
        raise
    except BaseException:
        if conn.pgconn.transaction_status != TransactionStatus.IDLE:
            _abandon(conn)
        raise
    finally:
        conn.returned_at = time.time()
        pool.putconn(conn)


def _abandon(conn: Connection) -> None:
    try:
        conn.rollback()
    except psycopg.Error:
        conn.close()


@contextmanager
def _connection() -> Iterator[Connection]:
    conn = _checked_out(_app_pool())
    with _returned(_app_pool(), conn):
        yield conn


def _begun(tenant_id: UUID, opening: Work[object] | None) -> Connection:
    """A connection inside a transaction of this tenant."""
    conn = _checked_out(_app_pool())
    try:
        with conn.pipeline():
            conn.execute("begin")
            conn.execute("select wr.enter_tenant(%s)", [tenant_id])
            if opening:
                opening(conn)
    except BaseException:
        _abandon(conn)
        _app_pool().putconn(conn)
        raise
    return conn


def _pipelined(tenant_id: UUID, work: Work[Result]) -> Result:
    with _connection() as conn, conn.pipeline():
        # psycopg's transaction() inside a pipeline costs four round trips; these statements cost one. Without
        # them the pipeline's end would commit what an error of ours has left unfinished.
        conn.execute("begin")
        conn.execute("select wr.enter_tenant(%s)", [tenant_id])
        result = work(conn)
        committed = conn.execute("commit")
    _check(committed)
    return result


def _check(committed: Cursor) -> None:
    # PostgreSQL answers a commit of a failed transaction with a rollback, and calls that no error.
    if committed.statusmessage != "COMMIT":
        raise RuntimeError("the transaction had failed before its commit: an error was swallowed")


def _tried_again(run: Callable[[], Result]) -> Result:
    try:
        return run()
    except psycopg.OperationalError as error:
        if not _was_lost(error):
            raise
        return run()


def _was_lost(error: psycopg.OperationalError) -> bool:
    """Whether the connection broke. An empty pool and a silent server are not worth a second wait."""
    return error.sqlstate in _LOST and not isinstance(error, PoolTimeout | ServerSilent)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (
        pg.DeadlockDetected,
        pg.SerializationFailure,
        pg.QueryCanceled,
        pg.LockNotAvailable,
    ) as error:
        raise Busy from error
    except (psycopg.OperationalError, pg.ReadOnlySqlTransaction) as error:
        raise DatabaseUnavailable from error
    except psycopg.DatabaseError as error:
        if error.sqlstate != "WR429":
            # The lines after the first quote rows, and errors end up in logs.
            error.args = (str(error).partition("\n")[0],)
            raise
        raise RateLimited(resets_at=datetime.fromisoformat(error.diag.message_detail or "")) from error
