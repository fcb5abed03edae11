-- Companies, their people, keys, screens and what they asked of us.

create table wr.tenants (
    tenant_id uuid primary key default wr.uuid_v7(),
    slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text not null check (char_length(name) between 1 and 200),
    plan text not null default 'free' check (plan in ('free', 'pro', 'enterprise')),
    settings jsonb not null default '{}'
        -- One wrong value here would refuse every sale of the company.
        check (coalesce(jsonb_typeof(settings -> 'ingestion_per_minute'), 'number') = 'number')
        check (coalesce(jsonb_typeof(settings -> 'suspect_duplicates'), 'boolean') = 'boolean'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table wr.users (
    tenant_id uuid not null references wr.tenants on delete cascade,
    user_id uuid not null default wr.uuid_v7(),
    email text not null check (email = lower(email) and char_length(email) between 3 and 320),
    display_name text not null check (char_length(display_name) between 1 and 200),
    role text not null check (role in ('admin', 'manager', 'seller', 'watcher')),
    seller_id text,
    password_hash text not null,
    -- Raised by logout, disabling and password change: every older token ends.
    token_version integer not null default 0,
    disabled_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, user_id),
    unique (tenant_id, email)
);

create table wr.api_keys (
    tenant_id uuid not null references wr.tenants on delete cascade,
    api_key_id uuid not null default wr.uuid_v7(),
    name text not null check (char_length(name) between 1 and 100),
    scope text not null check (scope in ('ingest', 'full')),
    key_hash bytea not null check (octet_length(key_hash) = 32),
    key_prefix text not null,
    created_by text not null,
    last_used_at timestamptz,
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    primary key (tenant_id, api_key_id)
);
create unique index api_keys_key_hash on wr.api_keys (key_hash);

create table wr.displays (
    tenant_id uuid not null references wr.tenants on delete cascade,
    display_id uuid not null default wr.uuid_v7(),
    name text not null check (char_length(name) between 1 and 100),
    link_hash bytea not null check (octet_length(link_hash) = 32),
    created_by text not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    primary key (tenant_id, display_id)
);
create unique index displays_link_hash on wr.displays (link_hash);

create table wr.api_audit_log (
    tenant_id uuid not null references wr.tenants on delete cascade,
    audit_id uuid not null default wr.uuid_v7(),
    api_key_id uuid,
    user_id uuid,
    endpoint text not null,
    http_method text not null,
    status_code integer not null,
    request_id text not null,
    request_ip inet,
    user_agent text,
    response_time_ms integer,
    error_message text,
    -- A flood of refusals is one row a minute and caller, counted, not thousands.
    repeats integer not null default 1,
    flood_minute timestamptz,
    flood_caller text,
    created_at timestamptz not null default now(),
    primary key (tenant_id, audit_id),
    check ((flood_minute is null) = (flood_caller is null))
);
create index api_audit_log_newest on wr.api_audit_log (tenant_id, created_at desc);
create unique index api_audit_log_flood on wr.api_audit_log (tenant_id, flood_caller, flood_minute)
    where flood_minute is not null;

-- Counters may be lost with a crash: that forgives some requests of one minute.
create unlogged table wr.rate_counters (
    tenant_id uuid not null,
    bucket text not null,
    minute timestamptz not null,
    hits integer not null,
    primary key (tenant_id, bucket)
);

create unlogged table wr.login_attempts (
    tenant_id uuid not null,
    subject text not null,
    failures integer not null,
    since timestamptz not null default now(),
    primary key (tenant_id, subject)
);

create table wr.cache_kv (
    tenant_id uuid not null references wr.tenants on delete cascade,
    key text not null,
    value jsonb not null,
    updated_at timestamptz not null default now(),
    ttl_seconds integer not null default 86400,
    primary key (tenant_id, key)
);

-- Global: named in the list of tables without a tenant.
create table wr.switches (
    name text primary key,
    value jsonb not null,
    reason text,
    changed_by text not null,
    changed_at timestamptz not null default now()
);
alter table wr.switches enable row level security;
alter table wr.switches force row level security;
create policy everyone on wr.switches for select to winroom_app, winroom_jobs, winroom_readonly using (true);
create policy operator on wr.switches to winroom_operator using (true) with check (true);
grant select on wr.switches to winroom_app, winroom_jobs, winroom_readonly;
grant select, insert, update, delete on wr.switches to winroom_operator;

create table wr.heartbeats (
    component text primary key,
    beat_at timestamptz not null default now()
);
-- From now on three minutes of silence mean trouble.
insert into wr.heartbeats (component) values ('processor'), ('socket');
alter table wr.heartbeats enable row level security;
alter table wr.heartbeats force row level security;
create policy everyone on wr.heartbeats to winroom_app, winroom_jobs using (true) with check (true);
create policy operator on wr.heartbeats to winroom_operator using (true) with check (true);
create policy readonly on wr.heartbeats for select to winroom_readonly using (true);
grant select, insert, update on wr.heartbeats to winroom_app, winroom_jobs, winroom_operator;
grant select on wr.heartbeats to winroom_readonly;

call wr.protect('wr.tenants');
call wr.protect('wr.users');
call wr.protect('wr.api_keys');
call wr.protect('wr.displays');
call wr.protect('wr.api_audit_log');
call wr.protect('wr.rate_counters');
call wr.protect('wr.login_attempts');
call wr.protect('wr.cache_kv');

-- A company's own row and its people are never deleted by the application, only disabled.
grant select, insert, update on wr.tenants, wr.users, wr.api_keys, wr.displays to winroom_app;
-- The log is written, counted up and, until its request is answered, corrected. It is not rewritten.
grant select, insert, update (repeats, status_code, error_message) on wr.api_audit_log to winroom_app;
-- Who only looks does not take password hashes home.
revoke select on wr.users from winroom_readonly;
grant select (
    tenant_id, user_id, email, display_name, role, seller_id, token_version, disabled_at, created_at, updated_at)
    on wr.users to winroom_readonly;
grant select, insert, update, delete on wr.rate_counters, wr.login_attempts, wr.cache_kv to winroom_app;

create trigger touch before update on wr.tenants for each row execute function wr.touch_updated_at();
create trigger touch before update on wr.users for each row execute function wr.touch_updated_at();
create trigger touch before update on wr.cache_kv for each row execute function wr.touch_updated_at();
