-- read: How much waits, across tenants, and how full the database is.
-- The server tells everybody how many connections it has, though not what they do.
select
    pending_events as "PendingEvents", failed_events as "FailedEvents", open_dead_letters as "OpenDeadLetters",
    connections as "Connections",
    (
        select round(100.0 * sum(numbackends) / (
            current_setting('max_connections')::integer
            - current_setting('superuser_reserved_connections')::integer), 1)
        from pg_stat_database
    ) as "DatabaseConnections",
    pg_database_size(current_database()) as "DatabaseSize"
from wr.gauges();

-- of_day: What came in on a day and what became of it; across tenants.
select companies, received, processed, failed, requests, refused, errors
from wr.totals(%(since)s, %(until)s, %(since_id)s, %(until_id)s);
