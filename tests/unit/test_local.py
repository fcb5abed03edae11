"""What the local stack hands to the programs that it starts."""

import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from infra.local import deployment, emulator

OWNER = "postgresql://winroom:a-secret@127.0.0.1:5442/winroom"


@pytest.fixture
def _no_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "session", Mock())
    for name in ("describe", "_for_the_emulator"):
        monkeypatch.setattr(deployment, name, Mock())


@pytest.fixture
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a `sam` is that says how it was called, with what is in the files that it was told to read."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python").symlink_to(sys.executable)
    (tools / "sam").write_text(
        '#!/bin/sh\necho "called: $@"; env\nfor word in "$@"; do case $word in\n'
        'file://*) ls -l "${word#file://}"; cat "${word#file://}";; esac; done\n'
    )
    (tools / "sam").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tools / "python"))
    return tools


@pytest.mark.usefixtures("_no_emulator", "sam")
def test_the_owners_password_is_on_no_command_line_and_in_no_file_afterwards(tmp_path: Path) -> None:
    deployment.deploy(tmp_path, "http://127.0.0.1:9", OWNER, "ws://127.0.0.1:9/ws")
    called, *others = (tmp_path / "logs" / "sam-deploy.log").read_text().splitlines()
    assert called.startswith("called: deploy")
    assert "a-secret" not in called
    assert [line for line in others if line.startswith("-rw------- ")]
    assert [line for line in others if OWNER in line]
    assert [file for file in tmp_path.iterdir() if file.suffix == ".yaml"] == []


@pytest.mark.usefixtures("_no_emulator", "sam")
def test_no_account_of_elsewhere_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.setenv(variable, "theirs")
    deployment.deploy(tmp_path, "http://127.0.0.1:9", OWNER, "ws://127.0.0.1:9/ws")
    told = (tmp_path / "logs" / "sam-deploy.log").read_text()
    assert "theirs" not in told
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:9" in told
