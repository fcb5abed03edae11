-- take_due_events: Events whose time has come, set five minutes on; across tenants.
select tenant_id, event_id, created_at from wr.take_due_events(%(limit)s);

-- take_stalled_imports: Imports whose next part nobody works, touched for the next minute; across tenants.
select tenant_id, import_id, next_row from wr.take_stalled_imports(%(limit)s);

-- lagging_rooms: Rooms with messages or a change of presence that nobody was told in time; across tenants.
select tenant_id, seq, floor(extract(epoch from clock_timestamp()))::bigint as second from wr.lagging_rooms();

-- forget_unwelcome: Forgets so many sockets at most whose person, key or screen may no longer listen, or not now, and
-- tells whose they were; across tenants.
select unwelcome.connection_id, gone.tenant_id
from (select connection_id from wr.unwelcome_connections() limit %(limit)s) unwelcome
left join lateral wr.forget_connection(unwelcome.connection_id) gone on true;

-- forget_leftovers: Deletes tickets nobody used and sockets older than any can be; across tenants.
select tickets, connections from wr.forget_leftovers();
