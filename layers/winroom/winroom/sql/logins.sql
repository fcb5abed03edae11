-- find: The person behind a login, with the hash to check; needs no tenant.
select tenant_id, user_id, role, seller_id, password_hash, token_version, disabled_at, plan, settings,
    wr.pauses_of(tenant_id, null) as pauses
from wr.resolve_login(%(tenant)s, %(email)s);

-- hurry: The commit that follows waits for no disk.
select wr.set_local('synchronous_commit', 'off');
