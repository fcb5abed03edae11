-- tables: Every table with rows of companies, its columns and key, and which tables its rows point to.
select
    c.relname as name,
    columns.names as columns,
    coalesce(key.names, '{}') as key,
    coalesce(parents.names, '{}') as parents
from pg_class c
cross join lateral (
    select
        array_agg(a.attname::text order by a.attnum) as names,
        bool_or(a.attname = 'tenant_id') as are_of_companies
    from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
) columns
left join lateral (
    select array_agg(a.attname::text order by part.position) as names
    from pg_index i
    cross join unnest(i.indkey) with ordinality as part (attnum, position)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = part.attnum
    where i.indrelid = c.oid and i.indisprimary
) key on true
left join lateral (
    select array_agg(distinct p.relname::text) as names
    from pg_constraint k join pg_class p on p.oid = k.confrelid
    where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid
) parents on true
where c.relnamespace = 'wr'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and columns.are_of_companies
order by c.relname;

-- schema_version: The newest migration.
select max(migration_id) as version from wr.migrations;

-- stage: How far a company's end has come.
select tenant_id, slug, name, settings ->> 'offboarding' as stage from wr.tenants where slug = %(slug)s;

-- mark_stopped: Notes that a company is stopped, and since when; what was noted before stays.
update wr.tenants set settings = jsonb_build_object('offboarding', 'stopped', 'offboarding_since', now()) || settings
where tenant_id = %(tenant_id)s;

-- mark_deleting: Notes that its rows are going.
update wr.tenants set settings = settings || '{"offboarding": "deleting"}' where tenant_id = %(tenant_id)s;

-- stopped_for: For how many seconds nothing has opened a door; what was opened and closed meanwhile counts.
select extract(epoch from now() - greatest(
    (t.settings ->> 'offboarding_since')::timestamptz,
    (select max(revoked_at) from wr.api_keys where tenant_id = t.tenant_id),
    (select max(disabled_at) from wr.users where tenant_id = t.tenant_id),
    (select max(revoked_at) from wr.displays where tenant_id = t.tenant_id)
)) as seconds
from wr.tenants t where t.tenant_id = %(tenant_id)s;

-- revoke_keys: No other system speaks for the company any more.
update wr.api_keys set revoked_at = now()
where tenant_id = %(tenant_id)s and (revoked_at is null or revoked_at > now());

-- disable_people: Nobody logs in, and whoever is logged in no longer is.
update wr.users set disabled_at = now(), token_version = token_version + 1
where tenant_id = %(tenant_id)s and disabled_at is null;

-- revoke_displays: Its screens go dark.
update wr.displays set revoked_at = now() where tenant_id = %(tenant_id)s and revoked_at is null;

-- forget_tickets: No new socket is opened.
delete from wr.tickets where tenant_id = %(tenant_id)s;

-- hold: Locks the company: nobody can add rows to it, and who is about to is waited for.
select from wr.tenants where tenant_id = %(tenant_id)s for update;
