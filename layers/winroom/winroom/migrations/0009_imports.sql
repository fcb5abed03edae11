-- A file of sales is kept in parts, and each part is gone once it is worked.

alter table wr.imports
    drop column content,
    add column ignored_columns text[] not null default '{}',
    -- How many rows are done: the part that begins there is the next one.
    add column next_row integer not null default 0,
    add column conflict_rows integer not null default 0,
    add column problems_total integer not null default 0,
    -- How often the sweeper found it standing still since its last part.
    add column stalls integer not null default 0;
create index imports_unfinished on wr.imports (updated_at) where status in ('pending', 'running');

create table wr.import_parts (
    tenant_id uuid not null references wr.tenants on delete cascade,
    import_id uuid not null,
    first_row integer not null,
    -- The lines of the part in JSON, as text: a cell may hold what jsonb refuses.
    content text not null,
    primary key (tenant_id, import_id, first_row)
);
call wr.protect('wr.import_parts');
grant select, insert, delete on wr.import_parts to winroom_app;

grant select, update (status, stalls, finished_at) on wr.imports to winroom_resolver;
create policy resolver on wr.imports to winroom_resolver using (true) with check (true);

-- Cross-tenant, for winroom_jobs alone: unfinished imports that nobody touched for a minute. What stood still
-- for an hour is failed and not returned.
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
        )
        select t.tenant_id, t.import_id, t.next_row from touched t where t.status <> 'failed'
    $$;
revoke execute on function wr.take_stalled_imports(integer) from public;
grant execute on function wr.take_stalled_imports(integer) to winroom_jobs;

grant create on schema wr to winroom_resolver;
alter function wr.take_stalled_imports(integer) owner to winroom_resolver;
revoke create on schema wr from winroom_resolver;
