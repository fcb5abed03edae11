drop function wr.gauges(), wr.totals(timestamptz, timestamptz, uuid, uuid);
drop index wr.sales_events_dlq_waiting;
drop policy gauges on wr.sales_events_dlq;
revoke select (failure_reason, resolved_at) on wr.sales_events_dlq from winroom_resolver;
drop policy gauges on wr.api_audit_log;
revoke select (tenant_id, status_code, repeats, created_at) on wr.api_audit_log from winroom_resolver;
