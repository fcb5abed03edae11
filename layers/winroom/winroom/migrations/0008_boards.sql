-- Boards of a month, a quarter, a year or all time are sums of months: two years of days are 80,000 rows to add up.

create table wr.board_months (
    tenant_id uuid not null references wr.tenants on delete cascade,
    -- Its first day.
    month date not null,
    seller_id text not null,
    currency text not null,
    wins integer not null default 0,
    revenue numeric(18, 2) not null default 0,
    margin numeric(18, 2) not null default 0,
    primary key (tenant_id, month, seller_id, currency),
    foreign key (tenant_id, seller_id) references wr.sellers (tenant_id, seller_id)
);

-- What was counted before. The owner sees the days only while it is not forced to see none.
alter table wr.board_days no force row level security;
insert into wr.board_months (tenant_id, month, seller_id, currency, wins, revenue, margin)
select tenant_id, date_trunc('month', day::timestamp)::date, seller_id, currency, sum(wins), sum(revenue), sum(margin)
from wr.board_days
group by 1, 2, 3, 4;
alter table wr.board_days force row level security;

call wr.protect('wr.board_months');
grant select, insert, update on wr.board_months to winroom_app;

-- One person's days: its best one, its last thirty.
create index board_days_of_seller on wr.board_days (tenant_id, seller_id, day);

-- The months follow the days, whoever changes these. Once a statement, not once a row: a recount writes all days.
create function wr.follow_days() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
        begin
            case tg_op
            when 'INSERT' then
                insert into wr.board_months as m (tenant_id, month, seller_id, currency, wins, revenue, margin)
                select
                    tenant_id, date_trunc('month', day::timestamp)::date, seller_id, currency,
                    sum(wins), sum(revenue), sum(margin)
                from added
                group by 1, 2, 3, 4
                on conflict (tenant_id, month, seller_id, currency) do update set
                    wins = m.wins + excluded.wins,
                    revenue = m.revenue + excluded.revenue,
                    margin = m.margin + excluded.margin;
            when 'UPDATE' then
                insert into wr.board_months as m (tenant_id, month, seller_id, currency, wins, revenue, margin)
                select
                    tenant_id, date_trunc('month', day::timestamp)::date, seller_id, currency,
                    sum(wins), sum(revenue), sum(margin)
                from (
                    select tenant_id, day, seller_id, currency, wins, revenue, margin from added
                    union all
                    select tenant_id, day, seller_id, currency, -wins, -revenue, -margin from removed
                ) changed
                group by 1, 2, 3, 4
                on conflict (tenant_id, month, seller_id, currency) do update set
                    wins = m.wins + excluded.wins,
                    revenue = m.revenue + excluded.revenue,
                    margin = m.margin + excluded.margin;
            when 'DELETE' then
                -- No upsert: when a company is deleted, its months may be gone before its days.
                update wr.board_months m
                set wins = m.wins - gone.wins, revenue = m.revenue - gone.revenue, margin = m.margin - gone.margin
                from (
                    select
                        tenant_id, date_trunc('month', day::timestamp)::date as month, seller_id, currency,
                        sum(wins) as wins, sum(revenue) as revenue, sum(margin) as margin
                    from removed
                    group by 1, 2, 3, 4
                ) gone
                where m.tenant_id = gone.tenant_id and m.month = gone.month
                  and m.seller_id = gone.seller_id and m.currency = gone.currency;
            end case;
            return null;
        end
    $$;
create trigger months_follow_insert after insert on wr.board_days
    referencing new table as added for each statement execute function wr.follow_days();
create trigger months_follow_update after update on wr.board_days
    referencing old table as removed new table as added for each statement execute function wr.follow_days();
create trigger months_follow_delete after delete on wr.board_days
    referencing old table as removed for each statement execute function wr.follow_days();

-- A streak is read from the claims themselves: nothing that is kept beside them can contradict them.
drop table wr.streak_state;

-- What lives for seconds is not worth compressing: that was a quarter of what keeping a board cost.
alter table wr.cache_kv alter column value set storage external;

-- The first moment of a day in a zone. Where clocks are set back to midnight (Havana, the Azores) it comes twice,
-- and casting would choose the second one, an hour after the date has begun.
create function wr.day_start(day date, zone text) returns timestamptz
    language sql stable parallel safe
    as $$
        select least(midnight, case when earlier at time zone zone = day::timestamp then earlier end)
        from (select day::timestamp at time zone zone as midnight) chosen
        cross join lateral (select midnight - interval '1 day' as eve) before
        -- Midnight by the clock of the day before.
        cross join lateral (
            select (day::timestamp - ((eve at time zone zone) - (eve at time zone 'UTC'))) at time zone 'UTC' as earlier
        ) other
    $$;

revoke execute on function wr.follow_days(), wr.day_start(date, text) from public;
grant execute on function wr.day_start(date, text) to winroom_app, winroom_operator;
