-- create: A person who may log in.
insert into wr.users (tenant_id, email, display_name, role, password_hash)
values (%(tenant_id)s, %(email)s, %(display_name)s, %(role)s, %(password_hash)s)
returning user_id, email, display_name, role, created_at;
