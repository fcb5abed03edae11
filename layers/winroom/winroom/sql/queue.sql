-- hold_lookalikes: Makes sales that look alike wait for each other, or neither would see the other.
select pg_advisory_xact_lock(hashtextextended(tenant_id::text || encode(fingerprint, 'hex'), 0))
from (
    select tenant_id, fingerprint from wr.sales_events
    where event_id = any(%(event_ids)s) and status = 'pending'
    order by fingerprint
) lookalike;

-- enqueue: Turns pending events into queue items, numbered in the room, and settles each event's fate.
with event as (
    select
        e.event_id, e.sale_id, e.source, e.fingerprint,
        sale.occurred_at, sale.customer_name, sale.sell_price, sale.cost_price, sale.currency,
        sale.seller_external_id, sale.product_id, sale.product_sku, sale.category, sale.notes
    from wr.sales_events e
    cross join lateral jsonb_to_record(e.payload) as sale (
        occurred_at timestamptz, customer_name text, sell_price numeric, cost_price numeric, currency text,
        seller_external_id text, product_id uuid, product_sku text, category text, notes text)
    where e.event_id = any(%(event_ids)s) and e.status = 'pending'
    -- A second worker with the same message waits here, and then finds nothing pending.
    for update of e
),
priced as (
    select
        event.*,
        coalesce(named.product_id, labelled.product_id) as known_product_id,
        coalesce(named.name, labelled.name) as product_name,
        coalesce(event.cost_price, named.default_cost, labelled.default_cost) as known_cost,
        coalesce(event.product_id::text, event.product_sku) is not null
            and coalesce(named.product_id, labelled.product_id) is null as is_unknown
    from event
    left join wr.products named on named.product_id = event.product_id
    left join wr.products labelled on event.product_id is null and labelled.sku = event.product_sku
),
judged as (
    select
        priced.*,
        case when rule.is_on then coalesce(
            earlier.sale_id,
            nullif(
                first_value(priced.sale_id) over (
                    partition by priced.fingerprint order by priced.is_unknown, priced.event_id),
                priced.sale_id)
        ) end as duplicate_of
    from priced
    cross join (
        select settings -> 'suspect_duplicates' is distinct from 'false'::jsonb as is_on
        from wr.tenants where tenant_id = (select wr.current_tenant())
    ) rule
    left join lateral (
        (
            select a.sale_id from wr.queue_archive a
            where a.fingerprint = priced.fingerprint and a.sale_id <> priced.sale_id
              -- Alike are sales of the same moment, and none of this month is archived.
              and priced.occurred_at < now() - interval '29 days'
            order by a.queue_id
            limit 1
        )
        union all
        (
            select q.sale_id from wr.queue q
            where q.fingerprint = priced.fingerprint and q.sale_id <> priced.sale_id
            order by q.queue_id
            limit 1
        )
        limit 1
    ) earlier on true
),
item as (
    insert into wr.queue (
        tenant_id, event_id, sale_id, product_id, status, excluded_reason, suspected_duplicate_of, awaits_review,
        fingerprint, customer_name, seller_id, occurred_at, source, category, notes, sell_price, cost_price, currency)
    select
        wr.current_tenant(), event_id, sale_id, known_product_id,
        case when duplicate_of is null then 'pending' else 'excluded' end,
        case when duplicate_of is not null then format(%(suspected)s, duplicate_of) end,
        duplicate_of, duplicate_of is not null, fingerprint, customer_name, seller_external_id, occurred_at, source,
        category, notes, sell_price, known_cost, currency
    from judged
    where not is_unknown
    order by event_id
    on conflict do nothing
    returning
        queue_id, event_id, sale_id, status, excluded_reason, suspected_duplicate_of, awaits_review, customer_name,
        seller_id, occurred_at, source, category, sell_price, margin_amount, currency
),
settled as (
    update wr.sales_events e
    set status = case when judged.is_unknown then 'failed' else 'processed' end,
        failure = case when judged.is_unknown then 'unknown_product' end,
        error_message = case when judged.is_unknown
            then format(%(unknown_product)s, coalesce(judged.product_id::text, judged.product_sku)) end,
        processed_at = case when not judged.is_unknown then now() end
    from judged
    where e.event_id = judged.event_id
    returning e.event_id, e.sale_id, e.failure, e.payload, e.error_message
),
quarantined as (
    insert into wr.sales_events_dlq (tenant_id, event_id, sale_id, failure_reason, payload, last_error)
    select wr.current_tenant(), event_id, sale_id, failure, payload, error_message
    from settled where failure is not null
    on conflict do nothing
),
room as (
    update wr.rooms set seq = seq + (select count(*) from item)
    where exists (select from item)
    returning seq
),
told as (
    insert into wr.events (tenant_id, seq, type, sale_id, actor, payload)
    select
        wr.current_tenant(),
        room.seq - count(*) over () + row_number() over (order by item.event_id),
        case item.status when 'excluded' then 'queue.excluded' else 'queue.created' end,
        item.sale_id,
        'system',
        jsonb_build_object(
            'id', item.queue_id,
            'saleId', item.sale_id,
            'sellerId', item.seller_id,
            'sellerName', seller.display_name,
            'customerName', item.customer_name,
            'productName', judged.product_name,
            'category', item.category,
            'occurredAt', item.occurred_at,
            'source', item.source,
            'sellPrice', item.sell_price::text,
            'margin', item.margin_amount::text,
            'currency', item.currency,
            'status', item.status,
            'reason', item.excluded_reason,
            'suspectedDuplicateOf', item.suspected_duplicate_of,
            'awaitsReview', item.awaits_review)
    from item
    join judged on judged.event_id = item.event_id
    join wr.sellers seller on seller.seller_id = item.seller_id
    cross join room
)
select settled.event_id, settled.sale_id, settled.failure, room.seq
from settled left join room on true;

-- page: Queue items newest first, of one status, older than the cursor's item.
-- Names are not joined: the planner takes every company for a small one, and would name all that waits.
select
    q.queue_id as id, q.sale_id, q.status, q.customer_name, q.occurred_at, q.source, q.category, q.notes,
    q.seller_id, (select s.display_name from wr.sellers s where s.seller_id = q.seller_id) as seller_name,
    q.assigned_seller_id,
    (select s.display_name from wr.sellers s where s.seller_id = q.assigned_seller_id) as assigned_seller_name,
    q.product_id, (select p.name from wr.products p where p.product_id = q.product_id) as product_name,
    q.sell_price, q.cost_price, q.margin_amount, q.margin_pct, q.currency,
    q.excluded_reason, q.suspected_duplicate_of, q.awaits_review, q.created_at
from wr.queue q
where q.status = %(status)s
  and (%(awaits_review)s::boolean is null or q.awaits_review = %(awaits_review)s)
  and (%(seller)s::text is null or q.seller_id = %(seller)s)
  and (%(product)s::uuid is null or q.product_id = %(product)s)
  and (%(q)s::text is null
       or q.sale_id = %(q)s
       -- Lowered by the same hand as the column; like could not use its index under row security.
       or (q.customer_search >= lower(%(q)s) and q.customer_search < lower(%(q)s) || chr(1114111)))
  and (%(cursor)s::uuid is null
       or (q.occurred_at, q.queue_id)
          < (select c.occurred_at, c.queue_id from wr.queue c where c.queue_id = %(cursor)s))
order by q.occurred_at desc, q.queue_id desc
limit %(limit)s;

-- page_of_claimed: The same for the claimed ones, archived ones included.
with last as (
    select occurred_at, queue_id from wr.queue where queue_id = %(cursor)s
    union all
    select occurred_at, queue_id from wr.queue_archive where queue_id = %(cursor)s
)
select
    q.queue_id as id, q.sale_id, q.status, q.customer_name, q.occurred_at, q.source, q.category, q.notes,
    q.seller_id, (select s.display_name from wr.sellers s where s.seller_id = q.seller_id) as seller_name,
    q.assigned_seller_id,
    (select s.display_name from wr.sellers s where s.seller_id = q.assigned_seller_id) as assigned_seller_name,
    q.product_id, (select p.name from wr.products p where p.product_id = q.product_id) as product_name,
    q.sell_price, q.cost_price, q.margin_amount, q.margin_pct, q.currency,
    q.excluded_reason, q.suspected_duplicate_of, q.awaits_review, q.created_at
from (
    (
        select
            queue_id, sale_id, status, customer_name, occurred_at, source, category, notes, seller_id, assigned_seller_id,
            product_id, sell_price, cost_price, margin_amount, margin_pct, currency, excluded_reason,
            suspected_duplicate_of, awaits_review, created_at
        from wr.queue
        where status = 'claimed'
          and (%(awaits_review)s::boolean is null or awaits_review = %(awaits_review)s)
          and (%(seller)s::text is null or seller_id = %(seller)s)
          and (%(product)s::uuid is null or product_id = %(product)s)
          and (%(q)s::text is null
               or sale_id = %(q)s
               -- Lowered by the same hand as the column; like could not use its index under row security.
               or (customer_search >= lower(%(q)s) and customer_search < lower(%(q)s) || chr(1114111)))
          and (%(cursor)s::uuid is null
               or (occurred_at, queue_id) < (select last.occurred_at, last.queue_id from last))
        order by occurred_at desc, queue_id desc
        limit %(limit)s
    )
    union all
    (
        select
            queue_id, sale_id, status, customer_name, occurred_at, source, category, notes, seller_id, assigned_seller_id,
            product_id, sell_price, cost_price, margin_amount, margin_pct, currency, excluded_reason,
            suspected_duplicate_of, awaits_review, created_at
        from wr.queue_archive
        where (%(awaits_review)s::boolean is null or awaits_review = %(awaits_review)s)
          and (%(seller)s::text is null or seller_id = %(seller)s)
          and (%(product)s::uuid is null or product_id = %(product)s)
          and (%(q)s::text is null
               or sale_id = %(q)s
               -- Lowered by the same hand as the column; like could not use its index under row security.
               or (customer_search >= lower(%(q)s) and customer_search < lower(%(q)s) || chr(1114111)))
          and (%(cursor)s::uuid is null
               or (occurred_at, queue_id) < (select last.occurred_at, last.queue_id from last))
        order by occurred_at desc, queue_id desc
        limit %(limit)s
    )
) q
order by q.occurred_at desc, q.queue_id desc
limit %(limit)s;

-- find: One item, wherever retention has put it.
select
    item.id, item.sale_id, item.status, item.customer_name, item.occurred_at, item.source, item.category, item.notes,
    item.seller_id, seller.display_name as seller_name,
    item.assigned_seller_id, assigned.display_name as assigned_seller_name, item.product_id, p.name as product_name,
    item.sell_price, item.cost_price, item.margin_amount, item.margin_pct, item.currency,
    item.excluded_reason, item.suspected_duplicate_of, item.awaits_review, item.created_at
from (
    select
        queue_id as id, sale_id, status, customer_name, occurred_at, source, category, notes, seller_id,
        assigned_seller_id, product_id, sell_price, cost_price, margin_amount, margin_pct, currency, excluded_reason,
        suspected_duplicate_of, awaits_review, created_at
    from wr.queue
    where queue_id = %(queue_id)s
    union all
    select
        queue_id, sale_id, status, customer_name, occurred_at, source, category, notes, seller_id,
        assigned_seller_id, product_id, sell_price, cost_price, margin_amount, margin_pct, currency, excluded_reason,
        suspected_duplicate_of, awaits_review, created_at
    from wr.queue_archive
    where queue_id = %(queue_id)s
) item
join wr.sellers seller on seller.seller_id = item.seller_id
left join wr.sellers assigned on assigned.seller_id = item.assigned_seller_id
left join wr.products p on p.product_id = item.product_id;

-- of_sale: The item of a sale, wherever retention has put it.
select queue_id from wr.queue where sale_id = %(sale_id)s
union all
select queue_id from wr.queue_archive where sale_id = %(sale_id)s;

-- history: What happened to a sale, newest first.
select
    e.seq, e.type, e.actor, coalesce(u.display_name, k.name, e.actor) as actor_name, e.payload ->> 'claimId' as claim_id,
    coalesce(e.payload ->> 'claimedBy', e.payload ->> 'sellerId') as seller_id, e.payload ->> 'reason' as reason,
    e.created_at
from wr.events e
left join wr.users u
    on u.user_id = case split_part(e.actor, ':', 1) when 'user' then split_part(e.actor, ':', 2)::uuid end
left join wr.api_keys k
    on k.api_key_id = case split_part(e.actor, ':', 1) when 'key' then split_part(e.actor, ':', 2)::uuid end
where e.sale_id = %(sale_id)s
order by e.seq desc
limit %(limit)s;

-- hold: Locks an item, before all that belongs to it; who comes second sees what the first has made of it.
select sale_id, status, awaits_review, assigned_seller_id from wr.queue where queue_id = %(queue_id)s for update;

-- unarchive: Brings an item back into the queue, if it is archived.
select wr.unarchive_item(%(queue_id)s);

-- move: Makes a held item pending, or excludes it for a reason; either way somebody has judged it.
update wr.queue set
    status = %(status)s, excluded_reason = %(excluded_reason)s, assigned_seller_id = null, awaits_review = false
where queue_id = %(queue_id)s;
