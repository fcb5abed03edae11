"""Lambda as it is on a bad day: real handlers in processes of their own, warm from one event to the next,
which are killed before or after any statement and any request, or stand still for longer than is waited."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from random import Random
from typing import Any

from tests import doors
from tests.fire.fire import Fire
from winroom import aws, db

# Of so many moments one is a process's last, and of so many it stands still.
DEADLY, FROZEN = 1000, 8000
# Seconds: so long it stands still, and so long an event may take, as in the template.
STILL, TIMEOUT = 4.0, 30.0

DOORS = {
    "ingestion": "functions.ingestion.app",
    "processor": "functions.processor.app",
    "dead_letters": "functions.dead_letters.app",
    "fan-out": "functions.broadcaster.fanout",
    "socket": "functions.broadcaster.socket",
    "maintenance": "functions.maintenance.app",
    "api": "functions.api.app",
}

# Forked from one that has imported everything, also what runs the tests: a death costs milliseconds.
_processes = get_context("forkserver")
_processes.set_forkserver_preload([__name__, *DOORS.values(), "aws_lambda_powertools.logging", "pytest"])


class NoAnswer(Exception):
    """The process died, or the handler failed: its caller learns no more than that."""


class Function:
    """A function, called as its handler is. As many of its sandboxes work as callers wait."""

    def __init__(self, name: str, environment: Mapping[str, str], fire: Fire) -> None:
        self._name, self._environment, self._fire = name, environment, fire
        self._idle: list[_Sandbox] = []
        self._living: dict[_Sandbox, None] = {}
        self._lock = threading.Lock()
        self._made = 0

    def __call__(self, event: Any, context: object = None) -> Any:
        """Raises NoAnswer."""
        sandbox = self._one()
        try:
            answer = sandbox.answer(event)
        except (EOFError, OSError):
            self._fire.note(f"{self._name} died")
            self._living.pop(sandbox, None)
            raise NoAnswer(f"{self._name} died") from None
        self._idle.append(sandbox)
        if isinstance(answer, _Failure):
            self._fire.note(f"{self._name} failed")
            raise NoAnswer(answer)
        return answer

    def kill_one(self, dice: Random) -> None:
        """Whatever it is at."""
        if living := list(self._living):
            dice.choice(living).kill()

    def close(self) -> None:
        for sandbox in list(self._living):
            sandbox.kill()

    def _one(self) -> "_Sandbox":
        with self._lock:
            if self._idle:
                return self._idle.pop()
            self._made += 1
            sandbox = _Sandbox(self._name, self._made, self._environment, self._fire)
            self._living[sandbox] = None
            return sandbox


class _Failure(str):
    """What a handler raised."""


class _Sandbox:
    def __init__(self, name: str, number: int, environment: Mapping[str, str], fire: Fire) -> None:
        self._fire = fire
        self._line, theirs = _processes.Pipe()
        seed = f"{fire.seed} {name} {number}"
        given = (theirs, name, dict(environment), seed)
        self._process = _processes.Process(target=_live, args=given, daemon=True)
        self._process.start()
        theirs.close()

    def answer(self, event: Any) -> Any:
        """Raises EOFError or OSError where it died."""
        self._line.send(event)
        if not self._line.poll(STILL):
            self._fire.note("functions stood still")
            self._signal(signal.SIGCONT)
            if not self._line.poll(TIMEOUT):
                self.kill()
        return self._line.recv()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.pid and self._process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)


def _live(line: Connection, name: str, environment: dict[str, str], seed: str) -> None:
    """The life of a sandbox: event after event, until it is killed or nobody is left to ask it."""
    os.environ.update(environment)
    sys.stdout = open(environment["LOG"], "a", buffering=1)  # noqa: SIM115
    handler = import_module(DOORS[name]).handler
    _endanger(Random(seed))
    with suppress(EOFError):
        while True:
            event = line.recv()
            try:
                answer = handler(event, doors.context())
            except Exception as error:
                answer = _Failure(repr(error))
            line.send(answer)


def _endanger(dice: Random) -> None:
    """From now on any statement, any round trip and any request may be the last, before or after it."""

    def throw() -> None:
        if dice.randrange(DEADLY) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if dice.randrange(FROZEN) == 0:
            os.kill(os.getpid(), signal.SIGSTOP)

    def endangered(deed: Callable[..., Any]) -> Callable[..., Any]:
        def done(*args: Any, **more: Any) -> Any:
            throw()
            result = deed(*args, **more)
            throw()
            return result

        return done

    for owner, deed in (
        (db.Connection, "execute"),
        (db.Connection, "wait"),
        (aws._Endpoint, "_request"),  # a request is about to be sent
        (aws._Endpoint, "_keep"),  # its answer has come
    ):
        setattr(owner, deed, endangered(getattr(owner, deed)))
