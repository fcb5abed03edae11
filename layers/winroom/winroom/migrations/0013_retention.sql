-- What is over and done with goes to the archive, where it is still found; what nobody needs any more goes.
-- Nothing was ever archived before, so the archives are empty: with rows that somebody put there by hand, this
-- migration stops and changes nothing.

-- An archive's row says all that the row said, so that it can return.
alter table wr.sales_events_archive
    add column fingerprint bytea not null,
    add column conflicts_with uuid,
    add column corrects uuid,
    add column next_attempt_at timestamptz not null,
    add column updated_at timestamptz not null,
    add constraint sales_events_archive_settled check (status = 'processed');

alter table wr.queue_archive
    add column awaits_review boolean not null default false,
    add column updated_at timestamptz not null,
    add column customer_search text collate "C" not null generated always as (lower(customer_name)) stored,
    add column margin_amount numeric(13, 2) generated always as (sell_price - cost_price) stored,
    add column margin_pct numeric(18, 2)
        generated always as ((sell_price - cost_price) / sell_price * 100) stored,
    add constraint queue_archive_settled check (status = 'claimed' and assigned_seller_id is not null),
    add unique (tenant_id, sale_id);
-- It is searched in the same ways as the queue.
create index queue_archive_page on wr.queue_archive (tenant_id, occurred_at desc, queue_id desc);
create index queue_archive_of_seller on wr.queue_archive (tenant_id, seller_id, occurred_at desc, queue_id desc);
create index queue_archive_of_product on wr.queue_archive (tenant_id, product_id, occurred_at desc, queue_id desc)
    where product_id is not null;
create index queue_archive_customer on wr.queue_archive (tenant_id, customer_search);
create index queue_archive_fingerprint on wr.queue_archive (tenant_id, fingerprint);

-- What is due, the oldest first. Neither index is touched while a sale comes in: the one grows when an event is
-- settled, the other when its item is claimed. The audit log and the room's log have none: a tenant's oldest rows
-- are where the indexes begin that they have already.
create index sales_events_processed on wr.sales_events (processed_at) where status = 'processed';
create index queue_claimed on wr.queue (updated_at) where status = 'claimed';

-- Locking a row takes the right to update one of its columns: one that means nothing to anybody.
grant insert, delete on wr.sales_events to winroom_resolver;
grant select, insert, delete on wr.sales_events_archive, wr.queue_archive to winroom_resolver;
grant select, insert, update (updated_at), delete on wr.queue to winroom_resolver;
grant select on wr.sales_events_dlq, wr.claims to winroom_resolver;
grant update (created_at), delete on wr.events to winroom_resolver;
grant select, update (created_at), delete on wr.api_audit_log to winroom_resolver;
grant select, update (minute), delete on wr.rate_counters to winroom_resolver;
grant select, update (updated_at), delete on wr.cache_kv to winroom_resolver;
grant select, update (beat_at), delete on wr.heartbeats to winroom_resolver;
create policy resolver on wr.sales_events_archive to winroom_resolver using (true) with check (true);
create policy resolver on wr.queue to winroom_resolver using (true) with check (true);
create policy resolver on wr.queue_archive to winroom_resolver using (true) with check (true);
create policy resolver on wr.sales_events_dlq for select to winroom_resolver using (true);
create policy resolver on wr.claims for select to winroom_resolver using (true);
create policy resolver_forgets on wr.events to winroom_resolver using (true);
create policy resolver on wr.api_audit_log to winroom_resolver using (true);
create policy resolver on wr.rate_counters to winroom_resolver using (true);
create policy resolver on wr.cache_kv to winroom_resolver using (true);
create policy resolver on wr.heartbeats to winroom_resolver using (true);

-- Cross-tenant, for winroom_jobs alone, all that follow: one batch of so many rows at most, and how many it was.
-- Rows that somebody holds are left for the next batch. Written so that no plan reads a table from end to end: rows
-- are deleted by their place, not by a join, and what else decides is asked of each by itself.

-- Sales that were claimed: a month after the item, or its claim, was last touched, but for those whose claim is not
-- approved. Whoever takes a claim back locks its item first.
create function wr.archive_items(in_limit integer) returns bigint
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with moved as (
            delete from wr.queue where ctid = any (array(
                select q.ctid from wr.queue q
                where q.status = 'claimed' and q.updated_at < now() - interval '30 days'
                  and (
                      select coalesce(c.decided_at, c.claimed_at) from wr.claims c
                      where c.tenant_id = q.tenant_id and c.sale_id = q.sale_id and c.state = 'approved'
                  ) < now() - interval '30 days'
                order by q.updated_at
                limit in_limit
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
        )
        select count(*) from archived
    $$;

-- Events that became what they were to become, but for those about which somebody has yet to decide.
create function wr.archive_events(in_limit integer) returns bigint
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with moved as (
            delete from wr.sales_events where ctid = any (array(
                select e.ctid from wr.sales_events e
                where e.status = 'processed' and e.processed_at < now() - interval '90 days'
                  and (
                      select count(*) = 0 from wr.sales_events_dlq d
                      where d.tenant_id = e.tenant_id and d.event_id = e.event_id and d.resolved_at is null
                  )
                order by e.processed_at
                limit in_limit
                for update skip locked
            ))
            returning *
        ),
        archived as (
            insert into wr.sales_events_archive (
                tenant_id, event_id, sale_id, external_event_id, source, payload, content_hash, fingerprint, status,
                failure, conflicts_with, corrects, retry_count, next_attempt_at, error_message, processed_at, created_at,
                updated_at)
            select
                tenant_id, event_id, sale_id, external_event_id, source, payload, content_hash, fingerprint, status,
                failure, conflicts_with, corrects, retry_count, next_attempt_at, error_message, processed_at, created_at,
                updated_at
            from moved
            returning 1
        )
        select count(*) from archived
    $$;

-- What was asked of us three months ago.
create function wr.forget_audit(in_limit integer) returns bigint
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with gone as (
            delete from wr.api_audit_log where ctid = any (array(
                select old.ctid from wr.tenants t
                cross join lateral (
                    select l.ctid from wr.api_audit_log l
                    where l.tenant_id = t.tenant_id and l.created_at < now() - interval '90 days'
                    order by l.created_at
                    limit in_limit
                    for update skip locked
                ) old
                limit in_limit
            ))
            returning 1
        )
        select count(*) from gone
    $$;

-- What rooms were told three months ago. Numbers have no gaps: those of a batch lie within so many of the oldest.
-- A client, or a fan-out, that is further behind misses some, and is told to read everything again.
create function wr.forget_messages(in_limit integer) returns bigint
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with gone as (
            delete from wr.events where ctid = any (array(
                select old.ctid from wr.rooms r
                cross join lateral (
                    select e.seq, e.created_at from wr.events e
                    where e.tenant_id = r.tenant_id
                    order by e.seq
                    limit 1
                ) oldest
                cross join lateral (
                    select e.ctid from wr.events e
                    where e.tenant_id = r.tenant_id and e.seq < oldest.seq + in_limit
                      and e.created_at < now() - interval '90 days'
                    order by e.seq
                    for update skip locked
                ) old
                where oldest.created_at < now() - interval '90 days'
                limit in_limit
            ))
            returning 1
        )
        select count(*) from gone
    $$;

-- Counters, cached values and heartbeats are rows of the living, a handful for each: what is left of the dead is
-- found by reading them through, rather than by an index that every request would keep.

-- Counters of callers who have been gone for hours.
create function wr.forget_counters(in_limit integer) returns bigint
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with gone as (
            delete from wr.rate_counters where ctid = any (array(
                select c.ctid from wr.rate_counters c
                where c.minute < now() - interval '2 hours'
                limit in_limit
                for update skip locked
            ))
            returning 1
        )
        select count(*) from gone
    $$;

-- What was computed, and is too old for anybody.
create function wr.forget_cached(in_limit integer) returns bigint
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with gone as (
            delete from wr.cache_kv where ctid = any (array(
                select k.ctid from wr.cache_kv k
                where k.updated_at < now() - make_interval(secs => k.ttl_seconds)
                limit in_limit
                for update skip locked
            ))
            returning 1
        )
        select count(*) from gone
    $$;

-- Hearts of parts that are no more. Of a part that is there none is missed: no heartbeat and an old one are the same.
create function wr.forget_heartbeats(in_limit integer) returns bigint
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with gone as (
            delete from wr.heartbeats where ctid = any (array(
                select h.ctid from wr.heartbeats h
                where h.beat_at < now() - interval '1 day'
                limit in_limit
                for update skip locked
            ))
            returning 1
        )
        select count(*) from gone
    $$;

-- Of the entered tenant alone, for winroom_app, which may delete nothing from an archive: a claim that is taken back,
-- or a sale that is corrected, has its item or its event again. Nothing happens where it is not archived.
create function wr.unarchive_item(in_queue_id uuid) returns void
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with moved as (
            delete from wr.queue_archive
            where tenant_id = (select wr.current_tenant()) and queue_id = in_queue_id
            returning *
        )
        insert into wr.queue (
            tenant_id, queue_id, event_id, sale_id, product_id, status, excluded_reason, suspected_duplicate_of,
            awaits_review, fingerprint, customer_name, seller_id, assigned_seller_id, occurred_at, source, category,
            notes, sell_price, cost_price, currency, created_at, updated_at)
        select
            tenant_id, queue_id, event_id, sale_id, product_id, status, excluded_reason, suspected_duplicate_of,
            awaits_review, fingerprint, customer_name, seller_id, assigned_seller_id, occurred_at, source, category,
            notes, sell_price, cost_price, currency, created_at, updated_at
        from moved
    $$;

create function wr.unarchive_event(in_event_id uuid) returns void
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with moved as (
            delete from wr.sales_events_archive
            where tenant_id = (select wr.current_tenant()) and event_id = in_event_id
            returning *
        )
        insert into wr.sales_events (
            tenant_id, event_id, sale_id, external_event_id, source, payload, content_hash, fingerprint, status,
            failure, conflicts_with, corrects, retry_count, next_attempt_at, error_message, processed_at, created_at,
            updated_at)
        select
            tenant_id, event_id, sale_id, external_event_id, source, payload, content_hash, fingerprint, status,
            failure, conflicts_with, corrects, retry_count, next_attempt_at, error_message, processed_at, created_at,
            updated_at
        from moved
    $$;

revoke execute on function
    wr.archive_items(integer), wr.archive_events(integer), wr.forget_audit(integer), wr.forget_messages(integer),
    wr.forget_counters(integer), wr.forget_cached(integer), wr.forget_heartbeats(integer),
    wr.unarchive_item(uuid), wr.unarchive_event(uuid)
    from public;
grant execute on function
    wr.archive_items(integer), wr.archive_events(integer), wr.forget_audit(integer), wr.forget_messages(integer),
    wr.forget_counters(integer), wr.forget_cached(integer), wr.forget_heartbeats(integer)
    to winroom_jobs;
grant execute on function wr.unarchive_item(uuid), wr.unarchive_event(uuid) to winroom_app;

grant create on schema wr to winroom_resolver;
alter function wr.archive_items(integer) owner to winroom_resolver;
alter function wr.archive_events(integer) owner to winroom_resolver;
alter function wr.forget_audit(integer) owner to winroom_resolver;
alter function wr.forget_messages(integer) owner to winroom_resolver;
alter function wr.forget_counters(integer) owner to winroom_resolver;
alter function wr.forget_cached(integer) owner to winroom_resolver;
alter function wr.forget_heartbeats(integer) owner to winroom_resolver;
alter function wr.unarchive_item(uuid) owner to winroom_resolver;
alter function wr.unarchive_event(uuid) owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;
