"""A migrated template database, cloned for each test; the functions' own settings, read anew for each."""

import gc
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from hypothesis import settings as how
from xdist.scheduler import LoadGroupScheduling

from infra.local import postgres
from infra.local import stack as local
from infra.local.stack import Stack
from infra.release import ROOT
from tests import gateway as edge
from tests.doors import Sqs
from tests.factories import Company, Database
from tests.gateway import Gateway
from tests.wire import Wire
from winroom import callers, db, logins, messages, passwords, schema, sockets, switches, web
from winroom.rate_limit import Bucket
from winroom.settings import settings

# Each of the processes that test side by side has a stack of its own.
STATE = ROOT / ".winroom" / f"e2e-{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')}"
PASSWORDS = dict.fromkeys(schema.LOGINS, "test")

# Machines that make up input have time for more of it in the long form of experiments.
# How long an example takes says more of the machine than of us.
how.register_profile("short", deadline=None)
how.register_profile("long", max_examples=1_000, deadline=None)
how.load_profile("long" if os.environ.get("WINROOM_FIRE") == "long" else "short")

# A test's database need not survive the machine.
HASTY = {**postgres.SETTINGS, "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    """One PostgreSQL with the migrated database `winroom`, the template of every test's own. Who runs tests a
    thousand times has one for all of them."""
    if lent := os.environ.get("WINROOM_SERVER"):
        yield Database(*lent.split())
    else:
        # Not below pytest's own directory: other runs tidy that up, and PostgreSQL ends without its files.
        with TemporaryDirectory(prefix="winroom-", dir=fastest()) as folder, migrated(Path(folder)) as lent:
            yield Database(*lent.split())
    db.close()


@contextmanager
def migrated(state: Path) -> Iterator[str]:
    """A PostgreSQL with a migrated database: its owner's address, and its superuser's password."""
    with postgres.running(state, HASTY, port=0) as owner_url:
        schema.migrate(owner_url, PASSWORDS)
        yield f"{owner_url} {(state / 'postgres.password').read_text()}"


def fastest() -> str | None:
    """Memory, where there is enough of it: a clone takes 40 ms there, ten times less than on a slow disk."""
    memory = "/dev/shm"  # noqa: S108 (folders in it are made by tempfile)
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3
    return memory if roomy else None


_numbers = count()


@pytest.fixture
def database(server: Database) -> Iterator[Database]:
    """An empty, migrated database of this test's own."""
    with server.cloned(f"test_{os.getpid()}_{next(_numbers)}") as clone:
        yield clone


@pytest.fixture
def environment(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a function: the test's database, and an AWS that is nowhere."""
    for key, value in {
        "DATABASE_URL": database.url_of("app"),
        "JOBS_DATABASE_URL": database.url_of("jobs"),
        "DATABASE_POOL_SIZE": "40",
        "SALES_EVENTS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/sales-events",
        "ROOM_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/room.fifo",
        "SOCKET_MANAGEMENT_URL": "http://127.0.0.1:9/ws",
        "SOCKET_URL": "ws://127.0.0.1:9/ws",
        "SESSION_KEYS": "a:first-key-of-at-least-32-characters b:second-key-of-at-least-32-characters",
        "SESSION_KID": "a",
        "RELEASE": "test",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "test",
    }.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    forget_process_state()
    yield monkeypatch
    forget_process_state()


def forget_process_state() -> None:
    """What a new Lambda process would not know."""
    callers.forget_all()
    switches.forget_all()
    db.close()
    settings.cache_clear()


@pytest.fixture
def company(environment: pytest.MonkeyPatch, database: Database) -> Company:
    """A company called Acme, with an empty room."""
    return database.company("acme")


@pytest.fixture
def rival(environment: pytest.MonkeyPatch, database: Database) -> Company:
    """Another company in the same deployment, which must never see Acme's rows."""
    return database.company("rival")


@pytest.fixture
def queues(environment: pytest.MonkeyPatch) -> Sqs:
    """SQS, at the edge where nothing real can be had in a unit of time this short."""
    queues = Sqs()
    environment.setattr(messages, "_ask", queues.ask)
    return queues


@pytest.fixture
def gateway(environment: pytest.MonkeyPatch, queues: Sqs) -> Iterator[Gateway]:
    """A websocket API whose management endpoint the functions know."""
    with edge.running() as running:
        environment.setenv("SOCKET_MANAGEMENT_URL", running.url)
        settings.cache_clear()
        sockets._endpoint.cache_clear()
        # Made here: a Lambda has one thread that might, the tests have many.
        loop, endpoint = sockets._loop(), sockets._endpoint()
        yield running
        loop.call_soon_threadsafe(endpoint.close)
        sockets._endpoint.cache_clear()


@pytest.fixture
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is slow on purpose, and that is no purpose of most tests."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: quick)
    monkeypatch.setitem(logins._NOBODY, "password_hash", quick.hash("nobody's"))


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever walks, or attacks, asks more in a minute than a caller may."""
    monkeypatch.setattr(web.Call, "bucket", property(lambda _: Bucket("walk", 1_000_000)))


@pytest.fixture
def wire(company: Company, database: Database, environment: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Between the functions and their database: counts round trips, and can be cut."""
    url = urlsplit(database.url_of("app"))
    assert url.hostname is not None
    assert url.port is not None
    wire = Wire(url.hostname, url.port)
    through = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{wire.port}")
    environment.setenv("DATABASE_URL", through.geturl())
    forget_process_state()
    yield wire
    forget_process_state()
    wire.cut()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A stack of the tests' own, beside the one of `make dev`; its builds are kept, its data not. Who writes
    tests names the folder of one that is up, `WINROOM_STACK=.winroom`, and waits for none."""
    if folder := os.environ.get("WINROOM_STACK"):
        if (up := local.read(Path(folder))) is None:
            pytest.fail(f"no stack is up in {folder}")
        yield up
        return
    shutil.rmtree(STATE / "postgres", ignore_errors=True)
    (STATE / "demo.json").unlink(missing_ok=True)
    with local.up(STATE) as running:
        yield running


# Of experiments.
Size = Callable[[int, int], int]
Tell = Callable[[Mapping[str, object]], None]


@pytest.fixture
def size() -> Size:
    """Of a short and a long size the one that is asked for: WINROOM_FIRE=long."""
    is_long = os.environ.get("WINROOM_FIRE") == "long"
    return lambda short, long: long if is_long else short


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Says at the end of the run what was done, and how often."""
    return lambda done: record_property("done", ", ".join(f"{what}: {done[what]}" for what in sorted(done)))


@pytest.fixture
def seed(tell: Tell) -> int:
    """What dice are made of: with WINROOM_SEED they fall again as they fell."""
    seed = int(os.environ.get("WINROOM_SEED") or secrets.randbelow(10**6))
    tell({"WINROOM_SEED": seed})
    return seed


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Experiments take longest, some above all: whoever begins with these ends with the others."""
    items.sort(key=_minutes, reverse=True)


def _minutes(item: pytest.Item) -> float:
    fire = item.get_closest_marker("fire")
    return float(fire.kwargs.get("minutes", 1)) if fire else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "OneStack | None":
    return OneStack(config, log) if config.getoption("dist") == "loadgroup" else None


class OneStack(LoadGroupScheduling):  # type: ignore[misc]
    """Experiments at the stack share one. Marks would say so, but of these xdist 3.8 learns nothing with
    pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return "stack" if nodeid.startswith("tests/e2e/") else nodeid


def pytest_collection_finish() -> None:
    """What is there by now stays. Looking through it for garbage again and again stops a busy process for
    longer than functions wait for a connection."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "teardown":
                for done in [value for name, value in report.user_properties if name == "done"]:
                    terminalreporter.write_line(f"{report.nodeid}: {done}")
