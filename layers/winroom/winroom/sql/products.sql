-- create: A new product.
insert into wr.products (tenant_id, name, sku, default_cost, category)
values (wr.current_tenant(), %(name)s, %(sku)s, %(default_cost)s, %(category)s)
returning product_id as id, name, sku, default_cost, category, is_active, created_at;

-- find: One product, whether it is still sold or not.
select product_id as id, name, sku, default_cost, category, is_active, created_at
from wr.products
where product_id = %(product_id)s;

-- page: Products by name, those whose name starts with q, after the cursor's product.
select product_id as id, name, sku, default_cost, category, is_active, created_at
from wr.products
where name_search > (
        select '' where %(cursor)s::uuid is null
        union all
        select c.name_search from wr.products c where c.product_id = %(cursor)s)
  -- Lowered by the same hand as the column.
  and name_search >= lower(%(q)s) and name_search < lower(%(q)s) || chr(1114111)
  and (%(is_active)s::boolean is null or is_active = %(is_active)s)
order by name_search
limit %(limit)s;

-- change: What the changes name, and nothing else.
update wr.products p
set (name, sku, default_cost, category, is_active) = (
    select changed.name, changed.sku, changed.default_cost, changed.category, changed.is_active
    from jsonb_populate_record(p, %(changes)s) changed)
where p.product_id = %(product_id)s
returning p.product_id as id, p.name, p.sku, p.default_cost, p.category, p.is_active, p.created_at;

-- named: The products that events name, by the position of the event; none where it is unknown.
select given.position::integer - 1 as position, p.product_id, p.name, p.default_cost
from unnest(%(product_ids)s::uuid[], %(skus)s::text[]) with ordinality as given (product_id, sku, position)
cross join lateral (
    select product_id, name, default_cost from wr.products where product_id = given.product_id
    union all
    select product_id, name, default_cost from wr.products where given.product_id is null and sku = given.sku
) p;
