-- kept: The streak that was kept, if nothing has happened in the room since.
select
    streak.seller_id, streak.display_name, streak.count, streak.is_at_least, streak.since, streak.last_claim_at,
    streak.seq
from wr.cache_kv k
join wr.rooms r on r.tenant_id = k.tenant_id
cross join lateral jsonb_to_record(k.value) as streak (
    seller_id text, display_name text, count integer, is_at_least boolean, since timestamptz,
    last_claim_at timestamptz, seq bigint, generated_at timestamptz)
where k.key = 'streak'
  and streak.seq = r.seq
  -- A name is not numbered in the room: it may be so old.
  and streak.generated_at > now() - make_interval(secs => k.ttl_seconds);

-- count: Counts the newest approved claims in a row, in one snapshot with the room's number, and keeps that.
-- Of several who count at once one keeps what it counted, and the others do not wait for its commit.
with newest as (
    select claimed_by, claimed_at
    from wr.claims
    where state = 'approved'
    order by claimed_at desc, claim_id desc
    limit 1
),
-- Read no further than to the first claim of somebody else, which may be before all time.
other as (
    select
        coalesce(ended.claimed_at, '-infinity') as claimed_at,
        coalesce(ended.claim_id, '00000000-0000-0000-0000-000000000000') as claim_id
    from newest
    left join lateral (
        select c.claimed_at, c.claim_id
        from (
            select claimed_by, claimed_at, claim_id
            from wr.claims
            where state = 'approved'
            order by claimed_at desc, claim_id desc
            limit %(most)s
        ) c
        where c.claimed_by <> newest.claimed_by
        order by c.claimed_at desc, c.claim_id desc
        limit 1
    ) ended on true
),
run as (
    select count(*) as count, min(claimed_at) as since
    from (
        select claimed_at
        from wr.claims
        where state = 'approved'
          -- Nothing around these selects: under row security no index would serve it.
          and (claimed_at, claim_id) > ((select claimed_at from other), (select claim_id from other))
        order by claimed_at desc, claim_id desc
        limit %(most)s
    ) own
),
streak as (
    select
        newest.claimed_by as seller_id, s.display_name, run.count, run.count = %(most)s as is_at_least, run.since,
        newest.claimed_at as last_claim_at, r.seq, now() as generated_at
    from wr.rooms r
    cross join run
    left join newest on true
    left join wr.sellers s on s.seller_id = newest.claimed_by
    where r.tenant_id = (select wr.current_tenant())
),
keeping as (
    insert into wr.cache_kv (tenant_id, key, value, ttl_seconds)
    select wr.current_tenant(), 'streak', to_jsonb(streak), %(ttl_seconds)s
    from streak
    where pg_try_advisory_xact_lock(hashtextextended(wr.current_tenant()::text || 'streak', 0))
    on conflict (tenant_id, key) do update set value = excluded.value, ttl_seconds = excluded.ttl_seconds
)
select seller_id, display_name, count, is_at_least, since, last_claim_at, seq from streak;
