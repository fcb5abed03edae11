"""The websocket API at its edge: a server on 127.0.0.1 that speaks @connections, and clients whose
events reach the real handler as API Gateway would send them."""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any
from urllib.parse import unquote

from functions.broadcaster import socket
from tests import doors, endpoint
from tests.doors import Handler
from tests.endpoint import Asked, Told
from tests.factories import Company
from winroom import db, tickets
from winroom.callers import Caller, Role
from winroom.room import Rendering

_numbers = count(1)


class Gateway:
    """What every connection was posted, and how each is to behave."""

    def __init__(self) -> None:
        self.url = ""
        self.posted: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.sizes: list[int] = []
        self.closed: list[str] = []
        self.gone: set[str] = set()
        self.broken: set[str] = set()
        # Answers after so many seconds.
        self.slow: dict[str, float] = {}
        # So many posts are throttled first, or fail on the other side.
        self.throttled: Counter[str] = Counter()
        self.failing: Counter[str] = Counter()
        self.lock = threading.Lock()

    def take(self, connection_id: str) -> list[dict[str, Any]]:
        """What the connection was posted since the last time."""
        return self.posted.pop(connection_id, [])

    def answer(self, method: str, connection_id: str, body: bytes) -> tuple[int, str]:
        """The status and the error's name; takes the post if all is well."""
        time.sleep(self.slow.get(connection_id, 0))
        with self.lock:
            if connection_id in self.gone:
                return 410, "GoneException"
            if connection_id in self.broken:
                return 403, "ForbiddenException"
            if self.throttled[connection_id] > 0:
                self.throttled[connection_id] -= 1
                return 429, "LimitExceededException"
            if self.failing[connection_id] > 0:
                self.failing[connection_id] -= 1
                return 500, "InternalServerException"
            if method == "DELETE":
                self.closed.append(connection_id)
                self.gone.add(connection_id)
                return 204, ""
            self.sizes.append(len(body))
            self.posted[connection_id].append(json.loads(body))
            return 200, ""


@contextmanager
def running() -> Iterator[Gateway]:
    gateway = Gateway()

    def answer(asked: Asked) -> Told:
        connection_id = unquote(asked.path.rsplit("/@connections/", 1)[1])
        status, error = gateway.answer(asked.method, connection_id, asked.body)
        return Told(status, b"{}" if error else b"", error)

    with endpoint.answering(answer) as url:
        gateway.url = f"{url}/ws"
        yield gateway


class Client:
    """One browser: what it is told, and what it says, is an event of API Gateway."""

    def __init__(
        self, gateway: Gateway, connection_id: str | None = None, door: Handler = socket.handler
    ) -> None:
        self.id = connection_id or f"socket-{next(_numbers)}="
        self._gateway, self._door = gateway, door

    def connect(self, query: Mapping[str, str] | None, headers: Mapping[str, str] | None = None) -> int:
        return self.event("CONNECT", headers=headers or {}, queryStringParameters=query)

    def say(self, frame: object) -> list[dict[str, Any]]:
        """Sends a frame, which is JSON unless it is a string, and returns what came back."""
        body = frame if isinstance(frame, str) else json.dumps(frame)
        assert self.event("MESSAGE", body=body) == 200
        return self.told()

    def disconnect(self) -> int:
        return self.event("DISCONNECT", headers={})

    def told(self) -> list[dict[str, Any]]:
        """What the socket received since the last time."""
        return self._gateway.take(self.id)

    def event(self, event_type: str, **more: Any) -> int:
        request = {
            "routeKey": f"${event_type.lower()}" if event_type != "MESSAGE" else "$default",
            "eventType": event_type,
            "connectionId": self.id,
            "apiId": "api",
            "stage": "ws",
            "domainName": "socket.example.com",
            "requestId": "request",
            "identity": {"sourceIp": "203.0.113.7"},
        }
        answer = self._door({"requestContext": request, "isBase64Encoded": False, **more}, doors.context())
        # A body would reach the socket on some gateways and not on others.
        assert answer.keys() <= {"statusCode", "headers"}
        return int(answer["statusCode"])


def ticket(company: Company, rendering: Rendering = "full", **whose: Any) -> str:
    """A ticket of the company's full key, unless `whose` says otherwise."""
    key = company.rows("select api_key_id from wr.api_keys where scope = 'full'")[0]["api_key_id"]
    whose = {"role": Role.MANAGER, "sees_margin": rendering == "full", **(whose or {"api_key_id": key})}
    caller = Caller(tenant_id=company.tenant_id, ingestion_limit=1, **whose)
    with db.tenant_session(company.tenant_id) as conn:
        return tickets.issue(conn, caller)


def joined(gateway: Gateway, company: Company, rendering: Rendering = "full", **whose: Any) -> Client:
    """A client that is connected and ready."""
    client = Client(gateway)
    assert client.connect({"ticket": ticket(company, rendering, **whose)}) == 200
    assert [m["type"] for m in client.say({"action": "resume"})] == ["ready"]
    return client
