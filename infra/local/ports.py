"""TCP ports of the local stack: the usual ones if they are free, others if not."""

import contextlib
import fcntl
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

LOOPBACK = "127.0.0.1"
_RESERVATIONS = Path(tempfile.gettempdir()) / "winroom-ports"


@contextlib.contextmanager
def reserved(preferred: int) -> Iterator[int]:
    """`preferred`, or a port of the system's choice when somebody has it.

    Another stack that starts at the same time gets another one, also before anybody listens there:
    two emulators that answer for each other would mix two stacks.
    """
    _RESERVATIONS.mkdir(mode=0o777, exist_ok=True)
    for _ in range(100):
        port = _free(preferred)
        with (_RESERVATIONS / str(port)).open("a") as reservation:
            try:
                fcntl.flock(reservation, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                preferred = 0
                continue
            yield port
            return
    raise OSError(f"no free port on {LOOPBACK}")


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _free(preferred: int) -> int:
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no free port on {LOOPBACK}")
