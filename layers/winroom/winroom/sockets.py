"""Sockets: posting to open websockets through API Gateway, and closing them.
One slow or broken socket must never hold up the others, nor the room."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from winroom import telemetry
from winroom.settings import settings

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

_AT_ONCE = 32
# Seconds in which not one socket answers: whoever remains then is waited for no longer.
_STALLED = 1.0

# Sockets that a post is still under way to. Another one would only queue up behind it.
_busy: set[str] = set()


def post(frames: Mapping[str, Sequence[str]]) -> set[str]:
    """Posts each connection its frames in order, all connections at once; returns the gone ones.

    Whatever else goes wrong with one is logged, and its client sees by the numbers what it lacks.
    """
    return _each({to: partial(_post, _client(), to, texts) for to, texts in frames.items()})


def close(connection_ids: Collection[str]) -> set[str]:
    """Closes the connections, all at once; returns those that were gone already."""
    return _each(
        {to: partial(_client().delete_connection, ConnectionId=to) for to in connection_ids}
    )


def _each(work: Mapping[str, Callable[[], object]]) -> set[str]:
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


def _try(to: str, job: Callable[[], object], outcomes: SimpleQueue[tuple[str, bool]]) -> None:
    is_gone = False
    try:
        job()
    except Exception as error:
        is_gone = _status(error) == 410
        if not is_gone:
            telemetry.logger().warning("a socket failed", connection_id=to, reason=str(error))
    finally:
        _busy.discard(to)
        outcomes.put((to, is_gone))


def _post(client: "ApiGatewayManagementApiClient", to: str, texts: Sequence[str]) -> None:
    for text in texts:
        client.post_to_connection(ConnectionId=to, Data=text.encode())


def _status(error: Exception) -> int | None:
    """The HTTP status of an error that API Gateway answered, None where it gave no answer."""
    response = getattr(error, "response", {})
    status: int | None = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="socket")


@cache
def _client() -> "ApiGatewayManagementApiClient":
    # Imported here: who posts nothing needs none of it.
    import boto3
    from botocore.config import Config

    patience = Config(
        connect_timeout=1,
        read_timeout=1,
        # "standard" backs off and tries again when API Gateway throttles us.
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=_AT_ONCE,
        # What we send is ours: checking it costs a tenth of the post.
        parameter_validation=False,
    )
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=settings().socket_management_url,
        config=patience,
    )
