-- numbers: A seller's wins by period and currency, its best days and its last thirty, from the days of the board.
-- A person without a seller (null) gets the same without any wins.
with company as (
    select
        coalesce(t.settings ->> 'home_currency', 'USD') as home_currency,
        zone.name as time_zone,
        coalesce(%(at)s::timestamptz, now()) at time zone zone.name as local
    from wr.tenants t
    cross join lateral (select coalesce(t.settings ->> 'time_zone', 'UTC') as name) zone
    where t.tenant_id = (select wr.current_tenant())
),
sold as (
    select day, currency, wins, revenue, margin from wr.board_days where seller_id = %(seller_id)s and wins > 0
),
-- Once, not for each day.
period as materialized (
    select
        named.period,
        coalesce(date_trunc(named.unit, company.local)::date, '-infinity') as first_day,
        coalesce((date_trunc(named.unit, company.local) + named.length)::date, 'infinity') as next_day
    from company
    cross join unnest(%(periods)s::text[], %(units)s::text[], %(lengths)s::interval[]) as named (period, unit, length)
),
total as (
    select period.period, sold.currency, sum(wins) as wins, sum(revenue) as revenue, sum(margin) as margin
    from period
    join sold on sold.day >= period.first_day and sold.day < period.next_day
    group by period.period, sold.currency
),
summed as (
    select
        period, sum(wins) as wins,
        jsonb_agg(
            jsonb_build_object(
                'currency', currency, 'wins', wins, 'revenue', revenue::text, 'margin', margin::text)
            order by currency
        ) as totals
    from total
    group by period
),
by_day as (
    select
        sold.day, sum(sold.wins) as wins,
        coalesce(sum(sold.revenue) filter (where sold.currency = company.home_currency), 0.00) as revenue
    from sold
    cross join company
    group by sold.day
),
-- Of equal days the first: it set the record.
busiest as (select day, wins from by_day order by wins desc, day limit 1),
richest as (select day, revenue::text from by_day where revenue > 0 order by by_day.revenue desc, day limit 1),
-- Its place on the month's board of the home currency: a row for each seller with a win in it.
placed as (
    select m.seller_id, rank() over (order by m.revenue desc) as rank
    from company
    join wr.board_months m
        on m.month = date_trunc('month', company.local)::date and m.currency = company.home_currency
    where m.wins > 0
),
recent as (
    select calendar.day::date, coalesce(by_day.wins, 0) as wins, coalesce(by_day.revenue, 0.00)::text as revenue
    from company
    cross join generate_series(
        company.local::date - interval '29 days', company.local::date, interval '1 day') as calendar (day)
    left join by_day on by_day.day = calendar.day
)
select
    company.home_currency, company.time_zone,
    (select coalesce(jsonb_object_agg(period, to_jsonb(summed) - 'period'), '{}') from summed) as periods,
    (select to_jsonb(busiest) from busiest) as most_wins,
    (select to_jsonb(richest) from richest) as highest_revenue,
    (select rank from placed where seller_id = %(seller_id)s) as rank,
    (select count(*) from placed) as ranked,
    (select jsonb_agg(to_jsonb(recent) order by day) from recent) as days
from company;

-- recent_claims: A seller's newest claims, but for those it lost again.
select
    c.claim_id as id, c.queue_id, c.sale_id, c.claim_type, c.state, c.customer_name, c.sell_price, c.margin_amount,
    c.currency, c.claimed_at
from wr.claims c
where c.claimed_by = %(seller_id)s and c.state <> 'released'
order by c.claimed_at desc, c.claim_id desc
limit %(limit)s;
