drop index wr.api_audit_log_of_user, wr.api_audit_log_refused;
revoke update (content_hash) on wr.sale_keys from winroom_app;

-- Corrections become the conflicts again that they were, or two events of one sale would stand there.
-- For this one statement the owner is let through to the rows of its own table.
alter table wr.sales_events
    drop constraint sales_events_corrects,
    no force row level security;
update wr.sales_events
set status = 'failed', failure = 'conflict', conflicts_with = corrects, processed_at = null
where corrects is not null;
alter table wr.sales_events force row level security;
drop index wr.sales_events_sale;
create unique index sales_events_sale on wr.sales_events (tenant_id, sale_id)
    where failure is distinct from 'conflict';
alter table wr.sales_events drop column corrects;

drop index wr.sales_events_dlq_page, wr.sales_events_dlq_reason, wr.sales_events_dlq_event,
    wr.sales_events_dlq_sale, wr.sales_events_dlq_customer;
alter table wr.sales_events_dlq
    drop column is_open, drop column customer_search, drop column original_payload, drop column edited_by,
    drop column edited_at, drop column replaced_payload, drop column resolution_reason,
    drop column attempts;
