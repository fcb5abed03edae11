-- Roles belong to the whole server, so they are made before the schema, by whoever owns the database, and
-- made again without harm. None but the owner of the database can create, and none bypasses row security.
do $$
declare
    wanted text;
begin
    foreach wanted in array array[
        'winroom_owner', 'winroom_app', 'winroom_jobs', 'winroom_resolver', 'winroom_operator', 'winroom_readonly'
    ] loop
        if not exists (select from pg_roles where rolname = wanted) then
            execute format('create role %I nologin', wanted);
        end if;
    end loop;
    if current_user <> 'winroom_owner' then
        execute format('grant winroom_owner to %I', current_user);
    end if;
    -- The owner hands the resolver functions over to their role and never acts as that role itself: were it
    -- to inherit, the resolver's policies would show it every tenant.
    if current_setting('server_version_num')::integer >= 160000 then
        execute 'grant winroom_resolver to winroom_owner with inherit false, set true';
    else
        alter role winroom_owner noinherit;
        grant winroom_resolver to winroom_owner;
    end if;
    -- Inside one company the operator acts as the application, which row security keeps there; see db.enter.
    if current_setting('server_version_num')::integer >= 160000 then
        execute 'grant winroom_app to winroom_operator with inherit false, set true';
    else
        alter role winroom_operator noinherit;
        grant winroom_app to winroom_operator;
    end if;
    execute format('grant create, connect on database %I to winroom_owner', current_database());
    execute format('revoke create, temporary on database %I from public', current_database());
    execute format(
        'grant connect on database %I to winroom_app, winroom_jobs, winroom_operator, winroom_readonly',
        current_database());
end
$$;

alter role winroom_app set statement_timeout = '5s';
-- Less than the patience of the HTTP doors: "busy" is an answer, a closed connection is none.
alter role winroom_app set lock_timeout = '2s';
alter role winroom_app set idle_in_transaction_session_timeout = '30s';
alter role winroom_app set timezone = 'UTC';
alter role winroom_jobs set statement_timeout = '50s';
alter role winroom_jobs set lock_timeout = '3s';
alter role winroom_jobs set timezone = 'UTC';
alter role winroom_operator set timezone = 'UTC';
alter role winroom_readonly set timezone = 'UTC';
