"""Builds and deploys the real template onto the emulator with the real `sam`."""

import json
import os
import platform
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.local import emulator, leash
from infra.release import ROOT, fingerprint, release

STACK = "winroom-local"
BUCKET = "winroom-local-artifacts"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
# At the same time: each is a program of its own on this one machine.
CONCURRENCY = {"ProcessorConcurrency": 4, "FanoutConcurrency": 100}


class DeploymentFailed(Exception):
    """`sam` could not build or deploy the template."""


@dataclass(frozen=True)
class Deployment:
    aws: str
    outputs: dict[str, str]
    resources: dict[str, str]  # physical ids by their name in the template

    @property
    def http_url(self) -> str:
        return f"{self.aws}/_aws/execute-api/{self.outputs['HttpApiId']}/$default"

    @property
    def socket_url(self) -> str:
        return f"{self.aws}/_aws/execute-api/{self.outputs['SocketApiId']}/ws"

    def secret(self, name: str) -> str:
        vault = emulator.session().client("secretsmanager", endpoint_url=self.aws)
        return vault.get_secret_value(SecretId=self.resources[name])["SecretString"]

    def invoke(self, name: str, payload: bytes) -> None:
        lambdas = emulator.session().client("lambda", endpoint_url=self.aws)
        lambdas.invoke(FunctionName=f"{self.resources[name]}:live", Payload=payload)


def build(state: Path) -> None:
    """Build what has changed since the last time."""
    stamp = state / "build" / ".fingerprint"
    wanted = f"{RUNTIME} {ARCHITECTURE} {fingerprint('template.yaml', 'infra/stacks', 'layers', 'functions')}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    arguments: list[str | Path] = ["--template-file", ROOT / "template.yaml", "--parallel"]
    arguments += ["--build-dir", state / "build", "--cached", "--cache-dir", state / "cache"]
    arguments += ["--parameter-overrides", f"Runtime={RUNTIME}", f"Architecture={ARCHITECTURE}"]
    _sam(state, "build", {}, arguments)
    stamp.write_text(wanted)


def deploy(state: Path, aws: str, owner_database_url: str, socket_url: str) -> Deployment:
    """Deploy what `build` has built; migrations run as part of it."""
    emulator.session().client("s3", endpoint_url=aws).create_bucket(Bucket=BUCKET)
    deployment = secrets.token_hex(32)
    parameters = {
        "Runtime": RUNTIME,
        "Architecture": ARCHITECTURE,
        "Release": release(),
        "Deployment": deployment,
        "OwnerDatabaseUrl": owner_database_url,
        "DatabaseAddress": database_address(owner_database_url),
        "PublicWebSocketUrl": socket_url,
        "ExecuteApiUrl": f"{aws}/_aws/execute-api",
    }
    template = _for_the_emulator(state / "build" / "template.yaml", deployment)
    arguments: list[str | Path] = ["--template-file", template]
    arguments += ["--config-file", ROOT / "samconfig.toml", "--config-env", "local"]
    with _for_our_eyes(state / "parameters.yaml", json.dumps(parameters)) as file:
        arguments += ["--parameter-overrides", f"file://{file}"]
        _sam(state, "deploy", emulator.client_environment(aws), arguments)
    return describe(aws)


def database_address(url: str) -> str:
    """host:port/database?options: the URL without who is asking."""
    parts = urlsplit(url)
    address = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
    return f"{address}?{parts.query}" if parts.query else address


def describe(aws: str) -> Deployment:
    """What is deployed on the emulator at `aws`."""
    stacks = emulator.session().client("cloudformation", endpoint_url=aws)
    outputs = stacks.describe_stacks(StackName=STACK)["Stacks"][0].get("Outputs", [])
    resources = stacks.describe_stack_resources(StackName=STACK)["StackResources"]
    return Deployment(
        aws,
        {one["OutputKey"]: one["OutputValue"] for one in outputs},
        {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources},
    )


@contextmanager
def _for_our_eyes(file: Path, text: str) -> Iterator[Path]:
    """A file while it is needed: everybody on this machine may read how a program was called."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
    try:
        yield file
    finally:
        file.unlink()


def _for_the_emulator(built: Path, deployment: str) -> Path:
    """The built template with some parameters written out, for the emulator makes little of them.

    It expands SAM without the parameters' values, but SAM names the versions that it publishes by
    the deployment; and it compares concurrencies, strings to it, with numbers.
    """
    text = built.read_text()
    written = {r"(  Deployment:\n    Type: String\n)": rf"\g<1>    Default: {deployment}\n"}
    written[r"(TemplateURL: Monitor)/template.yaml\n"] = r"\1/deployable.yaml\n"
    for name, number in CONCURRENCY.items():
        written[rf"(MaximumConcurrency:)\s+Ref: {name}\n"] = rf"\1 {number}\n"
    for pattern, value in written.items():
        text, found = re.subn(pattern, value, text)
        if found != 1:
            raise DeploymentFailed(f"{built}: {found} places look like {pattern}")
    _write_monitor(built.parent / "Monitor" / "template.yaml")
    deployable = built.with_name("deployable.yaml")
    deployable.write_text(text)
    return deployable


def _write_monitor(built: Path) -> None:
    """The nested template without alarms that calculate, which the emulator refuses, nor the dashboard that
    shows them."""
    # Here, for it comes with `sam`, and the command also works where nothing is run locally.
    from samcli.yamlhelper import yaml_parse

    template = yaml_parse(built.read_text())
    template["Resources"] = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] != "AWS::CloudWatch::Dashboard" and "Metrics" not in resource["Properties"]
    }
    built.with_name("deployable.yaml").write_text(json.dumps(template))


def _sam(state: Path, verb: str, environment: Mapping[str, str], arguments: Sequence[str | Path]) -> None:
    tools = Path(sys.executable).parent  # sam itself, and uv and python for the layers' Makefiles
    log = state / "logs" / f"sam-{verb}.log"
    env = {
        # Whose account or profile somebody works with elsewhere is nothing to what runs here.
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **environment,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "RUNTIME": RUNTIME,
        "PLATFORM": "",
        "SAM_CLI_TELEMETRY": "0",
        "NO_COLOR": "1",
    }
    command = [tools / "sam", verb, *arguments]
    with tempfile.TemporaryDirectory(dir=state) as scratch:  # sam leaves folders behind
        env["TMPDIR"] = scratch
        with leash.leashed(command, log=log, env=env, cwd=ROOT) as program:
            if program.wait():
                raise DeploymentFailed(f"sam {verb} failed; the end of {log}:\n{leash.tail(log)}")
