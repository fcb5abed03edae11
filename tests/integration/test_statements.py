"""Every statement of `sql/` fits the migrated schema and the rights of the role that runs it, and
finds its rows by an index, row security included."""

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.factories import Company, Database
from tests.plans import LOGINS, RECOUNTS, STATEMENTS, logins_of, plan, read_through


@pytest.fixture(scope="module")
def house(server: Database) -> Iterator[Database]:
    with server.cloned("statements") as clone:
        yield clone


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_fits_the_schema_and_the_rights_of_its_role(house: Database, name: str) -> None:
    for login in logins_of(name):
        with psycopg.connect(house.url_of(login)) as conn:
            assert plan(conn, STATEMENTS[name])


def test_roles_are_told_only_for_what_there_is() -> None:
    assert set(LOGINS) <= set(STATEMENTS) | {name.split(".")[0] for name in STATEMENTS}


@pytest.mark.parametrize(
    "statement",
    [
        "select gone from wr.queue where queue_id = %(id)s",
        "select queue_id from wr.gone",
        "select queue_id from wr.queue where queue_id = %(id)s::integer",
        "select %(nothing)s is null",
    ],
)
def test_a_statement_that_does_not_fit_the_schema_is_found(house: Database, statement: LiteralString) -> None:
    with psycopg.connect(house.url_of("app")) as conn, pytest.raises(psycopg.ProgrammingError):
        plan(conn, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "delete from wr.tenants where tenant_id = %(id)s",
        "select migration_id from wr.migrations",
        "with gone as (delete from wr.events returning seq) select seq from gone",
        "select tenant_id from wr.take_due_events(%(limit)s)",
    ],
)
def test_a_statement_beyond_the_rights_of_its_role_is_found(
    house: Database, statement: LiteralString
) -> None:
    with psycopg.connect(house.url_of("app")) as conn, pytest.raises(InsufficientPrivilege):
        plan(conn, statement)


def test_no_statement_reads_a_large_table_from_end_to_end(
    database: Database, company: Company, rival: Company
) -> None:
    fill(database, [company, rival])
    with psycopg.connect(database.url_of("app"), prepare_threshold=None) as conn:
        conn.execute("select wr.enter_tenant(%s)", [company.tenant_id])
        found = {
            name: read
            for name, statement in STATEMENTS.items()
            if "app" in logins_of(name) and name not in RECOUNTS and (read := read_through(conn, statement))
        }
        assert found == {}
        # It would be seen: a search that no index serves, and one that none can beneath a policy.
        for blind in (
            "select sale_id from wr.queue where notes = %(notes)s",
            "select sale_id from wr.queue where customer_search like %(start)s",
        ):
            assert read_through(conn, blind) == {"queue"}


def fill(database: Database, companies: list[Company], sales: int = 10_000) -> None:
    """Gives each company so many sales, all claimed, announced and audited."""
    for company in companies:
        database.seller(company, "anna")
        for statement in FILLING:
            database.execute(statement, company.tenant_id, sales)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("analyze")


# Of a hundred sales, ninety-eight are over and done with.
FILLING: list[LiteralString] = [
    """
    insert into wr.sales_events (
        tenant_id, event_id, sale_id, payload, content_hash, fingerprint, status, created_at)
    select
        %s, wr.uuid_v7(), 'sale-' || n, '{}', sha256(int4send(n)), sha256(int4send(n)),
        case when n %% 50 = 0 then 'pending' else 'processed' end, now() - n * interval '1 minute'
    from generate_series(1, %s) n
    """,
    """
    insert into wr.sales_events_dlq (
        tenant_id, event_id, sale_id, failure_reason, payload, resolved_at, resolution)
    select
        tenant_id, event_id, sale_id, 'unknown_product', '{"customer_name": "Ada"}',
        case when status = 'processed' then now() end, case when status = 'processed' then 'replayed' end
    from wr.sales_events where tenant_id = %s limit %s
    """,
    """
    insert into wr.sale_keys (tenant_id, sale_id, external_event_id, content_hash, event_id)
    select tenant_id, sale_id, 'event-' || sale_id, content_hash, event_id
    from wr.sales_events where tenant_id = %s limit %s
    """,
    """
    insert into wr.queue (
        tenant_id, event_id, sale_id, status, assigned_seller_id, fingerprint, customer_name,
        seller_id, occurred_at, sell_price, currency)
    select
        tenant_id, event_id, sale_id, case status when 'pending' then 'pending' else 'claimed' end,
        case status when 'processed' then 'anna' end, fingerprint, 'Customer ' || sale_id,
        'anna', created_at, 100, 'USD'
    from wr.sales_events where tenant_id = %s limit %s
    """,
    """
    insert into wr.sales_events_archive (
        tenant_id, event_id, sale_id, source, payload, content_hash, fingerprint, status, retry_count,
        next_attempt_at, created_at, updated_at)
    select
        tenant_id, wr.uuid_v7(), 'old-' || sale_id, source, payload, content_hash, fingerprint, 'processed',
        0, created_at, created_at, created_at
    from wr.sales_events where tenant_id = %s limit %s
    """,
    """
    insert into wr.queue_archive (
        tenant_id, queue_id, event_id, sale_id, status, assigned_seller_id, fingerprint, customer_name,
        seller_id, occurred_at, source, sell_price, currency, created_at, updated_at)
    select
        tenant_id, wr.uuid_v7(), event_id, sale_id, 'claimed', 'anna', fingerprint, 'Customer ' || sale_id,
        'anna', created_at, source, 100, 'USD', created_at, created_at
    from wr.sales_events_archive where tenant_id = %s limit %s
    """,
    """
    insert into wr.claims (
        tenant_id, queue_id, sale_id, claimed_by, claim_type, sell_price, currency, customer_name,
        actor, claimed_at)
    select
        tenant_id, queue_id, sale_id, 'anna', 'first_touch', sell_price, currency, customer_name,
        'user', occurred_at
    from wr.queue where tenant_id = %s and status = 'claimed' limit %s
    """,
    """
    insert into wr.events (tenant_id, seq, type, sale_id, actor, payload)
    select %s, n, 'queue.created', 'sale-' || n, 'system', '{}' from generate_series(1, %s) n
    """,
    """
    insert into wr.api_audit_log (
        tenant_id, endpoint, http_method, status_code, request_id, created_at)
    select %s, '/api/events', 'POST', 202, n, now() - n * interval '1 minute'
    from generate_series(1, %s) n
    """,
]
