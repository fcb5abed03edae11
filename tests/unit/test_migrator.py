"""The custom resource answers CloudFormation whatever happens: an unanswered one hangs for an hour."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from functions.migrator.app import handler
from tests.doors import context
from winroom import ids, schema
from winroom.settings import settings


class Answers(list[dict[str, Any]]):
    url = ""


@pytest.fixture
def answers() -> Iterator[Answers]:
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        answers.url = f"http://127.0.0.1:{server.server_port}/answer"
        yield answers
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("SECRETS_URL", f"http://{host}:{port}")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    vault = boto3.client("secretsmanager", endpoint_url=f"http://{host}:{port}")
    kept = {f"{login.upper()}_PASSWORD": f"secret-{login}" for login in schema.LOGINS}
    kept["OWNER_DATABASE"] = "postgresql://owner:secret@127.0.0.1:9/winroom"
    for name, text in kept.items():
        arn = vault.create_secret(Name=f"{name}-{ids.new()}", SecretString=text)["ARN"]
        monkeypatch.setenv(f"{name}_SECRET", arn)
    settings.cache_clear()
    yield
    settings.cache_clear()
    vault.close()
    server.stop()


def request(answers: Answers, kind: str) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": answers.url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Schema",
    }


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_it_migrates_with_the_stacks_passwords(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    migrated: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(schema, "migrate", lambda url, passwords: migrated.append((url, passwords)))
    handler(request(answers, kind), context())
    assert answers == [
        {
            "Status": "SUCCESS",
            "Reason": "done",
            "PhysicalResourceId": "winroom-schema",
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Schema",
        }
    ]
    ((url, passwords),) = migrated
    assert url.endswith("/winroom")
    assert passwords == {login: f"secret-{login}" for login in schema.LOGINS}


def test_deleting_the_stack_leaves_the_database_alone(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "migrate", lambda *_: pytest.fail("it must not touch the database"))
    handler({**request(answers, "Delete"), "PhysicalResourceId": "mine"}, context())
    assert [(a["Status"], a["PhysicalResourceId"]) for a in answers] == [("SUCCESS", "mine")]


def test_a_failed_migration_fails_the_deployment_and_says_why(answers: Answers) -> None:
    handler(request(answers, "Update"), context())
    (answer,) = answers
    assert answer["Status"] == "FAILED"
    assert "OperationalError" in answer["Reason"]
    assert "secret" not in answer["Reason"]


def test_a_missing_setting_is_named(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOBS_PASSWORD_SECRET")
    settings.cache_clear()
    handler(request(answers, "Create"), context())
    assert "JOBS_PASSWORD_SECRET is not set" in answers[0]["Reason"]
