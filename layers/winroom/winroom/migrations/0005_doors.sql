-- The few doors that open before a tenant is known, and the cross-tenant jobs. Their owner is
-- winroom_resolver, which sees exactly what its own policies name: a definer owned by the table owner
-- would see nothing under forced row security, one owned by a superuser would see everything.

grant select on wr.tenants, wr.users, wr.displays to winroom_resolver;
grant select, update (last_used_at) on wr.api_keys to winroom_resolver;
grant select, delete on wr.tickets, wr.connections to winroom_resolver;
grant select, update (next_attempt_at) on wr.sales_events to winroom_resolver;
grant select on wr.rooms, wr.events to winroom_resolver;

create policy resolver on wr.tenants for select to winroom_resolver using (true);
create policy resolver on wr.users for select to winroom_resolver using (true);
create policy resolver on wr.displays for select to winroom_resolver using (true);
create policy resolver on wr.api_keys to winroom_resolver using (true) with check (true);
create policy resolver on wr.tickets to winroom_resolver using (true);
create policy resolver on wr.connections to winroom_resolver using (true);
create policy resolver on wr.sales_events to winroom_resolver using (true) with check (true);
create policy resolver on wr.rooms for select to winroom_resolver using (true);
create policy resolver on wr.events for select to winroom_resolver using (true);

-- Who a key speaks for; no row when unknown or revoked. Notes its use at most once a minute.
create function wr.resolve_api_key(in_key_hash bytea)
    returns table (tenant_id uuid, api_key_id uuid, scope text, plan text, settings jsonb)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with used as (
            update wr.api_keys k set last_used_at = now()
            where k.key_hash = in_key_hash and k.revoked_at is null
              and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute')
        )
        select k.tenant_id, k.api_key_id, k.scope, t.plan, t.settings
        from wr.api_keys k join wr.tenants t on t.tenant_id = k.tenant_id
        where k.key_hash = in_key_hash and k.revoked_at is null
    $$;

-- The person behind a login, with the hash to check; no row when unknown.
create function wr.resolve_login(in_slug text, in_email text)
    returns table (
        tenant_id uuid, user_id uuid, role text, password_hash text, token_version integer, disabled_at timestamptz)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select u.tenant_id, u.user_id, u.role, u.password_hash, u.token_version, u.disabled_at
        from wr.tenants t join wr.users u on u.tenant_id = t.tenant_id
        where t.slug = lower(in_slug) and u.email = lower(in_email)
    $$;

-- The screen behind a wallboard's link; no row when unknown or revoked.
create function wr.resolve_display(in_link_hash bytea)
    returns table (tenant_id uuid, display_id uuid)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select d.tenant_id, d.display_id from wr.displays d
        where d.link_hash = in_link_hash and d.revoked_at is null
    $$;

-- Takes a ticket: the row is gone afterwards, so of two who present it one gets nothing.
create function wr.redeem_ticket(in_ticket_hash bytea)
    returns table (
        tenant_id uuid, user_id uuid, api_key_id uuid, display_id uuid, token_version integer, rendering text)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        delete from wr.tickets t
        where t.ticket_hash = in_ticket_hash and t.expires_at > now()
        returning t.tenant_id, t.user_id, t.api_key_id, t.display_id, t.token_version, t.rendering
    $$;

-- Which room a socket belongs to; no row when it was forgotten.
create function wr.resolve_connection(in_connection_id text)
    returns table (tenant_id uuid, rendering text, is_ready boolean)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select c.tenant_id, c.rendering, c.is_ready from wr.connections c
        where c.connection_id = in_connection_id
    $$;

-- Forgets a closed socket and returns the room it left.
create function wr.forget_connection(in_connection_id text)
    returns table (tenant_id uuid)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        delete from wr.connections c where c.connection_id = in_connection_id returning c.tenant_id
    $$;

-- Cross-tenant, for winroom_jobs alone: due events, set five minutes on so that the next minute does not
-- send them again. Skips rows that a processor holds.
create function wr.take_due_events(in_limit integer)
    returns table (tenant_id uuid, event_id uuid, created_at timestamptz)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        -- Materialized: joined in place, the planner may run it once per row and pass the limit.
        with due as materialized (
            select d.tenant_id, d.event_id from wr.sales_events d
            where d.status = 'pending' and d.next_attempt_at <= now()
            order by d.next_attempt_at
            limit in_limit
            for update skip locked
        )
        update wr.sales_events e set next_attempt_at = now() + interval '5 minutes'
        from due
        where e.tenant_id = due.tenant_id and e.event_id = due.event_id
        returning e.tenant_id, e.event_id, e.created_at
    $$;

-- Cross-tenant: rooms whose oldest unposted message waits for over ten seconds, or whose last change of
-- presence was never told.
create function wr.lagging_rooms()
    returns table (tenant_id uuid, seq bigint)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select r.tenant_id, r.seq
        from wr.rooms r
        left join wr.events e on e.tenant_id = r.tenant_id and e.seq = r.posted_seq + 1
        where (r.posted_seq < r.seq
               and coalesce(e.created_at, '-infinity') < now() - interval '10 seconds')
           or (r.presence_changed_at > r.presence_posted_at
               and r.presence_posted_at < now() - interval '5 seconds')
    $$;

-- Cross-tenant: sockets of people, keys and screens that are no longer welcome.
create function wr.unwelcome_connections()
    returns table (connection_id text)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as $$
        select c.connection_id
        from wr.connections c
        left join wr.users u on u.tenant_id = c.tenant_id and u.user_id = c.user_id
        left join wr.api_keys k on k.tenant_id = c.tenant_id and k.api_key_id = c.api_key_id
        left join wr.displays d on d.tenant_id = c.tenant_id and d.display_id = c.display_id
        where (c.user_id is not null
               and (u.user_id is null or u.disabled_at is not null or u.token_version is distinct from c.token_version))
           or (c.api_key_id is not null and (k.api_key_id is null or k.revoked_at is not null))
           or (c.display_id is not null and (d.display_id is null or d.revoked_at is not null))
    $$;

-- Cross-tenant: tickets nobody used, and sockets that outlived the two hours API Gateway grants them.
create function wr.forget_leftovers()
    returns table (tickets bigint, connections bigint)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with unused as (delete from wr.tickets where expires_at < now() returning 1),
             outlived as (
                 delete from wr.connections where connected_at < now() - interval '130 minutes' returning 1)
        select (select count(*) from unused), (select count(*) from outlived)
    $$;

-- Counts a request against its bucket; over the limit it raises, so that no later statement of the same
-- transaction can take effect. The row lock makes the count exact across all functions at once.
create function wr.count_request(in_bucket text, in_limit integer)
    returns table (hits integer, resets_at timestamptz)
    language plpgsql
    as $$
        begin
            insert into wr.rate_counters as c (tenant_id, bucket, minute, hits)
            values (wr.current_tenant(), in_bucket, date_trunc('minute', clock_timestamp(), 'UTC'), 1)
            on conflict (tenant_id, bucket) do update set
                hits = case when excluded.minute > c.minute then 1 else c.hits + 1 end,
                minute = greatest(excluded.minute, c.minute)
            returning c.hits, c.minute + interval '1 minute' into hits, resets_at;
            if hits > in_limit then
                raise exception 'rate limit exceeded' using errcode = 'WR429', detail = resets_at::text;
            end if;
            return next;
        end
    $$;

-- Who may call them is said before they are handed over: afterwards only their new owner could.
revoke execute on all functions in schema wr from public;
grant execute on function wr.count_request(text, integer) to winroom_app;
grant execute on function
    wr.resolve_api_key(bytea), wr.resolve_login(text, text), wr.resolve_display(bytea), wr.redeem_ticket(bytea),
    wr.resolve_connection(text), wr.forget_connection(text)
    to winroom_app;
grant execute on function
    wr.take_due_events(integer), wr.lagging_rooms(), wr.unwelcome_connections(), wr.forget_leftovers(),
    wr.forget_connection(text)
    to winroom_jobs;

grant create on schema wr to winroom_resolver;
alter function wr.resolve_api_key(bytea) owner to winroom_resolver;
alter function wr.resolve_login(text, text) owner to winroom_resolver;
alter function wr.resolve_display(bytea) owner to winroom_resolver;
alter function wr.redeem_ticket(bytea) owner to winroom_resolver;
alter function wr.resolve_connection(text) owner to winroom_resolver;
alter function wr.forget_connection(text) owner to winroom_resolver;
alter function wr.take_due_events(integer) owner to winroom_resolver;
alter function wr.lagging_rooms() owner to winroom_resolver;
alter function wr.unwelcome_connections() owner to winroom_resolver;
alter function wr.forget_leftovers() owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;
