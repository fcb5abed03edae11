"""The door to the database: what breaks is replaced or told, and nothing leaks to the next tenant."""

import threading
import time
from contextlib import suppress

import psycopg
import pytest

from tests.conftest import forget_process_state
from tests.factories import Company, Database
from winroom import db
from winroom.errors import Busy, DatabaseUnavailable


def backend(company: Company) -> int:
    with db.tenant_session(company.tenant_id) as conn:
        return int(db.only(conn.execute("select pg_backend_pid() as pid"))["pid"])


@pytest.fixture(autouse=True)
def pool_of_one(environment: pytest.MonkeyPatch, company: Company) -> None:
    environment.setenv("DATABASE_POOL_SIZE", "1")
    forget_process_state()


def test_a_connection_is_kept_between_sessions(company: Company) -> None:
    assert backend(company) == backend(company)


def test_a_connection_that_idled_for_a_minute_is_replaced_unasked(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = backend(company)
    now = time.time()
    monkeypatch.setattr("winroom.db.time.time", lambda: now + 61)
    assert backend(company) != first


def test_functions_leave_no_statement_behind_a_pooler(company: Company) -> None:
    for _ in range(10):
        db.tenant_batch(company.tenant_id, lambda conn: conn.execute("select slug from wr.tenants"))
    kept = "select count(*) as n from pg_prepared_statements"
    assert db.tenant_batch(company.tenant_id, lambda conn: conn.execute(kept)).fetchone() == {"n": 0}


def test_a_connection_of_ones_own_leaves_no_statement_behind_a_pooler(database: Database) -> None:
    with db.connect(database.url_of("operator")) as conn:
        for _ in range(10):
            conn.execute("select 1")
        assert conn.execute("select name from pg_prepared_statements").fetchall() == []


def terminate(database: Database) -> None:
    """Ends the functions' connections, as a server does that is restarted."""
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        conn.execute(
            "select pg_terminate_backend(pid, 1000) from pg_stat_activity"
            " where usename = 'winroom_app' and datname = current_database()"
        )


def test_a_connection_that_the_server_ended_is_replaced(company: Company, database: Database) -> None:
    first = backend(company)
    for work in (backend, lambda c: db.tenant_batch(c.tenant_id, lambda conn: conn.execute("select 1"))):
        terminate(database)
        work(company)
    assert backend(company) != first


def test_a_connection_lost_in_the_middle_rolls_back_and_is_told(company: Company, database: Database) -> None:
    with pytest.raises(DatabaseUnavailable), db.tenant_session(company.tenant_id) as conn:
        conn.execute("update wr.tenants set name = 'changed'")
        with psycopg.connect(database.superuser_url, autocommit=True) as other:
            other.execute(f"select pg_terminate_backend({conn.info.backend_pid}, 1000)")
        conn.execute("select 1")
    assert company.rows("select name from wr.tenants") == [{"name": "Acme"}]
    assert backend(company)


def test_an_error_rolls_everything_back_and_leaves_the_connection_usable(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ZeroDivisionError), db.tenant_session(company.tenant_id) as conn:
        conn.execute("update wr.tenants set name = 'changed'")
        raise ZeroDivisionError
    with pytest.raises(psycopg.errors.DivisionByZero):
        db.tenant_batch(company.tenant_id, lambda conn: conn.execute("select 1 / 0"))
    assert company.rows("select name from wr.tenants") == [{"name": "Acme"}]
    assert backend(company)
    # Not left to the pool, which would do so with a warning, and in a thread that Lambda may freeze.
    assert [record for record in caplog.records if record.name.startswith("psycopg")] == []


def test_a_tenant_does_not_outlive_its_session(company: Company, rival: Company) -> None:
    with db.tenant_session(company.tenant_id) as conn:
        pid = conn.info.backend_pid
        assert conn.execute("select slug from wr.tenants").fetchall() == [{"slug": "acme"}]
    with db.open_session() as conn:
        assert conn.info.backend_pid == pid
        assert conn.execute("select slug from wr.tenants").fetchall() == []
    with db.tenant_session(rival.tenant_id) as conn:
        assert conn.execute("select slug from wr.tenants").fetchall() == [{"slug": "rival"}]


def test_a_statement_that_enters_no_tenant_sees_nothing(company: Company) -> None:
    assert db.tenant_statement(lambda conn: conn.execute("select slug from wr.tenants")).fetchall() == []


def test_what_takes_too_long_is_told_as_busy(company: Company) -> None:
    with pytest.raises(Busy), db.tenant_session(company.tenant_id) as conn:
        conn.execute("set local statement_timeout = '50ms'")
        conn.execute("select pg_sleep(5)")


def test_who_waits_too_long_for_a_connection_is_told(company: Company) -> None:
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        with db.tenant_session(company.tenant_id):
            taken.set()
            over.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(5)
    try:
        with pytest.raises(DatabaseUnavailable):
            backend(company)
    finally:
        over.set()
        holder.join()


def test_errors_do_not_quote_what_was_sent(company: Company) -> None:
    # Of rows under row security PostgreSQL itself says nothing; of other values it does.
    with (
        pytest.raises(psycopg.errors.InvalidTextRepresentation) as refused,
        db.tenant_session(company.tenant_id) as conn,
    ):
        conn.execute("select %s::json", ['{"customer": secret}'])
    assert str(refused.value) == "invalid input syntax for type json"


def test_a_statement_that_must_return_a_row_says_so(company: Company) -> None:
    with pytest.raises(LookupError), db.tenant_session(company.tenant_id) as conn:
        db.only(conn.execute("select 1 where false"))


def test_a_swallowed_error_is_not_taken_for_a_commit(company: Company) -> None:
    with (
        pytest.raises(RuntimeError, match=r"^the transaction had failed"),
        db.tenant_session(company.tenant_id) as conn,
        suppress(psycopg.errors.DivisionByZero),
    ):
        conn.execute("select 1 / 0")


def test_a_job_may_wait_and_a_request_that_waits_is_counted(company: Company) -> None:
    db.take_slow_waits()
    with db.jobs_session() as conn:
        conn.execute("select pg_sleep(0.6)")
    assert db.take_slow_waits() == 0
    with db.tenant_session(company.tenant_id) as conn:
        conn.execute("select pg_sleep(0.6)")
    assert db.take_slow_waits() == 1
