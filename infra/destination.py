"""Where a deployment goes: what samconfig.toml says of it, whether its stack can be deployed to, and whether
there are the parameters that a file gives it. `python -m infra.destination ENV [FILE]` prints those of
samconfig.toml, one a line, as sam reads them, or says what is in the way."""

import shlex
import sys
import tomllib
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.exceptions import FileParseException
from samcli.yamlhelper import yaml_parse

from infra.release import ROOT

_NEVER_MADE = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}


def configured(environment: str) -> dict[str, Any]:
    """What samconfig.toml has for `sam deploy`. Raises SystemExit where it does not know the environment."""
    known = tomllib.loads((ROOT / "samconfig.toml").read_text())
    if environment not in known:
        names = ", ".join(name for name in known if name != "version")
        raise SystemExit(f"ENV is one of {names}, not {environment}.")
    parameters: dict[str, Any] = known[environment]["deploy"]["parameters"]
    return parameters


def hindrance(stack: str, status: str) -> str | None:
    """Why a stack in this state cannot be deployed to, and what to do; None where it can."""
    if status == "UPDATE_ROLLBACK_FAILED":
        return (
            f"{stack} got stuck while it took back a failed deployment: see why in its events, then run "
            f"`aws cloudformation continue-update-rollback --stack-name {stack}`, and deploy again."
        )
    if status in _NEVER_MADE:
        return (
            f"{stack} was never finished ({status}): run `sam delete --stack-name {stack}`, and deploy "
            "again. A database that you brought is not touched; one that it made is protected, so run before "
            f"that `aws rds modify-db-cluster --db-cluster-identifier {stack} --no-deletion-protection`."
        )
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        return f"{stack} is being deployed to ({status}): wait until that has ended, and deploy again."
    return None


def status(stack: str, region: str | None) -> str:
    """The stack's state; REVIEW_IN_PROGRESS if there is none yet. Raises SystemExit if AWS does not say."""
    try:
        stacks = boto3.client("cloudformation", region_name=region).describe_stacks(StackName=stack)
    except ClientError as error:
        if "does not exist" in str(error):
            return "REVIEW_IN_PROGRESS"
        raise SystemExit(f"AWS does not tell about {stack}: {error}") from error
    except BotoCoreError as error:
        raise SystemExit(
            f"AWS cannot be asked about {stack}: {error}. Are credentials and region set?"
        ) from error
    return str(stacks["Stacks"][0]["StackStatus"])


def given(file: str) -> dict[str, str]:
    """The parameters in a file, as sam reads them. Raises SystemExit for those that the template does not
    know, or takes no such value for. No value is repeated: it may be a secret."""
    try:
        parameters: dict[str, str] = CfnParameterOverridesType().convert(f"file://{file}", None, None)
    except (click.BadParameter, FileParseException):
        raise SystemExit(
            f"PARAMETERS={file} cannot be read: it must be a file whose name ends in .yaml, with a line such "
            'as CreateDatabase: "true" for each parameter.'
        ) from None
    known = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
    for name, value in parameters.items():
        if name not in known:
            raise SystemExit(f"PARAMETERS={file}: there is no parameter {name} in template.yaml.")
        allowed = [str(one) for one in known[name].get("AllowedValues", [value])]
        if value not in allowed:
            raise SystemExit(f'PARAMETERS={file}: {name} is one of {", ".join(allowed)}, in "quotes".')
    return parameters


def chosen(target: dict[str, Any]) -> list[str]:
    """What samconfig.toml sets, each as one argument that sam reads back as it was, with its blanks."""
    pairs = (pair.partition("=") for pair in shlex.split(target.get("parameter_overrides", "")))
    return ['{}="{}"'.format(name, value.replace('"', '\\"')) for name, _, value in pairs]


def main(environment: str, file: str | None = None) -> None:
    target = configured(environment)
    stack = target["stack_name"]
    if file:
        given(file)
    if problem := hindrance(stack, status(stack, target.get("region"))):
        raise SystemExit(problem)
    print("\n".join(chosen(target)))


if __name__ == "__main__":
    main(*sys.argv[1:])
