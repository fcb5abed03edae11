-- create: A person who may log in.
insert into wr.users (tenant_id, email, display_name, role, seller_id, password_hash)
values (%(tenant_id)s, %(email)s, %(display_name)s, %(role)s, %(seller_id)s, %(password_hash)s)
returning user_id as id, email, display_name, role, seller_id, disabled_at, created_at;

-- page: People in the order in which they were added, after the cursor's person.
select user_id as id, email, display_name, role, seller_id, disabled_at, created_at
from wr.users
where (%(cursor)s::uuid is null or user_id > %(cursor)s)
  and (%(status)s::text is null or (disabled_at is null) = (%(status)s = 'active'))
order by user_id
limit %(limit)s;

-- find: A person.
select user_id as id, email, display_name, role, seller_id, disabled_at, created_at
from wr.users where user_id = %(user_id)s;

-- of_email: A person by the email that they log in with.
select user_id as id, email, display_name, role, seller_id, disabled_at, created_at
from wr.users where email = lower(%(email)s);

-- lock: A person and all active admins, until the change is done; in order, so that two do not deadlock.
select user_id as id, email, display_name, role, seller_id, disabled_at
from wr.users
where user_id = %(user_id)s or (role = 'admin' and disabled_at is null)
order by user_id
for no key update;

-- change: What a person is called and may do; ends their tokens where it is another thing than before.
update wr.users set
    display_name = %(display_name)s, role = %(role)s, seller_id = %(seller_id)s,
    disabled_at = case when %(disabled)s then coalesce(disabled_at, now()) end,
    token_version = token_version + %(ends)s::boolean::integer
where user_id = %(id)s
returning user_id as id, email, display_name, role, seller_id, disabled_at, created_at;

-- account: What a person logs in with.
select t.slug, u.email, u.password_hash, u.token_version
from wr.users u join wr.tenants t on t.tenant_id = u.tenant_id
where u.user_id = %(user_id)s;

-- set_password: Sets a password and ends all tokens, if they are still of the generation named.
update wr.users set password_hash = %(password_hash)s, token_version = token_version + 1
where user_id = %(user_id)s and token_version = %(token_version)s
returning token_version;

-- rehash: The same password, hashed as is done today.
update wr.users set password_hash = %(fresh_hash)s
where user_id = %(user_id)s and password_hash = %(password_hash)s;

-- end_sessions: Ends all tokens of a person.
update wr.users set token_version = token_version + 1 where user_id = %(user_id)s;

-- who: A person and their company, as they are told of themselves.
select u.user_id, u.email, u.display_name, u.role, u.seller_id, t.tenant_id, t.slug, t.name
from wr.users u join wr.tenants t on t.tenant_id = u.tenant_id
where u.user_id = %(user_id)s;
