drop table wr.heartbeats, wr.switches, wr.cache_kv, wr.login_attempts, wr.rate_counters, wr.api_audit_log,
    wr.displays, wr.api_keys, wr.users, wr.tenants;
