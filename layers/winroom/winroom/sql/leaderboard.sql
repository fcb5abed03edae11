-- kept: What is asked, in days and moments of the tenant's zone, with the board that was kept, if it still holds.
with asked as (
    select
        r.seq,
        coalesce(%(at)s::timestamptz, now()) as at,
        coalesce(t.settings ->> 'time_zone', 'UTC') as time_zone,
        coalesce(t.settings ->> 'home_currency', 'USD') as home_currency
    from wr.tenants t
    join wr.rooms r on r.tenant_id = t.tenant_id
    where t.tenant_id = (select wr.current_tenant())
),
question as (
    select
        asked.*,
        first.day::date as first_day,
        (first.day + %(length)s::interval)::date as next_day,
        -- Wins of all currencies are wins; money is not added up across currencies.
        case when %(metric)s = 'wins' then %(currency)s::text else coalesce(%(currency)s, home_currency) end as currency
    from asked
    cross join lateral (select date_trunc(%(unit)s::text, at at time zone time_zone) as day) first
),
named as (
    select
        question.*,
        jsonb_build_object('final', %(limit)s::integer - 1) as listed,
        jsonb_build_object('me', %(seller_id)s::text) as caller,
        concat_ws(
            ':', 'leaderboard', %(period)s::text, %(metric)s::text, coalesce(currency, 'all'), home_currency) as key
    from question
)
select
    named.key, named.at, named.seq, named.time_zone, named.home_currency, named.currency,
    named.first_day, named.next_day,
    wr.day_start(named.first_day, named.time_zone) as "from", wr.day_start(named.next_day, named.time_zone) as "to",
    board.generated_at, jsonb_array_length(board.ranking) as ranked,
    jsonb_path_query_array(board.ranking, '$[0 to $final]', named.listed) as leaderboard,
    jsonb_path_query_first(board.ranking, '$[*] ? (@.seller_id == $me)', named.caller) as me
from named
left join lateral (
    select kept.generated_at, kept.ranking
    from wr.cache_kv k
    cross join lateral jsonb_to_record(k.value) as kept (
        seq bigint, time_zone text, first_day date, generated_at timestamptz, ranking jsonb)
    where k.key = named.key
      and kept.seq = named.seq
      and kept.time_zone = named.time_zone
      and kept.first_day is not distinct from named.first_day
      -- Names are not numbered in the room: they may be so old.
      and abs(extract(epoch from named.at - kept.generated_at)) < k.ttl_seconds
) board on true;

-- count: Counts the board, in one snapshot with the room's number, and keeps it for whoever asks next.
-- Of several who count at once one keeps what it counted, and the others do not wait for its commit.
with counted as (
    select seller_id, currency, wins, revenue, margin
    from wr.board_days
    where %(unit)s in ('day', 'week') and day >= %(first_day)s and day < %(next_day)s
    union all
    select seller_id, currency, wins, revenue, margin
    from wr.board_months
    where coalesce(%(unit)s not in ('day', 'week'), true)
      and (%(first_day)s::date is null or (month >= %(first_day)s and month < %(next_day)s))
),
total as (
    select seller_id, currency, sum(wins) as wins, sum(revenue) as revenue, sum(margin) as margin
    from counted
    group by seller_id, currency
    having sum(wins) > 0
),
entry as (
    select
        seller_id,
        sum(wins) filter (where currency = coalesce(%(currency)s, currency)) as wins,
        coalesce(sum(revenue) filter (where currency = coalesce(%(currency)s, %(home_currency)s)), 0.00) as revenue,
        coalesce(sum(margin) filter (where currency = coalesce(%(currency)s, %(home_currency)s)), 0.00) as margin,
        json_agg(
            json_build_object(
                'currency', currency, 'wins', wins, 'revenue', revenue::text, 'margin', margin::text)
            order by currency
        ) as totals
    from total
    group by seller_id
),
placed as (
    select
        rank() over (
            order by case %(metric)s when 'wins' then e.wins when 'revenue' then e.revenue else e.margin end desc
        ) as rank,
        e.seller_id, s.display_name, s.is_active, e.wins, e.revenue::text, e.margin::text, e.totals
    from entry e
    join wr.sellers s on s.seller_id = e.seller_id
    where e.wins > 0
),
ranking as (
    select coalesce(json_agg(placed order by rank, display_name, seller_id), '[]')::jsonb as ranking from placed
),
board as (
    select
        r.seq, ranking.ranking,
        jsonb_build_object(
            'seq', r.seq, 'time_zone', %(time_zone)s::text, 'first_day', %(first_day)s::date,
            'generated_at', %(at)s::timestamptz, 'ranking', ranking.ranking) as value
    from wr.rooms r
    cross join ranking
    where r.tenant_id = (select wr.current_tenant())
),
keeping as (
    insert into wr.cache_kv (tenant_id, key, value, ttl_seconds)
    select wr.current_tenant(), %(key)s, value, %(ttl_seconds)s
    from board
    where pg_try_advisory_xact_lock(hashtextextended(wr.current_tenant()::text || %(key)s, 0))
    on conflict (tenant_id, key) do update set value = excluded.value, ttl_seconds = excluded.ttl_seconds
)
select
    seq, %(at)s::timestamptz as generated_at, jsonb_array_length(ranking) as ranked,
    jsonb_path_query_array(
        ranking, '$[0 to $final]', jsonb_build_object('final', %(limit)s::integer - 1)) as leaderboard,
    jsonb_path_query_first(
        ranking, '$[*] ? (@.seller_id == $me)', jsonb_build_object('me', %(seller_id)s::text)) as me
from board;
