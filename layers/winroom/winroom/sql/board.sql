-- count: Adds a claim to its seller's day, or takes it off again (sign -1).
-- The tenant's row is locked against a change of its time zone: a claim must leave the day that it entered.
insert into wr.board_days as board (tenant_id, day, seller_id, currency, wins, revenue, margin)
select
    c.tenant_id, (c.claimed_at at time zone zone.name)::date, c.claimed_by, c.currency,
    %(sign)s::integer, %(sign)s::integer * c.sell_price, %(sign)s::integer * coalesce(c.margin_amount, 0)
from wr.claims c
cross join (
    select coalesce(settings ->> 'time_zone', 'UTC') as name
    from wr.tenants where tenant_id = (select wr.current_tenant())
    for share
) zone
where c.claim_id = %(claim_id)s
on conflict (tenant_id, day, seller_id, currency) do update set
    wins = board.wins + excluded.wins,
    revenue = board.revenue + excluded.revenue,
    margin = board.margin + excluded.margin;

-- clear: Forgets all days; recount follows in the same transaction.
delete from wr.board_days where tenant_id = (select wr.current_tenant());

-- zero: The months of a board without days: what they count, the days will add to them.
update wr.board_months set wins = 0, revenue = 0, margin = 0 where tenant_id = (select wr.current_tenant());

-- recount: Counts every approved claim anew.
insert into wr.board_days (tenant_id, day, seller_id, currency, wins, revenue, margin)
select
    c.tenant_id, (c.claimed_at at time zone zone.name)::date, c.claimed_by, c.currency,
    count(*), sum(c.sell_price), coalesce(sum(c.margin_amount), 0)
from wr.claims c
cross join (
    select coalesce(settings ->> 'time_zone', 'UTC') as name
    from wr.tenants where tenant_id = (select wr.current_tenant())
) zone
where c.tenant_id = (select wr.current_tenant()) and c.state = 'approved'
group by 1, 2, 3, 4;

-- differences: Where the days and a recount of the approved claims disagree; no row when all is well.
with counted as (
    select
        (c.claimed_at at time zone zone.name)::date as day, c.claimed_by as seller_id, c.currency,
        count(*) as wins, sum(c.sell_price) as revenue, coalesce(sum(c.margin_amount), 0) as margin
    from wr.claims c
    cross join (
        select coalesce(settings ->> 'time_zone', 'UTC') as name
        from wr.tenants where tenant_id = (select wr.current_tenant())
    ) zone
    where c.tenant_id = (select wr.current_tenant()) and c.state = 'approved'
    group by 1, 2, 3
),
kept as (
    select day, seller_id, currency, wins, revenue, margin
    from wr.board_days
    where tenant_id = (select wr.current_tenant()) and (wins <> 0 or revenue <> 0 or margin <> 0)
)
select
    coalesce(kept.day, counted.day) as day, coalesce(kept.seller_id, counted.seller_id) as seller_id,
    coalesce(kept.currency, counted.currency) as currency,
    coalesce(kept.wins, 0) as kept_wins, coalesce(counted.wins, 0) as counted_wins,
    coalesce(kept.revenue, 0) as kept_revenue, coalesce(counted.revenue, 0) as counted_revenue,
    coalesce(kept.margin, 0) as kept_margin, coalesce(counted.margin, 0) as counted_margin
from kept full join counted
    on kept.day = counted.day and kept.seller_id = counted.seller_id and kept.currency = counted.currency
where (kept.wins, kept.revenue, kept.margin) is distinct from (counted.wins, counted.revenue, counted.margin)
order by 1, 2, 3;

-- months_adrift: Where the months and the sums of their days disagree; no row when all is well.
with counted as (
    select
        date_trunc('month', day::timestamp)::date as month, seller_id, currency,
        sum(wins) as wins, sum(revenue) as revenue, sum(margin) as margin
    from wr.board_days
    where tenant_id = (select wr.current_tenant())
    group by 1, 2, 3
    having (sum(wins), sum(revenue), sum(margin)) <> (0, 0, 0)
),
kept as (
    select month, seller_id, currency, wins, revenue, margin
    from wr.board_months
    where tenant_id = (select wr.current_tenant()) and (wins <> 0 or revenue <> 0 or margin <> 0)
)
select
    coalesce(kept.month, counted.month) as month, coalesce(kept.seller_id, counted.seller_id) as seller_id,
    coalesce(kept.currency, counted.currency) as currency,
    coalesce(kept.wins, 0) as kept_wins, coalesce(counted.wins, 0) as counted_wins,
    coalesce(kept.revenue, 0) as kept_revenue, coalesce(counted.revenue, 0) as counted_revenue,
    coalesce(kept.margin, 0) as kept_margin, coalesce(counted.margin, 0) as counted_margin
from kept full join counted
    on kept.month = counted.month and kept.seller_id = counted.seller_id and kept.currency = counted.currency
where (kept.wins, kept.revenue, kept.margin) is distinct from (counted.wins, counted.revenue, counted.margin)
order by 1, 2, 3;
