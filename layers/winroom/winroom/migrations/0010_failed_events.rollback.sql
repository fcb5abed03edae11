drop index wr.api_audit_log_of_user, wr.api_audit_log_refused;
revoke update (content_hash) on wr.sale_keys from winroom_app;

-- An accepted correction has nowhere to stand beside its sale. What it said lives on in the sale that it corrected
-- and in its settled dead letter. For this one statement the owner is let through to the rows of its own table.
alter table wr.sales_events no force row level security;
delete from wr.sales_events where corrects is not null;
alter table wr.sales_events force row level security;
alter table wr.sales_events drop constraint sales_events_corrects;
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
