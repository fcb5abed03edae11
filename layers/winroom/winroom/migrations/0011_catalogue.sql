-- Products and sellers are found by the start of a name, keys and screens listed with the live ones first.

-- "Desk" and "desk" are one product to everybody who picks it from a list. One index keeps names unique, in
-- order and searchable; like is not leakproof, so no index would serve it here. A company that has two such
-- products stops this migration: rename one of them, and it goes through.
alter table wr.products
    add column name_search text collate "C" not null generated always as (lower(name)) stored;
alter table wr.products drop constraint products_tenant_id_name_key;
alter table wr.products add unique (tenant_id, name_search);

alter table wr.sellers
    add column name_search text collate "C" not null generated always as (lower(display_name)) stored;
create index sellers_by_name on wr.sellers (tenant_id, name_search, seller_id);

-- Columns, because under row security no index serves a comparison of coalesce. Not infinity, which is more
-- than the dates of many a language hold.
alter table wr.api_keys
    add column live_until timestamptz not null
        generated always as (coalesce(revoked_at, timestamptz '9999-01-01 00:00:00+00')) stored;
alter table wr.displays
    add column live_until timestamptz not null
        generated always as (coalesce(revoked_at, timestamptz '9999-01-01 00:00:00+00')) stored;
create index api_keys_live_first on wr.api_keys (tenant_id, live_until desc, api_key_id desc);
create index displays_live_first on wr.displays (tenant_id, live_until desc, display_id desc);

-- Who is out for good opens no socket with a ticket from the minute before.
drop function wr.redeem_ticket(bytea);
create function wr.redeem_ticket(in_ticket_hash bytea)
    returns table (
        tenant_id uuid, user_id uuid, api_key_id uuid, display_id uuid, token_version integer, rendering text)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with redeemed as (
            delete from wr.tickets t
            where t.ticket_hash = in_ticket_hash and t.expires_at > now()
            returning t.tenant_id, t.user_id, t.api_key_id, t.display_id, t.token_version, t.rendering
        )
        select r.tenant_id, r.user_id, r.api_key_id, r.display_id, r.token_version, r.rendering
        from redeemed r
        left join wr.users u on u.tenant_id = r.tenant_id and u.user_id = r.user_id
        left join wr.api_keys k on k.tenant_id = r.tenant_id and k.api_key_id = r.api_key_id
        left join wr.displays d on d.tenant_id = r.tenant_id and d.display_id = r.display_id
        where (u.token_version = r.token_version and u.disabled_at is null)
           or k.live_until > now()
           or d.live_until > now()
    $$;
revoke execute on function wr.redeem_ticket(bytea) from public;
grant execute on function wr.redeem_ticket(bytea) to winroom_app;
grant create on schema wr to winroom_resolver;
alter function wr.redeem_ticket(bytea) owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;
