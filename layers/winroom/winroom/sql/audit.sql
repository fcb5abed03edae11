-- note: One request.
insert into wr.api_audit_log (
    tenant_id, audit_id, api_key_id, user_id, display_id, endpoint, http_method, status_code, request_id, request_ip, user_agent,
    response_time_ms, error_message)
values (
    wr.current_tenant(), %(audit_id)s, %(api_key_id)s, %(user_id)s, %(display_id)s, %(endpoint)s, %(http_method)s, %(status_code)s,
    %(request_id)s, %(request_ip)s, %(user_agent)s, %(response_time_ms)s, %(error_message)s)
-- Written again where a commit's answer was lost.
on conflict (tenant_id, audit_id) do nothing;

-- note_row: One request of earlier, as JSON.
insert into wr.api_audit_log (
    tenant_id, audit_id, api_key_id, user_id, display_id, endpoint, http_method, status_code, request_id, request_ip, user_agent,
    response_time_ms, created_at)
select
    wr.current_tenant(), request.audit_id, request.api_key_id, request.user_id, request.display_id, request.endpoint,
    request.http_method, request.status_code, request.request_id, request.request_ip, request.user_agent,
    request.response_time_ms, %(at)s
from json_to_record(%(request)s::json) as request (
    audit_id uuid, api_key_id uuid, user_id uuid, display_id uuid, endpoint text, http_method text, status_code integer,
    request_id text, request_ip inet, user_agent text, response_time_ms integer)
-- Of several sales of a request, each brings its row.
on conflict (tenant_id, audit_id) do nothing;

-- note_failed_login: A login that failed, if there is such a person.
insert into wr.api_audit_log (
    tenant_id, audit_id, user_id, endpoint, http_method, status_code, request_id, request_ip, user_agent, response_time_ms,
    error_message)
select
    u.tenant_id, %(audit_id)s, u.user_id, %(endpoint)s, %(http_method)s, 401, %(request_id)s, %(request_ip)s, %(user_agent)s,
    %(response_time_ms)s, %(error_message)s
from wr.users u where u.user_id = %(user_id)s
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

-- page: Requests newest first, of at most so many that are looked at; one row at least, beside the last of those.
-- Of the three ways to look, one is taken: by person, by refusal, or along the clock.
with examined as materialized (
    (
        select audit_id, created_at, api_key_id, user_id, endpoint, http_method, status_code, request_id
        from wr.api_audit_log
        where %(search)s = 'user' and user_id = %(user_id)s
          and (%(since)s::timestamptz is null or created_at >= %(since)s)
          and (%(until)s::timestamptz is null or created_at < %(until)s)
          and (%(cursor)s::uuid is null
               or (created_at, audit_id)
                  < (select c.created_at, c.audit_id from wr.api_audit_log c where c.audit_id = %(cursor)s))
        order by created_at desc, audit_id desc
        limit %(at_most)s
    )
    union all
    (
        select audit_id, created_at, api_key_id, user_id, endpoint, http_method, status_code, request_id
        from wr.api_audit_log
        where %(search)s = 'refused' and status_code >= 400
          and status_code between %(least_status)s and %(most_status)s
          and (%(since)s::timestamptz is null or created_at >= %(since)s)
          and (%(until)s::timestamptz is null or created_at < %(until)s)
          and (%(cursor)s::uuid is null
               or (created_at, audit_id)
                  < (select c.created_at, c.audit_id from wr.api_audit_log c where c.audit_id = %(cursor)s))
        order by created_at desc, audit_id desc
        limit %(at_most)s
    )
    union all
    (
        select audit_id, created_at, api_key_id, user_id, endpoint, http_method, status_code, request_id
        from wr.api_audit_log
        where %(search)s = 'clock'
          and (%(since)s::timestamptz is null or created_at >= %(since)s)
          and (%(until)s::timestamptz is null or created_at < %(until)s)
          and (%(cursor)s::uuid is null
               or (created_at, audit_id)
                  < (select c.created_at, c.audit_id from wr.api_audit_log c where c.audit_id = %(cursor)s))
        order by created_at desc, audit_id desc
        limit %(at_most)s
    )
),
page as (
    select audit_id
    from examined
    where (%(user_id)s::uuid is null or user_id = %(user_id)s)
      and (%(api_key_id)s::uuid is null or api_key_id = %(api_key_id)s)
      and (%(least_status)s::integer is null or status_code between %(least_status)s and %(most_status)s)
      and (%(method)s::text is null or http_method = %(method)s)
      and (%(endpoint)s::text is null or endpoint = %(endpoint)s)
      and (%(request_id)s::text is null or request_id = %(request_id)s)
    order by created_at desc, audit_id desc
    limit %(limit)s
)
select
    l.audit_id as id, l.created_at, l.endpoint, l.http_method, l.status_code, l.request_id, l.request_ip, l.user_agent,
    l.response_time_ms, l.error_message, l.repeats, l.user_id, l.api_key_id, l.display_id, u.email,
    coalesce(u.display_name, k.name, d.name) as name, looked_at.number as examined, looked_at.last_id
from (
    select
        (select count(*) from examined) as number,
        (select audit_id from examined order by created_at, audit_id limit 1) as last_id
) looked_at
left join (page join wr.api_audit_log l on l.audit_id = page.audit_id) on true
left join wr.users u on u.user_id = l.user_id
left join wr.api_keys k on k.api_key_id = l.api_key_id
left join wr.displays d on d.display_id = l.display_id
order by l.created_at desc, l.audit_id desc;
