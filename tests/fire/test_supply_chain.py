"""Nothing that is locked is known to be vulnerable, as far as PyPI knows: the long form alone asks it."""

import subprocess
from collections.abc import Callable

import pytest

from infra.release import ROOT
from tests.locks import LOCKS

# It does not know the package, or is not there.
UNANSWERED = ("could not be audited", "ConnectionError")


def test_no_locked_package_is_known_to_be_vulnerable(size: Callable[[str, str], str]) -> None:
    if size("short", "long") == "short":
        pytest.skip("`make fire` and `make audit` ask PyPI, `make test` needs no network")
    wrong = {lock: answer for lock in LOCKS if (answer := _audit(lock))}
    unasked = {lock for lock, answer in wrong.items() if any(reason in answer for reason in UNANSWERED)}
    assert not wrong.keys() - unasked, wrong
    if unasked:
        pytest.skip(f"PyPI does not say whether there are vulnerabilities in {', '.join(sorted(unasked))}")


def _audit(lock: str) -> str:
    """What is wrong with it, or nothing."""
    audit = ".venv/audit/bin/pip-audit --strict --disable-pip --progress-spinner off --requirement"
    done = subprocess.run([*audit.split(), lock], cwd=ROOT, capture_output=True, text=True)  # noqa: S603
    return done.stdout + done.stderr if done.returncode else ""
