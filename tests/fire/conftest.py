"""Experiments that try to break what we promise. Each is short, and long with WINROOM_FIRE=long; its dice
fall as WINROOM_SEED says, or anew. What it did is told at the end of the run."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from tests.conftest import forget_process_state
from tests.fire import cloud, server
from tests.fire.cloud import Cloud
from tests.fire.fire import Fire

Size = TypeVar("Size")
Tell = Callable[[Mapping[str, object]], None]

_HERE = Path(__file__).parent
_TOLD = "fire"


@pytest.fixture
def size() -> Callable[[Size, Size], Size]:
    """Of a short and a long size the one that is asked for."""
    is_long = os.environ.get("WINROOM_FIRE") == "long"
    return lambda short, long: long if is_long else short


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Says at the end of the run what was done, and how often."""
    return lambda done: record_property(_TOLD, ", ".join(f"{what}: {done[what]}" for what in sorted(done)))


@pytest.fixture
def seed(tell: Tell) -> int:
    """What all dice are made of: WINROOM_SEED=seed lets them fall again as they fell."""
    seed = int(os.environ.get("WINROOM_SEED") or secrets.randbelow(10**6))
    tell({"WINROOM_SEED": seed})
    return seed


@pytest.fixture
def aws(seed: int, tell: Tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A deployment, ready to burn."""
    fire = Fire(seed)
    with server.running() as postgresql, cloud.running(postgresql, fire, tmp_path / "log") as aws:
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        forget_process_state()
        yield aws
        forget_process_state()
    tell(fire.done)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker("fire")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "teardown":
                told = [str(value) for name, value in report.user_properties if name == _TOLD]
                terminalreporter.write_line(f"{report.nodeid}: {'; '.join(told)}") if told else None
