-- active_seller: Whether a seller may claim.
select seller_id from wr.sellers where seller_id = %(seller_id)s and is_active;

-- claim: Takes the item if it is still pending; who comes second waits here and finds nothing.
with taken as (
    update wr.queue set status = 'claimed', assigned_seller_id = %(seller_id)s
    where queue_id = %(queue_id)s and status = 'pending'
    returning queue_id, sale_id, sell_price, cost_price, currency, product_id, customer_name, source
),
claimed as (
    insert into wr.claims (
        tenant_id, queue_id, sale_id, claimed_by, claim_type, sell_price, cost_price, currency, product_id,
        customer_name, actor)
    select
        wr.current_tenant(), queue_id, sale_id, %(seller_id)s, %(claim_type)s, sell_price, cost_price, currency,
        product_id, customer_name, %(actor)s
    from taken
    returning
        claim_id, queue_id, sale_id, claimed_by, claim_type, state, sell_price, margin_amount, currency,
        customer_name, claimed_at
)
select
    claimed.claim_id, claimed.queue_id, claimed.sale_id, claimed.claimed_by, claimed.claim_type, claimed.state,
    claimed.sell_price, claimed.margin_amount, claimed.currency, claimed.customer_name, claimed.claimed_at,
    taken.source
from claimed join taken on taken.queue_id = claimed.queue_id;

-- standing: An item that could not be taken, with the claim that holds it.
select
    q.status, c.claim_id, q.queue_id, q.sale_id, c.claimed_by, c.claim_type, c.state, c.sell_price,
    c.margin_amount, c.currency, c.customer_name, c.claimed_at, q.source
from wr.queue q
left join wr.claims c on c.sale_id = q.sale_id and c.state in ('pending', 'approved')
where q.queue_id = %(queue_id)s;
