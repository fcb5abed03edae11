-- on: The switches that are thrown for everybody.
select name from wr.switches where value = 'true'::jsonb and strpos(name, ':') = 0;

-- turn: Throws a switch or takes it back; no row where it stands like that already.
insert into wr.switches (name, value, reason, changed_by)
select %(name)s, to_jsonb(%(on)s::boolean), %(reason)s, %(changed_by)s
where %(on)s::boolean or exists (select from wr.switches where name = %(name)s)
on conflict (name) do update
    set value = excluded.value, reason = excluded.reason, changed_by = excluded.changed_by, changed_at = now()
    where switches.value is distinct from excluded.value
returning name;

-- page: Switches for everybody, by their names, and all that were thrown for a company or a key; who did it last.
select
    coalesce(split_part(s.name, ':', 1), everybodys.name) as name, t.slug as tenant, k.key_prefix as key,
    coalesce(s.value = 'true'::jsonb, false) as is_on, s.reason, s.changed_by, s.changed_at
from unnest(%(names)s::text[]) as everybodys (name)
full join wr.switches s on s.name = everybodys.name
left join wr.api_keys k
    on k.api_key_id = case split_part(s.name, ':', 1) when 'pause_key' then split_part(s.name, ':', 2)::uuid end
left join wr.tenants t
    on t.tenant_id = case split_part(s.name, ':', 1)
        when 'pause_tenant' then split_part(s.name, ':', 2)::uuid else k.tenant_id end
order by everybodys.name is null, 1, s.changed_at;
