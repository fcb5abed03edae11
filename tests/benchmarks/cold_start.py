"""A fresh process of each function, its modules compiled: import and first event, from Python's first line
on. The floor is what none can be without: Python's own start, psycopg and a connection."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from infra.release import ROOT
from tests.benchmarks import workbench
from tests.benchmarks.measure import Result, Scale, Timings
from tests.benchmarks.requests import get, post
from tests.factories import Company, Database, sale

# Seconds.
INGESTION = 0.3

_SOCKET = {
    "requestContext": {
        "eventType": "DISCONNECT",
        "connectionId": "x=",
        "routeKey": "$disconnect",
        "stage": "ws",
        "domainName": "socket.example.com",
    },
    "headers": {},
}

_FUNCTION = """
import time; began = time.perf_counter()
import json, os, sys
module, event = sys.argv[1], json.loads(sys.argv[2])
from importlib import import_module
from types import SimpleNamespace
told, sys.stdout = sys.stdout, open(os.devnull, "w")
context = SimpleNamespace(aws_request_id="1", function_name="f", memory_limit_in_mb=256,
    invoked_function_arn="arn", get_remaining_time_in_millis=lambda: 30_000)
answer = import_module(module).handler(event, context)
assert answer.get("statusCode", 200) < 300, answer
print(time.perf_counter() - began, file=told)
"""

_FLOOR = """
import time; began = time.perf_counter()
import os
import psycopg
psycopg.connect(os.environ["DATABASE_URL"]).execute("select 1")
print(time.perf_counter() - began)
"""


def run(scale: Scale) -> Iterator[Result]:
    rounds = scale(15, 2)
    with workbench.database() as database, workbench.functions(database):
        company = database.company("acme")
        for function, event in list(_events(database, company).items())[: scale(6, 2)]:
            module = f"functions.{function}"
            ours, floor = _in_turns(rounds, (_FUNCTION, module, json.dumps(event)), (_FLOOR,))
            is_ingestion = function == "ingestion.app"
            yield Result(
                f"cold start, {function.removesuffix('.app')}",
                str(ours),
                str(floor),
                ours.median / floor.median,
                f"<= {INGESTION * 1000:.0f} ms" if is_ingestion else "",
                ours.median <= INGESTION if is_ingestion else None,
            )


def _events(database: Database, company: Company) -> dict[str, object]:
    """For each function one event that it takes."""
    database.execute("update wr.heartbeats set beat_at = now()")
    heartbeat = {"Records": [{"messageId": "1", "body": '{"version": 1, "heartbeat": true}'}]}
    return {
        "ingestion.app": post("/api/events", sale(), company.ingest_key),
        "api.app": get("/api/queue", company.full_key),
        "dashboard.app": get("/login", ""),
        "processor.app": heartbeat,
        "broadcaster.fanout": heartbeat,
        "broadcaster.socket": _SOCKET,
    }


def _in_turns(rounds: int, *programs: tuple[str, ...]) -> list[Timings]:
    seconds: list[list[float]] = [[] for _ in programs]
    for _ in range(rounds + 1):
        for program, taken in zip(programs, seconds, strict=True):
            taken.append(_fresh(*program))
    # The first of each compiles what is not compiled yet, and brings files into memory.
    return [Timings(taken[1:]) for taken in seconds]


def _fresh(code: str, *arguments: str) -> float:
    layers = f"{ROOT}{os.pathsep}{ROOT / 'layers' / 'winroom'}"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": layers},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)
