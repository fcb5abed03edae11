-- beat: A heartbeat arrived.
insert into wr.heartbeats (component) values (%(component)s)
on conflict (component) do update set beat_at = now();

-- beating: Which hearts beat within three minutes.
select component, beat_at > now() - interval '3 minutes' as is_beating from wr.heartbeats;
