"""A thousand sales of four companies while the processor is killed at random: nothing lost, nothing twice."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx

from infra.local.stack import Stack
from tests.conftest import STATE
from tests.e2e.conftest import Company, new_company, wait_until
from tests.e2e.levers import Levers
from tests.factories import sale

SALES = 250  # of each company


def test_a_thousand_sales_while_the_processor_is_killed(stack: Stack, levers: Levers) -> None:
    companies = [new_company(stack) for _ in range(4)]
    work = [(company, sale()) for company in companies for _ in range(SALES)]
    random.Random(4).shuffle(work)
    with levers.visible_after("SalesEventsQueue", 20), ExitStack() as rooms:
        opened = [rooms.enter_context(company.room()) for company in companies]
        with killing("ProcessorFunction") as killed, ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda one: post_until_accepted(*one), work))
            assert set(answers) == {202}
            wait_until(lambda: killed[0] >= 5)
        wait_until(lambda: all(pending(company) == 0 for company in companies), timeout=420)
        for room in opened:
            room.wait_until_seen(SALES)
            assert sorted(room.seen) == list(range(1, SALES + 1))
    for company in companies:
        assert company.rows("select count(*) as n from wr.queue")[0]["n"] == SALES
        numbers = [row["seq"] for row in company.rows("select seq from wr.events order by seq")]
        assert numbers == list(range(1, SALES + 1))
        assert company.rows("select count(distinct sale_id) as n from wr.events")[0]["n"] == SALES
    print(f"the processor was killed {killed[0]} times")


def post_until_accepted(company: Company, body: object) -> int:
    """As a CRM does that was told to: what was not accepted is sent again."""
    for _ in range(20):
        with suppress(httpx.TransportError):
            if company.post(body).status_code == 202:
                return 202
        time.sleep(0.5)
    return company.post(body).status_code


def pending(company: Company) -> int:
    rows = company.rows("select count(*) as n from wr.sales_events where status = 'pending'")
    return int(rows[0]["n"])


@contextmanager
def killing(function: str) -> Iterator[list[int]]:
    """Kills workers of a function at random moments; yields how many so far."""
    killed, over = [0], threading.Event()

    def kill() -> None:
        moments = random.Random(7)
        while not over.wait(moments.uniform(0.3, 1.5)):
            for pid in workers(function)[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed[0] += 1

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def workers(function: str) -> list[int]:
    """The processes of this stack that run a function, the busiest of them first."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            mine = f"{STATE}/" in command and f"-{function}-" in command
            if mine and "_worker.py" in command:
                found.append(int(process.name))
    return sorted(found, key=lambda pid: -Path(f"/proc/{pid}/stat").stat().st_mtime)
