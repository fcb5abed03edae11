"""How results are shown: one table, and what the numbers were taken on."""

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from rich.table import Table

from infra.local import postgres
from infra.release import release
from tests.benchmarks.measure import Result


def machine() -> dict[str, Any]:
    """What the numbers were taken on."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    server = subprocess.run(
        [postgres.binaries() / "postgres", "-V"], capture_output=True, text=True, check=True
    )
    return {
        "processor": model[0].partition(": ")[2] if model else platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "postgresql": server.stdout.split()[-1],
        "psycopg": psycopg.__version__,
        "release": release(),
    }


def table(results: Sequence[Result]) -> Table:
    about = machine()
    title = (
        f"{about['cores']} x {about['processor']}, Python {about['python']}, PostgreSQL {about['postgresql']}"
    )
    table = Table(title=title, box=None, pad_edge=False, header_style="bold", title_justify="left")
    for column in ("what", "ours", "floor", "ratio", "how far", ""):
        table.add_column(column, overflow="fold")
    for one in results:
        verdict = {True: "reached", False: "NOT REACHED", None: ""}[one.is_reached]
        table.add_row(
            one.what, one.ours, one.floor, f"{one.ratio:.2f}" if one.ratio else "", one.target, verdict
        )
    return table
