"""The real template, built and deployed to the local stack, seen from outside: HTTP and websockets."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow, dict_row
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from infra.local import deployment, postgres
from infra.local.stack import Stack
from tests.conftest import STATE
from tests.e2e.levers import Levers
from winroom import api_keys, ids, tenants, users
from winroom.db import connect as connect_database


@dataclass(frozen=True)
class Company:
    """A tenant of the deployed stack, as its own systems and people see it."""

    stack: Stack
    tenant_id: Any
    slug: str
    key: str

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        more.setdefault("timeout", 30)
        return httpx.request(method, self.stack.http_url + path, headers=headers, **more)

    def post(self, body: object) -> httpx.Response:
        return self.call("POST", "/api/events", json=body)

    def sell(self, body: object) -> str:
        """Posts a sale that must be accepted; returns its event id."""
        answer = self.post(body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["eventId"])

    @contextmanager
    def room(self, after: int | None = None) -> Iterator["Room"]:
        """A socket that has asked to be ready; `wait_for_type("ready")` where it must be."""
        ticket = self.call("POST", "/api/realtime/ticket").json()
        with connect(f"{ticket['url']}?ticket={ticket['ticket']}", max_queue=None) as socket:
            room = Room(socket)
            room.send({"action": "resume", "after": after})
            yield room

    def boss(self) -> "Company":
        """The same company, as one of its admins sees it who has just logged in."""
        who = {"email": f"boss-{ids.new()}@acme.example", "password": "correct horse battery staple"}
        with connect_database(self.stack.operator_database_url) as conn:
            users.create(conn, self.tenant_id, who["email"], "Boss", "admin", who["password"])
        answer = self.call("POST", "/api/session", json={"tenant": self.slug, **who})
        return replace(self, key=answer.json()["token"])

    def revoke_keys(self) -> None:
        with psycopg.connect(self.stack.operator_database_url) as conn:
            conn.execute("update wr.api_keys set revoked_at = now() where tenant_id = %s", [self.tenant_id])

    def rows(self, statement: str) -> list[DictRow]:
        with self._rows_of_its_own() as conn:
            return conn.execute(statement).fetchall()

    def change(self, statement: str, *values: Any) -> None:
        with self._rows_of_its_own() as conn:
            conn.execute(statement, values or None)

    @contextmanager
    def _rows_of_its_own(self) -> Iterator[psycopg.Connection[DictRow]]:
        with psycopg.connect(self.stack.database_url, row_factory=dict_row) as conn:
            conn.execute("select wr.enter_tenant(%s)", [self.tenant_id])
            yield conn


class Room:
    """A client of the room, as the contract asks it to be: drops what it has seen."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.seen: dict[int, dict[str, Any]] = {}

    def send(self, frame: object) -> None:
        self._socket.send(json.dumps(frame))

    def receive(self, timeout: float = 10) -> dict[str, Any]:
        """The next frame, whatever it is."""
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=timeout))
        for numbered in message.get("messages", [message]):
            if "data" in numbered and "seq" in numbered:
                self.seen.setdefault(numbered["seq"], numbered)
        return message

    def wait_for(
        self, sale_id: str, message_type: str = "queue.created", timeout: float = 10
    ) -> dict[str, Any]:
        """The numbered message about a sale. Raises TimeoutError."""
        ends = time.monotonic() + timeout
        while True:
            for message in self.seen.values():
                if (message["type"], message["data"]["saleId"]) == (message_type, sale_id):
                    return message
            self.receive(max(0.01, ends - time.monotonic()))

    def wait_for_type(self, message_type: str) -> dict[str, Any]:
        """The next frame of a type. Raises TimeoutError after ten silent seconds."""
        while True:
            if (message := self.receive())["type"] == message_type:
                return message

    def wait_until_closed(self, timeout: float) -> float:
        """Returns after how many seconds the server has closed the socket. Raises TimeoutError."""
        began = time.monotonic()
        with suppress(ConnectionClosed):
            while True:
                self.receive(max(0.01, began + timeout - time.monotonic()))
        return time.monotonic() - began

    def wait_until_seen(self, number: int, timeout: float = 60) -> None:
        """Returns when that many numbered messages were seen."""
        ends = time.monotonic() + timeout
        while len(self.seen) < number:
            self.receive(max(0.01, ends - time.monotonic()))


def new_company(stack: Stack) -> Company:
    tenant_id = ids.new()
    slug = f"e2e-{tenant_id}"
    with connect_database(stack.operator_database_url) as conn:
        tenants.create(conn, tenant_id, slug, "Acme", "enterprise")
        key, _ = api_keys.create(conn, tenant_id, "Office", "full", "test")
    return Company(stack, tenant_id, slug, key)


@pytest.fixture
def company(stack: Stack) -> Company:
    return new_company(stack)


@pytest.fixture
def rival(stack: Stack) -> Company:
    return new_company(stack)


@pytest.fixture(scope="session")
def levers(stack: Stack) -> Levers:
    return Levers(deployment.describe(stack.aws_endpoint_url))


Start = Callable[[], None]
Stop = Callable[..., Start]


@pytest.fixture(scope="session")
def stopped(stack: Stack) -> Iterator[Stop]:
    """Stops the stack's PostgreSQL, or kills it; what it returns starts it again, until the tests end."""
    started: list[subprocess.Popen[bytes]] = []
    data = STATE / "postgres"

    def stop(how: signal.Signals = signal.SIGINT) -> Start:
        pid = int((data / "postmaster.pid").read_text().split()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        os.kill(pid, how)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.05)
            for server in started:
                server.poll()  # a child of ours stays there until it is asked how it ended

        def start() -> None:
            while True:
                # One that was killed leaves processes behind, and there is no other beside them.
                if not started or started[-1].poll() is not None:
                    started.append(
                        subprocess.Popen([*postgres._as_the_user_of(data), *command], start_new_session=True)
                    )
                with suppress(psycopg.OperationalError), psycopg.connect(stack.database_url):
                    return

        return start

    yield stop
    for server in started:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def wait_until(condition: Callable[[], bool], timeout: float = 60) -> None:
    ends = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > ends:
            pytest.fail("it did not come true in time")
        time.sleep(0.2)
