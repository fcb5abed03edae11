"""The application with other parameters than those of `make dev`: behind an edge, bounded, a canary's hook.
Of that the emulator does not carry CodeDeploy, alarms that calculate, and reserved concurrency."""

import copy
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from samcli.yamlhelper import yaml_parse

from functions.smoke_hook import app as smoke_hook
from infra.local import emulator
from infra.local.stack import Stack
from tests import doors
from tests.e2e.conftest import new_company
from tests.integration.test_smoke_hook import EVENT, running
from winroom.settings import settings

SECRET = "a-secret-of-at-least-32-characters"
THROUGH = {"X-Winroom-Origin": SECRET}
CALCULATING = {"HttpFailuresAlarm", "SocketFailuresAlarm"}


class Deployed:
    """The stack that runs, by AWS's own API."""

    def __init__(self, stack: Stack) -> None:
        self.name = stack.stack_name
        self._aws = stack.aws_endpoint_url
        self._stacks = self.client("cloudformation")
        self._before = self._described()["Parameters"]
        original = self._stacks.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        self._template = yaml_parse(original if isinstance(original, str) else json.dumps(original))

    def client(self, service: Any) -> Any:
        return emulator.session().client(service, endpoint_url=self._aws)

    def update(self, **parameters: str) -> None:
        """Deploys the template that it has with these parameters; the others are as they were at first."""
        parameters["Deployment"] = secrets.token_hex(32)
        template = copy.deepcopy(self._template)
        template["Parameters"]["Deployment"]["Default"] = parameters["Deployment"]
        template["Resources"] = {n: r for n, r in template["Resources"].items() if n not in CALCULATING}
        kept = [{"ParameterKey": p["ParameterKey"], "UsePreviousValue": True} for p in self._before]
        chosen = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
        self._stacks.update_stack(
            StackName=self.name,
            TemplateBody=json.dumps(template),
            Parameters=[*(p for p in kept if p["ParameterKey"] not in parameters), *chosen],
            Capabilities=["CAPABILITY_IAM"],
        )
        while (stack := self._described())["StackStatus"].endswith("_IN_PROGRESS"):
            time.sleep(0.1)
        assert stack["StackStatus"] == "UPDATE_COMPLETE", stack

    @contextmanager
    def updated(self, **parameters: str) -> Iterator[None]:
        self.update(**parameters)
        try:
            yield
        finally:
            defaults = self._template["Parameters"]
            self.update(**{name: defaults[name]["Default"] for name in parameters})

    def physical(self, name: str) -> str:
        found = self._stacks.describe_stack_resource(StackName=self.name, LogicalResourceId=name)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def knock_at_socket(self, headers: dict[str, str]) -> int:
        """Asks the function: the emulator's websocket API stays with the release that it called first."""
        knock = {"requestContext": {"eventType": "CONNECT", "connectionId": "x"}, "headers": headers}
        door = f"{self.physical('RoomSocketFunction')}:live"
        answer = self.client("lambda").invoke(FunctionName=door, Payload=json.dumps(knock))
        return int(json.load(answer["Payload"])["statusCode"])

    def versions(self) -> dict[str, int]:
        """How many each function has published."""
        lambdas = self.client("lambda")
        names = [function["FunctionName"] for function in lambdas.list_functions()["Functions"]]
        return {
            name: len(lambdas.list_versions_by_function(FunctionName=name)["Versions"]) - 1
            for name in names
            if name.startswith((self.name, "CodeDeployHook_"))
        }

    def _described(self) -> Any:
        (stack,) = self._stacks.describe_stacks(StackName=self.name)["Stacks"]
        return stack


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (
            {"CreateDatabase": "true"},
            "Give both OwnerDatabaseUrl and DatabaseAddress to use a database of yours",
        ),
        (
            {"OwnerDatabaseUrl": ""},
            "Give both OwnerDatabaseUrl and DatabaseAddress to use a database of yours",
        ),
        ({"SnapStart": "true", "Runtime": "python3.11"}, "SnapStart=true needs Runtime=python3.12 or later."),
        ({"OriginSecret": SECRET}, "give DomainName, the edge's name, as well"),
        ({"DatabaseAddress": "db.example.com/winroom"}, "must be host:port/database\\?sslmode=require"),
        (
            {"OwnerDatabaseUrl": "postgresql://o:secret@db.example.com/winroom"},
            "must be postgresql://user:pass",
        ),
    ],
)
def test_wrong_parameters_are_refused_with_a_sentence(
    stack: Stack, parameters: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ClientError, match=sentence) as refused:
        Deployed(stack).update(**parameters)
    assert "secret@" not in str(refused.value)


def test_behind_an_edge_bounded_and_with_the_hook_of_a_canary(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed, company = Deployed(stack), new_company(stack)
    edge = {"OriginSecret": SECRET, "DomainName": "sales.example.com"}
    with deployed.updated(**edge, ApiConcurrency="7", Canary="true"):
        assert httpx.get(f"{stack.http_url}/health", timeout=30).status_code == 403
        assert httpx.get(f"{stack.http_url}/login", timeout=30).status_code == 403
        # It may be a sale: its sender is to try again, at the right address.
        assert company.post({}).json()["code"] == "misdirected"
        assert company.call("POST", "/api/events", json={}, headers=THROUGH).status_code == 400
        assert deployed.knock_at_socket({}) == 403
        assert deployed.knock_at_socket(THROUGH) == 401
        # What was published before is gone, for each is billed.
        assert set(deployed.versions().values()) == {1}
        assert verdicts(deployed, stack, monkeypatch) == ["Succeeded", "Failed"]
    # And who comes next does not wait for a cold start.
    for path in ("/health", "/login"):
        assert httpx.get(stack.http_url + path, timeout=30).status_code == 200


def verdicts(deployed: Deployed, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the hook says, configured as deployed, of the versions that are; then as if of another release."""
    lambdas = deployed.client("lambda")
    hook = lambdas.get_function_configuration(FunctionName=deployed.physical("SmokeHookFunction"))
    assert hook["FunctionName"].startswith("CodeDeployHook_")
    with running() as (codedeploy, url):
        told = {**hook["Environment"]["Variables"], **emulator.client_environment(stack.aws_endpoint_url)}
        for name, value in {**told, "LAMBDA_URL": stack.aws_endpoint_url, "CODEDEPLOY_URL": url}.items():
            monkeypatch.setenv(name, value)
        # Or it would be told of CodeDeploy, too, by the emulator.
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        monkeypatch.setattr(smoke_hook, "_PAUSE", 0)
        for release in (told["RELEASE"], "f" * 64):
            monkeypatch.setenv("RELEASE", release)
            settings.cache_clear()
            smoke_hook.handler(EVENT, doors.context())
    settings.cache_clear()
    return [verdict["status"] for verdict in codedeploy.verdicts]
