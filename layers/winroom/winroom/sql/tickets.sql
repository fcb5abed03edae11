-- issue: A ticket by its hash alone, and whose it is.
insert into wr.tickets (
    ticket_hash, tenant_id, user_id, api_key_id, display_id, token_version, rendering, expires_at)
values (
    %(ticket_hash)s, %(tenant_id)s, %(user_id)s, %(api_key_id)s, %(display_id)s,
    %(token_version)s, %(rendering)s, now() + make_interval(secs => %(valid_for)s));

-- redeem: Whose a ticket was, and its end; needs no tenant.
select tenant_id, user_id, api_key_id, display_id, token_version, rendering
from wr.redeem_ticket(%(ticket_hash)s);
