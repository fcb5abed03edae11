-- create: A new key, by its hash alone.
insert into wr.api_keys (tenant_id, name, scope, key_hash, key_prefix, created_by)
values (%(tenant_id)s, %(name)s, %(scope)s, %(key_hash)s, %(key_prefix)s, %(created_by)s)
returning api_key_id, name, scope, key_prefix, created_by, created_at;

-- resolve: Whom a key speaks for; needs no tenant.
select tenant_id, api_key_id, scope, plan, settings from wr.resolve_api_key(%(key_hash)s);
