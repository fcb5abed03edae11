"""How statements run with a million sales in the tables, half of them of one company out of a thousand: as is
kept in `tests/benchmarks/plans.json`, and never by reading a large table from end to end."""

from collections.abc import Iterator

import psycopg
import pytest

from tests import plans
from tests.factories import Database


@pytest.fixture(scope="module")
def house(server: Database) -> Iterator[Database]:
    """An empty database that plans as if all these sales were in it."""
    with psycopg.connect(server.superuser_url) as conn:
        if conn.info.server_version < 180000:
            pytest.skip(
                "plans are kept for PostgreSQL 18; none before it takes statistics of another database"
            )
    with server.cloned("plans") as clone:
        plans.pretend(clone)
        yield clone


def test_every_statement_runs_as_is_kept(house: Database) -> None:
    # Another plan is seen here before customers see it. If it is the better one: `make plans`.
    assert plans.shapes(house) == plans.kept()


def test_no_plan_that_is_kept_reads_a_large_table_from_end_to_end() -> None:
    assert {name for name, shape in plans.kept().items() if plans.scanned(shape)} <= plans.READ_THROUGH


def test_statistics_are_kept_of_every_large_table_and_its_indexes(house: Database) -> None:
    assert plans.unmeasured(house) == set()


def test_a_statement_that_no_index_serves_is_seen(house: Database) -> None:
    with psycopg.connect(house.superuser_url) as conn:
        assert plans.read_through(conn, "select sale_id from wr.queue where notes = %(notes)s") == {"queue"}


def test_a_large_index_without_statistics_is_seen(house: Database) -> None:
    with psycopg.connect(house.owner_url) as owner:
        owner.execute("create index unheard_of on wr.queue (tenant_id, notes)")
        owner.commit()
        try:
            assert plans.unmeasured(house) == {"unheard_of"}
        finally:
            owner.execute("drop index wr.unheard_of")
