drop function wr.redeem_ticket(bytea);

-- Whose a ticket was, exactly once.
create function wr.redeem_ticket(in_ticket_hash bytea)
    returns table (
        tenant_id uuid, user_id uuid, api_key_id uuid, display_id uuid, token_version integer, rendering text)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        delete from wr.tickets t
        where t.ticket_hash = in_ticket_hash and t.expires_at > now()
        returning t.tenant_id, t.user_id, t.api_key_id, t.display_id, t.token_version, t.rendering
    $$;
revoke execute on function wr.redeem_ticket(bytea) from public;
grant execute on function wr.redeem_ticket(bytea) to winroom_app;
grant create on schema wr to winroom_resolver;
alter function wr.redeem_ticket(bytea) owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;

alter table wr.displays drop column live_until;
alter table wr.api_keys drop column live_until;
alter table wr.sellers drop column name_search;
alter table wr.products drop column name_search;
alter table wr.products add unique (tenant_id, name);
