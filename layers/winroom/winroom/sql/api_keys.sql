-- hold_company: Makes those who add keys at once wait for each other, or each would count without the others.
select tenant_id from wr.tenants where tenant_id = %(tenant_id)s for no key update;

-- create: A new key, by its hash alone; no row where the company has as many live ones as it may.
insert into wr.api_keys (tenant_id, name, scope, key_hash, key_prefix, created_by)
select %(tenant_id)s, %(name)s, %(scope)s, %(key_hash)s, %(key_prefix)s, %(created_by)s
where %(at_most)s > (
    select count(*) from wr.api_keys
    where tenant_id = %(tenant_id)s and live_until > now())
returning api_key_id as id;

-- find: A key and who made it.
select
    k.api_key_id as id, k.name, k.scope, k.key_prefix, k.created_by,
    coalesce(u.display_name, k.created_by) as created_by_name, k.created_at, k.last_used_at, k.revoked_at,
    case when k.revoked_at is null then 'live' when k.revoked_at > now() then 'ending' else 'revoked' end as state
from wr.api_keys k
left join wr.users u
    on u.tenant_id = k.tenant_id
    and u.user_id = case split_part(k.created_by, ':', 1) when 'user' then split_part(k.created_by, ':', 2)::uuid end
where k.api_key_id = %(api_key_id)s;

-- page: Keys, the live ones first, then those that ended last; after the cursor's key.
select
    k.api_key_id as id, k.name, k.scope, k.key_prefix, k.created_by,
    coalesce(u.display_name, k.created_by) as created_by_name, k.created_at, k.last_used_at, k.revoked_at,
    case when k.revoked_at is null then 'live' when k.revoked_at > now() then 'ending' else 'revoked' end as state
from wr.api_keys k
left join wr.users u
    on u.tenant_id = k.tenant_id
    and u.user_id = case split_part(k.created_by, ':', 1) when 'user' then split_part(k.created_by, ':', 2)::uuid end
where %(cursor)s::uuid is null
   or (k.live_until, k.api_key_id)
      < (select c.live_until, c.api_key_id from wr.api_keys c where c.api_key_id = %(cursor)s)
order by k.live_until desc, k.api_key_id desc
limit %(limit)s;

-- whose: Keys by id or by how they begin, each with its company; across tenants.
select k.tenant_id, t.slug, k.api_key_id as id, k.name, k.key_prefix
from wr.api_keys k join wr.tenants t on t.tenant_id = k.tenant_id
where k.api_key_id::text = lower(%(key)s) or k.key_prefix = %(prefix)s;

-- revoke: Ends a key now, unless it has ended already.
update wr.api_keys set revoked_at = least(revoked_at, now()) where api_key_id = %(api_key_id)s;

-- retire: Gives a key its end, so many minutes from now; no row when it has one already.
update wr.api_keys set revoked_at = now() + make_interval(mins => %(overlap_minutes)s)
where api_key_id = %(api_key_id)s and revoked_at is null
returning name, scope;

-- was_shut_out: A row where a key had its end before a moment, or was paused then, or its company, and still is.
select from wr.api_keys where api_key_id = %(api_key_id)s and live_until < %(moment)s
union all
select from wr.switches
where value = 'true'::jsonb and changed_at < %(moment)s
  and name in ('pause_tenant:' || wr.current_tenant(), 'pause_key:' || %(api_key_id)s);

-- resolve: Whom a key speaks for; needs no tenant.
select tenant_id, api_key_id, scope, plan, settings, wr.pauses_of(tenant_id, api_key_id) as pauses
from wr.resolve_api_key(%(key_hash)s);
