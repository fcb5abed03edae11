drop procedure wr.protect(regclass);
drop function wr.touch_updated_at();
drop function wr.uuid_v7();
drop function wr.current_tenant();
drop function wr.enter_tenant(uuid);
revoke select on wr.migrations from winroom_operator, winroom_readonly;
revoke usage on schema wr from winroom_app, winroom_jobs, winroom_resolver, winroom_operator, winroom_readonly;
