-- enqueue: Turns pending events, of whichever companies, into queue items; the function enters each company.
select tenant_id, event_id, sale_id, failure, seq
from wr.enqueue(%(tenant_ids)s, %(event_ids)s, %(suspected)s, %(unknown_product)s);

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
