"""`python -m tests.load`: load by locust on a local stack of its own. `make load` calls it.

Its promises: every sale is accepted, comes to every socket of its company, and comes once. Times are those of
the emulator on this machine: they say how one part compares with another, not how fast a cloud is.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from infra.local import stack as local
from infra.local.stack import Stack
from infra.release import ROOT
from tests.benchmarks.measure import Result
from tests.benchmarks.report import machine, table
from tests.load import processes, swarm
from tests.load.processes import Sample
from tests.load.swarm import Listening, Outcome, Plan, Sender
from winroom import api_keys, ids, tenants
from winroom.db import connect
from winroom.plans import INGESTION_LIMITS
from winroom.plans import Plan as Tariff

STATE = ROOT / ".winroom" / "load"
COMPANIES = [f"company-{number}" for number in range(10)]
WARM_UP = ("warming up", 60)
# What the processes of a function may grow by, all together, for 1,000 events: one alone lasts a million.
MEGABYTES = 0.2


def steady(stack: Stack, seconds: int = 120) -> Iterator[Result]:
    """1,000 events a minute of ten companies, 200 viewers."""
    plan = Plan(stack.http_url, _companies(stack), _steady("steady"), [WARM_UP, ("steady", seconds)])
    outcome, samples = _load(plan, stack)
    yield from _times(outcome, "steady")
    yield Result("steady, cores kept busy (processes)", processes.busy(samples))
    yield _promises("steady", outcome)


def spike(stack: Stack) -> Iterator[Result]:
    """500 more events of one company within a minute."""
    phases = [WARM_UP, ("before the spike", 30), ("spike", 60), ("after the spike", 30)]
    more = [Sender(COMPANIES[0], 0.6, {"spike": "spike, the 500"})] * 5
    senders = _steady("before the spike", "spike", "after the spike") + more
    outcome, samples = _load(Plan(stack.http_url, _companies(stack), senders, phases), stack)
    for name in ("before the spike", "spike", "spike, the 500", "after the spike"):
        yield from _times(outcome, name)
    yield Result("spike, cores kept busy (processes)", processes.busy(samples))
    yield _promises("spike", outcome)


def soak(stack: Stack, minutes: int = 20) -> Iterator[Result]:
    """The same as steady, for long: what grows?"""
    phases = [WARM_UP, ("soak", minutes * 60)]
    outcome, samples = _load(Plan(stack.http_url, _companies(stack), _steady("soak"), phases), stack)
    yield from _times(outcome, "soak")
    # A second of the run is so many thousands of events; the first quarter fills caches.
    thousands = outcome.count("POST", "soak") / 1000 / (minutes * 60)
    grown = processes.growth(samples[len(samples) // 4 :])
    for part, (held, slope) in grown.items():
        is_ours = part not in ("emulator", "proxy")
        yield Result(
            f"soak, memory of {part}" + ("" if is_ours else ", not ours"),
            f"{held:.1f} MB, {slope / thousands:+.3f} MB per 1,000 events",
            target=f"<= {MEGABYTES} MB" if is_ours else "",
            is_reached=slope / thousands <= MEGABYTES if is_ours else None,
        )
    yield Result("soak, cores kept busy (processes)", processes.busy(samples))
    yield _promises("soak", outcome)


def neighbour(stack: Stack) -> Iterator[Result]:
    """A company sends ten times what its plan admits; what does a quiet one notice?"""
    companies = {"quiet": _company(stack, "enterprise"), "loud": _company(stack, "free")}
    times = {name: name for name in (WARM_UP[0], "alone", "beside a flood")}
    flood = {WARM_UP[0]: "warming up, flood", "beside a flood": "flood"}
    pause = 5 * 60 / (10 * INGESTION_LIMITS["free"])  # of each of five
    senders = [Sender("quiet", 1.0, times)] + [Sender("loud", pause, flood, is_over_limit=True)] * 5
    turns = [("alone", 60), ("beside a flood", 60)]
    outcome, samples = _load(Plan(stack.http_url, companies, senders, [WARM_UP, *turns, *turns]), stack)
    for what in ("POST", "socket"):
        alone, beside = (outcome.timings(what, phase) for phase, _ in turns)
        yield Result(
            f"quiet company, POST to {'202' if what == 'POST' else 'socket'}, beside a flood",
            str(beside),
            f"alone {alone}",
            beside.p95 / alone.p95,
            "p95 <= 1.5 x" if what == "socket" else "",
            beside.p95 <= alone.p95 * 1.5 if what == "socket" else None,
        )
    accepted, refused = outcome.count("POST", "flood"), outcome.count("refused", "flood")
    yield Result("the flood", f"{accepted} accepted, {refused} refused")
    yield Result("neighbour, cores kept busy (processes)", processes.busy(samples))
    yield _promises("neighbour", outcome)


RUNS: dict[str, Callable[[Stack], Iterator[Result]]] = {
    "steady": steady,
    "spike": spike,
    "soak": soak,
    "neighbour": neighbour,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, required=True, type=click.Choice(list(RUNS)))
@click.option("--minutes", default=20, show_default=True, help="How long the soak is.")
@click.option(
    "--json", "to", type=click.Path(dir_okay=False, path_type=Path), help="Write all of it there, too."
)
def main(names: tuple[str, ...], minutes: int, to: Path | None) -> None:
    """Load a local stack as each NAME says, each a stack of its own, and say what broke."""
    results: list[Result] = []
    for name in names:
        with _stack() as stack:
            for result in soak(stack, minutes) if name == "soak" else RUNS[name](stack):
                click.echo(f"{result.what}: {result.ours}", err=True)
                results.append(result)
    Console(width=None if sys.stdout.isatty() else 170).print(table(results))
    if to:
        told = {"machine": machine(), "results": [asdict(result) for result in results]}
        to.write_text(json.dumps(told, indent=2) + "\n")
    if any(result.target == "none" and not result.is_reached for result in results):
        sys.exit(1)


@contextmanager
def _stack() -> Iterator[Stack]:
    shutil.rmtree(STATE / "postgres", ignore_errors=True)
    (STATE / "demo.json").unlink(missing_ok=True)
    with local.up(STATE) as stack:
        yield stack


def _company(stack: Stack, tariff: Tariff) -> Listening:
    tenant_id = ids.new()
    with connect(stack.operator_database_url) as conn:
        tenants.create(conn, tenant_id, f"load-{tenant_id}", "Load", tariff)
        key, _ = api_keys.create(conn, tenant_id, "Load", "full", "load")
    return Listening(key)


def _companies(stack: Stack) -> dict[str, Listening]:
    return {name: _company(stack, "enterprise") for name in COMPANIES}


def _steady(*phases: str) -> list[Sender]:
    """1,000 a minute."""
    names = {phase: phase for phase in (WARM_UP[0], *phases)}
    return [Sender(name, 0.6, names) for name in COMPANIES]


def _load(plan: Plan, stack: Stack) -> tuple[Outcome, list[Sample]]:
    with processes.watched(STATE, stack, 5) as samples:
        return swarm.run(plan, STATE), samples


def _times(outcome: Outcome, phase: str) -> Iterator[Result]:
    posts, socket = outcome.timings("POST", phase), outcome.timings("socket", phase)
    yield Result(f"{phase}, POST to 202", f"{posts}, {outcome.count('POST', phase):,} of them")
    yield Result(f"{phase}, POST to socket", f"{socket}, at most {max(socket.seconds):.2f} s")


def _promises(run: str, outcome: Outcome) -> Result:
    """What was promised: nobody was refused, nothing was lost, nothing came twice."""
    lost, twice = outcome.count("lost"), outcome.count("twice")
    for error in outcome.errors:
        click.echo(f"{run}: {error}", err=True)
    return Result(
        f"{run}, what broke",
        f"{lost} lost, {twice} twice, {len(outcome.errors)} kinds of errors"
        + ("" if outcome.is_whole else ", cut off")
        + f"; sockets asked again {outcome.count('asked again')} times",
        target="none",
        is_reached=outcome.is_whole and not (lost or twice or outcome.errors),
    )


if __name__ == "__main__":
    main()
