"""The scan of the history finds what it is for, though it was taken out again, and nothing that is none."""

import base64
import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.release import ROOT

Commit = Callable[[str, str], None]

# Made here, or put together: this file is part of the history, too.
LETTERS = base64.urlsafe_b64encode(hashlib.sha256(b"made up").digest()).decode()[:32]
SECRETS = [
    "key = wr_live" + f"_{LETTERS}",
    "/wall/wr_wall" + f"_{LETTERS}",
    "-----BEGIN RSA PRIVATE" + " KEY-----",
    'token = "' + f'{LETTERS}"',
    'aws = "AKIA' + 'IOSFODNN7EXAMPQR"',
    "url = postgresql://owner:" + f"{LETTERS}@db.example.com/winroom",
]


@pytest.fixture
def commit(tmp_path: Path) -> Commit:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True, capture_output=True)

    def commit(content: str, message: str) -> None:
        (tmp_path / "notes.py").write_text(f"{content}\n")
        git("add", ".")
        git("-c", "user.name=Ada", "-c", "user.email=ada@acme.example", "commit", "-m", message)

    git("init")
    return commit


def leaks(repository: Path) -> tuple[int, str]:
    python = ROOT / ".venv/checkov/bin/python"
    done = subprocess.run([python, "-m", "infra.leaks", repository], cwd=ROOT, capture_output=True, text=True)
    assert not done.stderr
    return done.returncode, done.stdout


def test_a_secret_is_found_that_was_taken_out_again(commit: Commit, tmp_path: Path) -> None:
    for secret in SECRETS:
        commit(secret, "Something")
    commit("nothing", "Take it out")
    code, told = leaks(tmp_path)
    assert (code, len(told.splitlines())) == (1, len(SECRETS)), told
    assert all(line.startswith("notes.py: ") for line in told.splitlines())
    assert LETTERS not in told


def test_a_secret_is_found_in_a_message(commit: Commit, tmp_path: Path) -> None:
    commit("nothing", f"Look at {SECRETS[1]}")
    assert leaks(tmp_path) == (1, f"commit messages: a key of ours: wr_wall_{LETTERS[:4]}...\n")


def test_what_is_made_up_is_none(commit: Commit, tmp_path: Path) -> None:
    commit('PASSWORD = "correct horse battery"', "Pass phrases have blanks")
    assert leaks(tmp_path) == (0, "")
