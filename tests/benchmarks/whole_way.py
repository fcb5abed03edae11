"""From a sale's 202 to the last of 200 sockets: the three handlers one after another, no AWS in between."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from functions.ingestion.app import handler as ingestion
from functions.processor.app import handler as processor
from tests import doors
from tests.benchmarks import workbench
from tests.benchmarks.fanout import listen, wake
from tests.benchmarks.ingestion import accepted
from tests.benchmarks.measure import Result, Scale, Timings, timed
from tests.benchmarks.requests import context, post
from tests.factories import Company, sale
from winroom import db, room
from winroom.messages import SaleEventReceived

SOCKETS = 200


def run(scale: Scale) -> Iterator[Result]:
    with workbench.database() as database, workbench.functions(database):
        company = database.company("acme")
        listen(database, company, SOCKETS)
        taken = Timings([_one(company) for _ in range(scale(220, 12))][-scale(200, 10) :])
    yield Result(
        f"whole way, 202 to the last of {SOCKETS} sockets",
        str(taken),
        "",
        None,
        "p95 < 75 ms",
        taken.p95 < 0.075,
    )


def _one(company: Company) -> float:
    answer = ingestion(post("/api/events", sale(), company.ingest_key), context())
    accepted(answer)
    event_id = json.loads(answer["body"])["eventId"]
    return timed(lambda: tell(company, event_id))


def tell(company: Company, event_id: str) -> None:
    """What follows the 202: the sale is worked, and the room is told."""
    message = SaleEventReceived(UUID(event_id), company.tenant_id, datetime.now(UTC))
    assert doors.sqs(processor, [message.body()]) == []
    with db.tenant_session(company.tenant_id) as conn:
        seq = room.seq(conn)
    wake(company, seq)
