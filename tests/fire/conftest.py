"""Experiments that try to break what we promise: short ones, and long ones for `make fire`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Tell, forget_process_state
from tests.fire import cloud, server
from tests.fire.cloud import Cloud
from tests.fire.fire import Fire

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker("fire")


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
