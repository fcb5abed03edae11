"""Two years of sales: 1,000,000 of 1,000 tenants, half of them of a single one. Made by the server itself, as
what it would be had each come through the doors; retention has never run, so that all of it is in the way."""

from collections.abc import Callable
from typing import LiteralString

import psycopg

from tests.factories import Company, Database

# Each tenant with its number, and how many sales it has; number 0 is the large one.
_TENANTS: LiteralString = """
create unlogged table wr.bench_tenants as
select
    n as number, case when n = 0 then %(large)s::uuid else wr.uuid_v7() end as tenant_id,
    case when n = 0 then %(sales)s / 2 else %(sales)s / 2 / (%(tenants)s - 1) end as sales,
    case when n = 0 then 100 else 10 end as sellers
from generate_series(0, %(tenants)s - 1) n
"""

# What came in, newest first: n-th sales of all tenants are of about the same day.
_SALES: LiteralString = """
create unlogged table wr.bench_sales as
select
    t.tenant_id, n, 'sale-' || n as sale_id, 'seller-' || n %% t.sellers as seller_id, moment.at as at,
    wr.uuid_v7() as event_id, wr.uuid_v7() as queue_id, sha256(int8send(n)) as hash,
    round((50 + hashint4(n::integer)::bigint %% 1000 / 2.0)::numeric + 500, 2) as price,
    'Customer ' || hashint4(n::integer) %% 100000 as customer,
    case when n <= t.sales / 50 then 'pending' when n %% 100 = 0 then 'excluded' else 'claimed' end as status,
    n %% 10 > 0 as is_approved, n %% 200 = 7 as is_dead
from wr.bench_tenants t
cross join lateral generate_series(1, t.sales) n
cross join lateral (select now() - n * (interval '730 days' / t.sales) as at) moment
"""

_FILLING: dict[str, LiteralString] = {
    "tenants": """
        insert into wr.tenants (tenant_id, slug, name, plan)
        select tenant_id, 'tenant-' || number, 'Tenant ' || number, 'enterprise'
        from wr.bench_tenants where number > 0""",
    "rooms": """
        insert into wr.rooms (tenant_id, seq, posted_seq)
        select tenant_id, sales, sales from wr.bench_tenants
        on conflict (tenant_id) do update set seq = excluded.seq, posted_seq = excluded.posted_seq""",
    "sellers": """
        insert into wr.sellers (tenant_id, seller_id, display_name)
        select tenant_id, 'seller-' || n, 'Seller ' || n
        from wr.bench_tenants cross join lateral generate_series(0, sellers - 1) n""",
    "sale_keys": """
        insert into wr.sale_keys (tenant_id, sale_id, external_event_id, content_hash, event_id, created_at)
        select tenant_id, sale_id, 'event-' || n, hash, event_id, at from wr.bench_sales""",
    "sales_events": """
        insert into wr.sales_events (
            tenant_id, event_id, sale_id, external_event_id, payload, content_hash, fingerprint, status,
            failure, processed_at, created_at, updated_at)
        select
            tenant_id, event_id, sale_id, 'event-' || n,
            jsonb_build_object(
                'sale_id', sale_id, 'occurred_at', at, 'customer_name', customer, 'sell_price', price::text,
                'currency', 'USD', 'seller_external_id', seller_id),
            hash, hash, case when is_dead then 'failed' else 'processed' end,
            case when is_dead then 'unknown_product' end, at, at, at
        from wr.bench_sales""",
    "sales_events_dlq": """
        insert into wr.sales_events_dlq (
            tenant_id, event_id, sale_id, failure_reason, payload, last_error, failed_at)
        select
            tenant_id, event_id, sale_id, 'unknown_product', jsonb_build_object('customer_name', customer),
            'No product has the SKU', at
        from wr.bench_sales where is_dead""",
    "queue": """
        insert into wr.queue (
            tenant_id, queue_id, event_id, sale_id, status, excluded_reason, assigned_seller_id, fingerprint,
            customer_name, seller_id, occurred_at, sell_price, cost_price, currency, created_at, updated_at)
        select
            tenant_id, queue_id, event_id, sale_id, status, case when status = 'excluded' then 'A test' end,
            case when status = 'claimed' then seller_id end, hash, customer, seller_id, at, price, price / 2,
            'USD', at, at
        from wr.bench_sales where not is_dead""",
    "claims": """
        insert into wr.claims (
            tenant_id, queue_id, sale_id, claimed_by, claim_type, state, sell_price, cost_price, currency,
            customer_name, actor, decided_at, claimed_at, updated_at)
        select
            tenant_id, queue_id, sale_id, seller_id, 'first_touch',
            case when is_approved then 'approved' else 'pending' end, price, price / 2, 'USD', customer,
            'user', case when is_approved then at end, at, at
        from wr.bench_sales where status = 'claimed' and not is_dead""",
    "board_days": """
        insert into wr.board_days (tenant_id, day, seller_id, currency, wins, revenue, margin)
        select
            tenant_id, (claimed_at at time zone 'UTC')::date, claimed_by, currency, count(*), sum(sell_price),
            sum(margin_amount)
        from wr.claims where state = 'approved' group by 1, 2, 3, 4""",
    "board_months": """
        insert into wr.board_months (tenant_id, month, seller_id, currency, wins, revenue, margin)
        select
            tenant_id, date_trunc('month', day::timestamp)::date, seller_id, currency, sum(wins),
            sum(revenue), sum(margin)
        from wr.board_days group by 1, 2, 3, 4""",
    "events": """
        insert into wr.events (tenant_id, seq, type, sale_id, actor, payload, created_at)
        select
            tenant_id, row_number() over (partition by tenant_id order by n desc), 'queue.created', sale_id,
            'system', jsonb_build_object('saleId', sale_id, 'customerName', customer), at
        from wr.bench_sales""",
    "api_audit_log": """
        insert into wr.api_audit_log (
            tenant_id, endpoint, http_method, status_code, request_id, request_ip, user_agent,
            response_time_ms, created_at)
        select
            tenant_id, '/api/events', 'POST', case when n % 50 = 3 then 400 else 202 end, sale_id,
            '203.0.113.7', 'crm/1.0', 3, at
        from wr.bench_sales""",
}


def fill(
    database: Database, say: Callable[[str], None], sales: int = 1_000_000, tenants: int = 1_000
) -> Company:
    """Fills an empty database, and returns the large tenant."""
    large = database.company("large")
    values = {"large": large.tenant_id, "sales": sales, "tenants": tenants}
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        # What triggers and foreign keys would do is in the statements.
        conn.execute("set session_replication_role = replica")
        conn.execute("set synchronous_commit = off")
        conn.execute("set work_mem = '256MB'")
        for statement in (_TENANTS, _SALES):
            conn.execute(statement, values)
        for table, statement in _FILLING.items():
            say(f"{table}: {conn.execute(statement).rowcount:,} rows")
        conn.execute("drop table wr.bench_tenants, wr.bench_sales")
        conn.execute("vacuum analyze")
    return large
