"""infra/RUNBOOK.md, chapter by chapter, for the tests that execute it."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.release import ROOT

TEXT = (ROOT / "infra" / "RUNBOOK.md").read_text(encoding="utf-8")


def aws_commands() -> list[list[str]]:
    """What only AWS can do, as words: each command of AWS in blocks of `sh`."""
    code = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    lines = "".join(code).replace("\\\n", " ").splitlines()
    return [re.split(r"\s+", line[line.index("aws ") :]) for line in lines if "aws " in line]


def blocks() -> dict[str, list[str]]:
    """The commands by the chapter that they stand in, those of one that has none left out."""
    found: dict[str, list[str]] = {}
    for chapter in re.split(r"^#{2,3} ", TEXT, flags=re.MULTILINE):
        if code := re.findall(r"^```bash\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL):
            found[chapter.partition("\n")[0]] = code
    return found


# What is executed on a database of its own, because it would disturb whoever else works on the stack.
APART = {"Switches", "Backup and restore", "Restoring"}


def run(commands: str, environment: Mapping[str, str], folder: Path = ROOT) -> str:
    """Executes commands as an operator types them, from the folder; returns what they say."""
    programs = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", commands],
        cwd=folder,
        env={"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), **environment},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
