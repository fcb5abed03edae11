"""The database stops under the running stack: refused soon, told when to come back, nothing half-done."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from infra.local import postgres
from infra.local.stack import Stack
from tests.conftest import STATE
from tests.e2e.conftest import Company, wait_until
from tests.factories import sale

Start = Callable[[], None]


@pytest.fixture(scope="session")
def stopped(stack: Stack) -> Iterator[Callable[[], Start]]:
    """Stops the stack's PostgreSQL; what it returns starts it again, until the tests end."""
    started: list[subprocess.Popen[bytes]] = []
    data = STATE / "postgres"

    def stop() -> Start:
        pid = int((data / "postmaster.pid").read_text().split()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        os.kill(pid, signal.SIGINT)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.05)

        def start() -> None:
            started.append(
                subprocess.Popen(  # noqa: S603
                    [*postgres._as_the_user_of(data), *command], start_new_session=True
                )
            )
            while True:
                with suppress(psycopg.OperationalError), psycopg.connect(stack.database_url):
                    return

        return start

    yield stop
    for server in started:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def test_a_stopped_database_is_a_503_within_three_seconds_and_recovers(
    company: Company, stopped: Callable[[], Start]
) -> None:
    body = sale()
    company.sell(sale())
    wait_until(lambda: company.rows("select from wr.queue") != [])  # its fan-out may meet the outage
    start = stopped()
    for _ in range(3):
        began = time.perf_counter()
        refused = company.post(body)
        seconds = time.perf_counter() - began
        print(f"refused with {refused.status_code} after {seconds:.2f} s")
        assert refused.status_code == 503, refused.text
        assert seconds < 3
        assert refused.headers["Retry-After"] == "2"
    wait_until(lambda: _health(company) == (503, "unhealthy"), timeout=8)  # it is remembered for 5 s
    start()
    time.sleep(2)  # what Retry-After said
    with company.room() as room:
        company.sell(body)
        room.wait_for(body["sale_id"])
    assert company.rows("select count(*) as n from wr.queue") == [{"n": 2}]


def _health(company: Company) -> tuple[int, str]:
    answer = httpx.get(f"{company.stack.http_url}/api/health", timeout=10)
    return answer.status_code, answer.json()["services"]["database"]
