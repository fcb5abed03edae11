"""Runs locust: the plan of a load goes in, what came of it comes out. `locustfile.py`, which locust loads in
an environment of its own, imports nothing of ours: here are the words between us and it."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import nan
from pathlib import Path
from typing import Any, Literal

from infra.local import leash
from infra.release import ROOT
from tests.benchmarks.measure import Timings

_PROGRAM = ROOT / ".venv" / "load" / "bin" / "locust"
_USERS = Path(__file__).with_name("locustfile.py")
# Seconds in which all have come in.
_ENTRANCE = 120


@dataclass(frozen=True)
class Listening:
    """A company whose room so many people watch."""

    key: str
    viewers: int = 20


@dataclass(frozen=True)
class Sender:
    """A system that sends a sale every so many seconds in some phases, counted under a name in each; one that
    `is_over_limit` expects to be refused."""

    company: str
    seconds: float
    during: Mapping[str, str]
    is_over_limit: bool = False


@dataclass(frozen=True)
class Plan:
    """Phases are names and seconds, one after another, the first to warm up in; a name may come again. What
    was accepted may still be on its way for `patience` seconds after the last answer."""

    url: str
    companies: Mapping[str, Listening]
    senders: Sequence[Sender]
    phases: Sequence[tuple[str, int]]
    patience: int = 90


What = Literal["POST", "socket", "refused", "lost", "twice", "asked again"]


@dataclass(frozen=True)
class Outcome:
    """What locust has counted. A sale is timed from its POST; `lost` and `twice` are sales on sockets."""

    entries: Sequence[Mapping[str, Any]]
    errors: Sequence[str]
    is_whole: bool

    def timings(self, what: What, name: str) -> Timings:
        """Of what succeeded, to two digits, as locust keeps them. Not a number where nothing did."""
        ms = Counter[str]()
        for one in self.entries:
            if (one["method"], one["name"]) == (what, name):
                ms.update(one["response_times"])
        return Timings([int(one) / 1000 for one in ms.elements()] or [nan, nan])

    def count(self, what: What, *names: str) -> int:
        """How many under those names, or under any."""
        return sum(
            one["num_requests"]
            for one in self.entries
            if one["method"] == what and (not names or one["name"] in names)
        )


def run(plan: Plan, folder: Path) -> Outcome:
    """It ends when every viewer has what it is owed, at the latest when all patience has ended. Logs and the
    like are left in the folder. Raises ProgramEnded."""
    log, told = folder / "logs" / "locust.log", folder / "outcome.json"
    told.unlink(missing_ok=True)
    most = _ENTRANCE + sum(seconds for _, seconds in plan.phases) + plan.patience
    users = len(plan.senders) + sum(company.viewers for company in plan.companies.values())
    command: list[str | Path] = [_PROGRAM, "--headless", "--locustfile", _USERS]
    command += ["--users", str(users), "--spawn-rate", "20", "--run-time", f"{most}s"]
    environment = {
        "PATH": os.environ["PATH"],
        "WINROOM_LOAD_PLAN": json.dumps(asdict(plan)),
        "WINROOM_LOAD_OUTCOME": str(told),
    }
    with leash.leashed(command, log=log, env=environment, cwd=folder) as locust:
        locust.wait(most + 60)
    if not told.exists():
        raise leash.ProgramEnded(f"locust told nothing; the end of {log}:\n{leash.tail(log)}")
    return Outcome(**json.loads(told.read_text()))
