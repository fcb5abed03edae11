-- Failed events are listed, edited, replayed, accepted and discarded; the audit log is searched.

alter table wr.sales_events_dlq
    add column is_open boolean not null generated always as (resolved_at is null) stored,
    -- As in the queue: like is not leakproof, so no index would serve it here.
    add column customer_search text collate "C" generated always as (lower(payload ->> 'customer_name')) stored,
    -- What arrived, once somebody has edited it.
    add column original_payload jsonb,
    add column edited_by text,
    add column edited_at timestamptz,
    -- What a correction was accepted in the place of.
    add column replaced_payload jsonb,
    -- Why it was discarded.
    add column resolution_reason text,
    -- How often the event had been tried when it was replayed: it then began anew.
    add column attempts integer,
    add check ((edited_at is null) = (original_payload is null)),
    add check ((edited_at is null) = (edited_by is null)),
    add check (replaced_payload is null or resolution = 'accepted');
create index sales_events_dlq_page on wr.sales_events_dlq (tenant_id, is_open, dead_letter_id);
create index sales_events_dlq_reason on wr.sales_events_dlq (tenant_id, is_open, failure_reason, dead_letter_id);
create index sales_events_dlq_event on wr.sales_events_dlq (tenant_id, event_id, dead_letter_id);
create index sales_events_dlq_sale on wr.sales_events_dlq (tenant_id, sale_id);
create index sales_events_dlq_customer on wr.sales_events_dlq (tenant_id, customer_search);

-- A conflict that was accepted is processed: its content is that of the event it corrects. It is no second sale.
alter table wr.sales_events
    add column corrects uuid,
    add constraint sales_events_corrects check (corrects is null or status = 'processed');
drop index wr.sales_events_sale;
create unique index sales_events_sale on wr.sales_events (tenant_id, sale_id)
    where failure is distinct from 'conflict' and corrects is null;

-- A corrected sale is known by its new content from then on. Whose sale it is never changes.
grant update (content_hash) on wr.sale_keys to winroom_app;

-- The log is searched by person and by refusal; what a CRM's accepted sales leave is in neither index.
create index api_audit_log_of_user on wr.api_audit_log (tenant_id, user_id, created_at desc, audit_id desc)
    where user_id is not null;
create index api_audit_log_refused on wr.api_audit_log (tenant_id, created_at desc, audit_id desc, status_code)
    where status_code >= 400;
