"""How PostgreSQL runs the statements of `sql/`: for whom, by which indexes, and what none may do."""

import re
from typing import Any, LiteralString

import psycopg

from winroom import queries

Conn = psycopg.Connection[tuple[Any, ...]]

STATEMENTS = queries.all_statements()

# Who runs a noun's statements, or one of them; all others run as winroom_app alone.
LOGINS = {
    "sweeper": ["jobs"],
    "switches.turn": ["operator"],
    "switches.page": ["operator"],
    "retention": ["jobs"],
    "gauges": ["jobs"],
    "tenants.create": ["app", "operator"],
    "tenants.open_room": ["app", "operator"],
    "tenants.find": ["operator"],
    "tenants.every": ["operator"],
    "api_keys.whose": ["operator"],
    "sales.whose": ["operator"],
    "sales.waiting": ["operator"],
    "failed_events.everywhere": ["operator"],
    "failed_events.whose": ["operator"],
    "health.overview": ["operator"],
    "health.beats": ["operator"],
    "board.differences": ["app", "operator"],
    "board.months_adrift": ["app", "operator"],
    "ledger": ["operator"],
    "offboarding": ["operator"],
    "users.create": ["app", "operator"],
    "api_keys.create": ["app", "operator"],
    "api_keys.hold_company": ["app", "operator"],
    "api_keys.find": ["app", "operator"],
}

# Tables that grow with every sale: nothing may read them from end to end.
LARGE = {
    *("queue", "queue_archive", "sales_events", "sales_events_archive", "sales_events_dlq"),
    *("events", "claims", "api_audit_log"),
}

# What it is their task to read from end to end: a tenant's claims, for a change of zone or a check.
RECOUNTS = {"board.recount", "board.differences"}

_PARAMETER = re.compile(r"%\((\w+)\)s")


def logins_of(name: str) -> list[str]:
    return LOGINS.get(name) or LOGINS.get(name.split(".")[0]) or ["app"]


def plan(conn: Conn, statement: LiteralString) -> dict[str, Any]:
    """How it would run with any values. Explaining starts it, and so asks for its rights."""
    names = list(dict.fromkeys(_PARAMETER.findall(statement)))
    numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", statement)
    unknown = f"({', '.join(['null'] * len(names))})" if names else ""
    conn.execute("set plan_cache_mode = force_generic_plan")
    conn.execute(f"prepare this as {numbered.replace('%%', '%')}")
    explained = conn.execute(f"explain (format json) execute this {unknown}").fetchone()
    conn.execute("deallocate this")
    assert explained is not None
    return dict(explained[0][0]["Plan"])


def read_through(conn: Conn, statement: LiteralString) -> set[str]:
    """The large tables that it reads from end to end."""
    nodes, found = [plan(conn, statement)], set()
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node["Node Type"] == "Seq Scan":
            found.add(node["Relation Name"])
    return found & LARGE


def shape(plan: dict[str, Any]) -> str:
    """What a plan does, without costs: `Limit (Index Scan queue_page)`."""
    of = plan.get("Index Name") or plan.get("Relation Name") or ""
    below = ", ".join(shape(part) for part in plan.get("Plans", []))
    return f"{plan['Node Type']} {of}".strip() + (f" ({below})" if below else "")
