"""What the processes of a local stack hold and how busy they are, as Linux tells it under /proc."""

import os
import re
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from infra.local.stack import Stack

_FUNCTION = r"/emulator/tmp/ministack-lambda-winroom-local-(\w+?)Function-"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """`megabytes` are its own: what it shares, files and PostgreSQL's buffers, is not among them."""

    part: str
    megabytes: float
    cpu_seconds: float


@dataclass(frozen=True)
class Sample:
    at: float
    processes: Mapping[int, Process]


@contextmanager
def watched(state: Path, stack: Stack, every: float) -> Iterator[list[Sample]]:
    """Samples of all processes of the stack, taken for the length of the block."""
    samples: list[Sample] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every):
            samples.append(Sample(time.monotonic(), _processes(state, stack)))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def busy(samples: Sequence[Sample]) -> str:
    """How many cores each part has kept busy, and in how many processes at most."""
    used: dict[str, float] = defaultdict(float)
    for before, after in pairwise(samples):
        for pid, process in after.processes.items():
            known = before.processes.get(pid)
            used[process.part] += process.cpu_seconds - (known.cpu_seconds if known else 0)
    most = Counter[str]()
    for sample in samples:
        most |= Counter(process.part for process in sample.processes.values())
    span = samples[-1].at - samples[0].at
    parts = sorted(used, key=lambda part: -used[part])
    return ", ".join(f"{part} {used[part] / span:.2f} ({most[part]})" for part in parts if used[part] > 1)


def growth(samples: Sequence[Sample]) -> dict[str, tuple[float, float]]:
    """Of each part: the megabytes of its processes at the end, and how many more they became a second.
    Only what ran all the time counts: a process that comes or goes is no leak."""
    lasting = set.intersection(*(set(sample.processes) for sample in samples))
    held: dict[str, float] = defaultdict(float)
    slopes: dict[str, float] = defaultdict(float)
    for pid in lasting:
        last = samples[-1].processes[pid]
        series = [sample.processes[pid].megabytes for sample in samples]
        held[last.part] += last.megabytes
        slopes[last.part] += statistics.linear_regression([s.at for s in samples], series).slope
    return {part: (held[part], slopes[part]) for part in sorted(held)}


def _processes(state: Path, stack: Stack) -> dict[int, Process]:
    found = {}
    server = int((state / "postgres" / "postmaster.pid").read_text().split()[0])
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if part := _part(folder, state, stack, server):
                found[int(folder.name)] = Process(part, _megabytes(folder), _cpu_seconds(folder))
    return found


def _part(folder: Path, state: Path, stack: Stack, server: int) -> str | None:
    command = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    if function := re.search(re.escape(str(state)) + _FUNCTION, command):
        return function[1]
    if int(folder.name) == server or _parent(folder) == server:
        return "PostgreSQL"
    if "ministack.app" in command and (folder / "cwd").resolve() == state / "emulator":
        return "emulator"
    return "proxy" if f"infra.local.proxy {stack.ports['http']} " in command else None


def _megabytes(folder: Path) -> float:
    found = re.search(r"RssAnon:\s+(\d+) kB", (folder / "status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _parent(folder: Path) -> int:
    return int(_stat(folder)[1])


def _cpu_seconds(folder: Path) -> float:
    user, system = _stat(folder)[11:13]
    return (int(user) + int(system)) / _TICKS


def _stat(folder: Path) -> list[str]:
    """Its fields from the third on: the second is a name with anything in it."""
    return (folder / "stat").read_text().rpartition(")")[2].split()
