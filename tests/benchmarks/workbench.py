"""What programs measure on: a PostgreSQL of their own with default durability, and functions that are set up
as in the cloud, whose AWS is a sink."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any, TypeVar

from infra.local import postgres
from tests.benchmarks import sink
from tests.conftest import PASSWORDS, forget_process_state
from tests.factories import Database
from winroom import schema, sockets

Part = TypeVar("Part")

SETTINGS = {**postgres.SETTINGS, "shared_buffers": "512MB", "max_wal_size": "4GB"}


@contextmanager
def database() -> Iterator[Database]:
    """An empty, migrated database; a commit is on the disk."""
    with (
        TemporaryDirectory(prefix="winroom-bench-", dir="/var/tmp") as folder,
        postgres.running(Path(folder), SETTINGS, port=0) as owner_url,
    ):
        schema.migrate(owner_url, PASSWORDS)
        password = (Path(folder) / "postgres.password").read_text()
        yield Database(owner_url, superuser_password=password)
        forget_process_state()


@contextmanager
def functions(database: Database, delay: float = 0) -> Iterator[str]:
    """This process set up as a function's, its AWS a sink that answers after `delay` seconds; its URL."""
    with sink.running(delay) as aws, quiet():
        os.environ.update(environment(database, aws))
        forget_process_state()
        sockets._endpoint.cache_clear()
        yield aws
        forget_process_state()


def environment(database: Database, aws: str) -> dict[str, str]:
    """The variables of a function."""
    return {
        "DATABASE_URL": database.url_of("app"),
        "JOBS_DATABASE_URL": database.url_of("jobs"),
        "SALES_EVENTS_QUEUE_URL": f"{aws}/123456789012/sales-events",
        "ROOM_QUEUE_URL": f"{aws}/123456789012/room.fifo",
        "SOCKET_MANAGEMENT_URL": f"{aws}/ws",
        "SOCKET_URL": "ws://127.0.0.1:9/ws",
        "SESSION_KEYS": "a:first-key-of-at-least-32-characters",
        "SESSION_KID": "a",
        "RELEASE": "bench",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "bench",
    }


@contextmanager
def quiet() -> Iterator[None]:
    """The lines that functions log go where they cost what they cost in Lambda: into a pipe, or less."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield


def pgbench(url: str, script: str, clients: int, *length: str) -> float:
    """How often a second so many clients of `pgbench` run a script; `length` is its option for how long."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        done = subprocess.run(
            [
                postgres.binaries() / "pgbench",
                *("--no-vacuum", "--protocol=prepared", "--file", file),
                *("--client", str(clients), "--jobs", "2", *length),
                url,
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


class Crew:
    """Processes that do the same work side by side, each of them warm before the clock starts."""

    def __init__(self, processes: int) -> None:
        self._processes = processes

    def count(self, work: Callable[..., object], seconds: float, *given: Any) -> float:
        """How often a second all of them together do `work(*given)`."""
        done: list[int] = self._each([(_count, work, seconds, given)] * self._processes)
        return sum(done) / seconds

    def finish(self, work: Callable[[list[Part]], object], parts: Sequence[Part]) -> float:
        """How many seconds they take for all the parts, shared out among them."""
        shares = [list(parts[n :: self._processes]) for n in range(self._processes)]
        spans: list[tuple[float, float]] = self._each([(_finish, work, share) for share in shares])
        return max(ended for _, ended in spans) - min(began for began, _ in spans)

    def _each(self, tasks: list[tuple[Any, ...]]) -> list[Any]:
        context = get_context("spawn")
        barrier = context.Barrier(self._processes)
        with ProcessPoolExecutor(self._processes, context, _start, (barrier,)) as pool:
            return [task.result() for task in [pool.submit(*task) for task in tasks]]


_barrier: Barrier


def _start(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _count(work: Callable[..., object], seconds: float, given: tuple[Any, ...]) -> int:
    for _ in range(20):
        work(*given)
    _barrier.wait(120)
    done, ends = 0, time.perf_counter() + seconds
    while time.perf_counter() < ends:
        work(*given)
        done += 1
    return done


def _finish(work: Callable[[list[Part]], object], parts: list[Part]) -> tuple[float, float]:
    work(parts[:2])
    _barrier.wait(120)
    began = time.time()
    work(parts[2:])
    return began, time.time()
