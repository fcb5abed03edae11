-- Whoever is resolved brings along what is paused for it: no request has to ask. Sockets of a company or a key
-- that is paused are closed like those of a key that is revoked; a company that is deleted leaves no switch behind.

-- Those of the switches that are on which concern whoever calls for this company, with this key.
create function wr.pauses_of(in_tenant_id uuid, in_api_key_id uuid)
    returns text[]
    language sql stable
    as $$
        select coalesce(array_agg(split_part(s.name, ':', 1)), '{}') from wr.switches s
        where s.value = 'true'::jsonb
          and s.name in ('pause_ingestion', 'pause_tenant:' || in_tenant_id, 'pause_key:' || in_api_key_id)
    $$;
revoke execute on function wr.pauses_of(uuid, uuid) from public;
grant execute on function wr.pauses_of(uuid, uuid) to winroom_app;

grant select, delete on wr.switches to winroom_resolver;
create policy resolver on wr.switches to winroom_resolver using (true);

drop function wr.unwelcome_connections();
-- Cross-tenant: sockets of people, keys and screens that are no longer welcome, or paused.
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
           or exists (
               select from wr.switches s
               where s.value = 'true'::jsonb
                 and s.name in ('pause_tenant:' || c.tenant_id, 'pause_key:' || c.api_key_id))
    $$;

-- Whoever deletes a company or a key deletes its switch.
create function wr.forget_switch() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        begin
            delete from wr.switches where name = tg_argv[0] || ':' || (to_jsonb(old) ->> tg_argv[1]);
            return null;
        end
    $$;
create trigger forget_switch after delete on wr.tenants
    for each row execute function wr.forget_switch('pause_tenant', 'tenant_id');
create trigger forget_switch after delete on wr.api_keys
    for each row execute function wr.forget_switch('pause_key', 'api_key_id');

revoke execute on function wr.unwelcome_connections(), wr.forget_switch() from public;
grant execute on function wr.unwelcome_connections() to winroom_jobs;
grant create on schema wr to winroom_resolver;
alter function wr.unwelcome_connections() owner to winroom_resolver;
alter function wr.forget_switch() owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;
