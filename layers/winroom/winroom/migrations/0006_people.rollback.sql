-- A key in the middle of a rotation ends now: the older door takes every revoked one for dead.

drop function wr.resolve_api_key(bytea);
drop function wr.resolve_login(text, text);
drop function wr.resolve_session(uuid, uuid, integer);
drop function wr.resolve_display(bytea);
drop function wr.unwelcome_connections();
drop function wr.count_attempt(text, integer, integer);
drop function wr.forgive_attempt(text, boolean);
drop function wr.forget_leftovers();

-- Who a key speaks for; no row when unknown or revoked. Notes its use at most once a minute.
create function wr.resolve_api_key(in_key_hash bytea)
    returns table (tenant_id uuid, api_key_id uuid, scope text, plan text, settings jsonb)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with used as (
            update wr.api_keys k set last_used_at = now()
            where k.key_hash = in_key_hash and k.revoked_at is null
              and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute')
        )
        select k.tenant_id, k.api_key_id, k.scope, t.plan, t.settings
        from wr.api_keys k join wr.tenants t on t.tenant_id = k.tenant_id
        where k.key_hash = in_key_hash and k.revoked_at is null
    $$;

-- The person behind a login, with the hash to check; no row when unknown.
create function wr.resolve_login(in_slug text, in_email text)
    returns table (
        tenant_id uuid, user_id uuid, role text, password_hash text, token_version integer, disabled_at timestamptz)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select u.tenant_id, u.user_id, u.role, u.password_hash, u.token_version, u.disabled_at
        from wr.tenants t join wr.users u on u.tenant_id = t.tenant_id
        where t.slug = lower(in_slug) and u.email = lower(in_email)
    $$;

-- The screen behind a wallboard's link; no row when unknown or revoked.
create function wr.resolve_display(in_link_hash bytea)
    returns table (tenant_id uuid, display_id uuid)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select d.tenant_id, d.display_id from wr.displays d
        where d.link_hash = in_link_hash and d.revoked_at is null
    $$;

-- Cross-tenant: sockets of people, keys and screens that are no longer welcome.
create function wr.unwelcome_connections()
    returns table (connection_id text)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select c.connection_id
        from wr.connections c
        left join wr.users u on u.tenant_id = c.tenant_id and u.user_id = c.user_id
        left join wr.api_keys k on k.tenant_id = c.tenant_id and k.api_key_id = c.api_key_id
        left join wr.displays d on d.tenant_id = c.tenant_id and d.display_id = c.display_id
        where (c.user_id is not null
               and (u.user_id is null or u.disabled_at is not null or u.token_version is distinct from c.token_version))
           or (c.api_key_id is not null and (k.api_key_id is null or k.revoked_at is not null))
           or (c.display_id is not null and (d.display_id is null or d.revoked_at is not null))
    $$;

-- Cross-tenant: tickets nobody used, and sockets that outlived the two hours API Gateway grants them.
create function wr.forget_leftovers()
    returns table (tickets bigint, connections bigint)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with unused as (delete from wr.tickets where expires_at < now() returning 1),
             outlived as (
                 delete from wr.connections where connected_at < now() - interval '130 minutes' returning 1)
        select (select count(*) from unused), (select count(*) from outlived)
    $$;

revoke execute on function
    wr.resolve_api_key(bytea), wr.resolve_login(text, text), wr.resolve_display(bytea), wr.unwelcome_connections(),
    wr.forget_leftovers()
    from public;
grant execute on function wr.resolve_api_key(bytea), wr.resolve_login(text, text), wr.resolve_display(bytea)
    to winroom_app;
grant execute on function wr.unwelcome_connections(), wr.forget_leftovers() to winroom_jobs;

grant create on schema wr to winroom_resolver;
alter function wr.resolve_api_key(bytea) owner to winroom_resolver;
alter function wr.resolve_login(text, text) owner to winroom_resolver;
alter function wr.resolve_display(bytea) owner to winroom_resolver;
alter function wr.unwelcome_connections() owner to winroom_resolver;
alter function wr.forget_leftovers() owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;

drop policy resolver on wr.login_attempts;
revoke all on wr.login_attempts from winroom_resolver;
alter table wr.tenants
    drop constraint tenants_claim_approval, drop constraint tenants_share_margin,
    drop constraint tenants_home_currency, drop constraint tenants_time_zone;
alter table wr.api_audit_log drop column display_id;
