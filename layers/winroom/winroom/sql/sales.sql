-- record: Stores the events whose ids nobody has taken yet, and says which; creates their sellers.
select event_id from wr.record_sales(%(events)s, %(source)s) event_id;

-- compare: What events whose ids are taken repeat or contradict; a contradiction is kept as a failed event.
with incoming as materialized (
    select
        (event ->> 'event_id')::uuid as event_id, event ->> 'sale_id' as sale_id,
        event ->> 'external_event_id' as external_event_id, decode(event ->> 'content_hash', 'hex') as content_hash,
        decode(event ->> 'fingerprint', 'hex') as fingerprint, (event ->> 'payload')::jsonb as payload, position
    from json_array_elements(%(events)s::json) with ordinality as incoming (event, position)
),
judged as (
    select incoming.*, known.event_id as known_id, known.content_hash <> incoming.content_hash as is_conflict
    from incoming
    cross join lateral (
        select k.event_id, k.content_hash
        from wr.sale_keys k
        where k.sale_id = incoming.sale_id or k.external_event_id = incoming.external_event_id
        -- Where the two ids lead to two events, a contradiction counts before a repetition.
        order by k.content_hash = incoming.content_hash
        limit 1
    ) known
),
kept as (
    insert into wr.sales_events (
        tenant_id, event_id, sale_id, external_event_id, source, payload, content_hash, fingerprint,
        status, failure, conflicts_with, error_message)
    select
        wr.current_tenant(), event_id, sale_id, external_event_id, %(source)s, payload, content_hash,
        fingerprint, 'failed', 'conflict', known_id, format(%(conflict)s, known_id)
    from judged
    where is_conflict
    order by content_hash, known_id
    on conflict do nothing
    returning event_id, sale_id, failure, payload, error_message
),
dead_letters as (
    insert into wr.sales_events_dlq (tenant_id, event_id, sale_id, failure_reason, payload, last_error)
    select wr.current_tenant(), event_id, sale_id, failure, payload, error_message from kept
)
select
    known_id as event_id,
    -- Looked up one by one: joined, all of the tenant's events would be read for a few hundred.
    coalesce(
        (select status from wr.sales_events event where event.event_id = known_id),
        (select status from wr.sales_events_archive archived where archived.event_id = known_id)
    ) as status,
    known_id <> event_id and not is_conflict as is_duplicate,
    is_conflict
from judged
order by position;

-- find: The fate of one event, wherever retention has put it.
select
    e.event_id, e.sale_id, e.external_event_id, e.source, e.status, e.failure, e.conflicts_with, e.corrects,
    e.retry_count as attempts, e.next_attempt_at, e.error_message, e.processed_at, e.created_at,
    q.queue_id, q.suspected_duplicate_of
from (
    select
        event_id, sale_id, external_event_id, source, status, failure, conflicts_with, corrects, retry_count,
        case status when 'pending' then next_attempt_at end as next_attempt_at, error_message, processed_at, created_at
    from wr.sales_events
    where event_id = %(event_id)s
    union all
    select
        event_id, sale_id, external_event_id, source, status, failure, conflicts_with, corrects, retry_count,
        null, error_message, processed_at, created_at
    from wr.sales_events_archive
    where event_id = %(event_id)s
) e
left join lateral (
    select queue_id, suspected_duplicate_of from wr.queue where event_id = %(event_id)s
    union all
    select queue_id, suspected_duplicate_of from wr.queue_archive where event_id = %(event_id)s
) q on true;

-- page: Events newest first, archived ones included, all or the processed ones; their ids are time-ordered.
select *
from (
    (
        select
            event_id, sale_id, external_event_id, source, status, failure, conflicts_with, retry_count as attempts,
            case status when 'pending' then next_attempt_at end as next_attempt_at, error_message, processed_at, created_at
        from wr.sales_events
        where (%(status)s::text is null or status = %(status)s)
          and (%(before)s::uuid is null or event_id < %(before)s)
          and (%(since)s::timestamptz is null or (event_id >= %(since_id)s and created_at >= %(since)s))
        order by event_id desc
        limit %(limit)s
    )
    union all
    (
        select
            event_id, sale_id, external_event_id, source, status, failure, conflicts_with, retry_count, null, error_message,
            processed_at, created_at
        from wr.sales_events_archive
        where (%(before)s::uuid is null or event_id < %(before)s)
          and (%(since)s::timestamptz is null or (event_id >= %(since_id)s and created_at >= %(since)s))
        order by event_id desc
        limit %(limit)s
    )
) event
order by event_id desc
limit %(limit)s;

-- page_of_status: The same for a status that is never archived.
select
    event_id, sale_id, external_event_id, source, status, failure, conflicts_with, retry_count as attempts,
    case status when 'pending' then next_attempt_at end as next_attempt_at, error_message, processed_at, created_at
from wr.sales_events
where status = %(status)s
  and (%(before)s::uuid is null or event_id < %(before)s)
  and (%(since)s::timestamptz is null or (event_id >= %(since_id)s and created_at >= %(since)s))
order by event_id desc
limit %(limit)s;

-- whose: The company whose event it is; across tenants.
-- Company by company, for only that is an index: the event's id comes second in it.
select t.tenant_id, t.slug
from wr.tenants t
where exists (select from wr.sales_events e where e.tenant_id = t.tenant_id and e.event_id = %(event_id)s)
   or exists (select from wr.sales_events_archive a where a.tenant_id = t.tenant_id and a.event_id = %(event_id)s);

-- waiting: Events that wait for the processor, whose turn is first; across tenants.
select
    t.slug as tenant, e.event_id, e.sale_id, e.source, e.retry_count as attempts, e.next_attempt_at, e.error_message,
    e.created_at
from wr.sales_events e join wr.tenants t on t.tenant_id = e.tenant_id
where e.status = 'pending' and (%(tenant_id)s::uuid is null or e.tenant_id = %(tenant_id)s)
order by e.next_attempt_at
limit %(limit)s;

-- postpone: A failure that can pass: the next attempt in 1, 5, 15 minutes, the fourth time it is failed.
with attempted as (
    update wr.sales_events set
        retry_count = retry_count + 1,
        next_attempt_at = now() + case
            when %(at_once)s then interval '0'
            else (array['1 minute', '5 minutes', '15 minutes', '0'])[retry_count + 1]::interval
        end,
        status = case when retry_count >= 3 then 'failed' else 'pending' end,
        failure = case when retry_count >= 3 then 'retries_exhausted' end,
        error_message = left(%(error)s, 1000)
    where event_id = %(event_id)s and status = 'pending'
    returning event_id, sale_id, status, failure, payload, error_message
),
dead_letter as (
    insert into wr.sales_events_dlq (tenant_id, event_id, sale_id, failure_reason, payload, last_error)
    select wr.current_tenant(), event_id, sale_id, failure, payload, error_message
    from attempted where status = 'failed'
    on conflict do nothing
)
select status, sale_id from attempted;

-- quarantine: A failure that no retry can help.
with refused as (
    update wr.sales_events set
        status = 'failed', failure = 'unreadable', retry_count = retry_count + 1,
        error_message = left(%(error)s, 1000)
    where event_id = %(event_id)s and status = 'pending'
    returning event_id, sale_id, status, failure, payload, error_message
),
dead_letter as (
    insert into wr.sales_events_dlq (tenant_id, event_id, sale_id, failure_reason, payload, last_error)
    select wr.current_tenant(), event_id, sale_id, failure, payload, error_message from refused
    on conflict do nothing
)
select status, sale_id from refused;

-- record_lost: A message whose event nobody recorded; kept, because it may be a sale.
insert into wr.sales_events_dlq (tenant_id, event_id, sale_id, failure_reason, payload, last_error)
select wr.current_tenant(), %(event_id)s, %(sale_id)s, 'lost', %(payload)s::jsonb, left(%(error)s, 1000)
where not exists (select from wr.sales_events where event_id = %(event_id)s)
  and not exists (select from wr.sales_events_archive where event_id = %(event_id)s)
  -- Nor has anybody discarded it.
  and not exists (select from wr.sales_events_dlq where event_id = %(event_id)s)
on conflict do nothing
returning event_id;
