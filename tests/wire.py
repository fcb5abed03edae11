"""The wire between a function and its database: counts round trips, and can be cut."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Wire:
    """A TCP proxy on 127.0.0.1. A round trip is a turn: the client speaks after the server did."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = self._listening(0)
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = 0
        self.flowing = threading.Event()
        self.flowing.set()
        self._open: list[socket.socket] = []
        self._accepting()

    def cut(self) -> None:
        """The database is gone: connections break, new ones are refused."""
        self.flowing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # closing alone leaves accept() waiting
        self._listener.close()
        while self._open:
            broken = self._open.pop()
            with suppress(OSError):
                broken.shutdown(socket.SHUT_RDWR)
            broken.close()

    def freeze(self) -> None:
        """The database takes everything and answers nothing."""
        self.flowing.clear()

    def thaw(self) -> None:
        self.flowing.set()

    def mend(self) -> None:
        """The database is back, at the same address."""
        self._listener = self._listening(self.port)
        self._accepting()

    @contextmanager
    def counted(self) -> Iterator[list[int]]:
        """Yields a list that afterwards holds the number of round trips of the block."""
        before, result = self.round_trips, [0]
        yield result
        result[0] = self.round_trips - before

    @staticmethod
    def _listening(port: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", port), reuse_port=True)

    def _accepting(self) -> None:
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._open += [client, server]
            turn = _Turn(self)
            for source, sink, speaks in ((client, server, True), (server, client, False)):
                threading.Thread(
                    target=_carry, args=[source, sink, turn, speaks, self.flowing], daemon=True
                ).start()


class _Turn:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._client_spoke_last = False

    def taken(self, by_client: bool) -> None:
        if by_client and not self._client_spoke_last:
            self._wire.round_trips += 1
        self._client_spoke_last = by_client


def _carry(
    source: socket.socket, sink: socket.socket, turn: _Turn, by_client: bool, flowing: threading.Event
) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            flowing.wait()
            turn.taken(by_client)
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
    sink.close()
