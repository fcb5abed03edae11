"""Companies share a pooler's few connections, each of which serves another one in its next transaction. None
sees a row of another, none stays bound, nothing acknowledged is lost, whatever breaks."""

import logging
import os
import random
import re
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import LiteralString
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest

from functions.api.app import handler as api
from functions.processor.app import handler as processor
from tests import crm, doors, pooler
from tests.conftest import Size, Tell, forget_process_state
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.pooler import Pooler
from tests.wire import Wire
from winroom import db, rate_limit, web
from winroom.db import Connection
from winroom.errors import Busy, DatabaseUnavailable, RateLimited
from winroom.messages import SaleEventReceived
from winroom.rate_limit import Bucket

# Few enough that each connection goes from hand to hand.
SERVERS, CLIENTS, COMPANIES = 3, 12, 5
# What a client does in a row.
STEPS = 50

# Every transaction that enters a company is asked whether the one before it has left its own bound.
WATCH = """
    create or replace function wr.enter_tenant(entered uuid) returns void language plpgsql as $$
        begin
            if wr.current_tenant() is not null
                and current_setting('test.began', true) is distinct from now()::text
            then
                raise exception 'a company was still bound when the next transaction began';
            end if;
            perform set_config('test.began', now()::text, true);
            perform set_config('app.current_tenant_id', entered::text, true);
        end
    $$
"""


@dataclass
class House:
    """Companies that live behind a pooler."""

    pooler: Pooler
    queues: Sqs
    companies: list[Company]
    # What was acknowledged, by company: the ids of sales, and notes.
    sold: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    noted: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    # Which companies each of the server's connections has served.
    served: dict[int, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    lock: Lock = field(default_factory=Lock)


@contextmanager
def behind(pooler: Pooler, environment: pytest.MonkeyPatch) -> Iterator[None]:
    """The functions reach their database by way of it."""
    environment.setenv("DATABASE_URL", pooler.url_of("app"))
    # As in the template: the pooler forgets to answer some whose server was ended.
    environment.setenv("DATABASE_PATIENCE", "2.5")
    forget_process_state()
    yield
    forget_process_state()


@pytest.fixture
def house(database: Database, environment: pytest.MonkeyPatch, queues: Sqs) -> Iterator[House]:
    """Nobody's limit ends an experiment here, and names can be told apart wherever they stand."""
    companies = [database.company(f"company-{number}") for number in range(COMPANIES)]
    environment.setattr(web.Call, "bucket", property(lambda _: Bucket("all", 1_000_000)))
    with pooler.running(database, SERVERS) as running, behind(running, environment):
        logging.disable(logging.INFO)  # a line for each of so many would fill the memory
        yield House(running, queues, companies)
        logging.disable(logging.NOTSET)


@dataclass(frozen=True)
class Client:
    """Somebody who acts for one company after the other, as the dice fall."""

    house: House
    dice: random.Random

    def act(self, steps: int) -> Counter[str]:
        """Does so many things; returns how often which."""
        deeds = self.dice.choices(list(DEEDS), list(DEEDS.values()), k=steps)
        for deed in deeds:
            deed(self, self.dice.choice(self.house.companies))
        return Counter(deed.__name__ for deed in deeds)

    def word(self, company: Company) -> str:
        return f"{company.slug}-{self.dice.getrandbits(64):x}"

    def sells(self, company: Company) -> None:
        """Sends a sale until it is acknowledged."""
        sold = sale(sale_id=self.word(company), customer_name=company.slug, seller_external_id=company.slug)
        answers = (crm.post(company, sold).status for _ in range(100))
        assert next(status for status in answers if status != 503) == 202
        self.house.sold[company.tenant_id].add(sold["sale_id"])

    def processes(self, _: Company) -> None:
        """Works what waits, everybody's events in one batch."""
        self.house.queues.work("sales-events", processor)

    def looks(self, company: Company) -> None:
        """What a company is shown names no other."""
        path = self.dice.choice(["queue?limit=9", "claims", "leaderboard", "sellers", "tenant"])
        answer = doors.http(api, "GET", f"/api/{path}", key=company.full_key)
        assert answer.status in (200, 503), answer.raw
        assert set(re.findall(r"company-\d", answer.raw)) <= {company.slug}

    def knocks(self, _: Company) -> None:
        """A stranger, whose key nobody knows."""
        assert doors.http(api, "GET", "/api/queue", key="wr_live_nonsense").status in (401, 503)

    def notes(self, company: Company) -> None:
        """Writes, in either way that there is; whether it was committed is only known if nothing breaks."""
        word = self.word(company)
        with suppress(DatabaseUnavailable):
            if self.dice.random() < 0.5:
                db.tenant_batch(company.tenant_id, lambda conn: note(conn, word))
            else:
                with db.tenant_session(company.tenant_id) as conn:
                    note(conn, word)
            self.house.noted[company.tenant_id].add(word)

    def reads(self, company: Company) -> None:
        """A transaction of the company's sees its own rows alone."""
        with suppress(DatabaseUnavailable), db.tenant_session(company.tenant_id) as conn:
            seen = db.only(conn.execute(SEEN))
            assert set(seen["tenants"]) <= {company.tenant_id}
            self.house.served[seen["server"]].add(company.tenant_id)

    def enters_nowhere(self, _: Company) -> None:
        """A transaction that enters no company is bound to none, and sees nothing."""
        with suppress(DatabaseUnavailable), db.open_session() as conn:
            seen = db.only(conn.execute(SEEN))
            assert (seen["bound"], seen["tenants"]) == (None, [])

    def fails(self, company: Company) -> None:
        """Writes, and fails before the commit."""
        error, fail = self.dice.choice(FAILURES)

        def work(conn: Connection) -> None:
            note(conn, "undone")
            fail(conn)

        with pytest.raises((error, DatabaseUnavailable)), db.tenant_session(company.tenant_id) as conn:
            work(conn)
        with pytest.raises((error, DatabaseUnavailable)):
            db.tenant_batch(company.tenant_id, work)

    def dies(self, company: Company) -> None:
        """As a function that is killed between two statements: the system closes what it had open."""
        with pytest.raises(DatabaseUnavailable), db.tenant_session(company.tenant_id) as conn:
            note(conn, "undone")
            with closing(socket.socket(fileno=os.dup(conn.fileno()))) as line:
                line.shutdown(socket.SHUT_RDWR)
            note(conn, "undone")

    def cuts(self, _: Company) -> None:
        """Ends one of the server's connections, whatever it does just now."""
        with psycopg.connect(self.house.pooler.database.superuser_url) as conn:
            conn.execute(END_ONE)

    def restarts(self, _: Company) -> None:
        """The pooler ends, and all connections with it; a moment later it is back."""
        with self.house.lock:
            self.house.pooler.stop()
            self.house.pooler.start()


def note(conn: Connection, word: str) -> None:
    conn.execute(
        "insert into wr.cache_kv (tenant_id, key, value) values (wr.current_tenant(), %s, '{}')"
        " on conflict do nothing",
        [word],
    )


def oversleep(conn: Connection) -> None:
    conn.execute("select wr.set_local('statement_timeout', '20ms')")
    conn.execute("select pg_sleep(5)")


SEEN: LiteralString = (
    "select pg_backend_pid() as server, wr.current_tenant() as bound,"
    " array(select distinct tenant_id from (select tenant_id from wr.cache_kv limit 100) found) as tenants"
)
END_ONE: LiteralString = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where usename = 'winroom_app' and datname = current_database() order by random() limit 1"
)
ASLEEP: LiteralString = (
    "select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
)
FAILURES: list[tuple[type[Exception], Callable[[Connection], object]]] = [
    (ZeroDivisionError, lambda conn: 1 // 0),
    (psycopg.errors.DivisionByZero, lambda conn: conn.execute("select 1 / 0")),
    (RateLimited, lambda conn: rate_limit.count(conn, Bucket("none", 0))),
    (Busy, oversleep),
]
# What clients do, and how often of a thousand times.
DEEDS: dict[Callable[[Client, Company], None], float] = {
    Client.sells: 50,
    Client.processes: 20,
    Client.looks: 30,
    Client.knocks: 50,
    Client.notes: 150,
    Client.reads: 250,
    Client.enters_nowhere: 430,
    Client.fails: 15,
    Client.dies: 5,
    Client.cuts: 1.5,
    Client.restarts: 0.3,
}


def watch(database: Database, binding: str = WATCH) -> None:
    with psycopg.connect(database.owner_url) as owner:
        owner.execute(binding.encode())


def play(house: House, transactions: int, seed: int) -> Counter[str]:
    """Lets all clients act, side by side, until the pooler has carried so many; returns what they did."""
    clients = [Client(house, random.Random(f"{seed}-{number}")) for number in range(CLIENTS)]
    did: Counter[str] = Counter()
    with ThreadPoolExecutor(CLIENTS) as threads:
        while house.pooler.transactions < transactions:
            did += sum(threads.map(lambda client: client.act(STEPS), clients), Counter())
    return did


def finish(house: House) -> None:
    """Works what is left in the queue, and then as the sweeper would have it worked."""
    for _ in range(9):
        house.queues.work("sales-events", processor)
    assert house.queues.bodies("sales-events") == []
    for event in house.pooler.database.execute("select * from wr.sales_events where status = 'pending'"):
        message = SaleEventReceived(event["event_id"], event["tenant_id"], event["created_at"])
        assert doors.sqs(processor, [message.body()]) == []


@pytest.mark.fire(minutes=8)
def test_companies_that_share_connections_stay_apart_and_lose_nothing(
    house: House, size: Size, seed: int, tell: Tell
) -> None:
    watch(house.pooler.database)
    did = play(house, size(2_000, 100_000), seed)
    tell({"transactions through the pooler": house.pooler.transactions, **did})
    finish(house)
    assert COMPANIES in map(len, house.served.values())
    for company in house.companies:
        sold = [row["sale_id"] for row in company.rows("select sale_id from wr.queue")]
        assert sorted(sold) == sorted(house.sold[company.tenant_id])
        noted = {row["key"] for row in company.rows("select key from wr.cache_kv")}
        assert house.noted[company.tenant_id] <= noted
        assert "undone" not in noted


LEAKS = {
    "a company that stays bound": WATCH.replace("entered::text, true", "entered::text, false"),
    "a table that shows everybody's rows": "alter table wr.cache_kv disable row level security",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_the_experiment_finds(house: House, seed: int, leak: str) -> None:
    watch(house.pooler.database, LEAKS[leak])
    with pytest.raises((AssertionError, psycopg.errors.RaiseException)):
        play(house, 2_000, seed)


def test_a_statement_is_run_again_whose_server_the_pooler_lost(
    database: Database, environment: pytest.MonkeyPatch
) -> None:
    wire = Wire("127.0.0.1", urlsplit(database.owner_url).port or 0)
    with (
        pooler.running(database, 1, by_way_of=wire.port) as running,
        behind(running, environment),
        ThreadPoolExecutor() as threads,
        psycopg.connect(database.superuser_url, autocommit=True) as conn,
    ):
        asked = threads.submit(db.tenant_statement, lambda conn: conn.execute("select pg_sleep(1)"))
        while not conn.execute(ASLEEP).rowcount:
            time.sleep(0.01)
        wire.cut()
        wire.mend()
        assert asked.result().rowcount == 1
    wire.cut()
