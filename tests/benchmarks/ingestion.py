"""One event through the warm handler, beside its floor: one insert that is committed and one bare POST."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from functions.ingestion.app import handler
from tests.benchmarks import workbench
from tests.benchmarks.measure import Result, Scale, Work, in_turns
from tests.benchmarks.requests import context, post
from tests.factories import Company, Database, sale

PEER = 0.0065  # seconds, p50 at concurrency 1: see shared design of speed


def run(scale: Scale) -> Iterator[Result]:
    with workbench.database() as database, workbench.functions(database) as aws:
        company = database.company("acme")
        ours, floor = in_turns(
            ours_of(company), floor_of(database, aws), rounds=scale(20, 1), each=scale(100, 5)
        )
    ratio = ours.median / floor.median
    yield Result("ingestion, one warm handler", str(ours), str(floor), ratio, "<= 2.3 x", ratio <= 2.3)


def ours_of(company: Company) -> Work:
    """A sale that nobody has sent, as API Gateway hands it over."""
    return lambda: accepted(handler(post("/api/events", sale(), company.ingest_key), context()))


def accepted(answer: dict[str, object]) -> None:
    assert answer["statusCode"] == 202, answer


def floor_of(database: Database, aws: str) -> Work:
    """What no design can be without: the row on the disk, and the message."""
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("create table if not exists wr.floor (id uuid primary key, payload jsonb)")
    conn = psycopg.connect(database.owner_url, autocommit=True)
    http = HTTPConnection(urlsplit(aws).netloc)
    message = json.dumps({"QueueUrl": "q", "Entries": [{"Id": "0", "MessageBody": "x" * 200}]}).encode()

    def once() -> None:
        conn.execute("insert into wr.floor values (%s, %s)", [uuid4(), Jsonb(sale())])
        http.request("POST", "/", message, {"content-type": "application/x-amz-json-1.0"})
        http.getresponse().read()

    return once
