"""Starts programs that end when we do, even when we are killed with -9.

Between us and a program stands this file, run as a script: it holds the reading end of a pipe
whose writing end only we have. When that end closes, for whatever reason, it stops the program.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 10


class ProgramEnded(Exception):
    """A program of the local stack ended by itself."""


@contextlib.contextmanager
def leashed(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stop_with: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` for the length of the block; what it prints goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches us alone, and we stop things in the right order.
        holder = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(int(stop_with)), *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    try:
        yield holder
    finally:
        if holder.stdin:
            holder.stdin.close()
        holder.wait(GRACE_SECONDS + 5)


def must_run(holder: subprocess.Popen[bytes], log: Path) -> None:
    if holder.poll() is not None:
        raise ProgramEnded(f"ended with {holder.returncode}; the end of {log}:\n{tail(log)}")


def tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _hold(stop_with: int, command: list[str]) -> int:
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def stop(_signal: int = 0, _frame: FrameType | None = None) -> None:
        program.send_signal(stop_with)
        try:
            program.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()

    def wait_for_the_end_of_the_pipe() -> None:
        while os.read(0, 1):
            pass
        stop()

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=wait_for_the_end_of_the_pipe, daemon=True).start()
    return program.wait()


if __name__ == "__main__":
    sys.exit(_hold(int(sys.argv[1]), sys.argv[2:]))
