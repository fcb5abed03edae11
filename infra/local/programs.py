"""Programs of the machine that tests need: found, or installed now where the system lets us."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence


def find(*names: str) -> str | None:
    """The first of these programs that the machine has."""
    # Servers are where the path of most people does not lead.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    return next(filter(None, (shutil.which(name, path=path) for name in names)), None)


def install(package: str) -> None:
    """Asks Debian for it, if we are root. Whether it has worked, the program that is there then tells."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        attempt(["apt-get", "update"])
        # Another worker may be at it already.
        waiting = ["--option", "DPkg::Lock::Timeout=300"]
        attempt(["apt-get", "install", *waiting, "--yes", "--no-install-recommends", package])


def attempt(command: Sequence[str]) -> None:
    """Runs it, come what may; what it says is seen."""
    with contextlib.suppress(OSError):
        subprocess.run(command, check=False, stdout=sys.stderr)
