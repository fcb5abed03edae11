alter table wr.users drop constraint users_tenant_id_seller_id_fkey;
drop table wr.streak_state, wr.board_days, wr.claims, wr.queue_archive, wr.queue, wr.sales_events_archive,
    wr.sales_events_dlq, wr.sales_events, wr.sale_keys, wr.imports, wr.products, wr.sellers;
