-- note: One request.
insert into wr.api_audit_log (
    tenant_id, api_key_id, user_id, endpoint, http_method, status_code, request_id, request_ip, user_agent,
    response_time_ms, error_message)
values (
    wr.current_tenant(), %(api_key_id)s, %(user_id)s, %(endpoint)s, %(http_method)s, %(status_code)s,
    %(request_id)s, %(request_ip)s, %(user_agent)s, %(response_time_ms)s, %(error_message)s);

-- note_received: One sale event, refused where a key it names has other content.
insert into wr.api_audit_log (
    tenant_id, api_key_id, user_id, endpoint, http_method, status_code, request_id, request_ip, user_agent,
    response_time_ms, error_message)
select
    wr.current_tenant(), %(api_key_id)s, %(user_id)s, %(endpoint)s, %(http_method)s,
    case when is_conflict then 409 else 202 end,
    %(request_id)s, %(request_ip)s, %(user_agent)s, %(response_time_ms)s,
    case when is_conflict then 'conflict' end
from (
    select exists (
        select from wr.sale_keys
        where (sale_id = %(sale_id)s or external_event_id = %(external_event_id)s)
          and content_hash <> %(content_hash)s
    ) as is_conflict
) collision;

-- note_flood: A refusal over the limit, counted on the caller's row of this minute.
insert into wr.api_audit_log as kept (
    tenant_id, api_key_id, user_id, endpoint, http_method, status_code, request_id, request_ip, user_agent,
    response_time_ms, error_message, flood_minute, flood_caller)
values (
    wr.current_tenant(), %(api_key_id)s, %(user_id)s, %(endpoint)s, %(http_method)s, 429, %(request_id)s,
    %(request_ip)s, %(user_agent)s, %(response_time_ms)s, %(error_message)s,
    date_trunc('minute', now(), 'UTC'), %(flood_caller)s)
on conflict (tenant_id, flood_caller, flood_minute) where flood_minute is not null
do update set repeats = kept.repeats + 1;
