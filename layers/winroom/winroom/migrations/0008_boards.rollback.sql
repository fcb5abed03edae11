create table wr.streak_state (
    tenant_id uuid primary key references wr.tenants on delete cascade,
    current_claimer text,
    current_count integer not null default 0,
    last_claim_at timestamptz,
    updated_at timestamptz not null default now(),
    foreign key (tenant_id, current_claimer) references wr.sellers (tenant_id, seller_id)
);
call wr.protect('wr.streak_state');
grant select, insert, update on wr.streak_state to winroom_app;
create trigger touch before update on wr.streak_state for each row execute function wr.touch_updated_at();

alter table wr.cache_kv alter column value set storage extended;
drop trigger months_follow_insert on wr.board_days;
drop trigger months_follow_update on wr.board_days;
drop trigger months_follow_delete on wr.board_days;
drop function wr.follow_days();
drop function wr.day_start(date, text);
drop index wr.board_days_of_seller;
drop table wr.board_months;
