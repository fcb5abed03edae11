"""What locust does: systems of companies send sales, people watch, and each sale is timed from its POST to
its answer and to each socket. Written for locust's own environment: `swarm.py` has the words for what comes
in and goes out."""

import json
import os
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from locust import FastHttpUser, events, task
from locust.env import Environment
from locust.exception import StopUser
from websocket import WebSocketTimeoutException, create_connection

PLAN: dict[str, Any] = json.loads(os.environ["WINROOM_LOAD_PLAN"])
OUTCOME = Path(os.environ["WINROOM_LOAD_OUTCOME"])


@dataclass
class Run:
    """What all users of this process share."""

    senders: list[dict[str, Any]]
    viewers: list[str]
    sent: dict[str, tuple[float, str]] = field(default_factory=dict)  # when, in which phase
    owed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # accepted, by company
    listening: int = 0
    entrance: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(2))
    everybody_listens: Event = field(default_factory=Event)
    began: float = 0.0
    ended: float = 0.0  # when the last sale had its answer

    def phase(self) -> str | None:
        """None when it is over."""
        passed = time.monotonic() - self.began
        for name, seconds in PLAN["phases"]:
            if passed < seconds:
                return str(name)
            passed -= seconds
        return None


run = Run(
    senders=list(PLAN["senders"]),
    viewers=[slug for slug, company in PLAN["companies"].items() for _ in range(company["viewers"])],
)
SENDERS, VIEWERS = len(run.senders), len(run.viewers)
at_work = {"senders": SENDERS, "viewers": VIEWERS}


def note(what: str, name: str, seconds: float = 0, error: str | None = None) -> None:
    events.request.fire(
        request_type=what,
        name=name,
        response_time=seconds * 1000,
        response_length=0,
        exception=AssertionError(error) if error else None,
    )


def authorization(company: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {PLAN['companies'][company]['key']}"}


class System(FastHttpUser):
    """Sends one sale after another, every so often; how many came about is told."""

    host = PLAN["url"]
    fixed_count = SENDERS

    def on_start(self) -> None:
        self.sender = run.senders.pop()
        self.share = len(run.senders) / SENDERS

    @task
    def work(self) -> None:
        run.everybody_listens.wait()
        # One after another while it is warming up: for each request that meets another the emulator starts
        # a process, which takes it seconds.
        at = run.began + PLAN["phases"][0][1] * self.share
        while True:
            gevent.sleep(max(0, at - time.monotonic()))
            if (phase := run.phase()) is None:
                break
            if name := self.sender["during"].get(phase):
                self.send(name)
            at = max(at + self.sender["seconds"], time.monotonic())
        at_work["senders"] -= 1
        run.ended = time.monotonic()
        raise StopUser

    def send(self, name: str) -> None:
        company, sale_id = self.sender["company"], str(uuid4())
        sale = {
            "sale_id": sale_id,
            "occurred_at": datetime.now(UTC).isoformat(),
            "customer_name": "Ada Lovelace",
            "sell_price": "1250.00",
            "seller_external_id": f"seller-{random.randrange(20)}",
        }
        run.sent[sale_id] = time.monotonic(), name
        with self.client.post(
            "/api/events", name=name, json=sale, headers=authorization(company), catch_response=True
        ) as answer:
            if answer.status_code == 202:
                run.owed[company].add(sale_id)
            elif answer.status_code == 429 and self.sender["is_over_limit"]:
                answer.request_meta["request_type"] = "refused"
                answer.success()
            else:
                answer.failure(f"{answer.status_code} {answer.text}")


class Viewer(FastHttpUser):
    """A client of the room as its contract wants it: drops numbers it has seen, asks when one is missing."""

    host = PLAN["url"]
    fixed_count = VIEWERS

    def on_start(self) -> None:
        self.company = run.viewers.pop()
        self.last: int | None = None
        self.sales: set[str] = set()

    @task
    def watch(self) -> None:
        """Once more after an error, from where it was."""
        with run.entrance:
            ticket = self.client.post("/api/realtime/ticket", headers=authorization(self.company)).json()
            self.socket = create_connection(f"{ticket['url']}?ticket={ticket['ticket']}", timeout=30)
        self.socket.settimeout(5)
        self.resume()
        while not self.has_all():
            try:
                self.take(json.loads(self.socket.recv()))
            except WebSocketTimeoutException:
                self.socket.send(json.dumps({"action": "ping"}))
        self.socket.close()
        at_work["viewers"] -= 1
        if not at_work["viewers"]:
            gevent.spawn(self.environment.runner.quit)
        raise StopUser

    def resume(self) -> None:
        self.is_asking = True
        self.socket.send(json.dumps({"action": "resume", "after": self.last}))

    def ask_again(self) -> None:
        note("asked again", "numbers")
        self.resume()

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] == "ready":
            self.is_asking = False
            if self.last is None:
                self.begin(message["seq"])
        elif message["type"] == "pong" and self.last is not None and message["seq"] > self.last:
            self.ask_again()
        for one in message.get("messages", [message]):
            if self.last is not None and "saleId" in one.get("data", {}):
                self.see(one["seq"], one["data"]["saleId"])

    def begin(self, number: int) -> None:
        self.last = number
        run.listening += 1
        if run.listening == VIEWERS:
            run.began = time.monotonic()
            run.everybody_listens.set()

    def see(self, number: int, sale_id: str) -> None:
        assert self.last is not None
        if number <= self.last:
            return
        if number > self.last + 1:
            if not self.is_asking:
                self.ask_again()
            return
        self.last, self.is_asking = number, False
        began, name = run.sent[sale_id]
        note("socket", name, time.monotonic() - began)
        if sale_id in self.sales:
            note("twice", name, error="a sale came under two numbers")
        self.sales.add(sale_id)

    def has_all(self) -> bool:
        """Whether there is nothing more to wait for: what has not come by now never will."""
        if at_work["senders"]:
            return False
        missing = run.owed[self.company] - self.sales
        if missing and time.monotonic() < run.ended + PLAN["patience"]:
            return False
        for sale_id in missing:
            note("lost", run.sent[sale_id][1], error="an accepted sale never came to a socket")
        return True


@events.quitting.add_listener
def tell(environment: Environment, **_: Any) -> None:
    stats = environment.stats
    outcome = {
        "entries": [entry.serialize() for entry in stats.entries.values()],
        "errors": [
            *(f"{e.method} {e.name}: {e.error} ({e.occurrences} times)" for e in stats.errors.values()),
            *(f"{one['msg']} ({one['count']} times)" for one in environment.runner.exceptions.values()),
        ],
        "is_whole": not at_work["viewers"],
    }
    OUTCOME.write_text(json.dumps(outcome))
