"""Sockets: posting to open websockets through API Gateway, and closing them.
One slow or broken socket must never hold up the others, nor the room."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import NamedTuple
from urllib.parse import quote

from winroom import aws, telemetry
from winroom.settings import settings

# More would not be quicker: of sockets that take 20 ms each, these keep a function's share of a core busy.
_AT_ONCE = 64
# Seconds in which not one post is answered: those who wait get more workers, while no more sockets than
# that are being posted to. It may be the gateway itself that is slow, and more would make it no quicker.
_SILENCE = 0.5
_AT_MOST = 256
# The same: whoever is still being posted to is waited for no longer.
_STALLED = 1.0

# Sockets that a post is still under way to: another one would only queue up behind it. With the task, which a
# loop alone does not keep.
_busy: dict[str, asyncio.Task[None] | None] = {}


class Posted(NamedTuple):
    """The connections that are gone, and those whose turn did not come in time."""

    gone: set[str]
    untold: set[str]


def post(frames: Mapping[str, Sequence[str]], patience: float = 5.0) -> Posted:
    """Posts each connection its frames in order, many connections at once, for `patience` seconds.

    Whatever goes wrong with one is logged, and its client sees by the numbers what it lacks.
    """
    return _Round("POST", frames).done(patience)


def close(connection_ids: Collection[str], patience: float = 10.0) -> Posted:
    """Closes the connections, many at once."""
    return _Round("DELETE", dict.fromkeys(connection_ids, ("",))).done(patience)


class _Round:
    """The same method for many connections, with one body after another for each."""

    def __init__(self, method: str, bodies: Mapping[str, Sequence[str]]) -> None:
        self._endpoint, self._method, self._bodies = _endpoint(), method, bodies
        self._waiting = deque(bodies)
        self._gone: set[str] = set()
        self._heard_at = time.monotonic()

    def done(self, patience: float) -> Posted:
        """Does it; connections that stall in the end are left to themselves."""
        return asyncio.run_coroutine_threadsafe(self._run(time.monotonic() + patience), _loop()).result()

    async def _run(self, ends: float) -> Posted:
        workers = self._more_workers()
        while workers:
            left = self._left(ends)
            _, workers = await asyncio.wait(workers, timeout=max(0.0, min(left, _SILENCE)))
            if left <= 0:
                break
            if time.monotonic() - self._heard_at > _SILENCE and len(_busy) < _AT_MOST:
                workers |= self._more_workers()
        untold = set(self._waiting)
        self._waiting.clear()
        if stalled := len(workers) + len(untold):
            telemetry.measure(SocketErrors=stalled)
            telemetry.logger().warning("sockets do not answer", sockets=stalled, untold=len(untold))
        return Posted(self._gone, untold)

    def _more_workers(self) -> set[asyncio.Task[None]]:
        return {asyncio.create_task(self._work()) for _ in range(min(_AT_ONCE, len(self._waiting)))}

    def _left(self, ends: float) -> float:
        """Seconds to wait for news. Before all have begun it is no stall: those before take their time."""
        return (ends if self._waiting else min(ends, self._heard_at + _STALLED)) - time.monotonic()

    async def _work(self) -> None:
        while self._waiting:
            to = self._waiting.popleft()
            if to not in _busy:
                _busy[to] = asyncio.current_task()
                try:
                    await self._tell(to)
                finally:
                    del _busy[to]

    async def _tell(self, to: str) -> None:
        try:
            for body in self._bodies[to]:
                await self._endpoint.send(self._method, _path(to), body.encode())
                self._heard_at = time.monotonic()
        except Exception as error:
            self._heard_at = time.monotonic()
            if isinstance(error, aws.Refused) and error.status == 410:
                self._gone.add(to)
                return
            telemetry.measure(SocketErrors=1)
            telemetry.logger().warning("a socket failed", connection_id=to, reason=str(error))


def _path(connection_id: str) -> str:
    return f"/@connections/{quote(connection_id, safe='')}"


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Runs in a thread of its own: posts that are left to themselves go on while others are waited for."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="sockets", daemon=True).start()
    return loop


@cache
def _endpoint() -> aws.AsyncEndpoint:
    return aws.AsyncEndpoint(settings().socket_management_url, "execute-api")
