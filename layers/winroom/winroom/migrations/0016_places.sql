-- Retention goes on from a place, settings of a transaction are made without holding on to a pooler's connection,
-- and what two policies say is said once.

-- For the rest of the transaction. A function around set_config, as enter_tenant is one: poolers pin a connection on
-- every statement that sets something by itself.
create function wr.set_local(in_name text, in_value text) returns void
    language sql
    as $$ select set_config(in_name, in_value, true) $$;
revoke execute on function wr.set_local(text, text) from public;
grant execute on function wr.set_local(text, text) to winroom_app, winroom_jobs, winroom_operator;

-- Cross-tenant, for winroom_jobs alone: as archive_items(integer), but looks at so many items at most, the oldest
-- after a place; null is before all. Claims that nobody approves stay at the head for ever, and each batch would read
-- them again. Tells how many it archived, how many it `saw`, and the place after which to go on.
create function wr.archive_items(in_limit integer, in_updated_at timestamptz, in_tenant_id uuid, in_queue_id uuid)
    returns table (number bigint, saw bigint, updated_at timestamptz, tenant_id uuid, queue_id uuid)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with seen as materialized (
            select q.ctid as place, q.updated_at, q.tenant_id, q.queue_id
            from wr.queue q
            where q.status = 'claimed' and q.updated_at < now() - interval '30 days'
              and (q.updated_at, q.tenant_id, q.queue_id)
                  > (coalesce(in_updated_at, '-infinity'), in_tenant_id, in_queue_id)
            order by q.updated_at, q.tenant_id, q.queue_id
            limit in_limit
        ),
        moved as (
            delete from wr.queue where ctid = any (array(
                select q.ctid from wr.queue q
                where q.ctid = any (array(select place from seen))
                  -- Asked again of the row that is locked.
                  and q.status = 'claimed' and q.updated_at < now() - interval '30 days'
                  and (
                      select coalesce(c.decided_at, c.claimed_at) from wr.claims c
                      where c.tenant_id = q.tenant_id and c.sale_id = q.sale_id and c.state = 'approved'
                  ) < now() - interval '30 days'
                for update skip locked
            ))
            returning *
        ),
        archived as (
            insert into wr.queue_archive (
                tenant_id, queue_id, event_id, sale_id, product_id, status, excluded_reason, suspected_duplicate_of,
                awaits_review, fingerprint, customer_name, seller_id, assigned_seller_id, occurred_at, source, category,
                notes, sell_price, cost_price, currency, created_at, updated_at)
            select
                tenant_id, queue_id, event_id, sale_id, product_id, status, excluded_reason, suspected_duplicate_of,
                awaits_review, fingerprint, customer_name, seller_id, assigned_seller_id, occurred_at, source, category,
                notes, sell_price, cost_price, currency, created_at, updated_at
            from moved
            returning 1
        ),
        counted as (
            select (select count(*) from archived) as number, (select count(*) from seen) as saw
        )
        select counted.number, counted.saw, last.updated_at, last.tenant_id, last.queue_id
        from counted
        left join (
            select s.updated_at, s.tenant_id, s.queue_id from seen s
            order by s.updated_at desc, s.tenant_id desc, s.queue_id desc
            limit 1
        ) last on true
    $$;
revoke execute on function wr.archive_items(integer, timestamptz, uuid, uuid) from public;
grant execute on function wr.archive_items(integer, timestamptz, uuid, uuid) to winroom_jobs;
grant create on schema wr to winroom_resolver;
alter function wr.archive_items(integer, timestamptz, uuid, uuid) owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;

-- 0013 lets the resolver read both tables already. (So do its grants on columns, but they stay: what a release was
-- granted is not taken from it.)
drop policy gauges on wr.sales_events_dlq;
drop policy gauges on wr.api_audit_log;
