"""Sockets: posting to open websockets through API Gateway, and closing them.
One slow or broken socket must never hold up the others, nor the room."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from queue import Empty, SimpleQueue
from typing import NamedTuple
from urllib.parse import quote

from winroom import aws, telemetry
from winroom.settings import settings

_AT_ONCE = 32
# Seconds in which not one post is answered: whoever is still being posted to is waited for no longer.
_STALLED = 1.0

# Sockets that a post is still under way to. Another one would only queue up behind it.
_busy: set[str] = set()


class Posted(NamedTuple):
    """The connections that are gone, and those whose turn did not come in time."""

    gone: set[str]
    untold: set[str]


class _Progress(NamedTuple):
    connection_id: str
    is_over: bool = False
    is_gone: bool = False


_News = SimpleQueue[_Progress]
_Job = Callable[[_News], None]


def post(frames: Mapping[str, Sequence[str]], patience: float = 5.0) -> Posted:
    """Posts each connection its frames in order, many connections at once, for `patience` seconds.

    Whatever goes wrong with one is logged, and its client sees by the numbers what it lacks.
    """
    endpoint = _endpoint()
    return _each({to: partial(_post, endpoint, to, texts) for to, texts in frames.items()}, patience)


def close(connection_ids: Collection[str], patience: float = 10.0) -> Posted:
    """Closes the connections, many at once."""
    endpoint = _endpoint()
    return _each({to: partial(_close, endpoint, to) for to in connection_ids}, patience)


def _each(jobs: Mapping[str, _Job], patience: float) -> Posted:
    """Does each connection's job; those that stall in the end are left to themselves."""
    ends = time.monotonic() + patience
    news: _News = SimpleQueue()
    under_way: dict[str, Future[None]] = {}
    # Threads of this call alone: those that another room's sockets hold up are not missed here.
    workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="socket")
    for to in jobs.keys() - _busy:
        _busy.add(to)
        under_way[to] = workers.submit(_try, to, jobs[to], news)
    gone = set()
    while under_way:
        try:
            progress = news.get(timeout=max(0.0, min(_STALLED, ends - time.monotonic())))
        except Empty:
            if time.monotonic() < ends and not all(job.running() for job in under_way.values()):
                continue  # some have not begun: those before them take their time
            break
        if progress.is_over:
            del under_way[progress.connection_id]
        if progress.is_gone:
            gone.add(progress.connection_id)
    untold = {to for to, job in under_way.items() if job.cancel()}
    workers.shutdown(wait=False)
    _busy.difference_update(untold)
    if under_way:
        telemetry.measure(SocketErrors=len(under_way))
        telemetry.logger().warning("sockets do not answer", sockets=len(under_way), untold=len(untold))
    return Posted(gone, untold)


def _try(to: str, job: _Job, news: _News) -> None:
    is_gone = False
    try:
        job(news)
    except Exception as error:
        is_gone = isinstance(error, aws.Refused) and error.status == 410
        if not is_gone:
            telemetry.measure(SocketErrors=1)
            telemetry.logger().warning("a socket failed", connection_id=to, reason=str(error))
    finally:
        _busy.discard(to)
        news.put(_Progress(to, is_over=True, is_gone=is_gone))


def _post(endpoint: aws.Endpoint, to: str, texts: Sequence[str], news: _News) -> None:
    for text in texts:
        endpoint.send("POST", _path(to), text.encode())
        news.put(_Progress(to))


def _close(endpoint: aws.Endpoint, to: str, _news: _News) -> None:
    endpoint.send("DELETE", _path(to))


def _path(connection_id: str) -> str:
    return f"/@connections/{quote(connection_id, safe='')}"


@cache
def _endpoint() -> aws.Endpoint:
    return aws.Endpoint(settings().socket_management_url, "execute-api")
