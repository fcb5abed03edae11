create policy gauges on wr.api_audit_log for select to winroom_resolver using (true);
create policy gauges on wr.sales_events_dlq for select to winroom_resolver using (true);

drop function wr.archive_items(integer, timestamptz, uuid, uuid);
drop function wr.set_local(text, text);
