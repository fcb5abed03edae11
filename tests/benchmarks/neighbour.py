"""A quiet company's way from POST to the last of its sockets: alone, and beside one that sends ten times what
its plan admits. In turns, by warm handlers in processes of their own: no emulator stands between them."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from uuid import uuid4

from functions.ingestion.app import handler as ingestion
from tests.benchmarks import workbench
from tests.benchmarks.fanout import listen
from tests.benchmarks.measure import Result, Scale, Timings, timed
from tests.benchmarks.requests import context, post
from tests.benchmarks.whole_way import tell
from tests.factories import Company, Database, sale
from winroom.plans import INGESTION_LIMITS

SOCKETS = 20
FLOODERS = 2
PER_SECOND = 10 * INGESTION_LIMITS["pro"] / 60
# Of the quiet company: often enough for a percentile.
PAUSE = 0.1


def run(scale: Scale) -> Iterator[Result]:
    with workbench.database() as database, workbench.functions(database):
        quiet, loud = database.company("quiet"), database.company("loud", "pro")
        _listen(database, quiet, loud)
        alone: list[float] = []
        beside: list[float] = []
        with _flooding(loud) as flood:
            _posted(quiet, scale(5, 1))
            for _ in range(scale(4, 1)):
                flood.clear()
                alone += _posted(quiet, scale(15, 1))
                flood.set()  # twice in each minute, for which the limit counts
                beside += _posted(quiet, scale(15, 1))
    ours, floor = Timings(beside), Timings(alone)
    ratio = ours.p95 / floor.p95
    yield Result(
        f"quiet company beside {PER_SECOND:.0f} events/s of another, ten times its limit",
        str(ours),
        f"alone {floor}",
        ratio,
        "p95 <= 1.5 x",
        ratio <= 1.5,
    )


def _listen(database: Database, quiet: Company, loud: Company) -> None:
    listen(database, quiet, 2 * SOCKETS)
    database.execute(
        "update wr.connections set tenant_id = %s where connection_id ~ '[02468]=$'", loud.tenant_id
    )


@contextmanager
def _flooding(loud: Company) -> Iterator[Event]:
    """While the event is set, others flood."""
    spawn = get_context("spawn")
    flood, over = spawn.Event(), spawn.Event()
    processes = [spawn.Process(target=_flood, args=(loud, flood, over)) for _ in range(FLOODERS)]
    flood.set()  # warm from the start
    try:
        for process in processes:
            process.start()
        yield flood
    finally:
        over.set()
        for process in processes:
            process.join()
    assert all(process.exitcode == 0 for process in processes)


def _flood(loud: Company, flood: Event, over: Event) -> None:
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    at = time.monotonic()
    while not over.is_set():
        if not flood.wait(0.1):
            at = time.monotonic()
            continue
        time.sleep(max(0, at - time.monotonic()))
        at += FLOODERS / PER_SECOND
        _post(loud, (202, 429))


def _posted(quiet: Company, seconds: int) -> list[float]:
    """How long each way took, for as long."""
    taken = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        taken.append(timed(lambda: _post(quiet, (202,))))
        time.sleep(PAUSE)
    return taken


def _post(company: Company, expected: tuple[int, ...]) -> None:
    """Sends a sale; what is accepted goes its whole way."""
    answer = ingestion(post("/api/events", sale(sale_id=str(uuid4())), company.ingest_key), context())
    assert answer["statusCode"] in expected, answer
    if answer["statusCode"] == 202:
        tell(company, json.loads(answer["body"])["eventId"])
