"""Where a deployment goes: what samconfig.toml says of it, and whether its stack can be deployed to.
`python -m infra.destination ENV` prints its parameters, one a line, or says what is in the way."""

import sys
import tomllib
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

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
            f"{stack} was never finished ({status}): run `sam delete --stack-name {stack}`, "
            "and deploy again. A database that you brought is not touched."
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


def main(environment: str) -> None:
    target = configured(environment)
    stack = target["stack_name"]
    if problem := hindrance(stack, status(stack, target.get("region"))):
        raise SystemExit(problem)
    print("\n".join(target.get("parameter_overrides", "").split()))


if __name__ == "__main__":
    main(sys.argv[1])
