-- create: A new company.
insert into wr.tenants (tenant_id, slug, name, plan)
values (%(tenant_id)s, %(slug)s, %(name)s, %(plan)s)
returning tenant_id, slug, name, plan, settings, created_at;

-- open_room: The room that its log and its sockets live in.
insert into wr.rooms (tenant_id) values (%(tenant_id)s);

-- find: A company by its slug.
select tenant_id, slug, name, plan, settings, created_at from wr.tenants where slug = %(slug)s;

-- settings: What the entered tenant asked of us.
select settings from wr.tenants;
