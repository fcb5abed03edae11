"""One message to 200, 1,000 and 10,000 ready sockets of a room, posted to a management API that answers at
once, and to one that takes 20 ms; beside bare posts over one connection."""

import json
import resource
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

from functions.broadcaster import fanout
from tests.benchmarks import workbench
from tests.benchmarks.measure import Result, Scale
from tests.doors import context
from tests.factories import Company, Database
from winroom import db, room
from winroom.messages import RoomChanged

PER_CORE = 4_000


def run(scale: Scale) -> Iterator[Result]:
    for delay in (0.0, 0.02):
        with workbench.database() as database, workbench.functions(database, delay) as aws:
            company = database.company("acme")
            told(company)  # the first one connects
            for sockets in (200, 1_000, scale(10_000, 1_000)):
                listen(database, company, sockets)
                yield _line(company, aws, sockets, delay, scale(10_000, 1_000) // sockets)


def _line(company: Company, aws: str, sockets: int, delay: float, rounds: int) -> Result:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, busy = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        told(company)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    posts = sockets * rounds
    per_core = posts / busy
    return Result(
        f"fan-out to {sockets:,} sockets" + (f" that take {delay * 1000:.0f} ms" if delay else ""),
        f"{posts / seconds:,.0f} posts/s, {per_core:,.0f} per core, + {grown / 1024:.0f} MB",
        "" if delay else f"bare posts {_bare(aws, 2_000):,.0f}/s",
        None,
        f">= {PER_CORE:,} per core",
        per_core >= PER_CORE,
    )


def listen(database: Database, company: Company, sockets: int) -> None:
    """Makes as many sockets ready, and no others."""
    database.execute("delete from wr.connections")
    database.execute(
        "insert into wr.connections (connection_id, tenant_id, api_key_id, rendering, is_ready)"
        " select 'socket-' || n || '=', %s, gen_random_uuid(), 'full', true from generate_series(1, %s) n",
        company.tenant_id,
        sockets,
    )


def told(company: Company) -> None:
    """Something happens, and the room is told."""
    sold = {
        "id": "x" * 36,
        "saleId": "S-1001",
        "customerName": "Ada Lovelace",
        "sellPrice": "1250.00",
        "margin": "1.00",
    }
    with db.tenant_session(company.tenant_id) as conn:
        seq = room.publish(conn, "queue.created", "S-1001", "system", sold)
    wake(company, seq)


def wake(company: Company, seq: int) -> None:
    body = RoomChanged(company.tenant_id, seq).body()
    record = {"messageId": "1", "receiptHandle": "handle", "body": body}
    assert fanout.handler({"Records": [record]}, context()) == {"batchItemFailures": []}


def _bare(aws: str, posts: int) -> float:
    http = HTTPConnection(urlsplit(aws).netloc)
    body = json.dumps({"type": "queue.created", "data": "x" * 300}).encode()
    began = time.perf_counter()
    for _ in range(posts):
        http.request("POST", "/@connections/x", body)
        http.getresponse().read()
    return posts / (time.perf_counter() - began)
