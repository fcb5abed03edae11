"""Clients of a room, as room.js is one: each number once and in order, and a question where one is missing.
They leave, vanish without a word, and come back with the last number that they have seen."""

import json
from contextlib import suppress
from random import Random
from typing import Any

import psycopg

from tests import doors
from tests.factories import Company
from tests.fire.cloud import Cloud
from tests.fire.sandboxes import NoAnswer
from tests.gateway import Client

# An item's sale, status and price, by its id.
Items = dict[str, tuple[str, str, str]]


def items(company: Company) -> Items:
    """As they stand in the database."""
    rows = company.rows("select queue_id, sale_id, status, sell_price from wr.queue")
    return {str(r["queue_id"]): (r["sale_id"], r["status"], str(r["sell_price"])) for r in rows}


class Viewer:
    def __init__(self, cloud: Cloud, company: Company, dice: Random) -> None:
        self.company, self.items, self.received = company, Items(), 0
        self._cloud, self._dice = cloud, dice
        self._client: Client | None = None
        self._must_read = False

    def live(self) -> None:
        while not self._cloud.fire.is_over.wait(0.4):
            with suppress(NoAnswer):
                if self._client and self._dice.random() < 0.1:
                    self._leave(self._client)
                self.look()

    def look(self) -> None:
        """Asks what there is, and takes what came. Raises NoAnswer."""
        if self._client is None:
            self._come()
        else:
            self._say({"action": "ping"})
        self._trouble()
        for frame in self._client.told() if self._client else ():
            for message in frame.get("messages", [frame]):
                self._take(message)
        if self._must_read:
            with suppress(psycopg.OperationalError):
                self.items, self._must_read = items(self.company), False

    def _come(self) -> None:
        answer = doors.http(
            self._cloud.functions["api"], "POST", "/api/realtime/ticket", key=self.company.full_key
        )
        client = Client(self._cloud.sockets, door=self._cloud.functions["socket"])
        if answer.status == 200 and client.connect({"ticket": answer.json["ticket"]}) == 200:
            self._client = client
            self._say({"action": "resume", "after": self.received})

    def _leave(self, client: Client) -> None:
        self._client = None
        self._cloud.sockets.gone.add(client.id)
        if self._dice.random() < 0.5:
            self._cloud.fire.note("viewers left")
            client.disconnect()
        else:
            self._cloud.fire.note("viewers vanished")

    def _say(self, frame: object) -> None:
        if self._client:
            self._client.event("MESSAGE", body=json.dumps(frame))

    def _trouble(self) -> None:
        """Posts to it fail now and then, and some are throttled."""
        if self._client and self._dice.random() < 0.1:
            self._cloud.fire.note("posts refused", 4)
            self._cloud.sockets.failing[self._client.id] = self._cloud.sockets.throttled[self._client.id] = 2

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "reset":
            self._cloud.fire.note("resets")
            self.received, self._must_read = message["seq"], True
        elif message.get("seq", 0) > self.received:
            if "data" in message and message["seq"] == self.received + 1:
                self.received, item = message["seq"], message["data"]
                self.items[item["id"]] = (item["saleId"], item["status"], item["sellPrice"])
            else:
                self._cloud.fire.note("resumes")
                self._say({"action": "resume", "after": self.received})
