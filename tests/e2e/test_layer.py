"""What is shipped of others' work."""

import os
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.conftest import STATE
from tests.locks import LAYER, canonical, pins


@pytest.mark.usefixtures("stack")
def test_the_layer_holds_what_is_locked_and_nothing_else() -> None:
    layer = Path(os.environ.get("WINROOM_STACK", STATE)) / "build/DependenciesLayer/python"
    shipped = {canonical(found.name): found for found in distributions(path=[str(layer)])}
    locked = {pin.name: pin for pin in pins(LAYER) if pin.is_for_here}
    assert {name: f"=={found.version}" for name, found in shipped.items()} == {
        name: str(pin.requirement.specifier) for name, pin in locked.items()
    }
    recorded = {layer / file for found in shipped.values() for file in found.files or []}
    files = {file for file in layer.rglob("*") if file.is_file() and file.parent.name != "__pycache__"}
    assert files <= recorded
