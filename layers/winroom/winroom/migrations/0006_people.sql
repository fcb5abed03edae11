-- People log in, keys are rotated with an overlap, displays watch; guessing is slowed down.

alter table wr.api_audit_log add column display_id uuid;

-- One wrong value here would stop the company's claims, boards or sales.
alter table wr.tenants
    add constraint tenants_claim_approval
        check (coalesce(jsonb_typeof(settings -> 'claim_approval'), 'boolean') = 'boolean'),
    add constraint tenants_share_margin
        check (coalesce(jsonb_typeof(settings -> 'share_margin'), 'boolean') = 'boolean'),
    add constraint tenants_home_currency
        check (coalesce(settings ->> 'home_currency', 'USD') in ('USD', 'EUR', 'GBP', 'TRY')),
    add constraint tenants_time_zone check (
        timezone(coalesce(settings ->> 'time_zone', 'UTC'), timestamptz '2000-01-01 00:00:00+00') is not null);

grant select, insert, update, delete on wr.login_attempts to winroom_resolver;
create policy resolver on wr.login_attempts to winroom_resolver using (true) with check (true);

-- What these doors return or heed has grown.
drop function wr.resolve_api_key(bytea);
drop function wr.resolve_login(text, text);
drop function wr.resolve_display(bytea);
drop function wr.unwelcome_connections();
drop function wr.forget_leftovers();

-- Who a key speaks for; no row when unknown or revoked. Notes its use at most once a minute.
-- A rotated key is revoked in the future.
create function wr.resolve_api_key(in_key_hash bytea)
    returns table (tenant_id uuid, api_key_id uuid, scope text, plan text, settings jsonb)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with used as (
            update wr.api_keys k set last_used_at = now()
            where k.key_hash = in_key_hash and (k.revoked_at is null or k.revoked_at > now())
              and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute')
        )
        select k.tenant_id, k.api_key_id, k.scope, t.plan, t.settings
        from wr.api_keys k join wr.tenants t on t.tenant_id = k.tenant_id
        where k.key_hash = in_key_hash and (k.revoked_at is null or k.revoked_at > now())
    $$;

-- The person behind a login, with the hash to check; no row when unknown.
create function wr.resolve_login(in_slug text, in_email text)
    returns table (
        tenant_id uuid, user_id uuid, role text, seller_id text, password_hash text, token_version integer,
        disabled_at timestamptz, plan text, settings jsonb)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select
            u.tenant_id, u.user_id, u.role, u.seller_id, u.password_hash, u.token_version, u.disabled_at,
            t.plan, t.settings
        from wr.tenants t join wr.users u on u.tenant_id = t.tenant_id
        where t.slug = lower(in_slug) and u.email = lower(in_email)
    $$;

-- The person behind a token; no row when disabled, or when the token is of a past generation.
create function wr.resolve_session(in_tenant_id uuid, in_user_id uuid, in_token_version integer)
    returns table (
        tenant_id uuid, user_id uuid, role text, seller_id text, token_version integer, plan text, settings jsonb)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select u.tenant_id, u.user_id, u.role, u.seller_id, u.token_version, t.plan, t.settings
        from wr.users u join wr.tenants t on t.tenant_id = u.tenant_id
        where u.tenant_id = in_tenant_id and u.user_id = in_user_id
          and u.token_version = in_token_version and u.disabled_at is null
    $$;

-- The screen behind a wallboard's link; no row when unknown or revoked.
create function wr.resolve_display(in_link_hash bytea)
    returns table (tenant_id uuid, display_id uuid, plan text, settings jsonb)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select d.tenant_id, d.display_id, t.plan, t.settings
        from wr.displays d join wr.tenants t on t.tenant_id = d.tenant_id
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
           or (c.api_key_id is not null and (k.api_key_id is null or k.revoked_at <= now()))
           or (c.display_id is not null and (d.display_id is null or d.revoked_at is not null))
    $$;

-- Attempts that belong to no tenant yet (logins, sign-ups) are counted under the nil one.
-- Counts an attempt before it is made; over the limit it raises, until the window that the first one opened ends.
create function wr.count_attempt(in_subject text, in_limit integer, in_seconds integer)
    returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        declare
            made integer;
            opened timestamptz;
        begin
            insert into wr.login_attempts as a (tenant_id, subject, failures, since)
            values ('00000000-0000-0000-0000-000000000000', in_subject, 1, clock_timestamp())
            on conflict (tenant_id, subject) do update set
                failures = case
                    when a.since < clock_timestamp() - make_interval(secs => in_seconds) then 1
                    else a.failures + 1
                end,
                since = case
                    when a.since < clock_timestamp() - make_interval(secs => in_seconds) then clock_timestamp()
                    else a.since
                end
            returning failures, since into made, opened;
            if made > in_limit then
                raise exception 'too many attempts'
                    using errcode = 'WR429', detail = (opened + make_interval(secs => in_seconds))::text;
            end if;
        end
    $$;

-- An attempt that turned out well is not held against anybody.
create function wr.forgive_attempt(in_subject text, in_all boolean)
    returns void
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        update wr.login_attempts
        set failures = case when in_all then 0 else greatest(failures - 1, 0) end
        where tenant_id = '00000000-0000-0000-0000-000000000000' and subject = in_subject
    $$;

-- Cross-tenant: tickets nobody used, sockets that outlived the two hours API Gateway grants them, old attempts.
create function wr.forget_leftovers()
    returns table (tickets bigint, connections bigint)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with unused as (delete from wr.tickets where expires_at < now() returning 1),
             outlived as (
                 delete from wr.connections where connected_at < now() - interval '130 minutes' returning 1),
             forgiven as (delete from wr.login_attempts where since < now() - interval '1 day')
        select (select count(*) from unused), (select count(*) from outlived)
    $$;

revoke execute on function
    wr.resolve_api_key(bytea), wr.resolve_login(text, text), wr.resolve_session(uuid, uuid, integer),
    wr.resolve_display(bytea), wr.unwelcome_connections(), wr.count_attempt(text, integer, integer),
    wr.forgive_attempt(text, boolean), wr.forget_leftovers()
    from public;
grant execute on function
    wr.resolve_api_key(bytea), wr.resolve_login(text, text), wr.resolve_session(uuid, uuid, integer),
    wr.resolve_display(bytea), wr.count_attempt(text, integer, integer), wr.forgive_attempt(text, boolean)
    to winroom_app;
grant execute on function wr.unwelcome_connections(), wr.forget_leftovers() to winroom_jobs;

grant create on schema wr to winroom_resolver;
alter function wr.resolve_api_key(bytea) owner to winroom_resolver;
alter function wr.resolve_login(text, text) owner to winroom_resolver;
alter function wr.resolve_session(uuid, uuid, integer) owner to winroom_resolver;
alter function wr.resolve_display(bytea) owner to winroom_resolver;
alter function wr.unwelcome_connections() owner to winroom_resolver;
alter function wr.count_attempt(text, integer, integer) owner to winroom_resolver;
alter function wr.forgive_attempt(text, boolean) owner to winroom_resolver;
alter function wr.forget_leftovers() owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;
