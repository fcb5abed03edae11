-- read: How much waits and how full the database is; across tenants.
select
    pending_events as "PendingEvents", failed_events as "FailedEvents", open_dead_letters as "OpenDeadLetters",
    connections as "Connections", database_connections as "DatabaseConnections", database_size as "DatabaseSize"
from wr.gauges();

-- of_day: What came in on a day and what became of it; across tenants.
select companies, received, processed, failed, requests, refused, errors
from wr.totals(%(since)s, %(until)s, %(since_id)s, %(until_id)s);
