-- resolve: The person behind a token, if it is still of their present generation; needs no tenant.
select tenant_id, user_id, role, seller_id, token_version, plan, settings
from wr.resolve_session(%(tenant_id)s, %(user_id)s, %(token_version)s);

-- find_login: The person behind a login, with the hash to check; needs no tenant.
select tenant_id, user_id, role, seller_id, password_hash, token_version, disabled_at, plan, settings
from wr.resolve_login(%(tenant)s, %(email)s);

-- hurry: The commit that follows waits for no disk.
select set_config('synchronous_commit', 'off', true);
