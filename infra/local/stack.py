"""The whole of Win Room on this machine: PostgreSQL, the emulator, the real template, one origin.

`up` is a context manager for the command and for tests; leaving it stops all that it started.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.local import demo, deployment, emulator, leash, ports, postgres
from infra.local.deployment import Deployment
from infra.release import ROOT

STATE = ROOT / ".winroom"
Step = Callable[[str], AbstractContextManager[None]]


class AlreadyUp(Exception):
    """Another process runs the local stack in this directory."""


@dataclass(frozen=True)
class Stack:
    """What `.winroom/stack.json` says while the stack is up."""

    http_url: str
    ws_url: str
    database_url: str
    owner_database_url: str
    operator_database_url: str
    aws_endpoint_url: str
    stack_name: str
    tenant: str
    api_key: str
    admin: dict[str, str]
    outputs: dict[str, str]
    pid: int
    ports: dict[str, int]


def quietly(_what: str) -> AbstractContextManager[None]:
    return contextlib.nullcontext()


@contextlib.contextmanager
def up(state: Path = STATE, step: Step = quietly) -> Iterator[Stack]:
    """Everything running and seeded, for the length of the block. `step` shows what takes time."""
    state = state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        running.enter_context(_alone_in(state))
        (state / "stack.json").unlink(missing_ok=True)  # what a crash has left
        with step("PostgreSQL"):
            owner = os.environ.get("DATABASE_URL") or running.enter_context(postgres.running(state))
        with step("AWS emulator"):
            aws = running.enter_context(emulator.running(state))
        with step("Building the functions and layers (sam build)"):
            deployment.build(state)
        port = running.enter_context(ports.reserved(8080))
        origin, socket = f"http://{ports.LOOPBACK}:{port}", f"ws://{ports.LOOPBACK}:{port}/ws"
        with step("Deploying the template, migrating the database (sam deploy)"):
            deployed = deployment.deploy(state, aws, owner, socket)
        with step("One origin for everything"):
            running.enter_context(_proxy(state, port, deployed))
        address = deployment.database_address(owner)
        database = f"postgresql://winroom_app:{deployed.secret('AppPassword')}@{address}"
        operator = f"postgresql://winroom_operator:{deployed.secret('OperatorPassword')}@{address}"
        with step("Demo tenant"):
            seeded = demo.seed(state, operator)
        with step("Waking the functions"):
            _wake(origin, deployed)
        stack = Stack(
            http_url=origin,
            ws_url=socket,
            database_url=database,
            owner_database_url=owner,
            operator_database_url=operator,
            aws_endpoint_url=aws,
            stack_name=deployment.STACK,
            tenant=seeded.tenant,
            api_key=seeded.api_key,
            admin={"email": seeded.email, "password": seeded.password},
            outputs=deployed.outputs,
            pid=os.getpid(),
            ports={
                name: urlsplit(url).port or 0
                for name, url in {"http": origin, "aws": aws, "postgres": owner}.items()
            },
        )
        running.enter_context(_announced(state / "stack.json", stack))
        yield stack


def read(state: Path = STATE) -> Stack | None:
    """The stack that is up in `state`: the file alone may be what a crash has left."""
    file = state / "stack.json"
    if holder(state) is None or not file.exists():
        return None
    return Stack(**json.loads(file.read_text()))


def renew(state: Path, stack: Stack) -> Stack:
    """The same, with a demo tenant again: its database was emptied while it is up."""
    seeded = demo.seed(state, stack.operator_database_url)
    admin = {"email": seeded.email, "password": seeded.password}
    renewed = dataclasses.replace(stack, tenant=seeded.tenant, api_key=seeded.api_key, admin=admin)
    _announce(state / "stack.json", renewed)
    return renewed


def answers(stack: Stack) -> bool:
    return ports.answers(stack.ports["http"]) and ports.answers(stack.ports["aws"])


def holder(state: Path = STATE) -> int | None:
    """The id of the process that runs a stack in `state`, or is about to."""
    with contextlib.suppress(FileNotFoundError), (state / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(lock.read())
    return None


def wait_until_down(state: Path = STATE) -> None:
    """Return when whoever runs the stack in `state` has cleared up and gone."""
    with (state / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def logs(state: Path = STATE) -> list[Path]:
    return sorted((state / "logs").glob("*.log"))


@contextlib.contextmanager
def _alone_in(state: Path) -> Iterator[None]:
    with (state / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyUp(f"The local stack already runs in {state}") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextlib.contextmanager
def _proxy(state: Path, port: int, deployed: Deployment) -> Iterator[None]:
    log = state / "logs" / "proxy.log"
    command = [sys.executable, "-m", "infra.local.proxy", str(port)]
    command += [deployed.http_url, deployed.socket_url]
    with leash.leashed(command, log=log, env=dict(os.environ), cwd=ROOT) as holder:
        while not ports.answers(port):
            leash.must_run(holder, log)
            time.sleep(0.05)
        yield


@contextlib.contextmanager
def _announced(file: Path, stack: Stack) -> Iterator[None]:
    """Others see the file only while the stack is up."""
    _announce(file, stack)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _announce(file: Path, stack: Stack) -> None:
    """Others see the file complete or not at all."""
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(dataclasses.asdict(stack), indent=2) + "\n")
    draft.replace(file)


def _wake(origin: str, deployed: Deployment) -> None:
    """Start one worker of each function: a cold start takes a second or three."""
    handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    handshake["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    with ThreadPoolExecutor() as pool:
        for name in ("ProcessorFunction", "FanoutFunction"):
            pool.submit(deployed.invoke, name, b'{"Records": []}')
        pool.submit(_touch, f"{origin}/health", {})
        pool.submit(_touch, f"{origin}/login", {})
        pool.submit(_touch, f"{origin}/api/events", {})
        pool.submit(_touch, f"{origin}/ws", handshake)  # refused for want of a ticket


def _touch(url: str, headers: dict[str, str]) -> None:
    request = urllib.request.Request(url, headers=headers)
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError as refused:
        refused.close()
