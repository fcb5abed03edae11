"""Sockets: posting to open websockets through API Gateway, and closing them.
One slow or broken socket must never hold up the others, nor the room."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from queue import Empty, SimpleQueue
from urllib.parse import quote

from winroom import aws, telemetry
from winroom.settings import settings

_AT_ONCE = 32
# Seconds in which not one socket answers: whoever remains then is waited for no longer.
_STALLED = 1.0

# Sockets that a post is still under way to. Another one would only queue up behind it.
_busy: set[str] = set()


def post(frames: Mapping[str, Sequence[str]]) -> set[str]:
    """Posts each connection its frames in order, all connections at once; returns the gone ones.

    Whatever else goes wrong with one is logged, and its client sees by the numbers what it lacks.
    """
    endpoint = _endpoint()
    return _each({to: partial(_post, endpoint, to, texts) for to, texts in frames.items()})


def close(connection_ids: Collection[str]) -> set[str]:
    """Closes the connections, all at once; returns those that were gone already."""
    endpoint = _endpoint()
    return _each({to: partial(_close, endpoint, to) for to in connection_ids})


def _each(work: Mapping[str, Callable[[], None]]) -> set[str]:
    """Does each connection's work and returns the connections that are gone."""
    outcomes: SimpleQueue[tuple[str, bool]] = SimpleQueue()
    under_way = {}
    for to in work.keys() - _busy:
        _busy.add(to)
        under_way[to] = _workers().submit(_try, to, work[to], outcomes)
    gone = set()
    with suppress(Empty):
        while under_way:
            to, is_gone = outcomes.get(timeout=_STALLED)
            del under_way[to]
            if is_gone:
                gone.add(to)
    if under_way:
        telemetry.logger().warning("sockets do not answer", sockets=len(under_way))
        # What has not begun never will; what has goes on until its own timeouts end it.
        _busy.difference_update(to for to, future in under_way.items() if future.cancel())
    return gone


def _try(to: str, job: Callable[[], None], outcomes: SimpleQueue[tuple[str, bool]]) -> None:
    is_gone = False
    try:
        job()
    except Exception as error:
        is_gone = isinstance(error, aws.Refused) and error.status == 410
        if not is_gone:
            telemetry.logger().warning("a socket failed", connection_id=to, reason=str(error))
    finally:
        _busy.discard(to)
        outcomes.put((to, is_gone))


def _post(endpoint: aws.Endpoint, to: str, texts: Sequence[str]) -> None:
    for text in texts:
        endpoint.send("POST", _path(to), text.encode())


def _close(endpoint: aws.Endpoint, to: str) -> None:
    endpoint.send("DELETE", _path(to))


def _path(connection_id: str) -> str:
    return f"/@connections/{quote(connection_id, safe='')}"


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="socket")


@cache
def _endpoint() -> aws.Endpoint:
    return aws.Endpoint(settings().socket_management_url, "execute-api")
