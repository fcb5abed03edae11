-- resolve: The person behind a token, if it is still of their present generation; needs no tenant.
select tenant_id, user_id, role, seller_id, token_version, plan, settings,
    wr.pauses_of(tenant_id, null) as pauses
from wr.resolve_session(%(tenant_id)s, %(user_id)s, %(token_version)s);
