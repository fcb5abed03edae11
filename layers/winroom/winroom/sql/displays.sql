-- hold_company: Makes those who add displays at once wait for each other, or each would count without the others.
select tenant_id from wr.tenants where tenant_id = (select wr.current_tenant()) for no key update;

-- create: A new display, by its link's hash alone; no row where the company has as many live ones as it may.
insert into wr.displays (tenant_id, name, link_hash, created_by)
select wr.current_tenant(), %(name)s, %(link_hash)s, %(created_by)s
where %(at_most)s > (select count(*) from wr.displays where live_until > now())
returning display_id as id;

-- find: A display and who made it: a person, or a key.
select
    d.display_id as id, d.name, d.created_by, coalesce(u.display_name, k.name, d.created_by) as created_by_name,
    d.created_at, d.revoked_at, case when d.revoked_at is null then 'live' else 'revoked' end as state
from wr.displays d
left join wr.users u
    on u.user_id = case split_part(d.created_by, ':', 1) when 'user' then split_part(d.created_by, ':', 2)::uuid end
left join wr.api_keys k
    on k.api_key_id = case split_part(d.created_by, ':', 1) when 'key' then split_part(d.created_by, ':', 2)::uuid end
where d.display_id = %(display_id)s;

-- page: Displays, the live ones first, then those that ended last; after the cursor's display.
select
    d.display_id as id, d.name, d.created_by, coalesce(u.display_name, k.name, d.created_by) as created_by_name,
    d.created_at, d.revoked_at, case when d.revoked_at is null then 'live' else 'revoked' end as state
from wr.displays d
left join wr.users u
    on u.user_id = case split_part(d.created_by, ':', 1) when 'user' then split_part(d.created_by, ':', 2)::uuid end
left join wr.api_keys k
    on k.api_key_id = case split_part(d.created_by, ':', 1) when 'key' then split_part(d.created_by, ':', 2)::uuid end
where %(cursor)s::uuid is null
   or (d.live_until, d.display_id)
      < (select c.live_until, c.display_id from wr.displays c where c.display_id = %(cursor)s)
order by d.live_until desc, d.display_id desc
limit %(limit)s;

-- revoke: Ends a display now, unless it has ended already.
update wr.displays set revoked_at = least(revoked_at, now()) where display_id = %(display_id)s;

-- resolve: The screen behind a link; needs no tenant.
select tenant_id, display_id, plan, settings, wr.pauses_of(tenant_id, null) as pauses
from wr.resolve_display(%(link_hash)s);
