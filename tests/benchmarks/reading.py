"""What people read with a million sales of a thousand companies in the tables, in the company that has half
of them; what row security costs; how PostgreSQL runs each statement then, beside the plans that are kept."""

import re
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from functions.api.app import handler
from tests import plans
from tests.benchmarks import dataset, workbench
from tests.benchmarks.measure import Result, Scale, Work, in_turns, timed
from tests.benchmarks.requests import context, get
from tests.factories import Company, Database

PERIODS = ("today", "week", "month", "quarter", "year", "all")
# Paths, and the most that 95 of 100 requests may take, in seconds.
PAGES = {
    "queue page": ("/api/queue?limit=50", 0.003),
    "queue of a customer": ("/api/queue?q=customer%2012", 0.02),
    "claimed of a customer": ("/api/queue?status=claimed&q=customer%2012", 0.02),
    **{f"board of {period}": (f"/api/leaderboard?period={period}", 0.02) for period in PERIODS},
    "claims": ("/api/claims?limit=50", 0.02),
    "claims to approve": ("/api/claims?state=pending", 0.02),
    "audit log": ("/api/audit?limit=50", 0.02),
    "failed events": ("/api/failed-events?limit=50", 0.02),
    "failed events of before": ("/api/failed-events?resolved=true", 0.02),
}
# Statements whose rows are a company's alone, once by policy and once by a view.
SECURED: dict[str, dict[str, Any]] = {
    "queue.page": {"status": "pending", "limit": 50},
    "claims.page": {"limit": 50},
    "failed_events.page": {"limit": 50, "resolved": False},
}
RLS_COSTS_AT_MOST = 1.15
# Seconds that making the data may take.
MADE_IN = 300


def run(scale: Scale) -> Iterator[Result]:
    with workbench.database() as database, workbench.functions(database):
        sales = scale(1_000_000, 4_000)
        made: list[Company] = []
        took = timed(lambda: made.append(dataset.fill(database, workbench.say, sales, scale(1_000, 20))))
        (company,) = made
        yield Result(f"{sales:,} sales made", f"{took:.0f} s", "", None, f"< {MADE_IN} s", took < MADE_IN)
        for name, (path, most) in PAGES.items():
            yield _page(name, path, most, company, scale)
        for name, values in SECURED.items():
            yield _security(name, values, database, company, scale)
        yield _plans(database, scale)


def _page(name: str, path: str, most: float, company: Company, scale: Scale) -> Result:
    _, admin = company.person("admin")  # of whom each may ask 300 times a minute
    (taken,) = in_turns(lambda: _read(path, admin), rounds=1, each=scale(200, 3), first=scale(20, 1))
    return Result(name, str(taken), "", None, f"p95 < {most * 1000:.0f} ms", taken.p95 < most)


def _read(path: str, key: str) -> None:
    answer = handler(get(path, key), context())
    assert answer["statusCode"] == 200, answer


def _security(
    name: str, values: dict[str, Any], database: Database, company: Company, scale: Scale
) -> Result:
    statement = plans.STATEMENTS[name]
    bare = _of_views(database, company, statement)
    with (
        psycopg.connect(database.url_of("app"), prepare_threshold=None) as ours,
        psycopg.connect(database.superuser_url, prepare_threshold=None) as theirs,
    ):
        secured = _work(ours, company, statement, values)
        open_ = _work(theirs, company, bare, values)
        with_it, without = in_turns(
            secured, open_, rounds=scale(10, 1), each=scale(50, 2), first=scale(20, 1)
        )
    ratio = with_it.median / without.median
    return Result(
        f"row security, {name}",
        str(with_it),
        str(without),
        ratio,
        f"<= {RLS_COSTS_AT_MOST} x",
        ratio <= RLS_COSTS_AT_MOST,
    )


def _work(
    conn: psycopg.Connection[Any], company: Company, statement: LiteralString, values: dict[str, Any]
) -> Work:
    conn.execute("select wr.enter_tenant(%s)", [company.tenant_id])
    filled = dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)) | values
    return lambda: conn.execute(statement, filled).fetchall()


def _of_views(database: Database, company: Company, statement: LiteralString) -> LiteralString:
    """The statement over views that hold this company's rows alone, for who is held by no policy."""
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute("create schema if not exists bare")
        tables = conn.execute(
            "select table_name from information_schema.columns"
            " where table_schema = 'wr' and column_name = 'tenant_id'"
        ).fetchall()
        for (table,) in tables:
            view = "create or replace view bare.{0} as select * from wr.{0} where tenant_id = {1}"
            conn.execute(sql.SQL(view).format(sql.Identifier(table), sql.Literal(company.tenant_id)))
            statement = re.sub(rf"\bwr\.{table}\b", f"bare.{table}", statement)
    return statement


def _plans(database: Database, scale: Scale) -> Result:
    found, kept = plans.shapes(database), plans.kept()
    others = sorted(name for name in found if found[name] != kept.get(name))
    for name in () if scale.is_smoke else others:
        workbench.say(f"{name} runs as {found[name]}, kept is {kept.get(name)}")
    through = {name for name in found if plans.scanned(found[name])} - plans.READ_THROUGH
    return Result(
        f"plans of {len(found)} statements",
        f"{len(through)} read a large table through",
        f"{len(others)} other than kept",
        None,
        "none",
        None if scale.is_smoke else not through,
    )
