-- companies: Whose books there are.
select slug from wr.tenants order by slug;

-- enter: Opens the books of one company; no row where there is none of that slug.
select tenant_id, wr.enter_tenant(tenant_id) from wr.tenants where slug = %(slug)s;

-- read_whole: For this transaction no plan that looks up rows one by one: a table without fresh statistics is
-- taken for small, and a hundred thousand sales then took hours instead of seconds. And none that is compiled: before
-- PostgreSQL 18 what is off counts as endlessly dear, and so every statement was.
select wr.set_local('enable_nestloop', 'off'), wr.set_local('jit', 'off');

-- counts: How much there is of what, and what waits for somebody.
select
    (select count(*) from wr.sale_keys where tenant_id = (select wr.current_tenant())) as sales,
    (select count(*) from wr.sales_events where tenant_id = (select wr.current_tenant())) as events,
    (select count(*) from wr.sales_events_archive where tenant_id = (select wr.current_tenant())) as archived_events,
    (select count(*) from wr.queue where tenant_id = (select wr.current_tenant())) as queue,
    (select count(*) from wr.queue_archive where tenant_id = (select wr.current_tenant())) as archived_queue,
    (select count(*) from wr.claims where tenant_id = (select wr.current_tenant())) as claims,
    (select count(*) from wr.sellers where tenant_id = (select wr.current_tenant())) as sellers,
    (select count(*) from wr.products where tenant_id = (select wr.current_tenant())) as products,
    (select count(*) from wr.events where tenant_id = (select wr.current_tenant())) as messages,
    (select count(*) from wr.sales_events_dlq where tenant_id = (select wr.current_tenant())) as dead_letters,
    (
        select count(*) from wr.sales_events_dlq
        where tenant_id = (select wr.current_tenant()) and is_open
    ) as open_dead_letters,
    (
        select count(*) from wr.sales_events
        where tenant_id = (select wr.current_tenant()) and status = 'pending'
    ) as pending_events,
    -- A sweeper that is alive sets a due event five minutes on, each minute.
    (
        select count(*) from wr.sales_events
        where tenant_id = (select wr.current_tenant()) and status = 'pending'
          and next_attempt_at < now() - interval '10 minutes'
    ) as overdue_events;

-- sale_without_id: A sale's id that nobody could ever send again.
select found.place, found.id, count(*) over () as total
from (
    select 'sale_keys' as place, event_id as id, tenant_id, sale_id from wr.sale_keys
    union all
    select 'sales_events', event_id, tenant_id, sale_id from wr.sales_events
    union all
    select 'sales_events_archive', event_id, tenant_id, sale_id from wr.sales_events_archive
    union all
    select 'queue', queue_id, tenant_id, sale_id from wr.queue
    union all
    select 'queue_archive', queue_id, tenant_id, sale_id from wr.queue_archive
    union all
    select 'claims', claim_id, tenant_id, sale_id from wr.claims
) found
where found.tenant_id = (select wr.current_tenant()) and coalesce(btrim(found.sale_id), '') = ''
limit %(at_most)s;

-- event_without_key: An event whose sale would count twice if it were sent once more.
-- A kept conflict is no sale of its own, and neither is one that was accepted as a correction.
select e.event_id, e.sale_id, count(*) over () as total
from (
    select tenant_id, event_id, sale_id from wr.sales_events
    where failure is distinct from 'conflict' and corrects is null
    union all
    select tenant_id, event_id, sale_id from wr.sales_events_archive where corrects is null
) e
where e.tenant_id = (select wr.current_tenant()) and not exists (
    select from wr.sale_keys k where k.tenant_id = e.tenant_id and k.event_id = e.event_id)
limit %(at_most)s;

-- key_without_event: A sale that is known, and whose event is nowhere; whether its item is.
select k.event_id, k.sale_id, k.total, exists (
    select from wr.queue q where q.tenant_id = k.tenant_id and q.event_id = k.event_id
    union all
    select from wr.queue_archive a where a.tenant_id = k.tenant_id and a.event_id = k.event_id
) as has_item
from (
    select k.tenant_id, k.event_id, k.sale_id, count(*) over () as total
    from wr.sale_keys k
    where k.tenant_id = (select wr.current_tenant())
      and not exists (select from wr.sales_events e where e.tenant_id = k.tenant_id and e.event_id = k.event_id)
      and not exists (select from wr.sales_events_archive a where a.tenant_id = k.tenant_id and a.event_id = k.event_id)
    limit %(at_most)s
) k;

-- event_unlike_key: An event that says something else than the key by which it is known.
select e.event_id, e.sale_id, k.sale_id as key_sale_id, count(*) over () as total
from wr.sale_keys k
join (
    select tenant_id, event_id, sale_id, external_event_id, content_hash from wr.sales_events
    union all
    select tenant_id, event_id, sale_id, external_event_id, content_hash from wr.sales_events_archive
) e on e.tenant_id = k.tenant_id and e.event_id = k.event_id
where k.tenant_id = (select wr.current_tenant())
  and (e.sale_id, e.external_event_id, e.content_hash)
      is distinct from (k.sale_id, k.external_event_id, k.content_hash)
limit %(at_most)s;

-- event_twice: An event that was archived and is still here.
select e.event_id, e.sale_id, count(*) over () as total
from wr.sales_events e
join wr.sales_events_archive a on a.tenant_id = e.tenant_id and a.event_id = e.event_id
where e.tenant_id = (select wr.current_tenant())
limit %(at_most)s;

-- processed_without_item: A sale that was accepted and that nobody can claim. Corrections have no item.
select e.event_id, e.sale_id, e.place, count(*) over () as total
from (
    select tenant_id, event_id, sale_id, 'wr.sales_events' as place from wr.sales_events
    where status = 'processed' and corrects is null
    union all
    select tenant_id, event_id, sale_id, 'wr.sales_events_archive' from wr.sales_events_archive where corrects is null
) e
where e.tenant_id = (select wr.current_tenant())
  and not exists (select from wr.queue q where q.tenant_id = e.tenant_id and q.event_id = e.event_id)
  and not exists (select from wr.queue_archive a where a.tenant_id = e.tenant_id and a.event_id = e.event_id)
limit %(at_most)s;

-- item_without_event: An item that no event has brought.
select q.queue_id, q.sale_id, q.event_id, count(*) over () as total
from (
    select tenant_id, queue_id, sale_id, event_id from wr.queue
    union all
    select tenant_id, queue_id, sale_id, event_id from wr.queue_archive
) q
where q.tenant_id = (select wr.current_tenant())
  and not exists (select from wr.sales_events e where e.tenant_id = q.tenant_id and e.event_id = q.event_id)
  and not exists (select from wr.sales_events_archive a where a.tenant_id = q.tenant_id and a.event_id = q.event_id)
limit %(at_most)s;

-- item_of_unprocessed_event: An item whose event still waits, or has failed.
select q.queue_id, q.sale_id, q.event_id, e.status, count(*) over () as total
from wr.sales_events e
join (
    select tenant_id, queue_id, sale_id, event_id from wr.queue
    union all
    select tenant_id, queue_id, sale_id, event_id from wr.queue_archive
) q on q.tenant_id = e.tenant_id and q.event_id = e.event_id
where e.tenant_id = (select wr.current_tenant()) and e.status <> 'processed'
limit %(at_most)s;

-- item_unlike_event: An item that says something else than the event that brought it. A correction changes both.
select q.queue_id, q.sale_id, q.event_id, unlike.fields, count(*) over () as total
from (
    select tenant_id, event_id, sale_id, payload from wr.sales_events where status = 'processed'
    union all
    select tenant_id, event_id, sale_id, payload from wr.sales_events_archive
) e
join (
    select tenant_id, queue_id, event_id, sale_id, customer_name, seller_id, sell_price, currency from wr.queue
    union all
    select tenant_id, queue_id, event_id, sale_id, customer_name, seller_id, sell_price, currency from wr.queue_archive
) q on q.tenant_id = e.tenant_id and q.event_id = e.event_id
cross join lateral (
    select concat_ws(', ',
        case when q.sale_id <> e.sale_id then 'sale_id' end,
        case when q.sell_price::text is distinct from e.payload ->> 'sell_price' then 'sell_price' end,
        case when q.currency is distinct from e.payload ->> 'currency' then 'currency' end,
        case when q.customer_name is distinct from e.payload ->> 'customer_name' then 'customer_name' end,
        case when q.seller_id is distinct from e.payload ->> 'seller_external_id' then 'seller_id' end) as fields
) unlike
where e.tenant_id = (select wr.current_tenant()) and unlike.fields <> ''
limit %(at_most)s;

-- item_twice: An item that was archived and is still here.
select q.queue_id, q.sale_id, count(*) over () as total
from wr.queue q
join wr.queue_archive a on a.tenant_id = q.tenant_id and (a.queue_id = q.queue_id or a.event_id = q.event_id)
where q.tenant_id = (select wr.current_tenant())
limit %(at_most)s;

-- failed_without_letter: A failed event that no admin is shown, and that none has discarded.
select e.event_id, e.sale_id, e.failure, count(*) over () as total
from wr.sales_events e
left join lateral (
    select d.is_open, d.resolution from wr.sales_events_dlq d
    where d.tenant_id = e.tenant_id and d.event_id = e.event_id
    order by d.is_open desc, d.dead_letter_id desc
    limit 1
) letter on true
where e.tenant_id = (select wr.current_tenant()) and e.status = 'failed'
  and letter.is_open is not true and letter.resolution is distinct from 'discarded'
limit %(at_most)s;

-- letter_without_event: A dead letter of an event that is nowhere. Those of lost messages never had one, and those
-- that were discarded need none.
select d.dead_letter_id, d.sale_id, d.event_id, count(*) over () as total
from wr.sales_events_dlq d
where d.tenant_id = (select wr.current_tenant()) and d.failure_reason <> 'lost'
  and d.resolution is distinct from 'discarded'
  and not exists (select from wr.sales_events e where e.tenant_id = d.tenant_id and e.event_id = d.event_id)
  and not exists (select from wr.sales_events_archive a where a.tenant_id = d.tenant_id and a.event_id = d.event_id)
limit %(at_most)s;

-- letter_of_living_event: A dead letter that is open though its event has not failed.
select d.dead_letter_id, d.sale_id, d.event_id, e.status, count(*) over () as total
from wr.sales_events_dlq d
join (
    select tenant_id, event_id, status from wr.sales_events
    union all
    select tenant_id, event_id, status from wr.sales_events_archive
) e on e.tenant_id = d.tenant_id and e.event_id = d.event_id
where d.tenant_id = (select wr.current_tenant()) and d.is_open and d.failure_reason <> 'lost'
  and e.status <> 'failed'
limit %(at_most)s;

-- conflict_with_nothing: An event that contradicts or corrects one that is nowhere.
select e.event_id, e.sale_id, e.known_id, count(*) over () as total
from (
    select tenant_id, event_id, sale_id, coalesce(conflicts_with, corrects) as known_id from wr.sales_events
    union all
    select tenant_id, event_id, sale_id, corrects from wr.sales_events_archive
) e
where e.tenant_id = (select wr.current_tenant()) and e.known_id is not null
  and not exists (select from wr.sales_events k where k.tenant_id = e.tenant_id and k.event_id = e.known_id)
  and not exists (select from wr.sales_events_archive a where a.tenant_id = e.tenant_id and a.event_id = e.known_id)
limit %(at_most)s;

-- unknown_seller: Rows of a seller that the company does not have.
select found.place, found.seller_id, min(found.id) as example, count(*) as number, count(*) over () as total
from (
    select 'queue' as place, tenant_id, seller_id, queue_id::text as id from wr.queue
    union all
    select 'queue', tenant_id, assigned_seller_id, queue_id::text from wr.queue
    union all
    select 'queue_archive', tenant_id, seller_id, queue_id::text from wr.queue_archive
    union all
    select 'queue_archive', tenant_id, assigned_seller_id, queue_id::text from wr.queue_archive
    union all
    select 'claims', tenant_id, claimed_by, claim_id::text from wr.claims
    union all
    select 'board_days', tenant_id, seller_id, day::text from wr.board_days
    union all
    select 'board_months', tenant_id, seller_id, month::text from wr.board_months
    union all
    select 'users', tenant_id, seller_id, user_id::text from wr.users
) found
where found.tenant_id = (select wr.current_tenant()) and found.seller_id is not null
  and not exists (select from wr.sellers s where s.tenant_id = found.tenant_id and s.seller_id = found.seller_id)
group by found.place, found.seller_id
limit %(at_most)s;

-- unknown_product: Rows of a product that the company does not have.
select found.place, found.product_id, min(found.id) as example, count(*) as number, count(*) over () as total
from (
    select 'queue' as place, tenant_id, product_id, queue_id::text as id from wr.queue
    union all
    select 'queue_archive', tenant_id, product_id, queue_id::text from wr.queue_archive
    union all
    select 'claims', tenant_id, product_id, claim_id::text from wr.claims
) found
where found.tenant_id = (select wr.current_tenant()) and found.product_id is not null
  and not exists (select from wr.products p where p.tenant_id = found.tenant_id and p.product_id = found.product_id)
group by found.place, found.product_id
limit %(at_most)s;

-- claim_without_item: A claim of a sale that is neither in the queue nor in its archive.
select c.claim_id, c.sale_id, c.claimed_by, c.state, count(*) over () as total
from wr.claims c
where c.tenant_id = (select wr.current_tenant())
  and not exists (select from wr.queue q where q.tenant_id = c.tenant_id and q.queue_id = c.queue_id)
  and not exists (select from wr.queue_archive a where a.tenant_id = c.tenant_id and a.queue_id = c.queue_id)
limit %(at_most)s;

-- claim_unlike_item: A living claim whose item says something else: another status, seller, sale or amount.
select
    c.claim_id, c.sale_id, c.claimed_by, c.state, q.status, q.assigned_seller_id, c.sell_price, c.currency,
    q.sell_price as item_price, q.currency as item_currency, count(*) over () as total
from wr.claims c
join (
    select
        tenant_id, queue_id, sale_id, status, assigned_seller_id, sell_price, cost_price, currency, product_id
    from wr.queue
    union all
    select
        tenant_id, queue_id, sale_id, status, assigned_seller_id, sell_price, cost_price, currency, product_id
    from wr.queue_archive
) q on q.tenant_id = c.tenant_id and q.queue_id = c.queue_id
where c.tenant_id = (select wr.current_tenant()) and c.state in ('pending', 'approved')
  and (q.status, q.assigned_seller_id, q.sale_id, q.sell_price, q.cost_price, q.currency, q.product_id)
      is distinct from ('claimed', c.claimed_by, c.sale_id, c.sell_price, c.cost_price, c.currency, c.product_id)
limit %(at_most)s;

-- claimed_without_claim: An item that is taken, and by nobody.
select q.queue_id, q.sale_id, q.assigned_seller_id, q.place, count(*) over () as total
from (
    select tenant_id, queue_id, sale_id, assigned_seller_id, 'wr.queue' as place from wr.queue where status = 'claimed'
    union all
    select tenant_id, queue_id, sale_id, assigned_seller_id, 'wr.queue_archive' from wr.queue_archive
) q
where q.tenant_id = (select wr.current_tenant()) and not exists (
    select from wr.claims c
    where c.tenant_id = q.tenant_id and c.queue_id = q.queue_id and c.state in ('pending', 'approved'))
limit %(at_most)s;

-- room_missing: A company whose sales can be told to nobody.
select t.slug, 1 as total
from wr.tenants t
where t.tenant_id = (select wr.current_tenant())
  and not exists (select from wr.rooms r where r.tenant_id = t.tenant_id);

-- room_ahead: A mark, or a message, beyond the room's own number.
select r.seq, r.posted_seq, last.seq as last_seq, 1 as total
from wr.rooms r
left join lateral (
    select max(e.seq) as seq from wr.events e where e.tenant_id = r.tenant_id
) last on true
where r.tenant_id = (select wr.current_tenant()) and (r.posted_seq > r.seq or last.seq > r.seq);

-- room_gap: Numbers that are missing in the room's log, from the oldest one kept to the room's own.
-- The messages of its last day are not judged: retention takes them by their age, which is not quite their order.
select log.before + 1 as first_missing, log.seq - 1 as last_missing, count(*) over () as total
from (
    select seq, created_at, coalesce(lag(seq) over (order by seq), before) as before
    from (
        select e.seq, e.created_at, null::bigint as before from wr.events e where e.tenant_id = (select wr.current_tenant())
        union all
        -- What would come next. Without any log it is missing its last message at least, if that was of late.
        select r.seq + 1, newest.created_at, r.seq - 1
        from wr.rooms r
        cross join lateral (
            select greatest(
                (select max(e.created_at) from wr.events e where e.tenant_id = r.tenant_id),
                (select max(q.created_at) from wr.queue q where q.tenant_id = r.tenant_id),
                (select max(c.claimed_at) from wr.claims c where c.tenant_id = r.tenant_id)) as created_at
        ) newest
        where r.tenant_id = (select wr.current_tenant()) and r.seq > 0
    ) numbered
) log
where log.seq > log.before + 1 and log.created_at > now() - interval '89 days'
limit %(at_most)s;

-- part_without_import: Rows of a file that nobody will ever work.
select p.import_id, p.first_row, count(*) over () as total
from wr.import_parts p
where p.tenant_id = (select wr.current_tenant()) and not exists (
    select from wr.imports i
    where i.tenant_id = p.tenant_id and i.import_id = p.import_id and i.status in ('pending', 'running'))
limit %(at_most)s;
