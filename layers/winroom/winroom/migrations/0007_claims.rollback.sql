drop index wr.events_of_sale;

drop index wr.claims_of_seller;
drop index wr.claims_by_state;
drop index wr.claims_newest;
create index claims_of_seller on wr.claims (tenant_id, claimed_by, claimed_at desc);
create index claims_by_state on wr.claims (tenant_id, state, claimed_at desc);

drop index wr.queue_of_product;
drop index wr.queue_of_seller;
create index queue_of_seller on wr.queue (tenant_id, seller_id, occurred_at desc, queue_id desc);
create index queue_of_product on wr.queue (tenant_id, product_id, occurred_at desc, queue_id desc)
    where product_id is not null;

drop index wr.queue_to_review;
alter table wr.queue drop column awaits_review;
