-- create: A new seller; no row where the id is taken, perhaps by a sale.
insert into wr.sellers (tenant_id, seller_id, display_name, email)
values (wr.current_tenant(), %(seller_id)s, %(display_name)s, %(email)s)
on conflict do nothing
returning seller_id, display_name, email, is_active, created_at;

-- find: One seller, whether active or not.
select seller_id, display_name, email, is_active, created_at
from wr.sellers
where seller_id = %(seller_id)s;

-- page: Sellers by name, those whose name starts with q, after the cursor's seller.
select seller_id, display_name, email, is_active, created_at
from wr.sellers
-- Lowered by the same hand as the column.
where name_search >= lower(%(q)s) and name_search < lower(%(q)s) || chr(1114111)
  and (%(is_active)s::boolean is null or is_active = %(is_active)s)
  and (%(cursor)s::text is null
       or (name_search, seller_id)
          > (select c.name_search, c.seller_id from wr.sellers c where c.seller_id = %(cursor)s))
order by name_search, seller_id
limit %(limit)s;

-- change: What the changes name, and nothing else.
update wr.sellers s
set (display_name, email, is_active) = (
    select changed.display_name, changed.email, changed.is_active
    from jsonb_populate_record(s, %(changes)s) changed)
where s.seller_id = %(seller_id)s
returning s.seller_id, s.display_name, s.email, s.is_active, s.created_at;
