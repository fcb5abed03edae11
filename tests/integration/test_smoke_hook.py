"""A new release knocks at its own doors: the real handlers here, behind a Lambda and a CodeDeploy that are a
server on this machine."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import unquote

import pytest

from functions.api import app as api
from functions.broadcaster import socket
from functions.dashboard import app as dashboard
from functions.ingestion import app as ingestion
from functions.smoke_hook import app as smoke_hook
from tests import doors
from tests.doors import Handler
from tests.factories import Company
from winroom import db
from winroom.settings import settings

DOORS: dict[str, Handler] = {
    "ingestion": ingestion.handler,
    "api": api.handler,
    "dashboard": dashboard.handler,
    "socket": socket.handler,
}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:winroom-{door}:12"
EVENT = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "hook-1"}


class Aws:
    """Versions by the name of their door; what was invoked, and what CodeDeploy was told."""

    def __init__(self) -> None:
        self.versions: dict[str, Handler] = dict(DOORS)
        self.invoked: list[str] = []
        self.verdicts: list[dict[str, str]] = []

    def answer(self, path: str, target: str | None, body: Any) -> Any:
        if target:
            assert (path, target) == ("/", "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus")
            self.verdicts.append(body)
            return {}
        arn = unquote(path.split("/")[3])
        door = next(door for door in DOORS if ARN.format(door=door) == arn)
        self.invoked.append(door)
        return self.versions[door](body, doors.context())


@pytest.fixture
def aws(company: Company, environment: pytest.MonkeyPatch) -> Iterator[Aws]:
    with running() as (aws, url):
        environment.setenv("LAMBDA_URL", url)
        environment.setenv("CODEDEPLOY_URL", url)
        for door in DOORS:
            environment.setenv(f"{door.upper()}_VERSION", ARN.format(door=door))
        environment.setattr(smoke_hook, "_PAUSE", 0)
        settings.cache_clear()
        yield aws


@contextmanager
def running() -> Iterator[tuple[Aws, str]]:
    aws = Aws()

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            content = json.dumps(aws.answer(self.path, self.headers.get("x-amz-target"), body)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield aws, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def verdict(aws: Aws) -> str:
    smoke_hook.handler(EVENT, doors.context())
    (told,) = aws.verdicts
    assert (told["deploymentId"], told["lifecycleEventHookExecutionId"]) == ("d-1", "hook-1")
    return told["status"]


@pytest.mark.parametrize("secrets", ["", "secret-of-the-edge secret-that-comes-next"])
def test_a_release_whose_doors_all_work_gets_its_traffic(
    aws: Aws, environment: pytest.MonkeyPatch, secrets: str
) -> None:
    environment.setenv("ORIGIN_SECRET", secrets)
    settings.cache_clear()
    assert verdict(aws) == "Succeeded"
    assert aws.invoked == list(DOORS)


@pytest.mark.parametrize("door", DOORS)
def test_a_door_of_another_release_is_refused(
    aws: Aws, environment: pytest.MonkeyPatch, door: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def old(event: Any, context: Any) -> Any:
        environment.setenv("RELEASE", "old")
        settings.cache_clear()
        try:
            return DOORS[door](event, context)
        finally:
            environment.setenv("RELEASE", "test")
            settings.cache_clear()

    aws.versions[door] = old
    assert verdict(aws) == "Failed"
    assert f"{door} is of release old, this is test" in capsys.readouterr().out


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "broken",
    [
        lambda event, context: {"statusCode": 500, "headers": {"x-winroom-release": "test"}},
        lambda event, context: {"errorMessage": "No module named 'jinja2'", "errorType": "Runtime"},
        lambda event, context: None,
    ],
)
def test_a_door_that_fails_is_refused(aws: Aws, door: str, broken: Callable[[Any, Any], Any]) -> None:
    aws.versions[door] = broken
    assert verdict(aws) == "Failed"
    # It is given time, and then nobody else is asked.
    assert aws.invoked == [*list(DOORS)[: list(DOORS).index(door)], door, door, door]


@pytest.mark.parametrize("door", DOORS)
def test_a_door_that_does_not_reach_its_database_is_refused(
    aws: Aws, environment: pytest.MonkeyPatch, door: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reachable = settings().database_url

    def cut_off(event: Any, context: Any) -> Any:
        connect_to("postgresql://winroom_app@127.0.0.1:9/winroom")
        try:
            return DOORS[door](event, context)
        finally:
            connect_to(reachable)

    def connect_to(url: str) -> None:
        db.close()
        environment.setenv("DATABASE_URL", url)
        settings.cache_clear()

    environment.setattr(smoke_hook, "_ATTEMPTS", 1)
    aws.versions[door] = cut_off
    assert verdict(aws) == "Failed"
    assert f"{door} answered 50" in capsys.readouterr().out


def test_a_database_that_slept_is_knocked_at_again(aws: Aws) -> None:
    asleep = [{"statusCode": 503, "headers": {}}] * 2

    def waking(event: Any, context: Any) -> Any:
        return asleep.pop() if asleep else DOORS["ingestion"](event, context)

    aws.versions["ingestion"] = waking
    assert verdict(aws) == "Succeeded"


def test_a_hook_that_cannot_even_ask_refuses(aws: Aws, environment: pytest.MonkeyPatch) -> None:
    environment.delenv("SOCKET_VERSION")
    settings.cache_clear()
    assert verdict(aws) == "Failed"
