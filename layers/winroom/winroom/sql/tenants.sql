-- create: A new company; no row where its slug is taken.
insert into wr.tenants (tenant_id, slug, name, plan, settings)
values (%(tenant_id)s, %(slug)s, %(name)s, %(plan)s, %(settings)s)
on conflict (slug) do nothing
returning tenant_id, slug, name, plan, settings, created_at;

-- open_room: The room that its log and its sockets live in.
insert into wr.rooms (tenant_id) values (%(tenant_id)s);

-- find: A company by its id or its slug; an id goes first, for an old slug may look like another's.
select tenant_id, slug, name, plan, settings, created_at
from wr.tenants where slug = lower(%(tenant)s) or tenant_id::text = lower(%(tenant)s)
order by tenant_id::text = lower(%(tenant)s) desc
limit 1;

-- every: All companies by their slugs; across tenants.
select tenant_id as id, slug, name, plan, created_at from wr.tenants order by slug;

-- show: The entered tenant.
select tenant_id, slug, name, plan, settings, created_at
from wr.tenants where tenant_id = (select wr.current_tenant());

-- lock: The entered tenant, until the change is done; claims that count on its time zone wait.
select tenant_id, slug, name, plan, settings, created_at
from wr.tenants where tenant_id = (select wr.current_tenant())
for no key update;

-- change: Its name and all that it asked of us.
update wr.tenants set name = %(name)s, settings = %(settings)s
where tenant_id = (select wr.current_tenant())
returning tenant_id, slug, name, plan, settings, created_at;

-- forget_cache: What was computed under other settings.
delete from wr.cache_kv where tenant_id = (select wr.current_tenant());

-- find_zone: A time zone as it is properly written; not those of the machine itself.
select name from pg_timezone_names
where lower(name) = lower(%(name)s) and name !~ '^(posix|right|Factory|localtime)'
order by name
limit 1;

-- local_times: Times without an offset, as told in a time zone or else in the tenant's own; in order.
select told.moment at time zone zone.name as moment
from (
    select coalesce(%(time_zone)s::text, settings ->> 'time_zone', 'UTC') as name
    from wr.tenants where tenant_id = (select wr.current_tenant())
) zone
cross join unnest(%(moments)s::timestamp[]) with ordinality as told (moment, position)
order by told.position;
