"""An AWS that answers at once, or after a while: a process of its own that takes every request, in the words
of SQS and of the management API alike. `python -m tests.benchmarks.sink SECONDS` prints its port."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from infra.release import ROOT

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@contextmanager
def running(delay: float = 0) -> Iterator[str]:
    """Its URL, for the length of the block."""
    command = [sys.executable, "-m", __name__, str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


class _Connection(asyncio.Protocol):
    """One client, whose requests may come in pieces, and one after another."""

    def __init__(self, delay: float) -> None:
        self._delay, self._buffer = delay, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (length := _length_of_first(self._buffer)) is not None:
            self._buffer = self._buffer[length:]
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, _ANSWER)


def _length_of_first(received: bytes) -> int | None:
    """How long the first request is; None while it is not all there."""
    head, separator, _ = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    _, named, rest = head.lower().partition(b"\r\ncontent-length:")
    length = len(head) + len(separator) + (int(rest.partition(b"\r\n")[0]) if named else 0)
    return length if len(received) >= length else None


async def _serve(delay: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(_serve(float(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit()
