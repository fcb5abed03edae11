-- create: A file of sales; its parts follow in the same transaction.
insert into wr.imports (tenant_id, import_id, file_name, mapping, ignored_columns, total_rows, created_by)
values (
    wr.current_tenant(), %(import_id)s, %(file_name)s, %(mapping)s, %(ignored_columns)s, %(total_rows)s,
    %(created_by)s);

-- add_parts: Parts of a file, which wait to be worked.
insert into wr.import_parts (tenant_id, import_id, first_row, content)
select wr.current_tenant(), %(import_id)s, first_row, content
from unnest(%(first_rows)s::integer[], %(contents)s::text[]) as part (first_row, content);

-- find: An import and how far it is.
select
    import_id as id, file_name, mapping, ignored_columns, status, total_rows, next_row as done_rows,
    next_row * 100 / greatest(total_rows, 1) as percentage, accepted_rows as accepted, duplicate_rows as duplicates,
    conflict_rows as conflicts, bad_rows as bad, problems_total, problems,
    case when status = 'failed' then %(failed)s end as error, created_by, created_at, updated_at, finished_at
from wr.imports
where import_id = %(import_id)s;

-- page: Imports newest first; their ids are time-ordered.
select
    import_id as id, file_name, mapping, ignored_columns, status, total_rows, next_row as done_rows,
    next_row * 100 / greatest(total_rows, 1) as percentage, accepted_rows as accepted, duplicate_rows as duplicates,
    conflict_rows as conflicts, bad_rows as bad, problems_total,
    case when status = 'failed' then %(failed)s end as error, created_by, created_at, updated_at, finished_at
from wr.imports
where (%(cursor)s::uuid is null or import_id < %(cursor)s)
order by import_id desc
limit %(limit)s;

-- take_part: The part that begins at a row, if it is the next one and nobody else works it.
select p.content, jsonb_array_length(i.problems) as problems_told
from wr.imports i
join wr.import_parts p on p.import_id = i.import_id and p.first_row = i.next_row
where i.import_id = %(import_id)s and i.next_row = %(next_row)s and i.status in ('pending', 'running')
for update of i skip locked;

-- settle_part: Counts a part that was worked, and forgets its content; says where the next one begins.
with worked as (
    delete from wr.import_parts where import_id = %(import_id)s and first_row = %(next_row)s
)
update wr.imports set
    next_row = next_row + %(rows)s,
    stalls = 0,
    status = case when next_row + %(rows)s < total_rows then 'running' else 'done' end,
    finished_at = case when next_row + %(rows)s < total_rows then null else now() end,
    accepted_rows = accepted_rows + %(accepted)s,
    duplicate_rows = duplicate_rows + %(duplicates)s,
    conflict_rows = conflict_rows + %(conflicts)s,
    bad_rows = bad_rows + %(bad)s,
    problems_total = problems_total + %(problems_total)s,
    problems = problems || %(problems)s
where import_id = %(import_id)s
returning case when status = 'running' then next_row end as next_row;

-- judge: How events stand to those that are known, in order: null if they are new, else whether they contradict.
select known.is_conflict
from unnest(%(sale_ids)s::text[], %(external_event_ids)s::text[], %(content_hashes)s::bytea[])
    with ordinality as incoming (sale_id, external_event_id, content_hash, position)
left join lateral (
    select k.content_hash <> incoming.content_hash as is_conflict
    from wr.sale_keys k
    where k.sale_id = incoming.sale_id or k.external_event_id = incoming.external_event_id
    order by k.content_hash = incoming.content_hash
    limit 1
) known on true
order by incoming.position;
