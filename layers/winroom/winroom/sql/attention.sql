-- counts: What waits for a decision, each counted up to a limit.
select
    (select count(*) from (
        select from wr.claims where state = 'pending' limit %(at_most)s) pending) as approvals,
    (select count(*) from (
        select from wr.queue where status = 'excluded' and awaits_review limit %(at_most)s) suspected) as duplicates,
    (select count(*) from (
        select from wr.sales_events_dlq where resolved_at is null limit %(at_most)s) open) as failed_events;
