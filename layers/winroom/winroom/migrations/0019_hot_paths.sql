-- What every sale passes, as functions: PostgreSQL keeps the plans of their statements as long as a connection lasts,
-- whatever pooler is in between, and a request is one statement, a transaction of its own.

-- Stores the events whose ids nobody has taken yet, and says which; creates their sellers. `in_events` is an array of
-- what SaleEvent.row() makes.
create function wr.record_sales(in_events json, in_source text) returns setof uuid
    language plpgsql
    as $$
        begin
            return query
            with incoming as materialized (
                select
                    sale.event_id, sale.sale_id, sale.external_event_id, sale.seller_id,
                    decode(sale.content_hash, 'hex') as content_hash, decode(sale.fingerprint, 'hex') as fingerprint,
                    sale.payload::jsonb as payload, element.position
                from json_array_elements(in_events) with ordinality as element (event, position)
                cross join lateral json_to_record(element.event) as sale (
                    event_id uuid, sale_id text, external_event_id text, seller_id text, content_hash text,
                    fingerprint text, payload text)
            ),
            keyed as (
                -- Both ids are taken together or neither is, and they stay with their event for ever.
                insert into wr.sale_keys (tenant_id, sale_id, external_event_id, content_hash, event_id)
                select wr.current_tenant(), incoming.sale_id, incoming.external_event_id, incoming.content_hash,
                    incoming.event_id
                from incoming
                -- In the same order everywhere, or two batches would wait for each other; of two of one sale the
                -- first.
                order by incoming.sale_id, incoming.position
                on conflict do nothing
                returning sale_keys.event_id
            ),
            accepted as (
                select incoming.* from incoming join keyed on keyed.event_id = incoming.event_id
            ),
            new_sellers as (
                insert into wr.sellers (tenant_id, seller_id, display_name)
                select distinct wr.current_tenant(), accepted.seller_id, accepted.seller_id from accepted
                order by accepted.seller_id
                on conflict do nothing
            )
            insert into wr.sales_events (
                tenant_id, event_id, sale_id, external_event_id, source, payload, content_hash, fingerprint)
            select
                wr.current_tenant(), accepted.event_id, accepted.sale_id, accepted.external_event_id, in_source,
                accepted.payload, accepted.content_hash, accepted.fingerprint
            from accepted
            returning sales_events.event_id;
        end
    $$;

-- A request that brings sales, from its first to its last statement: enters the tenant, counts, stores, and leaves
-- the audit row. Over the limit it raises, and nothing of it has happened.
create function wr.receive_sales(
    in_tenant_id uuid, in_bucket text, in_limit integer, in_events json, in_source text, in_request json)
    returns table (hits integer, resets_at timestamptz, event_ids uuid[])
    language plpgsql
    as $$
        begin
            perform wr.enter_tenant(in_tenant_id);
            select counted.hits, counted.resets_at into hits, resets_at
            from wr.count_request(in_bucket, in_limit) counted;
            event_ids := array(select wr.record_sales(in_events, in_source));
            insert into wr.api_audit_log (
                tenant_id, audit_id, api_key_id, user_id, display_id, endpoint, http_method, status_code, request_id,
                request_ip, user_agent, response_time_ms)
            select
                wr.current_tenant(), request.audit_id, request.api_key_id, request.user_id, request.display_id,
                request.endpoint, request.http_method, request.status_code, request.request_id, request.request_ip,
                request.user_agent, request.response_time_ms
            from json_to_record(in_request) as request (
                audit_id uuid, api_key_id uuid, user_id uuid, display_id uuid, endpoint text, http_method text,
                status_code integer, request_id text, request_ip inet, user_agent text, response_time_ms integer)
            -- Written again where a commit's answer was lost.
            on conflict (tenant_id, audit_id) do nothing;
            return next;
        end
    $$;

revoke execute on function
    wr.record_sales(json, text), wr.receive_sales(uuid, text, integer, json, text, json) from public;
grant execute on function
    wr.record_sales(json, text), wr.receive_sales(uuid, text, integer, json, text, json) to winroom_app;
