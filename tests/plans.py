"""How PostgreSQL runs the statements of `sql/`: for whom, by which indexes, and what none may do.

With the statistics of a million sales an empty database plans as a full one does. They are kept, and so are
the plans that follow from them: `make plans` writes these anew.
"""

import json
import lzma
import os
import re
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from tests.factories import Database
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

# Those that may, the operator's across all companies: of a million sales only thousands failed.
READ_THROUGH = {"failed_events.whose", "health.overview"}

# What is asked for where all filters are optional. Such statements are planned for their values each time.
_ID = "01900000-0000-7000-8000-000000000000"
SEARCHES: dict[str, list[dict[str, Any]]] = {
    "queue.page": [
        {"status": "pending"},
        {"status": "pending", "seller": "person-7"},
        {"status": "pending", "product": _ID},
        {"status": "pending", "q": "customer 12"},
        {"status": "pending", "cursor": _ID},
        {"status": "excluded"},
        {"status": "excluded", "awaits_review": True},
    ],
    "queue.page_of_claimed": [
        {},
        {"seller": "person-7"},
        {"product": _ID},
        {"q": "customer 12"},
        {"cursor": _ID},
    ],
    "claims.page": [
        {},
        {"state": "pending"},
        {"seller": "person-7"},
        {"seller": "person-7", "state": "pending"},
        {"currency": "EUR"},
        {"cursor": _ID},
    ],
    "audit.page": [
        {"search": "clock", "at_most": 50},
        {"search": "clock", "at_most": 50, "cursor": _ID},
        {"search": "clock", "at_most": 5000, "method": "PATCH", "since": "2026-01-01"},
        {"search": "refused", "at_most": 50, "least_status": 400, "most_status": 499},
        {"search": "user", "at_most": 50, "user_id": _ID},
    ],
    "failed_events.page": [
        {"resolved": False},
        {"resolved": True},
        {"resolved": False, "reason": "unknown_product"},
        {"resolved": False, "q": "customer 12"},
        {"resolved": False, "cursor": _ID},
    ],
}

# Unless something else is asked.
_PAGE: dict[str, Any] = {"limit": 50}
_KEPT = Path(__file__).parent / "benchmarks" / "plans.json"
_STATISTICS = _KEPT.with_name("statistics.sql.xz")
_BLOCK = 8192
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")
_PARAMETER = re.compile(r"%\((\w+)\)s")


def logins_of(name: str) -> list[str]:
    return LOGINS.get(name) or LOGINS.get(name.split(".")[0]) or ["app"]


def kept() -> dict[str, str]:
    """The shapes of plans that are kept, by statement and what it searches for."""
    return dict(json.loads(_KEPT.read_text()))


def keep(shapes: Mapping[str, str]) -> None:
    _KEPT.write_text(json.dumps(shapes, indent=2) + "\n")


def keep_statistics(statements: str) -> None:
    """Keeps what `pg_dump --statistics-only` says of a full database."""
    _STATISTICS.write_bytes(lzma.compress(statements.encode()))


def pretend(database: Database) -> None:
    """Makes an empty database plan as if a million sales were in it. The planner takes the sizes of tables
    from their files, which grow without holding anything, and all else from the statistics."""
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute(_statistics().encode())
        files = conn.execute(
            "select current_setting('data_directory'), pg_relation_filepath(oid), relpages from pg_class"
            " where relnamespace = 'wr'::regnamespace and relkind in ('r', 'i')"
        )
        for folder, name, pages in files:
            file = Path(folder, name)
            os.truncate(file, max(pages * _BLOCK, file.stat().st_size))


def unmeasured(database: Database) -> set[str]:
    """The large tables, and the indexes of these, of which no statistics are kept."""
    with psycopg.connect(database.superuser_url) as conn:
        there = conn.execute(
            "select relname from pg_class left join pg_index on indexrelid = oid"
            " where relnamespace = 'wr'::regnamespace"
            "   and coalesce(indrelid, oid) = any(%s::regclass[])",
            [[f"wr.{table}" for table in LARGE]],
        ).fetchall()
    return {name for (name,) in there} - set(re.findall(r"'relname', '(\w+)'", _statistics()))


def shapes(database: Database) -> dict[str, str]:
    """How each statement runs there for the first who may run it, by its name and what it searches for."""
    found = {}
    with ExitStack() as stack:
        conns = {
            login: stack.enter_context(psycopg.connect(database.url_of(login), prepare_threshold=None))
            for login in ("app", "jobs", "operator")
        }
        for name, statement in STATEMENTS.items():
            conn = conns[logins_of(name)[0]]
            for values in SEARCHES.get(name, [None]):
                found[_titled(name, values)] = shape(plan(conn, statement, values))
    return found


def plan(conn: Conn, statement: LiteralString, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How it would run with any values, or with these; those that they leave out are null. Explaining starts
    it, and so asks for its rights."""
    names = list(dict.fromkeys(_PARAMETER.findall(statement)))
    numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", statement)
    asked = {**_PAGE, **(values or {})}
    given = sql.SQL(", ").join([sql.Literal(asked.get(name)) for name in names])
    this = sql.SQL("this ({})").format(given) if names else sql.SQL("this")
    conn.execute(f"set plan_cache_mode = force_{'generic' if values is None else 'custom'}_plan")
    conn.execute(f"prepare this as {numbered.replace('%%', '%')}")
    explained = conn.execute(sql.SQL("explain (format json) execute {}").format(this)).fetchone()
    conn.execute("deallocate this")
    assert explained is not None
    return dict(explained[0][0]["Plan"])


def read_through(conn: Conn, statement: LiteralString) -> set[str]:
    """The large tables that it reads from end to end."""
    return scanned(shape(plan(conn, statement)))


def scanned(shape: str) -> set[str]:
    """The large tables that a plan of this shape reads from end to end."""
    return LARGE.intersection(re.findall(r"Seq Scan (\w+)", shape))


def shape(plan: dict[str, Any]) -> str:
    """What a plan does, without costs: `Limit (Index Scan queue_page)`."""
    of = plan.get("Index Name") or plan.get("Relation Name") or ""
    below = ", ".join(shape(part) for part in plan.get("Plans", []))
    return f"{plan['Node Type']} {of}".strip() + (f" ({below})" if below else "")


def _titled(name: str, values: Mapping[str, Any] | None) -> str:
    asked = ", ".join(f"{key} = {value}" for key, value in (values or {}).items())
    return f"{name} where {asked}" if asked else name


def _statistics() -> str:
    """As if the newest sale was of today: statements compare with the clock."""
    kept = lzma.decompress(_STATISTICS.read_bytes()).decode()
    newest = max(map(date.fromisoformat, set(_DAY.findall(kept))))
    later = datetime.now(UTC).date() - newest
    return _DAY.sub(lambda found: str(date.fromisoformat(found[0]) + later), kept)
