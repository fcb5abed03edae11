"""Experiments that try to break what we promise. Each is short, and long with WINROOM_FIRE=long; its dice
fall as WINROOM_SEED says, or anew. What it did is told at the end of the run."""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

Size = TypeVar("Size")

_HERE = Path(__file__).parent
_TOLD = "fire"


@pytest.fixture
def size() -> Callable[[Size, Size], Size]:
    """Of a short and a long size the one that is asked for."""
    is_long = os.environ.get("WINROOM_FIRE") == "long"
    return lambda short, long: long if is_long else short


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[Mapping[str, object]], None]:
    """Says at the end of the run what was done, and how often."""
    return lambda done: record_property(_TOLD, ", ".join(f"{what}: {often}" for what, often in done.items()))


@pytest.fixture
def seed(tell: Callable[[Mapping[str, object]], None]) -> int:
    """What all dice are made of: WINROOM_SEED=seed lets them fall again as they fell."""
    seed = int(os.environ.get("WINROOM_SEED") or secrets.randbelow(10**6))
    tell({"WINROOM_SEED": seed})
    return seed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker("fire")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            told = [str(value) for name, value in report.user_properties if name == _TOLD]
            if told:
                terminalreporter.write_line(f"{report.nodeid}: {'; '.join(told)}")
