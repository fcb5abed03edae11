"""Events per second of 1, 8 and 32 handler processes, beside `pgbench` that runs the handler's own
transaction with as many clients: what the database does where nobody parses, validates, signs or sends."""

import re
from collections.abc import Iterator
from uuid import uuid4

from functions.ingestion.app import handler
from tests.benchmarks import workbench
from tests.benchmarks.ingestion import accepted
from tests.benchmarks.measure import Result, Scale
from tests.benchmarks.requests import context, post
from tests.benchmarks.workbench import Crew
from tests.factories import Company, Database, sale
from winroom import queries

# Events a second of the specification's own design, by how many at once, and what of it we are to reach.
PEER = {1: 143, 8: 212, 32: 275}
TIMES = {1: 3.0, 8: 3.0, 32: 2.5}
OF_PGBENCH = {1: 0.45, 8: 0.33, 32: 0.0}


def run(scale: Scale) -> Iterator[Result]:
    with workbench.database() as database, workbench.functions(database):
        for clients in list(PEER)[: scale(3, 2)]:
            # Each another company: one alone may send ten thousand a minute.
            yield _line(database, database.company(f"acme-{clients}"), clients, scale(6, 1))


def _line(database: Database, company: Company, clients: int, seconds: int) -> Result:
    ours = Crew(clients).count(_once, seconds, company.ingest_key)
    floor = pgbench(database, company, clients, seconds)
    share, times = ours / floor, ours / PEER[clients]
    return Result(
        f"ingestion, {clients} at once",
        f"{ours:,.0f}/s, {times:.1f} x the peer",
        f"pgbench {floor:,.0f}/s",
        share,
        f">= {TIMES[clients]} x the peer, >= {OF_PGBENCH[clients]} of pgbench",
        times >= TIMES[clients] and share >= OF_PGBENCH[clients],
    )


def _once(key: str) -> None:
    accepted(handler(post("/api/events", sale(sale_id=str(uuid4())), key), context()))


def pgbench(database: Database, company: Company, clients: int, seconds: int) -> float:
    """Transactions a second."""
    return workbench.pgbench(database.url_of("app"), _script(company), clients, f"--time={seconds}")


def _script(company: Company) -> str:
    """The statements of one accepted event, their values made by the server."""
    event = """(select json_build_array(json_build_object(
        'event_id', wr.uuid_v7(), 'sale_id', gen_random_uuid(), 'seller_id', 'anna',
        'content_hash', encode(sha256(gen_random_uuid()::text::bytea), 'hex'),
        'fingerprint', encode(sha256(gen_random_uuid()::text::bytea), 'hex'),
        'payload', '{"sale_id": "S", "customer_name": "Ada", "sell_price": "100.00"}')))"""
    values = {
        "bucket": "'ingestion'",
        "limit": "1000000000",
        "events": event,
        "source": "'api'",
        "audit_id": "wr.uuid_v7()",
        "endpoint": "'/api/events'",
        "http_method": "'POST'",
        "status_code": "202",
        "request_id": "gen_random_uuid()::text",
        "request_ip": "'203.0.113.7'::inet",
        "user_agent": "'crm/1.0'",
        "response_time_ms": "1",
    }
    statements = [
        f"select wr.enter_tenant('{company.tenant_id}')",
        queries.load("rate_limit")["count"],
        queries.load("sales")["record"],
        queries.load("audit")["note"],
    ]
    filled = (re.sub(r"%\((\w+)\)s", lambda name: values.get(name[1], "null"), s) for s in statements)
    return ";\n".join(["begin", *filled, "commit"]) + ";\n"
