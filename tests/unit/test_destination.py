"""A deployment is not begun where it cannot end; what to do is said in a sentence."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from samcli.cli.types import CfnParameterOverridesType

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
    chosen = {"Canary": "true", "SnapStart": "true", "LogRetentionDays": "90"}
    assert read_by_sam(capsys.readouterr().out) == chosen


def read_by_sam(printed: str) -> dict[str, str]:
    """What sam makes of these lines, each an argument."""
    read: dict[str, str] = CfnParameterOverridesType().convert(tuple(printed.splitlines()), None, None)
    return read


@pytest.mark.parametrize("value", ["https://a.example https://b.example", "", 'a "b" = c', "it's", "x=y"])
def test_sam_reads_a_value_as_it_stands_in_samconfig(value: str) -> None:
    target = {"parameter_overrides": f"Canary=true AllowedOrigins={shlex.quote(value)} LogRetentionDays=7"}
    told = {"Canary": "true", "AllowedOrigins": value, "LogRetentionDays": "7"}
    assert read_by_sam("\n".join(destination.chosen(target))) == told


def test_parameters_of_a_file_are_those_of_the_template(tmp_path: Path) -> None:
    file = tmp_path / "staging.yaml"
    file.write_text('CreateDatabase: "true"\nDatabaseMaxCapacity: 2\nOriginSecret: old new\n')
    read = {"CreateDatabase": "true", "DatabaseMaxCapacity": "2", "OriginSecret": "old new"}
    assert destination.given(str(file)) == read


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.yaml", "CreateDatabse: x", "there is no parameter CreateDatabse in template.yaml."),
        ("a.yaml", "CreateDatabase: true", 'CreateDatabase is one of true, false, in "quotes".'),
        ("a.yaml", "OriginSecret: [hunter2", "cannot be read: it must be a file whose name ends in .yaml"),
        ("a.yaml", "- hunter2", "cannot be read: it must be a file"),
        ("a.txt", "OriginSecret: hunter2", "cannot be read: it must be a file"),
        ("gone.yaml", None, "cannot be read: it must be a file"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_before_anything_is_built(
    tmp_path: Path, name: str, content: str | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(SystemExit) as refused:
        destination.main("staging", str(tmp_path / name))
    assert str(refused.value).startswith(f"PARAMETERS={tmp_path / name}")
    assert sentence in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("UPDATE_IN_PROGRESS", "is being deployed to (UPDATE_IN_PROGRESS): wait until that has ended"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait until that has ended"),
        ("ROLLBACK_IN_PROGRESS", "wait until that has ended"),
        ("ROLLBACK_COMPLETE", "`sam delete --stack-name winroom-staging`"),
        ("ROLLBACK_FAILED", "`sam delete --stack-name winroom-staging`"),
        ("ROLLBACK_FAILED", "--db-cluster-identifier winroom-staging --no-deletion-protection"),
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
    done = subprocess.run(script, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ENV is one of local, staging, production, staging-edge, production-edge, not prod." in done.stderr
