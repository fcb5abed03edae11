"""CodeDeploy asks before a new release gets traffic: knocks at each of its doors as API Gateway would, with a
credential that nobody has. To refuse it, a door must have started, and have asked its database."""

import json
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote

from winroom import api_keys, aws, displays, edge, telemetry
from winroom.settings import settings

# Seconds for each part of an answer: these versions start for the first time.
_PATIENCE = 30.0
# A database that slept may miss the first knock.
_ATTEMPTS = 3
_PAUSE = 2.0

Event = dict[str, Any]


class NotFit(Exception):
    """A door of the new release does not do what it should."""


@telemetry.door
def handler(event: Event, context: object) -> None:
    """Lets CodeDeploy go on if every door is fit; else the alias stays with the release that it has."""
    status = "Succeeded"
    try:
        for door, knock in _knocks().items():
            _check_patiently(door, knock)
    except Exception as error:
        telemetry.logger().exception("the release is refused", reason=str(error))
        status = "Failed"
    _answer(event, status)


def _knocks() -> dict[str, Event]:
    return {
        "ingestion": _request("/api/events", f"{api_keys.PREFIX}of-nobody"),
        "api": _request("/api/tenant", f"{api_keys.PREFIX}of-nobody"),
        "dashboard": _request(f"/wall/{displays.PREFIX}of-nobody"),
        "socket": {
            "requestContext": {"eventType": "CONNECT", "connectionId": "of-nobody"},
            "headers": _headers(),
            "queryStringParameters": {"ticket": "of-nobody"},
        },
    }


def _check_patiently(door: str, knock: Event) -> None:
    for _ in range(_ATTEMPTS - 1):
        try:
            return _check(door, knock)
        except (NotFit, aws.Refused) as error:
            telemetry.logger().warning("knocking again", door=door, reason=str(error))
        time.sleep(_PAUSE)
    return _check(door, knock)


def _check(door: str, knock: Event) -> None:
    path = f"/2015-03-31/functions/{quote(settings().published(door), safe='')}/invocations"
    with closing(aws.Endpoint(settings().lambda_url, "lambda", 1, _PATIENCE)) as lambdas:
        answer = json.loads(lambdas.send("POST", path, json.dumps(knock).encode())) or {}
    # One that crashed has no status, but says why.
    if answer.get("statusCode") != 401:
        raise NotFit(f"{door} answered {answer.get('statusCode') or answer} instead of 401")
    headers: Mapping[str, str] = {name.lower(): value for name, value in answer["headers"].items()}
    if (release := headers.get(edge.RELEASE.lower())) != settings().release:
        raise NotFit(f"{door} is of release {release}, this is {settings().release}")


def _request(path: str, key: str | None = None) -> Event:
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {**_headers(), **({"authorization": f"Bearer {key}"} if key else {})},
        "requestContext": {"http": {"method": "GET", "path": path, "sourceIp": "127.0.0.1"}},
        "isBase64Encoded": False,
    }


def _headers() -> dict[str, str]:
    secrets = settings().origin_secrets
    return {"host": "smoke-hook", edge.ORIGIN: secrets[0] if secrets else ""}


def _answer(event: Event, status: str) -> None:
    verdict = {
        "deploymentId": event["DeploymentId"],
        "lifecycleEventHookExecutionId": event["LifecycleEventHookExecutionId"],
        "status": status,
    }
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus",
    }
    with closing(aws.Endpoint(settings().codedeploy_url, "codedeploy", patience=_PATIENCE)) as codedeploy:
        codedeploy.send("POST", "/", json.dumps(verdict).encode(), headers)
