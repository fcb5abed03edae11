-- Nothing is kept of an import that was given up; old attempts to log in are found by their age, claims by
-- their currency.

-- A currency that is rare, or not there at all, is found without a walk over all claims.
create index claims_of_currency on wr.claims (tenant_id, currency, claimed_at desc, claim_id desc, state);

create index login_attempts_since on wr.login_attempts (since);

grant select, delete on wr.import_parts to winroom_resolver;
create policy resolver on wr.import_parts to winroom_resolver using (true);

-- Cross-tenant, for winroom_jobs alone: unfinished imports that nobody touched for a minute. What stood still
-- for an hour is failed, not returned, and the rest of its rows is not kept.
drop function wr.take_stalled_imports(integer);
create function wr.take_stalled_imports(in_limit integer)
    returns table (tenant_id uuid, import_id uuid, next_row integer)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with stalled as materialized (
            select s.tenant_id, s.import_id from wr.imports s
            where s.status in ('pending', 'running') and s.updated_at < now() - interval '1 minute'
            order by s.updated_at
            limit in_limit
            for update skip locked
        ),
        touched as (
            update wr.imports i set
                stalls = i.stalls + 1,
                status = case when i.stalls < 60 then i.status else 'failed' end,
                finished_at = case when i.stalls < 60 then i.finished_at else now() end
            from stalled
            where i.tenant_id = stalled.tenant_id and i.import_id = stalled.import_id
            returning i.tenant_id, i.import_id, i.next_row, i.status
        ),
        given_up as (
            delete from wr.import_parts p using touched t
            where t.status = 'failed' and p.tenant_id = t.tenant_id and p.import_id = t.import_id
        )
        select t.tenant_id, t.import_id, t.next_row from touched t where t.status <> 'failed'
    $$;
revoke execute on function wr.take_stalled_imports(integer) from public;
grant execute on function wr.take_stalled_imports(integer) to winroom_jobs;
grant create on schema wr to winroom_resolver;
alter function wr.take_stalled_imports(integer) owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;
