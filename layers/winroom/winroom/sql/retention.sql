-- queue_items: Archives sales that were claimed and approved a month ago, of those after a place, and tells the next
-- place; across tenants, as all that follow.
select number, saw, updated_at, tenant_id, queue_id
from wr.archive_items(%(limit)s, %(updated_at)s, %(tenant_id)s, %(queue_id)s);

-- sales_events: Archives events that were processed three months ago.
select wr.archive_events(%(limit)s) as number;

-- room_messages: Deletes what rooms were told three months ago.
select wr.forget_messages(%(limit)s) as number;

-- audit_rows: Deletes what was asked of us three months ago.
select wr.forget_audit(%(limit)s) as number;

-- rate_counters: Deletes counters of those who have not been here for hours.
select wr.forget_counters(%(limit)s) as number;

-- cached_values: Deletes what was computed and is too old to be used.
select wr.forget_cached(%(limit)s) as number;

-- heartbeats: Deletes hearts that have not beaten for a day.
select wr.forget_heartbeats(%(limit)s) as number;
