-- store: A socket that is being opened: not ready, so that nothing is posted to it yet.
insert into wr.connections (
    connection_id, tenant_id, user_id, api_key_id, display_id, token_version, rendering)
values (
    %(connection_id)s, %(tenant_id)s, %(user_id)s, %(api_key_id)s, %(display_id)s, %(token_version)s,
    %(rendering)s);

-- resolve: The room a socket belongs to; needs no tenant.
select tenant_id, rendering, is_ready from wr.resolve_connection(%(connection_id)s);

-- make_ready: From now on the fan-out posts to this socket; no row when it already did.
update wr.connections set is_ready = true
where connection_id = %(connection_id)s and not is_ready
returning connection_id;

-- forget_surplus: Forgets the oldest of the sockets that belong to whoever this one belongs to.
with owned as (
    select c.connection_id, c.user_id, row_number() over (order by c.connected_at desc) as number
    from wr.connections mine
    join wr.connections c on c.tenant_id = mine.tenant_id and c.is_ready
        and coalesce(c.user_id, c.api_key_id, c.display_id)
            = coalesce(mine.user_id, mine.api_key_id, mine.display_id)
    where mine.connection_id = %(connection_id)s)
delete from wr.connections
where connection_id in (
    select o.connection_id from owned o
    where o.number > case when o.user_id is null then %(of_many)s::integer else %(of_one)s end)
returning connection_id;

-- ready: Whom the fan-out posts to.
select connection_id, rendering from wr.connections where is_ready;

-- forget: Forgets a socket and tells which room it left; needs no tenant.
select tenant_id from wr.forget_connection(%(connection_id)s);

-- forget_gone: Forgets sockets of the room that the fan-out found closed.
delete from wr.connections where connection_id = any(%(connection_ids)s);
