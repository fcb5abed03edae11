"""Pending events through the warm processor, ten to a message batch, in two processes, beside `pgbench` that
sends the statement of such batches with two clients: what the database does where nobody reads messages, logs
or sends."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
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


# The companies whose events are all of different tenants.
MANY: LiteralString = """
with made as (
    insert into wr.tenants (slug, name, plan)
    select 'many-' || n, 'Many', 'enterprise' from generate_series(1, %(tenants)s) n
    returning tenant_id
),
room as (
    insert into wr.rooms (tenant_id) select tenant_id from made
)
insert into wr.sellers (tenant_id, seller_id, display_name) select tenant_id, 'anna', 'Anna' from made
"""

# The batches, where any client of pgbench finds the next one.
PLACE: LiteralString = """
create schema bench;
create table bench.batches (number bigint generated always as identity, tenant_ids uuid[], event_ids uuid[]);
create sequence bench.next;
grant usage on schema bench to public;
grant select on bench.batches to public;
grant usage on bench.next to public
"""
FLOOR = """
select settled.* from bench.batches b
cross join lateral wr.enqueue(b.tenant_ids, b.event_ids, '', '') settled
where b.number = (select nextval('bench.next'));
"""


def run(scale: Scale) -> Iterator[Result]:
    events = scale(10_000, 200)
    with workbench.database() as database, workbench.functions(database):
        one = database.company("one")
        database.seller(one, "anna")
        with database.operator() as conn:
            conn.execute(MANY, {"tenants": scale(1_000, 20)})
        # Tables that are filled and analysed: plans of empty ones are not those that anybody runs on.
        Crew(2).finish(work, parts(pending(database, "%", events), 10))
        with psycopg.connect(database.superuser_url, autocommit=True) as conn:
            conn.execute("vacuum analyze")
            conn.execute(PLACE)
        yield _line(database, "of one tenant", one.slug, events, 4_500)
        yield _line(database, "all of different tenants", "many-%", events, 2_000)
        yield from _batches(database, one, scale(500, 50), scale(4, 1))


def _line(database: Database, of: str, slug: str, events: int, target: int) -> Result:
    rate = events / Crew(2).finish(work, parts(pending(database, slug, events), 10))
    floor = _floor(database, pending(database, slug, events))
    return Result(
        f"processor, {of}",
        f"{rate:,.0f} events/s",
        f"pgbench {floor:,.0f}/s",
        rate / floor,
        f">= {target:,}/s",
        rate >= target,
    )


def _floor(database: Database, waiting: Sequence[SaleEventReceived]) -> float:
    """Events a second of two clients of pgbench."""
    tens = [waiting[start : start + 10] for start in range(0, len(waiting), 10)]
    rows = [([m.tenant_id for m in ten], [m.event_id for m in ten]) for ten in tens]
    with psycopg.connect(database.superuser_url) as conn, conn.cursor() as cursor:
        cursor.execute("truncate bench.batches restart identity")
        cursor.execute("alter sequence bench.next restart")
        cursor.executemany("insert into bench.batches (tenant_ids, event_ids) values (%s, %s)", rows)
        cursor.execute("analyze bench.batches")
    each = f"--transactions={len(tens) // 2}"
    return 10 * workbench.pgbench(database.url_of("app"), FLOOR, 2, each)


def _batches(database: Database, company: Company, events: int, rounds: int) -> Iterator[Result]:
    """A hundred at once, beside the same one by one, and what bad events cost their batch."""

    def good(size: int) -> list[list[str]]:
        return parts(pending(database, company.slug, events), size)

    kinds: dict[str, Callable[[], list[list[str]]]] = {
        "one by one": partial(good, 1),
        "hundred": partial(good, 100),
        "ten": partial(good, 10),
        "foreseen": partial(_with_bad, database, company, events, "foreseen"),
        "only the database finds": partial(_with_bad, database, company, events, "found"),
    }
    took = dict.fromkeys(kinds, 0.0)
    for _ in range(rounds):
        for kind, make in kinds.items():
            took[kind] += _seconds(make())
    events *= rounds
    times = took["one by one"] / took["hundred"]
    yield Result(
        "processor, 100 a batch",
        f"{events / took['hundred']:,.0f} events/s",
        f"one by one {events / took['one by one']:,.0f}/s",
        times,
        ">= 2.5 x",
        times >= 2.5,
    )
    for kind, most in (("foreseen", 1.2), ("only the database finds", 4.0)):
        yield Result(
            f"processor, a bad event of ten, {kind}",
            f"{took[kind] / events * 10_000:.2f} ms a batch",
            f"all good {took['ten'] / events * 10_000:.2f} ms",
            took[kind] / took["ten"],
            f"<= {most} x",
            took[kind] / took["ten"] <= most,
        )


def _with_bad(database: Database, company: Company, events: int, kind: str) -> list[list[str]]:
    """Batches of ten, of whose events one is bad: in each batch the next one."""
    good = pending(database, company.slug, events * 9 // 10)
    bad = pending(database, company.slug, events // 10, sku="NOBODY-KNOWS-IT" if kind == "foreseen" else None)
    if kind == "found":
        database.execute(
            "update wr.sales_events set payload = jsonb_set(payload, '{sell_price}', '\"-1\"')"
            " where event_id = any (%s)",
            [message.event_id for message in bad],
        )
    mixed = [(good if n % 10 != n // 10 % 10 else bad).pop() for n in range(len(good) + len(bad))]
    return parts(mixed, 10)


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
