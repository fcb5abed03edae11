"""What sales cost a month: the milliseconds of every function that a sale wakes, times published
prices, for customers of three sizes. The same formula, line by line, is in infra/COSTS.md."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from functions.api.app import handler as api
from functions.ingestion.app import handler as ingestion
from tests.benchmarks import workbench
from tests.benchmarks.fanout import listen, wake
from tests.benchmarks.measure import Result, Scale, timed
from tests.benchmarks.processor import parts, work
from tests.benchmarks.requests import context, get, post
from tests.factories import Company, Database, sale
from winroom import db, room
from winroom.messages import SaleEventReceived

# USD of us-east-1 in November 2026: the prices of infra/COSTS.md, which a test holds to them.
HTTP_REQUEST, INVOCATION, GB_SECOND = 1.00 / 1e6, 0.20 / 1e6, 13.3334 / 1e6
QUEUE_REQUEST, SOCKET_MESSAGE, SOCKET_MINUTE = 0.50 / 1e6, 1.00 / 1e6, 0.25 / 1e6
LOG_KB, TRACE = 0.50 / 1e6, 5.00 / 1e6
# What stands there whatever is sold, without the minutes of sockets: COSTS.md, "Per month".
STANDING = 17.87
# Gigabytes of each function.
MEMORY = {"ingestion": 1.0, "processor": 0.5, "fan-out": 1.0, "claim": 1.0, "board": 1.0}
# Of the pages that are open, so many read their board again when a sale is claimed.
READ_AGAIN = 0.3
MINUTES = 8 * 60 * 22


@dataclass(frozen=True)
class Customer:
    """So many companies, each with so many open pages and wallboards, and their sales of a month together."""

    companies: int
    viewers: int
    sales: int
    # USD; what design/speed asks for.
    most: float | None = None

    def __str__(self) -> str:
        of = "a company" if self.companies == 1 else f"{self.companies} companies"
        return f"{of} of {self.viewers} viewers, {self.sales:,} sales"

    def wakes(self) -> dict[str, float]:
        """How often a sale wakes each function: it comes, it is claimed, boards are read again."""
        once = dict.fromkeys(MEMORY, 1.0)
        return once | {"fan-out": 2.0, "board": READ_AGAIN * self.viewers}

    def selling(self, seconds: Mapping[str, float]) -> float:
        """USD for the sales of a month."""
        wakes = self.wakes()
        requests = wakes["ingestion"] + wakes["claim"] + wakes["board"]
        invocations = sum(wakes.values())
        gigabyte_seconds = sum(MEMORY[name] * seconds[name] * often for name, often in wakes.items())
        return self.sales * (
            requests * HTTP_REQUEST
            + invocations * (INVOCATION + LOG_KB)
            + gigabyte_seconds * GB_SECOND
            # Sent, received and deleted: the event, and the wake-ups of both fan-outs.
            + (3 + 6) * QUEUE_REQUEST
            + 2 * self.viewers * SOCKET_MESSAGE
            + TRACE
        )

    def watching(self) -> float:
        """USD for sockets that are open all day."""
        return self.companies * self.viewers * MINUTES * SOCKET_MINUTE


CUSTOMERS = (Customer(1, 5, 5_000), Customer(20, 5, 1_000_000, most=40.0), Customer(1, 200, 1_000_000))


def run(scale: Scale) -> Iterator[Result]:
    with workbench.database() as database, workbench.functions(database):
        company = database.company("acme")
        for customer in CUSTOMERS:
            listen(database, company, customer.viewers)
            seconds = _seconds(database, company, scale(100, 3))
            yield _line(customer, seconds)


def _line(customer: Customer, seconds: Mapping[str, float]) -> Result:
    selling = customer.selling(seconds)
    month = selling + customer.watching() + STANDING
    sockets = 2 * customer.viewers * customer.sales * SOCKET_MESSAGE
    durations = ", ".join(f"{name} {value * 1000:.1f}" for name, value in seconds.items())
    return Result(
        f"a month: {customer}",
        f"{month:,.2f} USD, {selling / customer.sales * 1e6:,.2f} a million sales",
        f"messages {sockets:,.2f}, standing {STANDING:,.2f}; ms: {durations}",
        None,
        f"< {customer.most:.0f} USD" if customer.most else "",
        month < customer.most if customer.most else None,
    )


def _seconds(database: Database, company: Company, rounds: int) -> dict[str, float]:
    """Median seconds of each function that a sale wakes."""
    # Somebody new each time: a person may ask 300 times a minute.
    _, manager = company.person("manager")
    taken = [_one(database, company, manager) for _ in range(rounds + 3)][3:]
    return {name: statistics.median(one[name] for one in taken) for name in MEMORY}


def _one(database: Database, company: Company, manager: str) -> dict[str, float]:
    """A sale comes and is claimed, and a board is read; the seconds of each function."""
    body = sale()
    came = timed(lambda: _ok(ingestion(post("/api/events", body, company.ingest_key), context())))
    (event,) = database.execute(
        "select event_id, created_at from wr.sales_events where sale_id = %s", body["sale_id"]
    )
    message = SaleEventReceived(event["event_id"], company.tenant_id, event["created_at"])
    enqueued = timed(lambda: work(parts([message], 1)))
    told = timed(lambda: _tell(company))
    (item,) = database.execute("select queue_id from wr.queue where sale_id = %s", body["sale_id"])
    win = {"seller_id": "anna", "claim_type": "first_touch"}
    claim = post(f"/api/queue/{item['queue_id']}/claim", win, manager)
    claimed = timed(lambda: _ok(api(claim, context())))
    read = timed(lambda: _ok(api(get("/api/leaderboard?period=month", manager), context())))
    return {"ingestion": came, "processor": enqueued, "fan-out": told, "claim": claimed, "board": read}


def _tell(company: Company) -> None:
    with db.tenant_session(company.tenant_id) as conn:
        seq = room.seq(conn)
    wake(company, seq)


def _ok(answer: dict[str, Any]) -> None:
    assert answer["statusCode"] < 300, answer
