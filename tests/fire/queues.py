"""SQS, as it may be and hardly ever is: it delivers twice and out of order, forgets that something was
deleted, refuses, hangs up on what it accepted, and takes some of a batch."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests import doors
from tests.endpoint import Asked, Told
from tests.fire.fire import Fire
from tests.fire.sandboxes import Function, NoAnswer
from winroom.messages import HEARTBEAT

Entry = dict[str, Any]

# Seconds, of minutes in the template: so long is a message hidden from others once it was received.
HIDDEN = 3.0
# A message received so often is a dead letter. In the template it is 20.
RECEIVED_AT_MOST = 2

# How it takes a request, each so often in a hundred.
_REFUSES, _HANGS_UP, _TAKES_SOME, _IS_SLOW = "refused", "accepted and hung up", "accepted some", "was slow"
_MOODS = {"accepted": 70, _REFUSES: 10, _HANGS_UP: 10, _TAKES_SOME: 9, _IS_SLOW: 1}


@dataclass(eq=False)
class Message:
    body: str
    # Of a FIFO queue.
    group: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    receipt: str = ""
    received: int = 0
    # The moment from which on it can be received.
    visible_at: float = 0.0


class Queue:
    """At least once, in any order."""

    def __init__(self, fire: Fire, name: str, dead: "Queue | None" = None) -> None:
        self._fire, self._dice, self._dead = fire, fire.dice(name), dead
        self._messages: list[Message] = []
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many messages are in it, also those that somebody works at; heartbeats do not count."""
        with self._lock:
            return sum(message.body != HEARTBEAT for message in self._messages)

    def put(self, entries: Iterable[Entry]) -> None:
        with self._lock:
            self._messages += [Message(entry["MessageBody"]) for entry in entries]

    def take(self, at_most: int) -> list[Message]:
        """Some of what is visible, hidden now for as long as its reader may take."""
        now = time.monotonic()
        with self._lock:
            self._bury()
            taken = self._choose([m for m in self._messages if m.visible_at <= now], at_most)
            for message in taken:
                message.receipt, message.received = str(uuid.uuid4()), message.received + 1
                message.visible_at = now + HIDDEN
                self._fire.note("messages delivered again", message.received > 1)
                if self._dice.random() < 0.02:
                    message.visible_at = now  # somebody else gets it, too
        return taken

    def delete(self, receipts: set[str]) -> None:
        with self._lock:
            self._messages = [m for m in self._messages if m.receipt not in receipts or self._forgets(m)]

    def hide(self, entries: Iterable[Entry]) -> None:
        """Until so many seconds have passed, instead of as it was."""
        seconds = {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in entries}
        with self._lock:
            for message in self._messages:
                if message.receipt in seconds:
                    message.visible_at = time.monotonic() + seconds[message.receipt]

    def _choose(self, visible: list[Message], at_most: int) -> list[Message]:
        return self._dice.sample(visible, min(at_most, len(visible)))

    def _forgets(self, message: Message) -> bool:
        """Whether it does not know any more that the message was deleted."""
        message.visible_at = time.monotonic() + self._dice.random()
        return self._dice.random() < 0.02

    def _bury(self) -> None:
        if self._dead is None:
            return
        spent = {m for m in self._messages if self._is_spent(m)}
        self._messages = [m for m in self._messages if m not in spent]
        self._dead.put({"MessageBody": m.body} for m in spent)
        self._fire.note("dead letters", len(spent))

    @staticmethod
    def _is_spent(message: Message) -> bool:
        return message.received >= RECEIVED_AT_MOST and message.visible_at <= time.monotonic()


class Fifo(Queue):
    """In order within a group, of which nothing is received while one of its messages is with a reader. What
    has a known deduplication id is swallowed."""

    def __init__(self, fire: Fire, name: str) -> None:
        super().__init__(fire, name)
        self._known: set[tuple[str, str]] = set()

    def put(self, entries: Iterable[Entry]) -> None:
        with self._lock:
            for entry in entries:
                identity = (entry["MessageGroupId"], entry["MessageDeduplicationId"])
                if identity in self._known:
                    self._fire.note("wake-ups swallowed")
                else:
                    self._known.add(identity)
                    self._messages.append(Message(entry["MessageBody"], entry["MessageGroupId"]))

    def _choose(self, visible: list[Message], at_most: int) -> list[Message]:
        now = time.monotonic()
        busy = {m.group for m in self._messages if m.visible_at > now}
        return [m for m in visible if m.group not in busy][:at_most]


class Sqs:
    """The service's endpoint. Of its answers some are lost, and some are refusals."""

    def __init__(self, fire: Fire) -> None:
        self.fire, self._dice = fire, fire.dice("SQS")
        dead = Queue(fire, "dead letters")
        self.queues = {
            "sales-events": Queue(fire, "sales-events", dead),
            "sales-events-dlq": dead,
            "room.fifo": Fifo(fire, "room"),
        }

    @property
    def waiting(self) -> int:
        return sum(queue.waiting for queue in self.queues.values())

    def answer(self, asked: Asked) -> Told | None:
        request = json.loads(asked.body)
        entries: list[Entry] = request["Entries"]
        queue = self.queues[request["QueueUrl"].rpartition("/")[2]]
        (mood,) = self._dice.choices(list(_MOODS), list(_MOODS.values()))
        self.fire.note(f"SQS {mood}")
        if mood == _REFUSES:
            return Told(503, b"{}", "ServiceUnavailable")
        taken = entries[::2] if mood == _TAKES_SOME else entries
        if asked.headers["x-amz-target"] == "AmazonSQS.SendMessageBatch":
            queue.put(taken)
        else:
            queue.hide(taken)
        if mood == _IS_SLOW:
            time.sleep(1.5)
        return None if mood == _HANGS_UP else Told(200, _verdicts(entries, taken))


def _verdicts(asked: list[Entry], taken: list[Entry]) -> bytes:
    well = [{"Id": entry["Id"]} for entry in asked if entry in taken]
    failed = [{"Id": entry["Id"], "Code": "InternalError"} for entry in asked if entry not in taken]
    return json.dumps({"Successful": well, "Failed": failed}).encode()


def mapping(queue: Queue, at_most: int, function: Function, fire: Fire) -> Callable[[], None]:
    """Hands a queue's messages to a function, as an event source mapping does, until the fire is over."""

    def deliver(taken: list[Message]) -> None:
        records = [doors.record(m.id, m.receipt, m.body, m.received) for m in taken]
        receipts = {m.id: m.receipt for m in taken}
        try:
            answer = function({"Records": records})
        except NoAnswer:
            return  # they come back when their time is up
        returned = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        queue.delete({receipt for message_id, receipt in receipts.items() if message_id not in returned})

    def poll() -> None:
        while not fire.is_over.is_set():
            if taken := queue.take(at_most):
                deliver(taken)
            else:
                time.sleep(0.02)

    return poll
