"""A crowd that means harm in the deployed room: it connects in storms, never reads, and says what nobody
should. An honest viewer beside it sees every sale, and in the end nothing of the crowd is left."""

import asyncio
import json
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle
from typing import Any
from uuid import UUID

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conftest import Size, Tell
from tests.e2e.conftest import Company, wait_until
from tests.factories import sale
from winroom import plans, tickets, users
from winroom.callers import Caller, Role
from winroom.db import connect as connect_database

pytestmark = pytest.mark.fire(minutes=4)

ABSURD: list[Any] = [-1, 2**53, 2**63, 1e308, 0.5, "1", "", True, [], {}, [[1]], "9" * 3_000]
ACTIONS: list[Any] = ["$connect", "$disconnect", "$default", "", "x", None, 7, [], {"ping": 1}]
FRAMES: list[str | bytes] = [
    *(json.dumps({"action": "resume", "after": after}) for after in ABSURD),
    *(json.dumps({"action": action}) for action in ACTIONS),
    *("", " ", "{", "null", "[" * 30_000, "\ufeff{}", "\0", '{"action": "ping"}}'),
    *('"' + "x" * size + '"' for size in (4_093, 4_094, 4_095, 32 * 1024, 128 * 1024, 1024 * 1024)),
    *(b"", b"\xff\xfe", b"\0" * 4_096, bytes(range(256)) * 100),
]


class Crowd:
    """Sockets of a company. Its attacks come one after another, and those who never read stay."""

    def __init__(self, company: Company, size: Size) -> None:
        self._company, self._size = company, size
        self._url = company.call("POST", "/api/realtime/ticket").json()["url"]
        self._people = cycle(self._person(number) for number in range(15))
        self._deaf: list[ClientConnection] = []
        self.attack = "nothing yet"
        self.done: dict[str, object] = {}

    async def rage(self) -> None:
        attacks = {
            "sockets that never read": self._listen_to_nothing,
            "connections in a storm": self._storm,
            "frames of nonsense": self._talk_nonsense,
            "frames in a flood": self._flood,
        }
        try:
            for self.attack, attack in attacks.items():
                began = time.monotonic()
                number = await attack()
                self.done[self.attack] = f"{number} in {time.monotonic() - began:.0f} s"
        finally:
            for socket in self._deaf:
                socket.transport.abort()

    async def _listen_to_nothing(self) -> int:
        opened = asyncio.Semaphore(4)

        async def join() -> None:
            async with opened:
                # One frame waits to be read, the others in TCP.
                socket = await self._connected(self._ticket(), max_queue=1)
                await socket.send('{"action": "resume", "after": 0}')
                self._deaf.append(socket)

        await asyncio.gather(*(join() for _ in range(self._size(12, 200))))
        return len(self._deaf)

    async def _storm(self) -> int:
        """Fifty a second, each with a ticket that was used."""
        ticket = self._ticket()
        (await self._connected(ticket)).transport.abort()

        async def knock() -> None:
            with pytest.raises(InvalidStatus):
                await self._connected(ticket)

        number = self._size(25, 500)
        async with asyncio.TaskGroup() as storm:
            for _ in range(number):
                storm.create_task(knock())
                await asyncio.sleep(1 / 50)
        return number

    async def _talk_nonsense(self) -> int:
        for frame in FRAMES:
            async with await self._connected(self._ticket()) as socket:
                # Some frames are too much for the gateway itself.
                with suppress(ConnectionClosed):
                    await socket.send(frame)
                    await socket.send('{"action": "ping"}')
                    while json.loads(await asyncio.wait_for(socket.recv(), 60))["type"] != "pong":
                        pass
        return len(FRAMES)

    async def _flood(self) -> int:
        """Answers take the emulator a fifth of a second: without help no minute would be full."""
        async with await self._connected(self._ticket()) as socket:
            await socket.send('{"action": "ping"}')
            await socket.recv()
            self._company.change(
                "update wr.rate_counters set hits = %s, minute = minute + interval '1 hour'"
                " where bucket like 'socket:%%'",
                plans.PEOPLE_LIMIT - 20,
            )
            number = self._size(300, 500)
            with suppress(ConnectionClosed):
                for _ in range(number):
                    await socket.send('{"action": "resume", "after": 0}')
            await asyncio.wait_for(socket.wait_closed(), 300)
        return number

    def _ticket(self) -> str:
        """One more than anybody is given in a minute."""
        tenant_id, user_id = self._company.tenant_id, next(self._people)
        caller = Caller(tenant_id, Role.MANAGER, ingestion_limit=1, user_id=user_id, token_version=0)
        with connect_database(self._company.stack.operator_database_url) as conn:
            return tickets.issue(conn, caller)

    def _person(self, number: int) -> UUID:
        """Nobody may open as many sockets as all of them."""
        with connect_database(self._company.stack.operator_database_url) as conn:
            who = users.create(
                conn, self._company.tenant_id, f"p{number}@acme.example", "P", "manager", "secret"
            )
        user_id: UUID = who["id"]
        return user_id

    async def _connected(self, ticket: str, max_queue: int | None = None) -> ClientConnection:
        url = f"{self._url}?ticket={ticket}"
        return await connect(url, max_queue=max_queue, ping_interval=None, open_timeout=120)


def test_a_crowd_that_means_harm_keeps_no_sale_from_an_honest_viewer(
    company: Company, size: Size, tell: Tell
) -> None:
    crowd, waits = Crowd(company, size), defaultdict[str, float](float)
    with company.room() as honest, ThreadPoolExecutor(1) as elsewhere:
        raging = elsewhere.submit(asyncio.run, crowd.rage())
        while not raging.done():
            attack, began = crowd.attack, time.monotonic()
            honest.wait_for(sold(company), timeout=60)
            waits[attack] = max(waits[attack], time.monotonic() - began)
        raging.result()
        wait_until(lambda: len(company.rows("select from wr.connections")) == 1, timeout=300)
        honest.wait_for(sold(company), timeout=60)
        assert sorted(honest.seen) == list(range(1, len(honest.seen) + 1))
    tell(crowd.done | {f"seconds to a sale beside {what}": f"{wait:.1f}" for what, wait in waits.items()})


def sold(company: Company) -> str:
    body = sale()
    company.sell(body)
    return str(body["sale_id"])
