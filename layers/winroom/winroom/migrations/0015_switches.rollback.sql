drop trigger forget_switch on wr.api_keys;
drop trigger forget_switch on wr.tenants;
drop function wr.forget_switch();
drop function wr.pauses_of(uuid, uuid);

drop function wr.unwelcome_connections();
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

revoke execute on function wr.unwelcome_connections() from public;
grant execute on function wr.unwelcome_connections() to winroom_jobs;
grant create on schema wr to winroom_resolver;
alter function wr.unwelcome_connections() owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;

drop policy resolver on wr.switches;
revoke all on wr.switches from winroom_resolver;
