-- A sale from the request that brought it to the queue item that sellers claim.

create table wr.sellers (
    tenant_id uuid not null references wr.tenants on delete cascade,
    seller_id text not null check (char_length(seller_id) between 1 and 255),
    display_name text not null,
    email text,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, seller_id)
);

alter table wr.users
    add foreign key (tenant_id, seller_id) references wr.sellers (tenant_id, seller_id);

create table wr.products (
    tenant_id uuid not null references wr.tenants on delete cascade,
    product_id uuid not null default wr.uuid_v7(),
    name text not null check (char_length(name) between 1 and 255),
    sku text check (char_length(sku) between 1 and 100),
    default_cost numeric(12, 2) check (default_cost >= 0),
    category text check (char_length(category) <= 100),
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, product_id),
    unique (tenant_id, name),
    unique (tenant_id, sku)
);

create table wr.imports (
    tenant_id uuid not null references wr.tenants on delete cascade,
    import_id uuid not null default wr.uuid_v7(),
    file_name text not null,
    mapping jsonb not null default '{}',
    content text,
    status text not null default 'pending' check (status in ('pending', 'running', 'done', 'failed')),
    total_rows integer not null default 0,
    accepted_rows integer not null default 0,
    duplicate_rows integer not null default 0,
    bad_rows integer not null default 0,
    problems jsonb not null default '[]',
    created_by text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (tenant_id, import_id)
);

-- What makes a sale the same sale, for ever: events are archived, these rows never are.
create table wr.sale_keys (
    tenant_id uuid not null references wr.tenants on delete cascade,
    sale_id text not null,
    external_event_id text,
    content_hash bytea not null check (octet_length(content_hash) = 32),
    event_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, sale_id),
    unique (tenant_id, external_event_id)
);

create table wr.sales_events (
    tenant_id uuid not null references wr.tenants on delete cascade,
    event_id uuid not null,
    sale_id text not null,
    external_event_id text,
    source text not null default 'api' check (source in ('api', 'manual', 'import')),
    payload jsonb not null,
    content_hash bytea not null,
    -- Seller, moment, amount, currency and customer: two sales alike in all of these are suspicious.
    fingerprint bytea not null,
    status text not null default 'pending' check (status in ('pending', 'processed', 'failed')),
    failure text check (failure in ('conflict', 'unknown_product', 'unreadable', 'retries_exhausted')),
    conflicts_with uuid,
    retry_count integer not null default 0,
    -- The one retry clock: a pending event whose time has come is sent again by the sweeper.
    next_attempt_at timestamptz not null default now() + interval '1 minute',
    error_message text check (char_length(error_message) <= 1000),
    processed_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, event_id),
    check ((status = 'failed') = (failure is not null)),
    check ((failure = 'conflict') = (conflicts_with is not null))
);
-- Two living events of one sale cannot exist; a kept conflict is not a second sale.
create unique index sales_events_sale on wr.sales_events (tenant_id, sale_id)
    where failure is distinct from 'conflict';
create unique index sales_events_conflict on wr.sales_events (tenant_id, content_hash, conflicts_with)
    where failure = 'conflict';
create index sales_events_by_status on wr.sales_events (tenant_id, status, event_id);
create index sales_events_due on wr.sales_events (next_attempt_at) where status = 'pending';

create table wr.sales_events_dlq (
    tenant_id uuid not null references wr.tenants on delete cascade,
    dead_letter_id uuid not null default wr.uuid_v7(),
    event_id uuid not null,
    sale_id text,
    failure_reason text not null,
    payload jsonb not null,
    last_error text,
    failed_at timestamptz not null default now(),
    resolved_at timestamptz,
    resolution text check (resolution in ('replayed', 'discarded', 'accepted')),
    resolved_by text,
    primary key (tenant_id, dead_letter_id),
    check ((resolved_at is null) = (resolution is null))
);
-- An event has at most one open dead letter, however often it is reported.
create unique index sales_events_dlq_open on wr.sales_events_dlq (tenant_id, event_id)
    where resolved_at is null;

create table wr.sales_events_archive (
    tenant_id uuid not null references wr.tenants on delete cascade,
    event_id uuid not null,
    sale_id text not null,
    external_event_id text,
    source text not null,
    payload jsonb not null,
    content_hash bytea not null,
    status text not null,
    failure text,
    retry_count integer not null,
    error_message text,
    processed_at timestamptz,
    created_at timestamptz not null,
    archived_at timestamptz not null default now(),
    primary key (tenant_id, event_id)
);

create table wr.queue (
    tenant_id uuid not null references wr.tenants on delete cascade,
    queue_id uuid not null default wr.uuid_v7(),
    event_id uuid not null,
    sale_id text not null,
    product_id uuid,
    status text not null default 'pending' check (status in ('pending', 'claimed', 'excluded')),
    excluded_reason text,
    suspected_duplicate_of text,
    fingerprint bytea not null,
    customer_name text not null,
    -- Search is by prefix of the lower-cased name: like is not leakproof, so no index would serve it here.
    customer_search text collate "C" not null generated always as (lower(customer_name)) stored,
    seller_id text not null,
    assigned_seller_id text,
    occurred_at timestamptz not null,
    source text not null default 'api',
    category text,
    notes text,
    sell_price numeric(12, 2) not null check (sell_price > 0),
    cost_price numeric(12, 2) check (cost_price >= 0),
    -- Null when the cost is unknown: an unknown cost is not a margin of 100 %.
    margin_amount numeric(13, 2) generated always as (sell_price - cost_price) stored,
    margin_pct numeric(18, 2) generated always as ((sell_price - cost_price) / sell_price * 100) stored,
    currency text not null check (currency in ('USD', 'EUR', 'GBP', 'TRY')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, queue_id),
    unique (tenant_id, sale_id),
    unique (tenant_id, event_id),
    foreign key (tenant_id, product_id) references wr.products (tenant_id, product_id),
    foreign key (tenant_id, seller_id) references wr.sellers (tenant_id, seller_id),
    foreign key (tenant_id, assigned_seller_id) references wr.sellers (tenant_id, seller_id),
    check ((status = 'claimed') = (assigned_seller_id is not null)),
    check ((status = 'excluded') = (excluded_reason is not null))
);
create index queue_page on wr.queue (tenant_id, status, occurred_at desc, queue_id desc);
create index queue_of_seller on wr.queue (tenant_id, seller_id, occurred_at desc, queue_id desc);
create index queue_of_product on wr.queue (tenant_id, product_id, occurred_at desc, queue_id desc)
    where product_id is not null;
create index queue_customer on wr.queue (tenant_id, customer_search);
create index queue_fingerprint on wr.queue (tenant_id, fingerprint);

create table wr.queue_archive (
    tenant_id uuid not null references wr.tenants on delete cascade,
    queue_id uuid not null,
    event_id uuid not null,
    sale_id text not null,
    product_id uuid,
    status text not null,
    excluded_reason text,
    suspected_duplicate_of text,
    fingerprint bytea not null,
    customer_name text not null,
    seller_id text not null,
    assigned_seller_id text,
    occurred_at timestamptz not null,
    source text not null,
    category text,
    notes text,
    sell_price numeric(12, 2) not null,
    cost_price numeric(12, 2),
    currency text not null,
    created_at timestamptz not null,
    archived_at timestamptz not null default now(),
    primary key (tenant_id, queue_id),
    unique (tenant_id, event_id)
);

-- Claims carry all that boards count: archiving the queue must not delete revenue, hence no key to it.
create table wr.claims (
    tenant_id uuid not null references wr.tenants on delete cascade,
    claim_id uuid not null default wr.uuid_v7(),
    queue_id uuid not null,
    sale_id text not null,
    claimed_by text not null,
    claim_type text not null check (claim_type in ('first_touch', 'upsell', 'retention')),
    state text not null default 'approved' check (state in ('pending', 'approved', 'rejected', 'released')),
    sell_price numeric(12, 2) not null,
    cost_price numeric(12, 2),
    margin_amount numeric(13, 2) generated always as (sell_price - cost_price) stored,
    currency text not null,
    product_id uuid,
    customer_name text not null,
    actor text not null,
    decided_by text,
    decided_at timestamptz,
    reason text,
    claimed_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, claim_id),
    foreign key (tenant_id, claimed_by) references wr.sellers (tenant_id, seller_id),
    foreign key (tenant_id, product_id) references wr.products (tenant_id, product_id)
);
create unique index claims_living on wr.claims (tenant_id, sale_id) where state in ('pending', 'approved');
create index claims_of_seller on wr.claims (tenant_id, claimed_by, claimed_at desc);
create index claims_by_state on wr.claims (tenant_id, state, claimed_at desc);

create table wr.board_days (
    tenant_id uuid not null references wr.tenants on delete cascade,
    day date not null,
    seller_id text not null,
    currency text not null,
    wins integer not null default 0,
    revenue numeric(18, 2) not null default 0,
    margin numeric(18, 2) not null default 0,
    primary key (tenant_id, day, seller_id, currency),
    foreign key (tenant_id, seller_id) references wr.sellers (tenant_id, seller_id)
);

create table wr.streak_state (
    tenant_id uuid primary key references wr.tenants on delete cascade,
    current_claimer text,
    current_count integer not null default 0,
    last_claim_at timestamptz,
    updated_at timestamptz not null default now(),
    foreign key (tenant_id, current_claimer) references wr.sellers (tenant_id, seller_id)
);

call wr.protect('wr.sellers');
call wr.protect('wr.products');
call wr.protect('wr.imports');
call wr.protect('wr.sale_keys');
call wr.protect('wr.sales_events');
call wr.protect('wr.sales_events_dlq');
call wr.protect('wr.sales_events_archive');
call wr.protect('wr.queue');
call wr.protect('wr.queue_archive');
call wr.protect('wr.claims');
call wr.protect('wr.board_days');
call wr.protect('wr.streak_state');

-- What a sale once was is never deleted by the application; retention archives as winroom_jobs.
grant select, insert, update on
    wr.sellers, wr.products, wr.imports, wr.sales_events, wr.sales_events_dlq, wr.queue, wr.claims,
    wr.streak_state
    to winroom_app;
grant select, insert on wr.sale_keys to winroom_app;
grant select, insert, update, delete on wr.board_days to winroom_app;
grant select on wr.sales_events_archive, wr.queue_archive to winroom_app;

create trigger touch before update on wr.sellers for each row execute function wr.touch_updated_at();
create trigger touch before update on wr.products for each row execute function wr.touch_updated_at();
create trigger touch before update on wr.imports for each row execute function wr.touch_updated_at();
create trigger touch before update on wr.sales_events for each row execute function wr.touch_updated_at();
create trigger touch before update on wr.queue for each row execute function wr.touch_updated_at();
create trigger touch before update on wr.claims for each row execute function wr.touch_updated_at();
create trigger touch before update on wr.streak_state for each row execute function wr.touch_updated_at();
