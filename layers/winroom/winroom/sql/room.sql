-- publish: Takes the room's next number and writes the message under it, in one statement.
-- The row's lock, held until the commit, is what makes the numbers gapless and in commit order.
with room as (
    update wr.rooms set seq = seq + 1 where tenant_id = (select wr.current_tenant()) returning tenant_id, seq
)
insert into wr.events (tenant_id, seq, type, sale_id, actor, payload)
select tenant_id, seq, %(type)s, %(sale_id)s, %(actor)s, %(payload)s from room
-- The event's id is for the logs, which follow a sale by it.
returning seq, (select q.event_id from wr.queue q where q.sale_id = %(sale_id)s) as event_id;

-- seq: The number of the room's newest message.
select seq from wr.rooms where tenant_id = (select wr.current_tenant());

-- after: The messages after a number (null: after what was posted), beside the room's own; one row at least.
select r.seq as room_seq, coalesce(%(after)s::bigint, r.posted_seq) as after, m.seq, m.type, m.payload, m.created_at
from wr.rooms r
left join lateral (
    select e.seq, e.type, e.payload, e.created_at
    from wr.events e
    where e.tenant_id = r.tenant_id and e.seq > coalesce(%(after)s::bigint, r.posted_seq)
    order by e.seq
    limit %(limit)s
) m on true
where r.tenant_id = (select wr.current_tenant())
order by m.seq;

-- mark_posted: Moves the mark up to which every ready socket was posted to; never back.
update wr.rooms set posted_seq = %(seq)s
where tenant_id = (select wr.current_tenant()) and posted_seq < %(seq)s;

-- touch_presence: Notes that somebody came or left; says whether the room may be told at once.
-- The clock, not the transaction's beginning: a change that waited for the room's lock comes after it.
update wr.rooms set presence_changed_at = clock_timestamp()
where tenant_id = (select wr.current_tenant())
returning
    tenant_id, seq, presence_posted_at <= clock_timestamp() - interval '5 seconds' as is_due,
    floor(extract(epoch from clock_timestamp()) / 5)::bigint as slot;

-- take_presence: Takes the right to tell how many are there; no row when nothing changed, or too early.
update wr.rooms set presence_posted_at = clock_timestamp()
where tenant_id = (select wr.current_tenant())
  and presence_changed_at > presence_posted_at
  and presence_posted_at <= clock_timestamp() - interval '5 seconds'
returning tenant_id;
