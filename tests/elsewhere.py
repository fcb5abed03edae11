"""The tests where they do not run otherwise: on this machine's older PostgreSQL, and by the template's other
Pythons. `python -m tests.elsewhere [--short] [what else pytest is to know]`"""

import os
import re
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

from infra.local import postgres
from infra.release import ROOT
from tests import template
from winroom import schema

# What depends most on either, in seconds.
SHORT = [
    f"tests/integration/test_{name}.py"
    for name in (
        "migrations",
        "schema_guards",
        "isolation_matrix",
        "ingestion",
        "processor",
        "board",
        "openapi",
    )
]
_OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


def main(arguments: list[str]) -> bool:
    """Each server and each Python has one turn, and they take it together; returns whether a test failed."""
    turns = list(zip_longest(servers(), pythons()))
    if arguments[:1] == ["--short"]:
        turns, arguments = turns[:1], [*SHORT, *arguments[1:]]
    if not turns:
        print(f"This machine has nothing but PostgreSQL {newest()} and Python {_OURS}.")
    return bool([turn for turn in turns if not passed(*turn, arguments)])


def passed(server: Path | None, python: str | None, arguments: list[str]) -> bool:
    """Runs them on that server by that Python, or where these are None on the usual."""
    programs = server or postgres.binaries()
    print(f"PostgreSQL {version(programs)}, Python {python or _OURS}:", flush=True)
    command = [environment(python) if python else sys.executable, "-m", "pytest", "-n", "auto", *arguments]
    environ = {**os.environ, "POSTGRES": str(programs)}
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode == 0


def servers() -> list[Path]:
    """The programs of every older PostgreSQL that we promise to run on, the oldest first."""
    there = {version(folder): folder for folder in Path("/usr/lib/postgresql").glob("*/bin")}
    return [there[number] for number in sorted(there) if schema.OLDEST <= number < newest()]


def newest() -> int:
    return version(postgres.binaries())


def version(programs: Path) -> int:
    """Of the PostgreSQL whose programs these are; 0 if its server is not among them."""
    if not (programs / "postgres").exists():
        return 0
    command = [str(programs / "postgres"), "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(re.findall(r"\d+", told)[0])


def pythons() -> list[str]:
    """Those of the template that this machine has besides ours, the one of the cloud first."""
    runtime = template.read(ROOT / "template.yaml")["Parameters"]["Runtime"]
    versions = [name.removeprefix("python") for name in runtime["AllowedValues"]]
    versions.sort(key=lambda one: one != runtime["Default"].removeprefix("python"))
    return [one for one in versions if one != _OURS and is_there(one)]


def is_there(python: str) -> bool:
    command = [str(Path(sys.executable).with_name("uv")), "python", "find", "--no-python-downloads", python]
    # A pyenv has only the version that it is told of.
    environ = {**os.environ, "PYENV_VERSION": python}
    return subprocess.run(command, env=environ, capture_output=True, check=False).returncode == 0


def environment(python: str) -> str:
    """The program of that Python in an environment with what is locked."""
    folder = ROOT / ".venv" / f"python{python}"
    subprocess.run(["make", "--quiet", f"{folder.relative_to(ROOT)}/.installed"], cwd=ROOT, check=True)
    return str(folder / "bin" / "python")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
