-- receive: A request that brings sales, whole: enters the tenant, counts, stores, audits. Raises over the limit.
select hits, resets_at, event_ids
from wr.receive_sales(%(tenant_id)s, %(bucket)s, %(limit)s, %(events)s, %(source)s, %(request)s);
