"""What the tests of sockets share: a websocket API on this machine."""

from collections.abc import Iterator

import pytest

from tests import gateway as edge
from tests.doors import Sqs
from tests.gateway import Gateway
from winroom import sockets
from winroom.settings import settings


@pytest.fixture
def gateway(environment: pytest.MonkeyPatch, queues: Sqs) -> Iterator[Gateway]:
    """A websocket API whose management endpoint the functions know."""
    with edge.running() as running:
        environment.setenv("SOCKET_MANAGEMENT_URL", running.url)
        settings.cache_clear()
        sockets._endpoint.cache_clear()
        # Made here: a Lambda has one thread that might, the tests have many.
        endpoint = sockets._endpoint()
        yield running
        endpoint.close()
        sockets._endpoint.cache_clear()
