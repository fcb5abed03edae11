-- claim: Takes the item if it is still pending; who comes second waits here and finds nothing.
with taken as (
    update wr.queue q set status = 'claimed', assigned_seller_id = seller.seller_id
    from wr.sellers seller
    where q.queue_id = %(queue_id)s and q.status = 'pending'
      and seller.seller_id = %(seller_id)s and seller.is_active
    returning
        q.queue_id, q.sale_id, q.assigned_seller_id, q.sell_price, q.cost_price, q.currency, q.product_id,
        q.customer_name
)
insert into wr.claims (
    tenant_id, queue_id, sale_id, claimed_by, claim_type, state, sell_price, cost_price, currency, product_id,
    customer_name, actor)
select
    wr.current_tenant(), queue_id, sale_id, assigned_seller_id, %(claim_type)s,
    case when rule.wants_approval then 'pending' else 'approved' end,
    sell_price, cost_price, currency, product_id, customer_name, %(actor)s
from taken
cross join (
    select settings -> 'claim_approval' is not distinct from 'true'::jsonb as wants_approval
    from wr.tenants where tenant_id = (select wr.current_tenant())
) rule
returning claim_id, state;

-- standing: Why an item could not be taken: its status, the claim that holds it, whether the seller is active.
select
    q.status, c.claim_id, c.claimed_by,
    (select s.display_name from wr.sellers s where s.seller_id = c.claimed_by) as claimed_by_name, c.claim_type,
    exists (select from wr.sellers where seller_id = %(seller_id)s and is_active) as is_active
from (
    select sale_id, status from wr.queue where queue_id = %(queue_id)s
    union all
    select sale_id, status from wr.queue_archive where queue_id = %(queue_id)s
) q
left join wr.claims c on c.sale_id = q.sale_id and c.state in ('pending', 'approved');

-- hold_item_of: Locks the item of a claim, which comes before the claim itself.
select queue_id from wr.queue
where queue_id = (select c.queue_id from wr.claims c where c.claim_id = %(claim_id)s)
for update;

-- hold: Locks a claim whose item is held: the named one, or the one that holds a sale.
select claim_id, queue_id, claimed_by, state from wr.claims
where claim_id = %(claim_id)s or (sale_id = %(sale_id)s and state in ('pending', 'approved'))
for update;

-- decide: Settles a held claim.
update wr.claims set state = %(state)s, reason = %(reason)s, decided_by = %(actor)s, decided_at = now()
where claim_id = %(claim_id)s;

-- find: A claim: the named one, or the one that holds a sale. Archiving its item loses nothing of it.
select
    c.claim_id as id, c.queue_id, c.sale_id, c.claimed_by, s.display_name as claimed_by_name, c.claim_type, c.state, c.customer_name,
    c.product_id, p.name as product_name, coalesce(q.source, a.source) as source,
    c.sell_price, c.cost_price, c.margin_amount, c.currency, c.reason, c.decided_by, c.decided_at, c.claimed_at
from wr.claims c
join wr.sellers s on s.seller_id = c.claimed_by
left join wr.products p on p.product_id = c.product_id
left join wr.queue q on q.queue_id = c.queue_id
left join wr.queue_archive a on a.queue_id = c.queue_id
where c.claim_id = %(claim_id)s or (c.sale_id = %(sale_id)s and c.state in ('pending', 'approved'));

-- page: Claims newest first, older than the cursor's claim. Names are not joined, as in the queue.
select
    c.claim_id as id, c.queue_id, c.sale_id, c.claimed_by,
    (select s.display_name from wr.sellers s where s.seller_id = c.claimed_by) as claimed_by_name,
    c.claim_type, c.state, c.customer_name,
    c.product_id, (select p.name from wr.products p where p.product_id = c.product_id) as product_name,
    coalesce(
        (select q.source from wr.queue q where q.queue_id = c.queue_id),
        (select a.source from wr.queue_archive a where a.queue_id = c.queue_id)
    ) as source,
    c.sell_price, c.cost_price, c.margin_amount, c.currency, c.reason, c.decided_by, c.decided_at, c.claimed_at
from wr.claims c
where (%(state)s::text is null or c.state = %(state)s)
  and (%(seller)s::text is null or c.claimed_by = %(seller)s)
  and (%(currency)s::text is null or c.currency = %(currency)s)
  and (%(since)s::timestamptz is null or c.claimed_at >= %(since)s)
  and (%(until)s::timestamptz is null or c.claimed_at < %(until)s)
  and (%(cursor)s::uuid is null
       or (c.claimed_at, c.claim_id)
          < (select last.claimed_at, last.claim_id from wr.claims last where last.claim_id = %(cursor)s))
order by c.claimed_at desc, c.claim_id desc
limit %(limit)s;
