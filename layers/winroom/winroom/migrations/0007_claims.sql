-- Claims are listed, decided and taken back; suspected duplicates wait until somebody has judged them.

-- Until now nothing but a suspicion excluded an item, and nobody could judge one. Computed while the table is
-- rewritten: an update of the owner's would touch no row under forced row security.
alter table wr.queue
    add column awaits_review boolean not null generated always as (status = 'excluded') stored;
alter table wr.queue alter column awaits_review drop expression;
alter table wr.queue
    alter column awaits_review set default false,
    add constraint queue_awaits_review check (status = 'excluded' or not awaits_review);
create index queue_to_review on wr.queue (tenant_id, occurred_at desc, queue_id desc) where awaits_review;

-- A seller's two items that still wait must not be looked for among all that it ever sold.
drop index wr.queue_of_seller;
drop index wr.queue_of_product;
create index queue_of_seller on wr.queue (tenant_id, seller_id, status, occurred_at desc, queue_id desc);
create index queue_of_product on wr.queue (tenant_id, product_id, status, occurred_at desc, queue_id desc)
    where product_id is not null;

-- What stands behind the claim's id is filtered in the index, without a look at the rows that do not fit.
drop index wr.claims_of_seller;
drop index wr.claims_by_state;
create index claims_newest on wr.claims (tenant_id, claimed_at desc, claim_id desc, currency);
create index claims_by_state on wr.claims (tenant_id, state, claimed_at desc, claim_id desc, currency);
create index claims_of_seller on wr.claims (tenant_id, claimed_by, claimed_at desc, claim_id desc, state, currency);

-- The history of one sale.
create index events_of_sale on wr.events (tenant_id, sale_id, seq);
