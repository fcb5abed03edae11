-- The processor's batch is one statement, whoever its events belong to: ten companies in it were thirty statements,
-- each of them bound, started and answered by itself. A function, because row security knows one tenant at a time.

-- Turns pending events into queue items, numbered in their rooms, and settles each event's fate; pairs of tenant and
-- event. Called by the application with its own rights: each tenant is entered before its rows are touched, the
-- smallest first, and left in the end. A row for each event that is settled now.
create function wr.enqueue(
        in_tenant_ids uuid[], in_event_ids uuid[], in_suspected text, in_unknown_product text)
    returns table (tenant_id uuid, event_id uuid, sale_id text, failure text, seq bigint)
    language plpgsql
    set search_path = pg_catalog, pg_temp
    -- Everything is found by its key: to plan for the values of each call would take longer than the call.
    set plan_cache_mode = force_generic_plan
    as $$
        #variable_conflict use_column
        declare
            of_tenant record;
        begin
            for of_tenant in
                select given.tenant_id, array_agg(given.event_id) as event_ids
                from unnest(in_tenant_ids, in_event_ids) as given (tenant_id, event_id)
                group by given.tenant_id
                order by given.tenant_id
            loop
                perform wr.enter_tenant(of_tenant.tenant_id);

                -- Sales that look alike wait for each other, or neither would see the other. A statement of its own:
                -- the next one sees what was committed while this one waited.
                perform pg_advisory_xact_lock(hashtextextended(tenant_id::text || encode(fingerprint, 'hex'), 0))
                from (
                    select tenant_id, fingerprint from wr.sales_events
                    where event_id = any (of_tenant.event_ids)
                    order by fingerprint
                ) lookalike;

                return query
                with held as (
                    select event_id, sale_id, source, fingerprint, payload, status
                    from wr.sales_events
                    where event_id = any (of_tenant.event_ids)
                    -- A second worker with the same message waits here, and then finds nothing pending. That is asked
                    -- further down: here, it could be answered by reading all that is pending, at each call.
                    for update
                ),
                priced as (
                    select
                        held.event_id, held.sale_id, held.source, held.fingerprint, sale.*,
                        coalesce(named.product_id, labelled.product_id) as known_product_id,
                        coalesce(named.name, labelled.name) as product_name,
                        coalesce(sale.cost_price, named.default_cost, labelled.default_cost) as known_cost,
                        coalesce(sale.product_id::text, sale.product_sku) is not null
                            and coalesce(named.product_id, labelled.product_id) is null as is_unknown
                    from held
                    cross join lateral jsonb_to_record(held.payload) as sale (
                        occurred_at timestamptz, customer_name text, sell_price numeric, cost_price numeric,
                        currency text, seller_external_id text, product_id uuid, product_sku text, category text,
                        notes text)
                    left join wr.products named on named.product_id = sale.product_id
                    left join wr.products labelled on sale.product_id is null and labelled.sku = sale.product_sku
                    where held.status = 'pending'
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
                settled as (
                    update wr.sales_events e
                    set status = case when judged.is_unknown then 'failed' else 'processed' end,
                        failure = case when judged.is_unknown then 'unknown_product' end,
                        error_message = case when judged.is_unknown
                            then format(in_unknown_product, coalesce(judged.product_id::text, judged.product_sku)) end,
                        processed_at = case when not judged.is_unknown then now() end
                    from judged
                    where e.event_id = judged.event_id
                    returning e.failure, e.payload, e.error_message, judged.*
                ),
                quarantined as (
                    insert into wr.sales_events_dlq (tenant_id, event_id, sale_id, failure_reason, payload, last_error)
                    select of_tenant.tenant_id, event_id, sale_id, failure, payload, error_message
                    from settled where failure is not null
                    on conflict do nothing
                ),
                item as (
                    insert into wr.queue (
                        tenant_id, event_id, sale_id, product_id, status, excluded_reason, suspected_duplicate_of,
                        awaits_review, fingerprint, customer_name, seller_id, occurred_at, source, category, notes,
                        sell_price, cost_price, currency)
                    select
                        of_tenant.tenant_id, event_id, sale_id, known_product_id,
                        case when duplicate_of is null then 'pending' else 'excluded' end,
                        case when duplicate_of is not null then format(in_suspected, duplicate_of) end,
                        duplicate_of, duplicate_of is not null, fingerprint, customer_name, seller_external_id,
                        occurred_at, source, category, notes, sell_price, known_cost, currency
                    from settled
                    where failure is null
                    order by event_id
                    on conflict do nothing
                    returning
                        queue_id, event_id, sale_id, status, excluded_reason, suspected_duplicate_of, awaits_review,
                        customer_name, seller_id, occurred_at, source, category, sell_price, margin_amount, currency
                ),
                room as (
                    update wr.rooms set seq = seq + (select count(*) from item)
                    where exists (select from item)
                    returning seq
                ),
                told as (
                    insert into wr.events (tenant_id, seq, type, sale_id, actor, payload)
                    select
                        of_tenant.tenant_id,
                        room.seq + 1 - row_number() over (order by item.event_id desc),
                        case item.status when 'excluded' then 'queue.excluded' else 'queue.created' end,
                        item.sale_id,
                        'system',
                        jsonb_build_object(
                            'id', item.queue_id,
                            'saleId', item.sale_id,
                            'sellerId', item.seller_id,
                            'sellerName', seller.display_name,
                            'customerName', item.customer_name,
                            'productName', settled.product_name,
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
                    join settled on settled.event_id = item.event_id
                    join wr.sellers seller on seller.seller_id = item.seller_id
                    cross join room
                )
                select of_tenant.tenant_id, settled.event_id, settled.sale_id, settled.failure, room.seq
                from settled left join room on true;
            end loop;
            perform wr.enter_tenant(null);
        end
    $$;
revoke execute on function wr.enqueue(uuid[], uuid[], text, text) from public;
grant execute on function wr.enqueue(uuid[], uuid[], text, text) to winroom_app;
