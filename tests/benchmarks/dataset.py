"""Two years of sales: 1,000,000 of 1,000 tenants, half of them of a single one, and 200,000 older ones in the
archives. Made by the server itself, as what they would be had each come through the doors; retention has not
run since, so that all of it is in the way."""

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
    case when n = 0 then 100 else 10 end as people
from generate_series(0, %(tenants)s - 1) n
"""

# What came in, in the order in which it did, of all tenants among one another: `n` counts a tenant's from the
# newest back, and what is older than its `sales` newest is archived.
_SALES: LiteralString = """
create unlogged table wr.bench_sales as
select
    t.tenant_id, n, at, format('sale-%s-%s', t.number, n) as sale_id, uuidv7(at - now()) as event_id,
    uuidv7(at - now()) as queue_id, sha256(uuid_send(t.tenant_id) || int8send(n)) as hash,
    'person-' || lot % t.people as person, case when lot % 3 > 0 then 'sku-' || lot % 20 end as sku,
    round((lot % 1000 / 2.0)::numeric + 500, 2) as price, 'Customer ' || lot % 100000 as customer,
    case
        when n <= t.sales / 50 then 'pending'
        when n % 100 = 0 and n <= t.sales then 'excluded'
        else 'claimed'
    end as status,
    n % 10 > 0 or n > t.sales as is_approved, n % 200 = 7 and n <= t.sales as is_dead,
    n > t.sales as is_archived
from wr.bench_tenants t
cross join lateral generate_series(1, t.sales * 6 / 5) n
cross join lateral (
    select now() - n * (interval '730 days' / t.sales) as at, hashint4(n::integer) & 2147483647 as lot
) made
order by at
"""

_FILLING: dict[str, LiteralString] = {
    "tenants": """
        insert into wr.tenants (tenant_id, slug, name, plan)
        select tenant_id, 'tenant-' || number, 'Tenant ' || number, 'enterprise'
        from wr.bench_tenants where number > 0""",
    "rooms": """
        insert into wr.rooms (tenant_id, seq, posted_seq)
        select tenant_id, sales * 6 / 5, sales * 6 / 5 from wr.bench_tenants
        on conflict (tenant_id) do update set seq = excluded.seq, posted_seq = excluded.posted_seq""",
    "sellers": """
        insert into wr.sellers (tenant_id, seller_id, display_name)
        select tenant_id, 'person-' || n, 'Person ' || n
        from wr.bench_tenants cross join lateral generate_series(0, people - 1) n""",
    "users": """
        insert into wr.users (tenant_id, email, display_name, role, seller_id, password_hash)
        select tenant_id, seller_id || '@company.example', display_name, 'seller', seller_id, 'none'
        from wr.sellers""",
    "api_keys": """
        insert into wr.api_keys (tenant_id, name, scope, key_hash, key_prefix, created_by)
        select tenant_id, 'Shop', 'ingest', sha256(uuid_send(tenant_id)), 'wr_live_' || number, 'operator'
        from wr.bench_tenants""",
    "displays": """
        insert into wr.displays (tenant_id, name, link_hash, created_by)
        select tenant_id, 'Wall', sha256(uuid_send(tenant_id)), 'operator' from wr.bench_tenants""",
    # Half of the people look on.
    "connections": """
        insert into wr.connections (connection_id, tenant_id, user_id, rendering, is_ready)
        select user_id, tenant_id, user_id, 'full', true
        from wr.users where seller_id ~ '[02468]$'""",
    "products": """
        insert into wr.products (tenant_id, name, sku, default_cost)
        select tenant_id, 'Product ' || n, 'sku-' || n, 250
        from wr.bench_tenants cross join generate_series(0, 19) n""",
    "sale_keys": """
        insert into wr.sale_keys (tenant_id, sale_id, external_event_id, content_hash, event_id, created_at)
        select tenant_id, sale_id, 'event-' || sale_id, hash, event_id, at from wr.bench_sales""",
    "sales_events": """
        insert into wr.sales_events (
            tenant_id, event_id, sale_id, external_event_id, payload, content_hash, fingerprint, status,
            failure, processed_at, created_at, updated_at)
        select
            tenant_id, event_id, sale_id, 'event-' || sale_id,
            jsonb_build_object(
                'sale_id', sale_id, 'occurred_at', at, 'customer_name', customer, 'sell_price', price::text,
                'currency', 'USD', 'seller_external_id', person, 'product_sku', sku),
            hash, hash, case when is_dead then 'failed' else 'processed' end,
            case when is_dead then 'unknown_product' end, case when not is_dead then at end, at, at
        from wr.bench_sales where not is_archived""",
    "sales_events_archive": """
        insert into wr.sales_events_archive (
            tenant_id, event_id, sale_id, external_event_id, source, payload, content_hash, fingerprint,
            status, retry_count, next_attempt_at, processed_at, created_at, updated_at)
        select
            tenant_id, event_id, sale_id, 'event-' || sale_id, 'api',
            jsonb_build_object('sale_id', sale_id), hash, hash, 'processed', 0, at, at, at, at
        from wr.bench_sales where is_archived""",
    # Four of five were replayed.
    "sales_events_dlq": """
        insert into wr.sales_events_dlq (
            tenant_id, dead_letter_id, event_id, sale_id, failure_reason, payload, last_error, failed_at,
            resolved_at, resolution)
        select
            tenant_id, uuidv7(at - now()), event_id, sale_id, 'unknown_product',
            jsonb_build_object('customer_name', customer), 'No product has the SKU', at,
            case when n % 1000 > 7 then at end, case when n % 1000 > 7 then 'replayed' end
        from wr.bench_sales where is_dead""",
    "queue": """
        insert into wr.queue (
            tenant_id, queue_id, event_id, sale_id, status, excluded_reason, awaits_review,
            assigned_seller_id, product_id, fingerprint, customer_name, seller_id, occurred_at, sell_price,
            cost_price, currency, created_at, updated_at)
        select
            s.tenant_id, queue_id, event_id, sale_id, status,
            case when status = 'excluded' then 'A test' end, status = 'excluded' and n % 500 = 0,
            case when status = 'claimed' then person end, product_id, hash, customer, person, at, price,
            price / 2, 'USD', at, at
        from wr.bench_sales s left join wr.products p on p.tenant_id = s.tenant_id and p.sku = s.sku
        where not is_dead and not is_archived
        order by at""",
    "queue_archive": """
        insert into wr.queue_archive (
            tenant_id, queue_id, event_id, sale_id, status, assigned_seller_id, product_id, fingerprint,
            customer_name, seller_id, occurred_at, source, sell_price, cost_price, currency, created_at,
            updated_at)
        select
            s.tenant_id, queue_id, event_id, sale_id, status, person, product_id, hash, customer, person, at,
            'api', price, price / 2, 'USD', at, at
        from wr.bench_sales s left join wr.products p on p.tenant_id = s.tenant_id and p.sku = s.sku
        where is_archived
        order by at""",
    "claims": """
        insert into wr.claims (
            tenant_id, claim_id, queue_id, sale_id, claimed_by, claim_type, state, sell_price, cost_price,
            currency, product_id, customer_name, actor, decided_at, claimed_at, updated_at)
        select
            s.tenant_id, uuidv7(at - now()), queue_id, sale_id, person, 'first_touch',
            case when is_approved then 'approved' else 'pending' end, price, price / 2, 'USD', product_id,
            customer, 'user', case when is_approved then at end, at, at
        from wr.bench_sales s left join wr.products p on p.tenant_id = s.tenant_id and p.sku = s.sku
        where status = 'claimed' and not is_dead
        order by at""",
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
            tenant_id, row_number() over (partition by tenant_id order by at), 'queue.created', sale_id,
            'system', jsonb_build_object('saleId', sale_id, 'customerName', customer), at
        from wr.bench_sales
        order by at""",
    # One of ten requests is a person's.
    "api_audit_log": """
        insert into wr.api_audit_log (
            tenant_id, audit_id, api_key_id, user_id, endpoint, http_method, status_code, request_id,
            request_ip, user_agent, response_time_ms, created_at)
        select
            s.tenant_id, uuidv7(at - now()), case when user_id is null then api_key_id end, user_id,
            case when user_id is null then '/api/events' else '/api/queue' end,
            case when user_id is null then 'POST' else 'GET' end,
            case when n % 50 = 3 then 400 when user_id is null then 202 else 200 end, sale_id, '203.0.113.7',
            'crm/1.0', 3, at
        from wr.bench_sales s
        join wr.api_keys k on k.tenant_id = s.tenant_id and k.name = 'Shop'
        left join wr.users u on n % 10 = 0 and u.tenant_id = s.tenant_id and u.seller_id = s.person
        order by at""",
}

# How to drop each index that holds up nothing, and how to make it again: in the order in which they were,
# because of two that serve alike the planner takes the older one.
_INDEXES: LiteralString = """
select 'drop index ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
from pg_index join pg_class on oid = indrelid
where relnamespace = 'wr'::regnamespace
  and not exists (select from pg_constraint where conindid = indexrelid)
order by indexrelid
"""


def fill(
    database: Database, say: Callable[[str], None], sales: int = 1_000_000, tenants: int = 1_000
) -> Company:
    """Fills an empty database, and returns the large tenant."""
    large = database.company("large")
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        # What triggers and foreign keys would do is in the statements.
        conn.execute("set session_replication_role = replica")
        conn.execute("set synchronous_commit = off")
        conn.execute("set work_mem = '256MB'")
        conn.execute("set maintenance_work_mem = '256MB'")
        conn.execute(_TENANTS, {"large": large.tenant_id, "sales": sales, "tenants": tenants})
        conn.execute(_SALES)
        # Built at once in the end, not row by row.
        indexes = conn.execute(_INDEXES).fetchall()
        for drop, _ in indexes:
            conn.execute(drop)
        for table, statement in _FILLING.items():
            say(f"{table}: {conn.execute(statement).rowcount:,} rows")
        for _, create in indexes:
            conn.execute(create)
        conn.execute("drop table wr.bench_tenants, wr.bench_sales")
        conn.execute("vacuum analyze")
    return large
