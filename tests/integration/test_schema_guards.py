"""What must hold for every table, key, function and role, read from the catalogue.

Each guard lists what breaks its rule. Exceptions are named, and one that is no longer true fails
too. Each is shown some breaches, so that we know that it would speak up.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
import pytest

from tests.factories import Database
from winroom import schema

Conn = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Guard:
    """`query` returns offenders; `breaches` are statements, with the offender each brings about."""

    query: LiteralString
    exceptions: set[str] = field(default_factory=set)
    breaches: dict[LiteralString, str] = field(default_factory=dict)


GUARDS = {
    "every table has its row security enabled and forced": Guard(
        """
        select relname from pg_class
        where relnamespace = 'wr'::regnamespace and relkind in ('r', 'p', 'f', 'm')
          and not (relrowsecurity and relforcerowsecurity)
        """,
        {"migrations"},
        {
            "create table wr.leak (tenant_id uuid)": "leak",
            "create table wr.leak (tenant_id uuid); alter table wr.leak enable row level security": "leak",
            "create table wr.leak (tenant_id uuid) partition by hash (tenant_id)": "leak",
            "create materialized view wr.leak as select * from wr.users": "leak",
            "alter table wr.users no force row level security": "users",
            "alter table wr.users disable row level security": "users",
        },
    ),
    "every table has the policy that ties the application to its tenant": Guard(
        """
        select relname from pg_class c
        where relnamespace = 'wr'::regnamespace and relkind in ('r', 'p') and not exists (
            select from pg_policy p
            where polrelid = c.oid and polcmd = '*' and polpermissive
              and polroles = array['winroom_app'::regrole::oid]
              and pg_get_expr(polqual, polrelid)
                  = '(tenant_id = ( SELECT wr.current_tenant() AS current_tenant))'
              and pg_get_expr(polwithcheck, polrelid) = pg_get_expr(polqual, polrelid))
        """,
        {"migrations", "switches", "heartbeats"},
        {
            "drop policy tenant_isolation on wr.users": "users",
            "alter policy tenant_isolation on wr.users using (true)": "users",
            "alter policy tenant_isolation on wr.users with check (true)": "users",
            "alter policy tenant_isolation on wr.users to winroom_jobs": "users",
            "drop policy tenant_isolation on wr.users; create policy tenant_isolation on wr.users"
            " to winroom_app using (tenant_id = (select wr.current_tenant()))": "users",
        },
    ),
    # Permissive policies add up: one more, however well meant, opens what the first one closed.
    "no table has another policy that concerns the application": Guard(
        """
        select polrelid::regclass || ': ' || polname from pg_policy
        where polrelid in (select oid from pg_class where relnamespace = 'wr'::regnamespace)
          and polname <> 'tenant_isolation'
          and polroles && array['winroom_app'::regrole::oid, 0]
        """,
        {"wr.switches: everyone", "wr.heartbeats: everyone"},
        {
            "create policy more on wr.users to winroom_app using (true)": "wr.users: more",
            "create policy more on wr.users for select using (true)": "wr.users: more",
            "create policy more on wr.users to winroom_jobs, winroom_app using (true)": ("wr.users: more"),
        },
    ),
    "no policy lets readonly write": Guard(
        """
        select polrelid::regclass || ': ' || polname from pg_policy
        where polroles && array['winroom_readonly'::regrole::oid, 0] and polcmd <> 'r'
        """,
        set(),
        {
            "create policy more on wr.users to winroom_readonly using (true)": "wr.users: more",
            "create policy more on wr.users for insert with check (true)": "wr.users: more",
        },
    ),
    "every table says whose its rows are": Guard(
        """
        select relname from pg_class c
        where relnamespace = 'wr'::regnamespace and relkind in ('r', 'p') and not exists (
            select from pg_attribute
            where attrelid = c.oid and attname = 'tenant_id' and attnotnull
              and atttypid = 'uuid'::regtype)
        """,
        {"migrations", "switches", "heartbeats"},
        {
            "create table wr.leak (n integer)": "leak",
            "create table wr.leak (tenant_id uuid)": "leak",
            "create table wr.leak (tenant_id text not null)": "leak",
        },
    ),
    # Unique keys are checked beneath row security: without the tenant they tell what others have.
    "every unique key leads with the tenant": Guard(
        """
        select i.indexrelid::regclass::text from pg_index i
        join pg_class c on c.oid = i.indrelid and c.relnamespace = 'wr'::regnamespace
        left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where (i.indisunique or i.indisexclusion) and a.attname is distinct from 'tenant_id'
        """,
        {
            "wr.tenants_slug_key",
            "wr.api_keys_key_hash",
            "wr.displays_link_hash",
            "wr.tickets_pkey",
            "wr.connections_pkey",
            "wr.migrations_pkey",
            "wr.switches_pkey",
            "wr.heartbeats_pkey",
        },
        {
            "create table wr.leak (tenant_id uuid, n integer primary key)": "wr.leak_pkey",
            "create table wr.leak (tenant_id uuid, n integer unique)": "wr.leak_n_key",
            "alter table wr.users add unique (email)": "wr.users_email_key",
            "alter table wr.users add unique (email, tenant_id)": "wr.users_email_tenant_id_key",
            "create unique index leak on wr.users (lower(email), tenant_id)": "wr.leak",
            "create unique index leak on wr.users (email) where disabled_at is null": "wr.leak",
            "alter table wr.users add constraint leak exclude (email with =)": "wr.leak",
        },
    ),
    # So are foreign keys: without the tenant, A can point at B's row, and hold it.
    "every foreign key leads with the tenant on both sides": Guard(
        """
        select k.conrelid::regclass || ': ' || k.conname from pg_constraint k
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
        where k.contype = 'f' and k.connamespace = 'wr'::regnamespace
          and (a.attname, b.attname) <> ('tenant_id', 'tenant_id')
        """,
        set(),
        {
            "alter table wr.rooms add streak text;"
            " alter table wr.rooms add constraint leak foreign key (streak)"
            " references wr.connections": "wr.rooms: leak",
            "alter table wr.rooms add other uuid;"
            " alter table wr.rooms add constraint leak foreign key (other)"
            " references wr.tenants": "wr.rooms: leak",
            "alter table wr.claims add constraint leak foreign key (queue_id, tenant_id)"
            " references wr.queue (queue_id, tenant_id)": "wr.claims: leak",
        },
    ),
    "every definer belongs to the resolver and pins its search path": Guard(
        """
        select proname from pg_proc
        where pronamespace = 'wr'::regnamespace and prosecdef
          and (proowner <> 'winroom_resolver'::regrole
               or not coalesce(proconfig, '{}') @> '{"search_path=pg_catalog, pg_temp"}')
        """,
        set(),
        {
            "create function wr.leak() returns integer language sql security definer return 1;"
            " alter function wr.leak() owner to winroom_resolver": "leak",
            "create function wr.leak() returns integer language sql security definer"
            " set search_path = wr, pg_temp return 1;"
            " alter function wr.leak() owner to winroom_resolver": "leak",
            "create function wr.leak() returns integer language sql security definer"
            " set search_path = pg_catalog, pg_temp return 1": "leak",
            "alter function wr.resolve_display(bytea) owner to winroom_owner": "resolve_display",
            "alter function wr.resolve_display(bytea) reset search_path": "resolve_display",
        },
    ),
    "everything but the definers belongs to the owner": Guard(
        """
        select relname from pg_class
        where relnamespace = 'wr'::regnamespace and relkind <> 'i'
          and relowner <> 'winroom_owner'::regrole
        union all
        select proname from pg_proc
        where pronamespace = 'wr'::regnamespace and not prosecdef
          and proowner <> 'winroom_owner'::regrole
        union all
        select nspname from pg_namespace
        where nspname = 'wr' and nspowner <> 'winroom_owner'::regrole
        """,
        set(),
        {
            "alter table wr.users owner to winroom_app": "users",
            "alter function wr.current_tenant() owner to winroom_app": "current_tenant",
            "alter schema wr owner to winroom_app": "wr",
        },
    ),
    "nothing is granted to everybody": Guard(
        """
        select oid::regprocedure || ' ' || privilege_type
        from pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
        where pronamespace = 'wr'::regnamespace and grantee = 0
        union all
        select oid::regclass || ' ' || privilege_type
        from pg_class, aclexplode(relacl)
        where relnamespace = 'wr'::regnamespace and grantee = 0
        union all
        select attrelid::regclass || '.' || attname || ' ' || privilege_type
        from pg_attribute join pg_class on pg_class.oid = attrelid, aclexplode(attacl)
        where relnamespace = 'wr'::regnamespace and grantee = 0
        union all
        select nspname || ' ' || privilege_type
        from pg_namespace, aclexplode(nspacl)
        where nspname = 'wr' and grantee = 0
        union all
        select 'database ' || privilege_type
        from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
        where datname = current_database() and grantee = 0
        """,
        # A database that was brought along has other users, who may go on connecting to it.
        {"database CONNECT"},
        {
            "create function wr.leak() returns integer language sql return 1": ("wr.leak() EXECUTE"),
            "create procedure wr.leak() language sql as 'select 1'": "wr.leak() EXECUTE",
            "grant execute on function wr.lagging_rooms() to public": ("wr.lagging_rooms() EXECUTE"),
            "grant select on wr.users to public": "wr.users SELECT",
            "grant select (email) on wr.users to public": "wr.users.email SELECT",
            "grant usage on schema wr to public": "wr USAGE",
            "grant temporary on database guards to public": "database TEMPORARY",
        },
    ),
    "no role may empty, watch or point at a table": Guard(
        """
        select oid::regclass || ': ' || grantee::regrole || ' ' || privilege_type
        from pg_class, aclexplode(relacl)
        where relnamespace = 'wr'::regnamespace and grantee <> 'winroom_owner'::regrole
          and (privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') or is_grantable)
        """,
        set(),
        {
            "grant truncate on wr.users to winroom_app": "wr.users: winroom_app TRUNCATE",
            "grant references on wr.users to winroom_jobs": "wr.users: winroom_jobs REFERENCES",
            "grant trigger on wr.users to winroom_operator": "wr.users: winroom_operator TRIGGER",
            "grant select on wr.users to winroom_app with grant option": ("wr.users: winroom_app SELECT"),
        },
    ),
    "no role may do more than it was made for": Guard(
        """
        select rolname || ' ' || power
        from pg_roles, unnest(
            array['superuser', 'bypassrls', 'createdb', 'createrole', 'replication', 'login'],
            array[rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication, rolcanlogin]
        ) as powers (power, has)
        where rolname ^@ 'winroom_' and has
        """,
        {
            "winroom_owner createrole",  # here; in the cloud the master user makes the roles
            "winroom_owner login",
            "winroom_app login",
            "winroom_jobs login",
            "winroom_operator login",
            "winroom_readonly login",
        },
        {
            "alter role winroom_app bypassrls": "winroom_app bypassrls",
            "alter role winroom_operator bypassrls": "winroom_operator bypassrls",
            "alter role winroom_readonly superuser": "winroom_readonly superuser",
            "alter role winroom_jobs createrole": "winroom_jobs createrole",
            "alter role winroom_resolver login": "winroom_resolver login",
            "create role winroom_leak login": "winroom_leak login",
        },
    ),
    # Above all not the owner: the resolver's policies would show it every tenant.
    "no role inherits from another": Guard(
        """
        select heir.rolname || ' from ' || other.rolname from pg_roles heir, pg_roles other
        where heir.oid <> other.oid and not heir.rolsuper
          and pg_has_role(heir.oid, other.oid, 'usage')
          and heir.rolname ^@ 'winroom_' and other.rolname <> 'pg_database_owner'
        """,
        set(),
        {
            "grant winroom_resolver to winroom_jobs": "winroom_jobs from winroom_resolver",
            "grant winroom_readonly to winroom_app": "winroom_app from winroom_readonly",
            "alter role winroom_operator inherit; grant winroom_app to winroom_operator": (
                "winroom_operator from winroom_app"
            ),
            "grant pg_read_all_data to winroom_app": "winroom_app from pg_read_all_data",
        },
    ),
    "every view asks with the rights of its reader": Guard(
        """
        select relname from pg_class
        where relnamespace = 'wr'::regnamespace and relkind = 'v'
          and not coalesce(reloptions, '{}') && '{security_invoker=true,security_invoker=on}'
        """,
        set(),
        {
            "create view wr.leak as select * from wr.users": "leak",
            "create view wr.leak with (security_invoker = off) as select * from wr.users": "leak",
            "create view wr.leak with (security_barrier) as select * from wr.users": "leak",
        },
    ),
    # A leakproof function or operator sees rows before the policy does.
    "no function is called leakproof": Guard(
        """
        select proname from pg_proc where pronamespace = 'wr'::regnamespace and proleakproof
        """,
        set(),
        {"alter function wr.uuid_v7() leakproof": "uuid_v7"},
    ),
}


@pytest.fixture(scope="module")
def superuser(server: Database) -> Iterator[Conn]:
    """A superuser in a migrated database, whose changes are taken back after each test."""
    with server.cloned("guards") as clone:
        # Rights on the database itself are not cloned: the migrator gives and takes them.
        schema.migrate(clone.owner_url, passwords={})
        with psycopg.connect(clone.superuser_url) as conn:
            yield conn


@pytest.fixture
def conn(superuser: Conn) -> Iterator[Conn]:
    yield superuser
    superuser.rollback()


@pytest.mark.parametrize("rule", GUARDS)
def test_the_schema_keeps_the_rule(conn: Conn, rule: str) -> None:
    assert offenders(conn, GUARDS[rule]) == GUARDS[rule].exceptions


@pytest.mark.parametrize(
    ("rule", "breach"),
    [(rule, breach) for rule, guard in GUARDS.items() for breach in guard.breaches],
)
def test_a_breach_is_found(conn: Conn, rule: str, breach: LiteralString) -> None:
    guard = GUARDS[rule]
    conn.execute(breach)
    assert offenders(conn, guard) - guard.exceptions == {guard.breaches[breach]}


def test_every_guard_has_been_shown_a_breach() -> None:
    assert [rule for rule, guard in GUARDS.items() if not guard.breaches] == []


def test_a_view_with_the_rights_of_its_reader_is_welcome(conn: Conn) -> None:
    conn.execute("create view wr.fine with (security_invoker) as select * from wr.users")
    assert offenders(conn, GUARDS["every view asks with the rights of its reader"]) == set()


def offenders(conn: Conn, guard: Guard) -> set[str]:
    return {name for (name,) in conn.execute(guard.query)}
