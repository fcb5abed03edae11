-- The ground everything stands on: who the current tenant is, how a table is protected, ids, clocks.

revoke all on schema wr from public;
grant usage on schema wr
    to winroom_app, winroom_jobs, winroom_resolver, winroom_operator, winroom_readonly;
-- pg_dump locks every table, this one too.
grant select on wr.migrations to winroom_operator, winroom_readonly;

-- Binds the transaction to one tenant. A function around set_config, because poolers pin a
-- connection on SET; transaction-local, because a session setting would leak to the next tenant.
create function wr.enter_tenant(entered uuid) returns void
    language sql
    as $$ select set_config('app.current_tenant_id', entered::text, true) $$;

-- Null outside enter_tenant: every policy then compares with null and shows nothing. After a commit
-- the setting is '' on a pooled connection, not null, hence nullif.
create function wr.current_tenant() returns uuid
    language sql stable parallel safe
    as $$ select nullif(current_setting('app.current_tenant_id', true), '')::uuid $$;

-- Time-ordered ids (RFC 9562, version 7) whose random bits come from the operating system.
create function wr.uuid_v7() returns uuid
    language sql volatile parallel safe
    as $$
        select encode(
            set_bit(
                set_bit(
                    overlay(
                        uuid_send(gen_random_uuid())
                        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                        from 1 for 6
                    ),
                    52, 1
                ),
                53, 1
            ),
            'hex'
        )::uuid
    $$;

create function wr.touch_updated_at() returns trigger
    language plpgsql
    set search_path = pg_catalog
    as $$
        begin
            new.updated_at := now();
            return new;
        end
    $$;

-- The one way a table with tenant rows is protected; enabling alone would let the owner bypass it.
create procedure wr.protect(protected regclass)
    language plpgsql
    set search_path = pg_catalog
    as $$
        begin
            execute format('alter table %s enable row level security', protected);
            execute format('alter table %s force row level security', protected);
            execute format(
                'create policy tenant_isolation on %s to winroom_app
                     using (tenant_id = (select wr.current_tenant()))
                     with check (tenant_id = (select wr.current_tenant()))',
                protected);
            execute format(
                'create policy operator on %s to winroom_operator using (true) with check (true)',
                protected);
            execute format('create policy readonly on %s for select to winroom_readonly using (true)', protected);
            execute format('grant select, insert, update, delete on %s to winroom_operator', protected);
            execute format('grant select on %s to winroom_readonly', protected);
        end
    $$;

revoke execute on all functions in schema wr from public;
revoke execute on all procedures in schema wr from public;
grant execute on function wr.enter_tenant(uuid), wr.current_tenant(), wr.uuid_v7()
    to winroom_app, winroom_jobs, winroom_resolver, winroom_operator, winroom_readonly;
grant execute on function wr.touch_updated_at() to winroom_app, winroom_operator, winroom_resolver;
