-- counts: How many wait for somebody, by reason; beyond so many they are not counted.
select given.reason, waiting.number
from unnest(%(reasons)s::text[]) as given (reason)
cross join lateral (
    select count(*) as number
    from (
        select from wr.sales_events_dlq where is_open and failure_reason = given.reason limit %(at_most)s
    ) counted
) waiting;

-- page: Dead letters newest first, open or settled; their ids are time-ordered. Nothing is joined, as in the queue.
select
    d.dead_letter_id as id, d.event_id, d.sale_id, d.failure_reason as reason, d.last_error,
    coalesce(
        d.attempts,
        (select e.retry_count from wr.sales_events e where e.event_id = d.event_id),
        (select a.retry_count from wr.sales_events_archive a where a.event_id = d.event_id),
        0
    ) as attempts,
    (select e.conflicts_with from wr.sales_events e where e.event_id = d.event_id) as conflicts_with,
    d.payload ->> 'customer_name' as customer_name, d.payload ->> 'sell_price' as sell_price,
    d.payload ->> 'currency' as currency, d.failed_at, d.edited_by, d.edited_at, d.resolved_at, d.resolution,
    d.resolved_by, d.resolution_reason
from wr.sales_events_dlq d
where d.is_open = not %(resolved)s
  and (%(reason)s::text is null or d.failure_reason = %(reason)s)
  and (%(since)s::timestamptz is null or (d.dead_letter_id >= %(since_id)s and d.failed_at >= %(since)s))
  and (%(q)s::text is null
       or d.sale_id = %(q)s
       -- Lowered by the same hand as the column; like could not use its index under row security.
       or (d.customer_search >= lower(%(q)s) and d.customer_search < lower(%(q)s) || chr(1114111)))
  and (%(cursor)s::uuid is null or d.dead_letter_id < %(cursor)s)
order by d.dead_letter_id desc
limit %(limit)s;

-- everywhere: Dead letters of one company or of all, newest first, open or settled; across tenants.
select
    t.slug as tenant, d.dead_letter_id as id, d.event_id, d.sale_id, d.failure_reason as reason, d.last_error,
    d.failed_at, d.resolved_at, d.resolution, d.resolved_by
from wr.tenants t
cross join lateral (
    select * from wr.sales_events_dlq d
    where d.tenant_id = t.tenant_id and d.is_open = not %(resolved)s
      and (%(reason)s::text is null or d.failure_reason = %(reason)s)
      and (%(since)s::timestamptz is null or (d.dead_letter_id >= %(since_id)s and d.failed_at >= %(since)s))
    order by d.dead_letter_id desc
    limit %(limit)s
) d
where %(tenant_id)s::uuid is null or t.tenant_id = %(tenant_id)s
order by d.dead_letter_id desc
limit %(limit)s;

-- whose: The companies whose dead letters they are; across tenants.
select t.tenant_id, t.slug, d.dead_letter_id as id, d.sale_id, d.failure_reason as reason
from wr.tenants t
join wr.sales_events_dlq d on d.tenant_id = t.tenant_id and d.dead_letter_id = any(%(ids)s)
order by t.tenant_id, d.dead_letter_id;

-- find: One dead letter with what its event has become, and the content that it contradicts or has replaced.
select
    d.dead_letter_id as id, d.event_id, d.sale_id, d.failure_reason as reason, d.last_error,
    coalesce(d.attempts, e.retry_count, archived.retry_count, 0) as attempts,
    coalesce(e.status, archived.status) as event_status, coalesce(e.source, archived.source) as source,
    coalesce(e.conflicts_with, e.corrects, archived.corrects) as conflicts_with,
    coalesce(d.replaced_payload, known.payload, known_archived.payload) as existing,
    d.payload, d.original_payload, d.failed_at, d.edited_by, d.edited_at, d.resolved_at, d.resolution, d.resolved_by,
    d.resolution_reason
from wr.sales_events_dlq d
left join wr.sales_events e on e.event_id = d.event_id
left join wr.sales_events_archive archived on archived.event_id = d.event_id
left join wr.sales_events known on known.event_id = e.conflicts_with
left join wr.sales_events_archive known_archived on known_archived.event_id = e.conflicts_with
where d.dead_letter_id = %(id)s;

-- history: The earlier dead letters of an event, newest first.
select
    dead_letter_id as id, failure_reason as reason, last_error, failed_at, resolved_at, resolution, resolved_by,
    resolution_reason
from wr.sales_events_dlq
where event_id = %(event_id)s and dead_letter_id < %(id)s
order by dead_letter_id desc
limit 50;

-- hold: Locks dead letters, in the order of their ids; beside each, what is known of its event.
select
    d.dead_letter_id as id, d.event_id, d.sale_id, d.failure_reason as reason, d.payload,
    d.is_open, d.resolution, d.resolved_by, d.resolved_at,
    e.event_id is not null as has_event, e.sale_id as received_sale_id,
    e.external_event_id as received_external_event_id, e.source, e.conflicts_with
from wr.sales_events_dlq d
left join wr.sales_events e on e.event_id = d.event_id
where d.dead_letter_id = any(%(ids)s)
order by d.dead_letter_id
for update of d;

-- edit: Gives a held dead letter another content, and keeps what arrived.
update wr.sales_events_dlq set
    original_payload = coalesce(original_payload, payload), payload = %(payload)s::jsonb, sale_id = %(sale_id)s,
    edited_by = %(by)s, edited_at = now()
where dead_letter_id = %(id)s;

-- settle: Held dead letters are over and done with.
update wr.sales_events_dlq d set
    resolved_at = now(), resolution = %(resolution)s, resolved_by = %(by)s, resolution_reason = %(reason)s,
    attempts = (select e.retry_count from wr.sales_events e where e.event_id = d.event_id)
where dead_letter_id = any(%(ids)s);

-- candidates: What is open and may be replayed together, the oldest first.
select dead_letter_id as id, event_id, sale_id, failure_reason as reason
from wr.sales_events_dlq
where is_open
  and (%(reason)s::text is null or failure_reason = %(reason)s)
  and (%(since)s::timestamptz is null or (dead_letter_id >= %(since_id)s and failed_at >= %(since)s))
  and (%(cursor)s::uuid is null or dead_letter_id > %(cursor)s)
order by dead_letter_id
limit %(limit)s;

-- named: The same for dead letters that are asked for by id, settled ones among them.
select dead_letter_id as id, event_id, sale_id, failure_reason as reason
from wr.sales_events_dlq
where dead_letter_id = any(%(ids)s)
order by dead_letter_id;

-- owners: Whose the ids of events are already, by the position of the event.
select
    given.position::integer - 1 as position, by_sale.event_id as by_sale, by_external.event_id as by_external
from unnest(%(sale_ids)s::text[], %(external_event_ids)s::text[]) with ordinality
    as given (sale_id, external_event_id, position)
left join wr.sale_keys by_sale on by_sale.sale_id = given.sale_id
left join wr.sale_keys by_external on by_external.external_event_id = given.external_event_id
order by given.position;

-- replay: Failed events begin anew with the content given, due now; their held dead letters are settled.
with given as (
    select * from unnest(
        %(ids)s::uuid[], %(event_ids)s::uuid[], %(payloads)s::text[], %(fingerprints)s::bytea[], %(seller_ids)s::text[]
    ) as given (dead_letter_id, event_id, payload, fingerprint, seller_id)
),
new_sellers as (
    insert into wr.sellers (tenant_id, seller_id, display_name)
    select distinct wr.current_tenant(), seller_id, seller_id from given order by seller_id
    on conflict do nothing
),
begun as (
    update wr.sales_events e set
        payload = given.payload::jsonb, fingerprint = given.fingerprint, status = 'pending', failure = null,
        conflicts_with = null, retry_count = 0, next_attempt_at = now(), error_message = null
    from given
    where e.event_id = given.event_id and e.status = 'failed'
    returning e.event_id, given.dead_letter_id
)
update wr.sales_events_dlq d set
    resolved_at = now(), resolution = 'replayed', resolved_by = %(by)s, attempts = before.retry_count
from begun
join wr.sales_events before on before.event_id = begun.event_id
where d.dead_letter_id = begun.dead_letter_id
returning d.dead_letter_id as id, d.event_id;

-- take_ids: A kept conflict takes ids that are free, and so is a sale of its own; no row where they no longer are.
with keyed as (
    insert into wr.sale_keys (tenant_id, sale_id, external_event_id, content_hash, event_id)
    values (wr.current_tenant(), %(sale_id)s, %(external_event_id)s, %(content_hash)s, %(event_id)s)
    on conflict do nothing
    returning event_id
)
update wr.sales_events e set
    sale_id = %(sale_id)s, external_event_id = %(external_event_id)s, content_hash = %(content_hash)s
from keyed
where e.event_id = keyed.event_id
returning e.event_id;

-- hold_letter_of: Locks the open dead letter of an event.
select dead_letter_id as id from wr.sales_events_dlq where event_id = %(event_id)s and is_open for update;

-- accept: A held conflict is settled: another event has taken its content, in the place of what is kept here.
with settled as (
    update wr.sales_events set
        status = 'processed', failure = null, conflicts_with = null, corrects = %(known_id)s, error_message = null,
        processed_at = now(), payload = %(payload)s::jsonb, content_hash = %(content_hash)s,
        fingerprint = %(fingerprint)s
    where event_id = %(event_id)s
)
update wr.sales_events_dlq set
    resolved_at = now(), resolution = 'accepted', resolved_by = %(by)s, replaced_payload = %(replaced)s::jsonb
where dead_letter_id = %(id)s;
