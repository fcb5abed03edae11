"""Pending events through the warm processor, ten to a message batch, in two processes."""

import time
from collections.abc import Iterator, Sequence
from typing import LiteralString

import psycopg

from functions.processor.app import handler
from tests import doors
from tests.benchmarks import workbench
from tests.benchmarks.measure import Result, Scale
from tests.benchmarks.workbench import Crew
from tests.factories import Company, Database
from winroom.messages import SaleEventReceived

PENDING: LiteralString = """
with made as (
    insert into wr.sales_events (tenant_id, event_id, sale_id, payload, content_hash, fingerprint)
    select
        tenant_id, wr.uuid_v7(), 'sale-' || gen_random_uuid(),
        jsonb_build_object(
            'sale_id', 'sale', 'occurred_at', now(), 'customer_name', 'Customer ' || n, 'sell_price',
            '100.00', 'currency', 'USD', 'seller_external_id', 'anna', 'product_sku', %(sku)s::text),
        sha256(gen_random_uuid()::text::bytea), sha256(gen_random_uuid()::text::bytea)
    from generate_series(1, %(events)s) n
    join (
        select tenant_id, row_number() over (order by tenant_id) - 1 as number, count(*) over () as of
        from wr.tenants where slug like %(slug)s
    ) tenant on tenant.number = n %% tenant.of
    returning tenant_id, event_id
)
select tenant_id, event_id, now() as received_at from made
"""


def run(scale: Scale) -> Iterator[Result]:
    events = scale(10_000, 200)
    with workbench.database() as database, workbench.functions(database):
        one = database.company("one")
        database.seller(one, "anna")
        for number in range(scale(1_000, 20)):
            _tenant(database, f"many-{number}")
        # Tables that are filled and analysed: plans of empty ones are not those that anybody runs on.
        Crew(2).finish(work, parts(pending(database, "%", events), 10))
        with psycopg.connect(database.superuser_url, autocommit=True) as conn:
            conn.execute("vacuum analyze")
        yield _line("of one tenant", 4_500, parts(pending(database, one.slug, events), 10))
        yield _line("all of different tenants", 2_000, parts(pending(database, "many-%", events), 10))
        yield from _batches(database, one, scale(2_000, 200))


def _tenant(database: Database, slug: str) -> None:
    made = "insert into wr.tenants (slug, name, plan) values (%(slug)s, %(slug)s, 'enterprise')"
    room = "insert into wr.rooms (tenant_id) select tenant_id from wr.tenants where slug = %(slug)s"
    seller = (
        "insert into wr.sellers (tenant_id, seller_id, display_name)"
        " select tenant_id, 'anna', 'Anna' from wr.tenants where slug = %(slug)s"
    )
    with database.operator() as conn:
        for statement in (made, room, seller):
            conn.execute(statement, {"slug": slug})


def _line(of: str, target: int, batches: list[list[str]]) -> Result:
    rate = sum(map(len, batches)) / Crew(2).finish(work, batches)
    return Result(f"processor, {of}", f"{rate:,.0f} events/s", "", None, f">= {target:,}/s", rate >= target)


def _batches(database: Database, company: Company, events: int) -> Iterator[Result]:
    """A hundred at once, beside the same one by one, and what bad events cost their batch."""
    single = _seconds(parts(pending(database, company.slug, events), 1))
    hundred = _seconds(parts(pending(database, company.slug, events), 100))
    yield Result(
        "processor, 100 a batch",
        f"{events / hundred:,.0f} events/s",
        f"one by one {events / single:,.0f}/s",
        single / hundred,
        ">= 2.5 x",
        single / hundred >= 2.5,
    )
    ten = _seconds(parts(pending(database, company.slug, events), 10))
    foreseen = _with_bad(database, company, events, "foreseen")
    found = _with_bad(database, company, events, "found")
    for kind, took, most in (("foreseen", foreseen, 1.2), ("only the database finds", found, 4.0)):
        yield Result(
            f"processor, a bad event of ten, {kind}",
            f"{took / events * 10_000:.2f} ms a batch",
            f"all good {ten / events * 10_000:.2f} ms",
            took / ten,
            f"<= {most} x",
            took / ten <= most,
        )


def _with_bad(database: Database, company: Company, events: int, kind: str) -> float:
    """Seconds for as many events, of which each tenth is bad."""
    good = pending(database, company.slug, events * 9 // 10)
    bad = pending(database, company.slug, events // 10, sku="NOBODY-KNOWS-IT" if kind == "foreseen" else None)
    if kind == "found":
        for message in bad:
            database.execute(
                "update wr.sales_events set payload = jsonb_set(payload, '{sell_price}', '\"-1\"')"
                " where event_id = %s",
                message.event_id,
            )
    mixed = [good.pop() if n % 10 else bad.pop() for n in range(len(good) + len(bad))]
    return _seconds(parts(mixed, 10))


def pending(database: Database, slug: str, events: int, sku: str | None = None) -> list[SaleEventReceived]:
    """So many durable events that wait, of the tenants with such a slug in turn; their messages."""
    with database.operator() as conn:
        rows = conn.execute(PENDING, {"events": events, "slug": slug, "sku": sku}).fetchall()
    return [SaleEventReceived(row["event_id"], row["tenant_id"], row["received_at"]) for row in rows]


def parts(waiting: Sequence[SaleEventReceived], size: int) -> list[list[str]]:
    """Batches as SQS delivers them."""
    bodies = [message.body() for message in waiting]
    return [bodies[start : start + size] for start in range(0, len(bodies), size)]


def _seconds(batches: list[list[str]]) -> float:
    began = time.perf_counter()
    work(batches)
    return time.perf_counter() - began


def work(batches: list[list[str]]) -> None:
    for bodies in batches:
        assert doors.sqs(handler, bodies) == []
