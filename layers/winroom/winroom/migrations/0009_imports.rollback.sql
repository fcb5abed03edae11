-- What was not worked yet is lost: the older release does not know where to look for it.

drop function wr.take_stalled_imports(integer);
drop policy resolver on wr.imports;
revoke all on wr.imports from winroom_resolver;
drop table wr.import_parts;
drop index wr.imports_unfinished;
alter table wr.imports
    drop column stalls, drop column problems_total, drop column conflict_rows, drop column next_row,
    drop column ignored_columns, add column content text;
