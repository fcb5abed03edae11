drop function
    wr.unarchive_event(uuid), wr.unarchive_item(uuid), wr.forget_heartbeats(integer), wr.forget_cached(integer),
    wr.forget_counters(integer), wr.forget_messages(integer), wr.forget_audit(integer), wr.archive_events(integer),
    wr.archive_items(integer);

-- What was archived returns: the older archives have no place for all of it. For these two statements the owner is let
-- through to the rows of its own tables.
alter table wr.sales_events no force row level security;
alter table wr.sales_events_archive no force row level security;
alter table wr.queue no force row level security;
alter table wr.queue_archive no force row level security;
with moved as (delete from wr.sales_events_archive returning *)
insert into wr.sales_events (
    tenant_id, event_id, sale_id, external_event_id, source, payload, content_hash, fingerprint, status, failure,
    conflicts_with, corrects, retry_count, next_attempt_at, error_message, processed_at, created_at, updated_at)
select
    tenant_id, event_id, sale_id, external_event_id, source, payload, content_hash, fingerprint, status, failure,
    conflicts_with, corrects, retry_count, next_attempt_at, error_message, processed_at, created_at, updated_at
from moved;
with moved as (delete from wr.queue_archive returning *)
insert into wr.queue (
    tenant_id, queue_id, event_id, sale_id, product_id, status, excluded_reason, suspected_duplicate_of, awaits_review,
    fingerprint, customer_name, seller_id, assigned_seller_id, occurred_at, source, category, notes, sell_price,
    cost_price, currency, created_at, updated_at)
select
    tenant_id, queue_id, event_id, sale_id, product_id, status, excluded_reason, suspected_duplicate_of, awaits_review,
    fingerprint, customer_name, seller_id, assigned_seller_id, occurred_at, source, category, notes, sell_price,
    cost_price, currency, created_at, updated_at
from moved;
alter table wr.queue_archive force row level security;
alter table wr.queue force row level security;
alter table wr.sales_events_archive force row level security;
alter table wr.sales_events force row level security;

drop policy resolver on wr.heartbeats;
drop policy resolver on wr.cache_kv;
drop policy resolver on wr.rate_counters;
drop policy resolver on wr.api_audit_log;
drop policy resolver_forgets on wr.events;
drop policy resolver on wr.claims;
drop policy resolver on wr.sales_events_dlq;
drop policy resolver on wr.queue_archive;
drop policy resolver on wr.queue;
drop policy resolver on wr.sales_events_archive;
revoke select, update (beat_at), delete on wr.heartbeats from winroom_resolver;
revoke select, update (updated_at), delete on wr.cache_kv from winroom_resolver;
revoke select, update (minute), delete on wr.rate_counters from winroom_resolver;
revoke select, update (created_at), delete on wr.api_audit_log from winroom_resolver;
revoke update (created_at), delete on wr.events from winroom_resolver;
revoke select on wr.sales_events_dlq, wr.claims from winroom_resolver;
revoke select, insert, update (updated_at), delete on wr.queue from winroom_resolver;
revoke select, insert, delete on wr.sales_events_archive, wr.queue_archive from winroom_resolver;
revoke insert, delete on wr.sales_events from winroom_resolver;

drop index wr.queue_claimed, wr.sales_events_processed;
drop index wr.queue_archive_fingerprint, wr.queue_archive_customer, wr.queue_archive_of_product,
    wr.queue_archive_of_seller, wr.queue_archive_page;
alter table wr.queue_archive
    drop constraint queue_archive_tenant_id_sale_id_key, drop constraint queue_archive_settled,
    drop column margin_pct, drop column margin_amount, drop column customer_search, drop column updated_at,
    drop column awaits_review;
alter table wr.sales_events_archive
    drop constraint sales_events_archive_settled, drop column updated_at, drop column next_attempt_at,
    drop column corrects, drop column conflicts_with, drop column fingerprint;
