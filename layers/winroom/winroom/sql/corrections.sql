-- hold_event: Locks an event that is to be corrected.
select event_id, sale_id, external_event_id, status, payload from wr.sales_events where event_id = %(event_id)s for update;

-- unarchive_event: Brings an event back that is to be corrected, if it is archived.
select wr.unarchive_event(%(event_id)s);

-- unarchive_item: Brings its item back into the queue, if it is archived.
select wr.unarchive_item(queue_id) from wr.queue_archive where event_id = %(event_id)s;

-- hold_item: Locks the queue item of an event, which comes before its claim.
select queue_id, sale_id from wr.queue where event_id = %(event_id)s for update;

-- hold_claim: Locks the claim that holds a held item.
select claim_id, claimed_by, state from wr.claims
where sale_id = %(sale_id)s and state in ('pending', 'approved')
for update;

-- correct_event: Gives a held event the content of a correction, by which it is known from then on.
with known as (
    update wr.sale_keys set content_hash = %(content_hash)s where sale_id = %(sale_id)s
),
new_seller as (
    insert into wr.sellers (tenant_id, seller_id, display_name)
    values (wr.current_tenant(), %(seller_id)s, %(seller_id)s)
    on conflict do nothing
)
update wr.sales_events set
    payload = %(payload)s::jsonb, content_hash = %(content_hash)s, fingerprint = %(fingerprint)s
where event_id = %(event_id)s;

-- begin_anew: A held event that is not processed is due now.
update wr.sales_events set
    status = 'pending', failure = null, retry_count = 0, next_attempt_at = now(), error_message = null
where event_id = %(event_id)s and status <> 'processed';

-- correct_item: Gives a held item the content of a correction; its status and its claim stay.
with new_seller as (
    insert into wr.sellers (tenant_id, seller_id, display_name)
    values (wr.current_tenant(), %(seller_id)s, %(seller_id)s)
    on conflict do nothing
)
update wr.queue set
    customer_name = %(customer_name)s, sell_price = %(sell_price)s, cost_price = %(cost_price)s,
    currency = %(currency)s, product_id = %(product_id)s, seller_id = %(seller_id)s, category = %(category)s,
    notes = %(notes)s, occurred_at = %(occurred_at)s, fingerprint = %(fingerprint)s
where queue_id = %(queue_id)s;

-- correct_claim: Gives a held claim what a correction changes of it: never who claimed it, when or as what.
update wr.claims set
    customer_name = %(customer_name)s, sell_price = %(sell_price)s, cost_price = %(cost_price)s,
    currency = %(currency)s, product_id = %(product_id)s
where claim_id = %(claim_id)s;
