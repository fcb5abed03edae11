"""A deployment is not begun where it cannot end; what to do is said in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from infra import destination
from infra.release import ROOT


class CloudFormation:
    """The edge of AWS: one stack in a state, or what asking for it raises."""

    def __init__(self, answer: str | Exception) -> None:
        self._answer = answer

    def describe_stacks(self, StackName: str) -> object:  # noqa: N803
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Stacks": [{"StackStatus": self._answer}]}


NO_STACK = ClientError(
    {"Error": {"Code": "ValidationError", "Message": "Stack with id winroom-staging does not exist"}},
    "DescribeStacks",
)


def run(monkeypatch: pytest.MonkeyPatch, answer: str | Exception, environment: str = "staging") -> None:
    monkeypatch.setattr(boto3, "client", lambda *_, **__: CloudFormation(answer))
    destination.main(environment)


@pytest.mark.parametrize(
    "status",
    [NO_STACK, "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"],
)
def test_a_stack_that_is_whole_or_not_there_is_deployed_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: str | Exception
) -> None:
    run(monkeypatch, status, "production")
    assert capsys.readouterr().out.split() == ["Canary=true", "SnapStart=true", "LogRetentionDays=90"]


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("UPDATE_IN_PROGRESS", "is being deployed to (UPDATE_IN_PROGRESS): wait until that has ended"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait until that has ended"),
        ("ROLLBACK_IN_PROGRESS", "wait until that has ended"),
        ("ROLLBACK_COMPLETE", "`sam delete --stack-name winroom-staging`"),
        ("ROLLBACK_FAILED", "`sam delete --stack-name winroom-staging`"),
        ("DELETE_FAILED", "`sam delete --stack-name winroom-staging`"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name winroom-staging`"),
    ],
)
def test_a_half_finished_deployment_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, status: str, advice: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        run(monkeypatch, status)
    assert advice in str(refused.value)
    assert "\n" not in str(refused.value)


def test_who_has_no_credentials_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="Are credentials and region set"):
        run(monkeypatch, NoCredentialsError())


def test_an_environment_that_does_not_exist_is_refused_before_anything_is_built() -> None:
    script = [str(ROOT / "infra/deploy.sh")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "ENV": "prod", "RUNTIME": "python3.13", "ARCHITECTURE": "arm64"}
    done = subprocess.run(script, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode != 0
    assert "ENV is one of local, staging, production, staging-edge, production-edge, not prod." in done.stderr
