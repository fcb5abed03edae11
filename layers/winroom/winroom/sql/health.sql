-- beat: A heartbeat arrived.
insert into wr.heartbeats (component) values (%(component)s)
on conflict (component) do update set beat_at = now();

-- overview: What waits, what failed and who listens, in numbers; across tenants.
select
    (select count(*) from wr.tenants) as companies,
    (select count(*) from wr.sales_events where status = 'pending') as pending,
    (select count(*) from wr.sales_events where status = 'pending' and next_attempt_at < now()) as overdue,
    (select count(*) from wr.tenants t join wr.sales_events_dlq d on d.tenant_id = t.tenant_id and d.is_open)
        as failed,
    (select count(*) from wr.connections) as sockets;

-- beats: How many seconds ago each heart beat last.
select component, extract(epoch from now() - beat_at)::integer as seconds_ago from wr.heartbeats order by component;

-- beating: Which hearts beat within three minutes.
select component, beat_at > now() - interval '3 minutes' as is_beating from wr.heartbeats;
