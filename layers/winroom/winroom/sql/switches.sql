-- find_on: A switch that is thrown.
select name from wr.switches where name = %(name)s and value = 'true'::jsonb;
