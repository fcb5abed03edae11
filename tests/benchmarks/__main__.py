"""`python -m tests.benchmarks`: measures each row of the table beside its floor. `make bench` calls it."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console

from infra.release import ROOT
from tests.benchmarks.measure import Result, Scale
from tests.benchmarks.report import machine, table

# In the order of the table.
PROGRAMS = (
    "ingestion",
    "ingestion_load",
    "processor",
    "fanout",
    "whole_way",
    "neighbour",
    "cold_start",
    "reading",
    "size",
    "cost",
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(PROGRAMS))
@click.option(
    "--smoke", is_flag=True, help="Only prove that the programs run: little is done, nothing timed."
)
@click.option(
    "--json", "to", type=click.Path(dir_okay=False, path_type=Path), help="Write all of it there, too."
)
@click.option(
    "--within", is_flag=True, hidden=True, help="Print results as lines of JSON: one process a program."
)
def main(names: tuple[str, ...], smoke: bool, to: Path | None, within: bool) -> None:
    """Measure the programs named, or all, each in a process of its own and beside its floor."""
    if within:
        for result in import_module(f"tests.benchmarks.{names[0]}").run(Scale(smoke)):
            print(json.dumps(asdict(result)), file=sys.__stdout__, flush=True)
        return
    results: list[Result] = []
    # Side by side where nothing is timed.
    with ThreadPoolExecutor(2 if smoke else 1) as threads:
        for part in threads.map(partial(_results, smoke=smoke), names or PROGRAMS):
            results += part
    if smoke:
        click.echo(f"{len(results)} lines came about. Nothing was timed.")
    else:
        Console(width=None if sys.stdout.isatty() else 170).print(table(results))
    if any(result.ours.startswith("failed") for result in results):
        sys.exit(1)
    if to:
        told = {"machine": machine(), "results": [asdict(result) for result in results]}
        to.write_text(json.dumps(told, indent=2) + "\n")


def _results(name: str, smoke: bool) -> list[Result]:
    command = [sys.executable, "-m", "tests.benchmarks", name, "--within", *(["--smoke"] if smoke else [])]
    results = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        for line in process.stdout:
            results.append(Result(**json.loads(line)))
            click.echo(f"{name}: {results[-1].what}: {results[-1].ours}", err=True)
    if process.returncode:
        results.append(Result(name, "failed: what it said stands above", is_reached=False))
    return results


if __name__ == "__main__":
    main()
