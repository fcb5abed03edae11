-- What the operator watches across tenants: gauges each minute, totals once a day. Neither reads a table whole.

grant select (failure_reason, resolved_at) on wr.sales_events_dlq to winroom_resolver;
create policy gauges on wr.sales_events_dlq for select to winroom_resolver using (true);
create index sales_events_dlq_waiting on wr.sales_events_dlq (failure_reason) where resolved_at is null;

grant select (tenant_id, status_code, repeats, created_at) on wr.api_audit_log to winroom_resolver;
create policy gauges on wr.api_audit_log for select to winroom_resolver using (true);

-- Cross-tenant, for winroom_jobs alone: how much waits. Conflicts are decisions to be taken, not failures.
create function wr.gauges()
    returns table (pending_events bigint, failed_events bigint, open_dead_letters bigint, connections bigint)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select
            (select count(*) from (
                select from wr.sales_events where status = 'pending' limit 100000) bounded),
            (select count(*) from (
                select from wr.sales_events_dlq
                where resolved_at is null and failure_reason <> 'conflict' limit 100000) bounded),
            (select count(*) from (
                select from wr.sales_events_dlq where resolved_at is null limit 100000) bounded),
            (select count(*) from (select from wr.connections limit 100000) bounded)
    $$;

-- Cross-tenant, for winroom_jobs alone: what came in from one moment to another, and what has become of it. Every
-- event's id is between the two that are given.
create function wr.totals(in_since timestamptz, in_until timestamptz, in_since_id uuid, in_until_id uuid)
    returns table (
        companies bigint, received bigint, processed bigint, failed bigint, requests bigint, refused bigint,
        errors bigint)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select
            count(*) filter (where asked.requests > 0 or sold.received > 0),
            coalesce(sum(sold.received), 0)::bigint,
            coalesce(sum(sold.processed), 0)::bigint,
            coalesce(sum(sold.failed), 0)::bigint,
            coalesce(sum(asked.requests), 0)::bigint,
            coalesce(sum(asked.refused), 0)::bigint,
            coalesce(sum(asked.errors), 0)::bigint
        from wr.tenants t
        cross join lateral (
            select
                count(*) as received,
                count(*) filter (where e.status = 'processed') as processed,
                count(*) filter (where e.status = 'failed') as failed
            from wr.sales_events e
            where e.tenant_id = t.tenant_id and e.event_id >= in_since_id and e.event_id < in_until_id
              and e.created_at >= in_since and e.created_at < in_until
        ) sold
        cross join lateral (
            -- A row may stand for a flood of refusals.
            select
                coalesce(sum(a.repeats), 0) as requests,
                coalesce(sum(a.repeats) filter (where a.status_code between 400 and 499), 0) as refused,
                coalesce(sum(a.repeats) filter (where a.status_code >= 500), 0) as errors
            from wr.api_audit_log a
            where a.tenant_id = t.tenant_id and a.created_at >= in_since and a.created_at < in_until
        ) asked
    $$;

revoke execute on function wr.gauges(), wr.totals(timestamptz, timestamptz, uuid, uuid) from public;
grant execute on function wr.gauges(), wr.totals(timestamptz, timestamptz, uuid, uuid) to winroom_jobs;
grant create on schema wr to winroom_resolver;
alter function wr.gauges() owner to winroom_resolver;
alter function wr.totals(timestamptz, timestamptz, uuid, uuid) owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;
