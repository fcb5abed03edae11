-- note: One request.
insert into wr.api_audit_log (
    tenant_id, audit_id, api_key_id, user_id, display_id, endpoint, http_method, status_code, request_id, request_ip, user_agent,
    response_time_ms, error_message)
values (
    wr.current_tenant(), %(audit_id)s, %(api_key_id)s, %(user_id)s, %(display_id)s, %(endpoint)s, %(http_method)s, %(status_code)s,
    %(request_id)s, %(request_ip)s, %(user_agent)s, %(response_time_ms)s, %(error_message)s)
-- Written again where a commit's answer was lost.
on conflict (tenant_id, audit_id) do nothing;

-- correct: The outcome of a request whose row was written before it was known.
update wr.api_audit_log set status_code = %(status_code)s, error_message = %(error_message)s
where audit_id = %(audit_id)s;

-- note_flood: A refusal over the limit, counted on the caller's row of this minute.
insert into wr.api_audit_log as kept (
    tenant_id, audit_id, api_key_id, user_id, display_id, endpoint, http_method, status_code, request_id, request_ip, user_agent,
    response_time_ms, error_message, flood_minute, flood_caller)
values (
    wr.current_tenant(), %(audit_id)s, %(api_key_id)s, %(user_id)s, %(display_id)s, %(endpoint)s, %(http_method)s, 429, %(request_id)s,
    %(request_ip)s, %(user_agent)s, %(response_time_ms)s, %(error_message)s,
    date_trunc('minute', now(), 'UTC'), %(flood_caller)s)
on conflict (tenant_id, flood_caller, flood_minute) where flood_minute is not null
do update set repeats = kept.repeats + 1;
