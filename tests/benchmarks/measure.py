"""How speed is measured: what is ours and its floor in turns, in the same run, because machines are noisy."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True)
class Scale:
    """How much is measured; `smoke` proves that the programs run, and says nothing of speed."""

    is_smoke: bool = False

    def __call__(self, much: int, little: int) -> int:
        return little if self.is_smoke else much


@dataclass(frozen=True)
class Timings:
    """Seconds that the same work took, each time."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.seconds, n=20, method="inclusive")[-1]

    def __str__(self) -> str:
        return f"p50 {_told(self.median)}, p95 {_told(self.p95)}"


@dataclass(frozen=True)
class Result:
    """A line of the table. `target` is in words, `is_reached` None where there is nothing to reach."""

    what: str
    ours: str
    floor: str = ""
    ratio: float | None = None
    target: str = ""
    is_reached: bool | None = None


def in_turns(*works: Work, rounds: int, each: int, first: int = 20) -> list[Timings]:
    """Times each work `rounds` times `each` times, A B A B; the `first` of all are not counted."""
    for work in works:
        for _ in range(first):
            work()
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, seconds in zip(works, taken, strict=True):
            seconds.extend(timed(work) for _ in range(each))
    return [Timings(seconds) for seconds in taken]


def timed(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _told(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"
