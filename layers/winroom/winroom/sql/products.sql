-- create: A new product.
insert into wr.products (tenant_id, name, sku, default_cost, category)
values (wr.current_tenant(), %(name)s, %(sku)s, %(default_cost)s, %(category)s)
returning product_id as id, name, sku, default_cost, category, is_active, created_at;

-- page: Active products by name, after the cursor's product.
select product_id as id, name, sku, default_cost, category, is_active, created_at
from wr.products
where is_active
  and (%(cursor)s::uuid is null
       or name > (select c.name from wr.products c where c.product_id = %(cursor)s))
order by name
limit %(limit)s;
