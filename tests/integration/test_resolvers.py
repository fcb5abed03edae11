"""The functions that work before a tenant is known or across tenants, and the request counter."""

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, NotNullViolation
from psycopg.rows import dict_row

from tests.factories import Company, Database
from winroom import db, ids
from winroom.db import Connection
from winroom.errors import RateLimited

Result = TypeVar("Result")

# Whose tickets and sockets there are: the tables, and their keys.
OWNERS = {"users": "user_id", "api_keys": "api_key_id", "displays": "display_id"}
# What ends the welcome of one.
UNWELCOME: list[LiteralString] = [
    "update wr.users set disabled_at = now()",
    "update wr.users set token_version = token_version + 1",
    "delete from wr.users",
    "update wr.api_keys set revoked_at = now()",
    "delete from wr.api_keys",
    "update wr.displays set revoked_at = now()",
    "delete from wr.displays",
]


@pytest.fixture
def app(database: Database) -> Iterator[Connection]:
    """The application before it knows for whom it works."""
    with Connection.connect(database.url_of("app"), autocommit=True, row_factory=dict_row) as conn:
        yield conn


@pytest.fixture
def jobs(database: Database) -> Iterator[Connection]:
    with Connection.connect(database.url_of("jobs"), autocommit=True, row_factory=dict_row) as conn:
        yield conn


# Keys


def resolve_key(conn: Connection, key: str) -> list[dict[str, Any]]:
    key_hash = hashlib.sha256(key.encode()).digest()
    return conn.execute("select * from wr.resolve_api_key(%s)", [key_hash]).fetchall()


def test_a_key_tells_whose_it_is_and_what_it_may(app: Connection, company: Company) -> None:
    company.set(ingestion_per_minute=7)
    [found] = resolve_key(app, company.ingest_key)
    assert found.pop("api_key_id")
    assert found == {
        "tenant_id": company.tenant_id,
        "scope": "ingest",
        "plan": "enterprise",
        "settings": {"ingestion_per_minute": 7},
    }
    assert resolve_key(app, company.full_key)[0]["scope"] == "full"


def test_each_company_has_keys_of_its_own(app: Connection, company: Company, rival: Company) -> None:
    assert resolve_key(app, rival.full_key)[0]["tenant_id"] == rival.tenant_id
    assert resolve_key(app, company.full_key)[0]["tenant_id"] == company.tenant_id


def test_an_unknown_key_is_nobodys(app: Connection, company: Company) -> None:
    assert resolve_key(app, company.full_key + "x") == []
    assert app.execute("select * from wr.resolve_api_key(null)").fetchall() == []


def test_a_revoked_key_is_nobodys_and_its_use_is_not_noted(app: Connection, company: Company) -> None:
    company.database.execute("update wr.api_keys set revoked_at = now() where scope = 'full'")
    assert resolve_key(app, company.full_key) == []
    assert company.rows("select from wr.api_keys where last_used_at is not null") == []
    assert len(resolve_key(app, company.ingest_key)) == 1


def test_the_use_of_a_key_is_noted_at_most_once_a_minute(app: Connection, company: Company) -> None:
    def used() -> datetime | None:
        found = company.rows("select last_used_at from wr.api_keys where scope = 'full'")
        noted: datetime | None = found[0]["last_used_at"]
        return noted

    assert used() is None
    resolve_key(app, company.full_key)
    first = used()
    assert first is not None
    resolve_key(app, company.full_key)
    assert used() == first
    company.database.execute("update wr.api_keys set last_used_at = now() - interval '61 seconds'")
    resolve_key(app, company.full_key)
    noted = used()
    assert noted is not None
    assert noted > first
    # The other key of the same company was not used.
    [other] = company.rows("select last_used_at from wr.api_keys where scope = 'ingest'")
    assert other["last_used_at"] < first


# People and screens


def test_a_login_is_found_whatever_its_case_and_in_its_company_only(
    app: Connection, company: Company, rival: Company
) -> None:
    people = {tenant.slug: add_user(tenant, "anna@example.com") for tenant in (company, rival)}
    for slug, email in (("acme", "anna@example.com"), ("ACME", "Anna@Example.com")):
        [found] = resolve_login(app, slug, email)
        assert found == {
            "tenant_id": company.tenant_id,
            "user_id": people["acme"],
            "role": "seller",
            "seller_id": None,
            "password_hash": "hash",
            "token_version": 0,
            "disabled_at": None,
            "plan": "enterprise",
            "settings": {},
        }
    assert resolve_login(app, "rival", "anna@example.com")[0]["user_id"] == people["rival"]


def test_an_unknown_login_is_nobodys(app: Connection, company: Company) -> None:
    add_user(company, "anna@example.com")
    assert resolve_login(app, "acme", "bert@example.com") == []
    assert resolve_login(app, "other", "anna@example.com") == []


def test_a_disabled_person_is_told_as_such(app: Connection, company: Company) -> None:
    add_user(company, "anna@example.com")
    company.database.execute("update wr.users set disabled_at = now()")
    assert resolve_login(app, "acme", "anna@example.com")[0]["disabled_at"] is not None


def test_a_session_is_of_one_company(app: Connection, company: Company, rival: Company) -> None:
    user_id = add_user(company, "anna@example.com")
    statement: LiteralString = "select tenant_id, user_id from wr.resolve_session(%s, %s, 0)"
    whose = {"tenant_id": company.tenant_id, "user_id": user_id}
    assert app.execute(statement, [company.tenant_id, user_id]).fetchall() == [whose]
    assert app.execute(statement, [rival.tenant_id, user_id]).fetchall() == []


def test_the_link_of_a_screen_leads_to_its_room_until_it_is_revoked(
    app: Connection, company: Company, rival: Company
) -> None:
    link = secrets.token_bytes(32)
    display_id = add_display(company, link)
    add_display(rival)
    statement: LiteralString = "select * from wr.resolve_display(%s)"
    assert app.execute(statement, [link]).fetchall() == [
        {"tenant_id": company.tenant_id, "display_id": display_id, "plan": "enterprise", "settings": {}}
    ]
    assert app.execute(statement, [secrets.token_bytes(32)]).fetchall() == []
    company.database.execute("update wr.displays set revoked_at = now()")
    assert app.execute(statement, [link]).fetchall() == []


# Tickets


def test_a_ticket_is_redeemed_once_and_tells_whose_it_was(app: Connection, company: Company) -> None:
    user_id = add_user(company, "anna@example.com")
    ticket = add_ticket(company, user_id=user_id, token_version=0)
    assert redeem(app, ticket) == [
        {
            "tenant_id": company.tenant_id,
            "user_id": user_id,
            "api_key_id": None,
            "display_id": None,
            "token_version": 0,
            "rendering": "plain",
        }
    ]
    assert redeem(app, ticket) == []


def test_an_expired_or_unknown_ticket_opens_nothing(app: Connection, company: Company) -> None:
    expired = add_ticket(company, valid_for=timedelta(0))
    living = add_ticket(company)
    assert redeem(app, expired) == []
    assert redeem(app, secrets.token_bytes(32)) == []
    assert len(redeem(app, living)) == 1


def test_of_two_who_present_one_ticket_one_gets_in(database: Database, company: Company) -> None:
    tickets = [add_ticket(company) for _ in range(50)]
    found = together(database, 2, lambda conn, _: [len(redeem(conn, t)) for t in tickets])
    assert [sum(both) for both in zip(*found, strict=True)] == [1] * 50


def test_a_ticket_whose_redeemer_fails_is_still_good(app: Connection, company: Company) -> None:
    ticket = add_ticket(company)
    with app.transaction(force_rollback=True):
        assert len(redeem(app, ticket)) == 1
    assert len(redeem(app, ticket)) == 1


@pytest.mark.parametrize("change", UNWELCOME)
def test_a_ticket_opens_nothing_once_its_owner_is_unwelcome(
    app: Connection, company: Company, rival: Company, change: LiteralString
) -> None:
    first, *others = [
        add_ticket(tenant, **owner)
        for tenant in (company, rival)
        for owner in owners(tenant, table_of(change))
    ]
    make_unwelcome(company, change)
    assert redeem(app, first) == []
    assert [len(redeem(app, ticket)) for ticket in others] == [1] * len(others)


# Sockets


def test_a_socket_leads_to_its_room_until_it_is_forgotten(
    app: Connection, company: Company, rival: Company
) -> None:
    ours, theirs = add_connection(company), add_connection(rival, is_ready=True)
    resolved: LiteralString = "select * from wr.resolve_connection(%s)"
    forgotten: LiteralString = "select * from wr.forget_connection(%s)"
    assert app.execute(resolved, [ours]).fetchall() == [
        {"tenant_id": company.tenant_id, "rendering": "full", "is_ready": False}
    ]
    assert app.execute(forgotten, [ours]).fetchall() == [{"tenant_id": company.tenant_id}]
    assert app.execute(forgotten, [ours]).fetchall() == []
    assert app.execute(resolved, [ours]).fetchall() == []
    assert app.execute(resolved, [theirs]).fetchall() == [
        {"tenant_id": rival.tenant_id, "rendering": "full", "is_ready": True}
    ]


# The counter


@pytest.fixture
def young_minute() -> None:
    """Refused in one minute and counted in the next would be right, and no test of anything."""
    while datetime.now().second >= 58:
        time.sleep(0.1)


counter = pytest.mark.usefixtures("young_minute")


@counter
def test_requests_are_counted_up_to_the_limit_and_refused_beyond(company: Company) -> None:
    assert [count(company, limit=2) for _ in range(4)] == [1, 2, None, None]
    # A refusal is rolled back with all that came with it, the count included.
    assert company.rows("select hits from wr.rate_counters") == [{"hits": 2}]


def test_a_refusal_says_when_the_minute_is_over(company: Company) -> None:
    now = datetime.now(UTC)
    with pytest.raises(RateLimited) as refused:
        db.tenant_batch(company.tenant_id, lambda conn: conn.execute("select wr.count_request('all', 0)"))
    over = refused.value.resets_at
    assert now < over <= now + timedelta(seconds=61)
    assert (over.second, over.microsecond) == (0, 0)


@counter
def test_over_the_limit_nothing_of_the_transaction_remains(company: Company) -> None:
    def work(conn: Connection) -> None:
        for name in ("before", "after"):
            conn.execute("insert into wr.products (tenant_id, name) values (wr.current_tenant(), %s)", [name])
            conn.execute("select wr.count_request('ingestion', 1)")

    with pytest.raises(RateLimited):
        db.tenant_batch(company.tenant_id, work)
    assert company.count("products") == 0
    assert company.count("rate_counters") == 0


def test_the_count_is_exact_however_many_ask_at_once(database: Database, company: Company) -> None:
    threads, requests, limit = 32, 400, 100

    def ask(conn: Connection, thread: int) -> int:
        return sum(counted(conn, company, limit) is not None for _ in range(thread, requests, threads))

    minutes, admitted = {0, 1}, 0
    while len(minutes) > 1:  # a new minute admits as many again
        company.database.execute("delete from wr.rate_counters")
        began = datetime.now().minute
        admitted = sum(together(database, threads, ask))
        minutes = {began, datetime.now().minute}
    assert admitted == limit


@counter
def test_the_next_minute_begins_anew(company: Company) -> None:
    assert [count(company, limit=1) for _ in range(2)] == [1, None]
    company.database.execute("update wr.rate_counters set minute = minute - interval '1 minute'")
    assert [count(company, limit=1) for _ in range(2)] == [1, None]


@counter
def test_a_clock_that_lags_counts_into_the_later_minute(company: Company) -> None:
    count(company, limit=5)
    company.database.execute("update wr.rate_counters set minute = minute + interval '1 minute'")
    later = company.rows("select minute from wr.rate_counters")
    assert count(company, limit=5) == 2
    assert company.rows("select minute from wr.rate_counters") == later


@counter
def test_neither_other_companies_nor_other_buckets_share_a_count(company: Company, rival: Company) -> None:
    assert [count(company, limit=1) for _ in range(2)] == [1, None]
    assert count(rival, limit=1) == 1
    assert count(company, limit=1, bucket="people") == 1


def test_nobodys_requests_are_not_counted_but_refused(app: Connection) -> None:
    with pytest.raises((InsufficientPrivilege, NotNullViolation)):
        app.execute("select wr.count_request('ingestion', 1000)")


# What crosses tenants


def test_due_events_are_taken_oldest_first_up_to_the_limit_and_not_twice(
    jobs: Connection, company: Company, rival: Company
) -> None:
    events = [add_event(tenant, age) for age in range(1, 6) for tenant in (company, rival)]
    oldest_first = events[::-1]
    assert taken(jobs, 4) == set(oldest_first[:4])
    assert taken(jobs, 100) == set(oldest_first[4:])
    assert taken(jobs, 100) == set()


def test_taken_events_are_due_again_in_five_minutes(jobs: Connection, company: Company) -> None:
    event = add_event(company, 1)
    now = datetime.now(UTC)
    assert taken(jobs, 1) == {event}
    [row] = company.rows("select next_attempt_at from wr.sales_events")
    assert timedelta(minutes=4.9) < row["next_attempt_at"] - now < timedelta(minutes=5.1)


def test_events_that_are_settled_or_whose_time_has_not_come_are_not_taken(
    jobs: Connection, company: Company
) -> None:
    add_event(company, -1)
    settled = add_event(company, 1)
    company.database.execute("update wr.sales_events set status = 'processed' where event_id = %s", settled)
    assert taken(jobs, 100) == set()


def test_events_that_somebody_works_on_are_skipped(
    database: Database, jobs: Connection, company: Company
) -> None:
    worked_on, free = add_event(company, 2), add_event(company, 1)
    with Connection.connect(database.url_of("operator")) as processor:
        processor.execute("select from wr.sales_events where event_id = %s for update", [worked_on])
        assert taken(jobs, 100) == {free}
    assert taken(jobs, 100) == {worked_on}


def test_two_sweepers_at_once_take_no_event_twice(database: Database, company: Company) -> None:
    events = [add_event(company, 1) for _ in range(40)]
    found = together(database, 4, lambda conn, _: taken(conn, 10), login="jobs")
    assert [len(part) for part in found] == [10, 10, 10, 10]
    assert set.union(*found) == set(events)


def test_the_limit_holds_whatever_the_planner_believes(
    database: Database, jobs: Connection, company: Company
) -> None:
    add_event(company, 1)
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("analyze wr.sales_events")  # from now on it believes in one single row
    for _ in range(20):
        add_event(company, 1)
    assert len(taken(jobs, 5)) == 5


def test_a_room_lags_when_its_oldest_unposted_message_waits_for_over_ten_seconds(
    jobs: Connection, company: Company, rival: Company
) -> None:
    for tenant in (company, rival):
        add_message(tenant, 1, age=5)
        add_message(tenant, 2, age=0)
    assert lagging(jobs) == {}
    age_messages(company, 6)
    assert lagging(jobs) == {company.tenant_id: 2}
    # The first is posted: the oldest that is not is young.
    company.database.execute("update wr.events set created_at = now() where seq = 2")
    set_room(company, "posted_seq = 1")
    assert lagging(jobs) == {}
    age_messages(company, 11)
    assert lagging(jobs) == {company.tenant_id: 2}
    set_room(company, "posted_seq = 2")
    assert lagging(jobs) == {}


def test_a_room_lags_when_a_change_of_presence_was_never_told(
    jobs: Connection, company: Company, rival: Company
) -> None:
    set_room(company, "presence_posted_at = now() - interval '6 seconds'")
    assert lagging(jobs) == {company.tenant_id: 0}
    set_room(company, "presence_posted_at = now() - interval '4 seconds'")
    assert lagging(jobs) == {}
    set_room(company, "presence_posted_at = now() - interval '1 hour'")
    set_room(company, "presence_changed_at = presence_posted_at")
    assert lagging(jobs) == {}


@pytest.mark.parametrize("change", UNWELCOME)
def test_a_socket_is_unwelcome_once_its_owner_is(
    jobs: Connection, company: Company, rival: Company, change: LiteralString
) -> None:
    first, *_ = [
        add_connection(tenant, **owner)
        for tenant in (company, rival)
        for owner in owners(tenant, table_of(change))
    ]
    assert unwelcome(jobs) == set()
    make_unwelcome(company, change)
    assert unwelcome(jobs) == {first}


@pytest.mark.parametrize("value", ["true", "false"])
def test_the_sockets_of_a_paused_company_are_unwelcome(
    jobs: Connection, company: Company, rival: Company, value: str
) -> None:
    ours, _ = [
        {add_connection(tenant, **owner) for table in OWNERS for owner in owners(tenant, table)}
        for tenant in (company, rival)
    ]
    set_switch(company, f"pause_tenant:{company.tenant_id}", value)
    assert unwelcome(jobs) == (ours if value == "true" else set())


@pytest.mark.parametrize("value", ["true", "false"])
def test_the_sockets_of_a_paused_key_are_unwelcome(jobs: Connection, company: Company, value: str) -> None:
    keys = owners(company, "api_keys")
    first, _ = [add_connection(company, **key) for key in keys]
    set_switch(company, f"pause_key:{keys[0]['api_key_id']}", value)
    assert unwelcome(jobs) == ({first} if value == "true" else set())


def test_a_socket_of_a_person_that_does_not_say_with_which_token_is_unwelcome(
    jobs: Connection, company: Company
) -> None:
    socket = add_connection(company, user_id=add_user(company, "anna@example.com"))
    assert unwelcome(jobs) == {socket}


def test_leftovers_are_forgotten_and_counted(jobs: Connection, company: Company, rival: Company) -> None:
    for tenant in (company, rival):
        add_ticket(tenant)
        add_ticket(tenant, valid_for=timedelta(seconds=-1))
        add_connection(tenant)
        outlived = add_connection(tenant)
        company.database.execute(
            "update wr.connections set connected_at = now() - interval '131 minutes'"
            " where connection_id = %s",
            outlived,
        )
    statement: LiteralString = "select * from wr.forget_leftovers()"
    assert jobs.execute(statement).fetchall() == [{"tickets": 2, "connections": 2}]
    assert jobs.execute(statement).fetchall() == [{"tickets": 0, "connections": 0}]
    for tenant in (company, rival):
        assert (tenant.count("tickets"), tenant.count("connections")) == (1, 1)


# What the tests above are made of


def resolve_login(conn: Connection, slug: str, email: str) -> list[dict[str, Any]]:
    return conn.execute("select * from wr.resolve_login(%s, %s)", [slug, email]).fetchall()


def redeem(conn: Connection, ticket: bytes) -> list[dict[str, Any]]:
    return conn.execute("select * from wr.redeem_ticket(%s)", [ticket]).fetchall()


def taken(conn: Connection, limit: int) -> set[UUID]:
    rows = conn.execute("select * from wr.take_due_events(%s)", [limit]).fetchall()
    events = {row["event_id"] for row in rows}
    assert len(events) == len(rows)
    return events


def lagging(conn: Connection) -> dict[UUID, int]:
    rows = conn.execute("select * from wr.lagging_rooms()").fetchall()
    return {row["tenant_id"]: row["seq"] for row in rows}


def unwelcome(conn: Connection) -> set[str]:
    rows = conn.execute("select * from wr.unwelcome_connections()").fetchall()
    return {row["connection_id"] for row in rows}


def counted(conn: Connection, company: Company, limit: int, bucket: str = "all") -> int | None:
    """How many requests this minute saw with this one; None when it was refused."""
    try:
        with conn.transaction():
            conn.execute("select wr.enter_tenant(%s)", [company.tenant_id])
            row = conn.execute("select hits from wr.count_request(%s, %s)", [bucket, limit]).fetchone()
    except psycopg.DatabaseError as error:
        if error.sqlstate != "WR429":
            raise
        return None
    assert row is not None
    return int(row["hits"])


def count(company: Company, limit: int, bucket: str = "all") -> int | None:
    with Connection.connect(company.database.url_of("app"), row_factory=dict_row) as conn:
        return counted(conn, company, limit, bucket)


def together(
    database: Database, threads: int, work: Callable[[Connection, int], Result], login: str = "app"
) -> list[Result]:
    """Does the work in so many threads that begin at once, each with a connection of its own."""
    ready = Barrier(threads)

    def run(thread: int) -> Result:
        url = database.url_of(login)
        with Connection.connect(url, autocommit=True, row_factory=dict_row) as conn:
            ready.wait(timeout=20)
            return work(conn, thread)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def add_user(company: Company, email: str) -> UUID:
    user_id = ids.new()
    company.database.execute(
        "insert into wr.users (tenant_id, user_id, email, display_name, role, password_hash)"
        " values (%s, %s, %s, 'Anna', 'seller', 'hash')",
        *(company.tenant_id, user_id, email),
    )
    return user_id


def add_display(company: Company, link: bytes | None = None) -> UUID:
    display_id = ids.new()
    company.database.execute(
        "insert into wr.displays (tenant_id, display_id, name, link_hash, created_by)"
        " values (%s, %s, 'Lobby', %s, 'test')",
        *(company.tenant_id, display_id, link or secrets.token_bytes(32)),
    )
    return display_id


def add_ticket(
    company: Company,
    *,
    user_id: UUID | None = None,
    api_key_id: UUID | None = None,
    display_id: UUID | None = None,
    token_version: int | None = None,
    valid_for: timedelta = timedelta(minutes=1),
) -> bytes:
    """A ticket of a key, unless it is of somebody else."""
    ticket = secrets.token_bytes(32)
    if not (user_id or api_key_id or display_id):
        [api_key_id, _] = (row["api_key_id"] for row in company.rows("select api_key_id from wr.api_keys"))
    company.database.execute(
        "insert into wr.tickets (ticket_hash, tenant_id, user_id, api_key_id, display_id, token_version,"
        " rendering, expires_at) values (%s, %s, %s, %s, %s, %s, 'plain', now() + %s)",
        *(ticket, company.tenant_id, user_id, api_key_id, display_id, token_version, valid_for),
    )
    return ticket


def add_connection(
    company: Company,
    *,
    user_id: UUID | None = None,
    api_key_id: UUID | None = None,
    display_id: UUID | None = None,
    token_version: int | None = None,
    is_ready: bool = False,
) -> str:
    connection_id = secrets.token_hex(8)
    if not (user_id or api_key_id or display_id):
        user_id = ids.new()
    company.database.execute(
        "insert into wr.connections (connection_id, tenant_id, user_id, api_key_id, display_id,"
        " token_version, is_ready, rendering) values (%s, %s, %s, %s, %s, %s, %s, 'full')",
        *(connection_id, company.tenant_id, user_id, api_key_id, display_id),
        *(token_version, is_ready),
    )
    return connection_id


def owners(company: Company, table: str) -> list[dict[str, Any]]:
    """Two people, keys or screens, as what is theirs names them."""
    if table == "users":
        people = [add_user(company, email) for email in ("anna@example.com", "bert@example.com")]
        return [{"user_id": user_id, "token_version": 0} for user_id in people]
    if table == "displays":
        return [{"display_id": add_display(company)} for _ in range(2)]
    return [dict(row) for row in company.rows("select api_key_id from wr.api_keys order by api_key_id")]


def make_unwelcome(company: Company, change: LiteralString) -> None:
    """The first of the company's `owners`, alone."""
    key = OWNERS[table_of(change)]
    first = f"select {key} from wr.{table_of(change)} where tenant_id = %s order by {key} limit 1"
    company.database.execute(f"{change} where {key} = ({first})", company.tenant_id)


def table_of(change: str) -> str:
    return change.split(" wr.")[1].split()[0]


def set_switch(company: Company, name: str, value: str) -> None:
    company.database.execute(
        "insert into wr.switches (name, value, changed_by) values (%s, %s, 'test')", name, value
    )


def add_event(company: Company, due_since: int) -> UUID:
    """A pending event whose time came so many minutes ago."""
    event_id = ids.new()
    company.database.execute(
        "insert into wr.sales_events (tenant_id, event_id, sale_id, payload, content_hash,"
        " fingerprint, next_attempt_at)"
        " values (%s, %s, %s, '{}', '', '', now() - %s * interval '1 minute')",
        *(company.tenant_id, event_id, str(event_id), due_since),
    )
    return event_id


def add_message(company: Company, seq: int, age: int) -> None:
    company.database.execute(
        "insert into wr.events (tenant_id, seq, type, sale_id, actor, payload, created_at)"
        " values (%s, %s, 'test', 'sale', 'test', '{}', now() - %s * interval '1 second')",
        *(company.tenant_id, seq, age),
    )
    set_room(company, "seq = seq + 1")


def age_messages(company: Company, seconds: int) -> None:
    company.database.execute(
        "update wr.events set created_at = created_at - %s * interval '1 second' where tenant_id = %s",
        *(seconds, company.tenant_id),
    )


def set_room(company: Company, change: LiteralString) -> None:
    statement = f"update wr.rooms set {change} where tenant_id = %s"
    company.database.execute(statement, company.tenant_id)
