"""The cable between a browser and the stack: a SOCKS relay that a test can cut, silence and mend. What passes
are the browser's own TCP connections, its websocket's too, so that a cut is one."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

from infra.local import ports

_BROKEN = struct.pack("ii", 1, 0)  # closed at once, without a goodbye


class Line:
    """Whole when it is made."""

    def __init__(self) -> None:
        self._listener = socket.create_server((ports.LOOPBACK, 0), backlog=128)
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._is_cut = False
        self._is_audible = threading.Event()
        self._is_audible.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def proxy(self) -> str:
        """What a browser is told, as its proxy."""
        host, port = self._listener.getsockname()
        return f"socks5://{host}:{port}"

    def cut(self) -> None:
        """All connections break now, and no new one is made."""
        with self._lock:
            self._is_cut = True
            ends, self._ends = self._ends, set()
        for end in ends:
            _break(end)

    def silence(self) -> None:
        """Nothing passes any longer, and nobody is told."""
        self._is_audible.clear()

    def mend(self) -> None:
        """The line is whole again; what broke stays broken."""
        self._is_cut = False
        self._is_audible.set()

    def close(self) -> None:
        self._listener.close()
        self.cut()
        self._is_audible.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(browser,), daemon=True).start()

    def _serve(self, browser: socket.socket) -> None:
        if not self._keep(browser):
            return
        with contextlib.suppress(OSError):
            server = socket.create_connection(_greeted(browser))
            if self._keep(server):
                browser.sendall(b"\x05\x00\x00\x01" + bytes(6))
                threading.Thread(target=self._pump, args=(browser, server), daemon=True).start()
                self._pump(server, browser)
        self._drop(browser)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while passing := source.recv(65536):
                self._is_audible.wait()
                target.sendall(passing)
        self._drop(source)
        self._drop(target)

    def _keep(self, end: socket.socket) -> bool:
        """Whether the line is whole; if not, the end is broken."""
        with self._lock:
            if not self._is_cut:
                self._ends.add(end)
                return True
        _break(end)
        return False

    def _drop(self, end: socket.socket) -> None:
        with self._lock:
            self._ends.discard(end)
        # Whoever reads from it meanwhile wakes up, as close alone would not make them.
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextlib.contextmanager
def laid() -> Iterator[Line]:
    """A line for the length of the block."""
    line = Line()
    try:
        yield line
    finally:
        line.close()


def _greeted(browser: socket.socket) -> tuple[str, int]:
    """Whom the browser wants to reach, after the greeting of SOCKS 5."""
    _, methods = _exactly(browser, 2)
    _exactly(browser, methods)
    browser.sendall(b"\x05\x00")
    kind = _exactly(browser, 4)[3]
    if kind == 1:
        host = socket.inet_ntoa(_exactly(browser, 4))
    else:
        host = _exactly(browser, _exactly(browser, 1)[0]).decode()
    return host, int.from_bytes(_exactly(browser, 2))


def _exactly(source: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = source.recv(size - len(found))
        if not part:
            raise OSError("the browser has hung up")
        found += part
    return found


def _break(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BROKEN)
        end.shutdown(socket.SHUT_RDWR)
    end.close()
