"""Sales of four companies through the deployed stack while the processor and PostgreSQL are killed: nothing
lost, nothing twice, and every client of a room has it all."""

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
import psycopg
import pytest

from infra.local.stack import Stack
from tests.conftest import STATE, Size, Tell
from tests.e2e.conftest import Company, Room, Stop, new_company, wait_until
from tests.e2e.levers import Levers
from tests.factories import sale
from tests.fire import books
from winroom.db import connect

pytestmark = pytest.mark.fire(minutes=4)

SENDERS = 8


def test_what_was_accepted_is_there_once_whatever_is_killed(
    stack: Stack,
    levers: Levers,
    stopped: Stop,
    seed: int,
    size: Size,
    tell: Tell,
) -> None:
    each, outages, dice = size(60, 500), size(1, 4), random.Random(seed)
    companies = [new_company(stack) for _ in range(4)]
    work = [(company, sale()) for company in companies for _ in range(each)]
    dice.shuffle(work)
    with levers.visible_after("SalesEventsQueue", 10), ExitStack() as rooms:
        opened = [rooms.enter_context(company.room()) for company in companies]
        with killing("ProcessorFunction", dice) as killed, ThreadPoolExecutor(SENDERS) as senders:
            sent = [senders.submit(post_until_accepted, *one) for one in work]
            for outage in range(1, outages + 1):
                sent[len(work) * outage // (outages + 1)].result()
                start = stopped(signal.SIGKILL)
                time.sleep(dice.uniform(0, 2))
                start()
            repeated = sum(one.result() for one in sent)
            wait_until(lambda: killed[0] >= 5)
        wait_until(lambda: has_settled(levers, companies, each), timeout=300)
        for room in opened:
            catch_up(room, each)
    tell({"PostgreSQL killed": outages, "the processor killed": killed[0], "requests repeated": repeated})
    for company in companies:
        bodies = [body for whose, body in work if whose is company]
        with connect(stack.operator_database_url) as conn:
            books.balance(company.slug, conn)
        items = [row["sale_id"] for row in company.rows("select sale_id from wr.queue")]
        assert sorted(items) == sorted(body["sale_id"] for body in bodies)


def post_until_accepted(company: Company, body: object) -> int:
    """As a CRM does that was told to: what was not accepted is sent again. Returns how often that was."""
    for repeated in range(100):
        wait = 0.5
        with suppress(httpx.TransportError):
            answer = company.post(body)
            if answer.status_code == 202:
                return repeated
            wait = float(answer.headers.get("Retry-After", wait))
        time.sleep(wait)
    pytest.fail("it was never accepted")


def has_settled(levers: Levers, companies: list[Company], each: int) -> bool:
    """Whether all is in the queue; if not, a minute is over."""
    with suppress(psycopg.OperationalError):
        if all(company.rows("select count(*) as n from wr.queue")[0]["n"] == each for company in companies):
            return True
    levers.sweep()
    time.sleep(1)
    return False


def catch_up(room: Room, number: int) -> None:
    """As a client does that lacks something: asks for what follows the last that it has without a gap."""
    while len(room.seen) < number:
        last = next(n for n in range(number) if n + 1 not in room.seen)
        room.send({"action": "resume", "after": last})
        room.receive(timeout=60)
    assert sorted(room.seen) == list(range(1, number + 1))


@contextmanager
def killing(function: str, dice: random.Random) -> Iterator[list[int]]:
    """Kills workers of a function at random moments; yields how many so far."""
    killed, over = [0], threading.Event()

    def kill() -> None:
        while not over.wait(dice.uniform(0.5, 2.5)):
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
