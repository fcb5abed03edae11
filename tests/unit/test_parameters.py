"""Templates with each set of parameters: what exists then refers to what exists, and passes the linter."""

import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cfnlint import api as linter

from infra import destination
from infra.release import ROOT
from tests import template
from tests.template import OWN_DATABASE

SECRET = "a-secret-of-at-least-32-characters"
MADE_DATABASE = {"CreateDatabase": "true"}
EDGE = {"DomainName": "sales.example.com", "OriginSecret": SECRET}
BOUNDS = dict.fromkeys(
    ["IngestionConcurrency", "ApiConcurrency", "DashboardConcurrency", "SocketConcurrency"], "20"
)
CANARY = {"Canary": "true", "SnapStart": "true"}

SETS = {
    "as small as can be": OWN_DATABASE,
    "a database of our making": MADE_DATABASE,
    "with a NAT gateway": {**MADE_DATABASE, "Egress": "nat"},
    "a canary": {**OWN_DATABASE, **CANARY},
    "behind an edge, bounded": {**OWN_DATABASE, **EDGE, **BOUNDS},
    "everything": {**MADE_DATABASE, **CANARY, **EDGE, **BOUNDS},
}
HTTP, SOCKET = "abc.execute-api.eu-west-1.amazonaws.com", "def.execute-api.eu-west-1.amazonaws.com"
ORIGINS = {"HttpApiDomain": HTTP, "SocketApiDomain": SOCKET, "OriginSecret": SECRET}
DOORS = ("IngestionFunction", "ApiFunction", "DashboardFunction", "RoomSocketFunction")


@cache
def application(name: str) -> dict[str, Any]:
    return template.decided(template.expanded(**SETS[name]), SETS[name])


@pytest.mark.parametrize("name", SETS)
def test_the_application_is_whole(name: str) -> None:
    assert template.dangling(application(name)) == set()


def test_what_sam_adds_passes_the_linter(tmp_path: Path) -> None:
    # `make lint` knows the parameters' defaults only, and has no canary before it.
    file = tmp_path / "stack.json"
    file.write_text(json.dumps(application("everything")))
    # Decided, some parameters are not used any more; TemplateURL and two actions are SAM's affair.
    config = linter.ManualArgs(regions=["us-east-1"], ignore_checks=["W1030", "W2001", "W3002", "W3037"])
    assert [str(match) for match in linter.lint_file(file, config)] == []


@pytest.mark.parametrize(
    ("file", "parameters"),
    [
        ("network.yaml", {"Egress": "ipv6"}),
        ("network.yaml", {"Egress": "nat"}),
        ("database.yaml", {}),
        ("edge.yaml", ORIGINS),
        ("edge.yaml", {**ORIGINS, "DomainName": "a.example.com", "HostedZoneId": "Z1"}),
        (
            "edge.yaml",
            {**ORIGINS, "DomainName": "a.example.com", "CertificateArn": "arn:aws:acm:us-east-1:1:c"},
        ),
    ],
)
def test_the_other_stacks_are_whole(file: str, parameters: dict[str, str]) -> None:
    stack = template.decided(template.read(template.STACKS / file), parameters)
    assert template.dangling(stack) == set()


def test_a_dangling_reference_is_found() -> None:
    stack = {
        "Parameters": {"Known": {}},
        "Resources": {
            "A": {"DependsOn": "B", "Properties": {"X": {"Fn::Sub": "${C.Arn} ${AWS::Region} ${Known}"}}},
            "E": {"Properties": {"X": [{"Ref": "F"}, {"Fn::GetAtt": ["G", "Arn"]}, {"Ref": "A"}]}},
        },
        "Outputs": {"H": {"Value": {"Fn::GetAtt": "I.Arn"}}},
    }
    assert template.dangling(stack) == {"B", "C", "F", "G", "I"}


def test_nested_stacks_get_the_parameters_that_they_take() -> None:
    stacks = application("everything")["Resources"]
    for name, file in {"Network": "network.yaml", "Database": "database.yaml"}.items():
        takes = template.read(template.STACKS / file)["Parameters"]
        gets = stacks[name]["Properties"]["Parameters"]
        assert gets.keys() <= takes.keys()
        assert {k for k, p in takes.items() if "Default" not in p} <= gets.keys()


def test_only_a_canary_sends_traffic_by_codedeploy() -> None:
    plain, careful = application("as small as can be"), application("a canary")
    assert not [r for r in plain["Resources"].values() if "CodeDeploy" in r["Type"]]
    assert "SmokeHookFunction" not in plain["Resources"]
    for door in DOORS:
        shift = careful["Resources"][f"{door}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert shift["BeforeAllowTrafficHook"] == {"Ref": "SmokeHookFunction"}
        group = careful["Resources"][f"{door}DeploymentGroup"]["Properties"]
        assert "Canary10Percent15Minutes" in json.dumps(group["DeploymentConfigName"])
        assert {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"} <= set(
            group["AutoRollbackConfiguration"]["Events"]
        )
        (alarm,) = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        assert careful["Resources"][alarm]["Type"] == "AWS::CloudWatch::Alarm"
    shifted = [n for n, r in careful["Resources"].items() if "UpdatePolicy" in r]
    assert sorted(shifted) == sorted(f"{door}Aliaslive" for door in DOORS)


def test_only_the_doors_that_people_wait_at_start_from_a_snapshot_and_none_is_kept() -> None:
    for name, applies in (("a canary", "PublishedVersions"), ("as small as can be", "None")):
        resources = application(name)["Resources"]
        found = {n: r["Properties"]["SnapStart"] for n, r in resources.items() if "SnapStart" in str(r)}
        assert found == {door: {"ApplyOn": applies} for door in DOORS}
        versions = [r for r in resources.values() if r["Type"] == "AWS::Lambda::Version"]
        assert {version["DeletionPolicy"] for version in versions} == {"Delete"}


def test_every_deployment_reaches_every_function() -> None:
    # With the same code, too: a parameter or a secret may have changed, and aliases serve what is published.
    def published(deployment: str) -> set[str]:
        resources = template.expanded(**OWN_DATABASE, Deployment=deployment)["Resources"].items()
        return {name for name, r in resources if r["Type"] == "AWS::Lambda::Version"}

    first, second = published("a" * 64), published("b" * 64)
    assert len(first) == len(second) > 9
    assert not first & second
    functions = application("everything")["Resources"].values()
    for function in [r["Properties"] for r in functions if r["Type"] == "AWS::Lambda::Function"]:
        assert function["Environment"]["Variables"]["DEPLOYMENT"] == {"Ref": "Deployment"}


def test_reserved_concurrency_is_what_the_parameters_say() -> None:
    bounded = application("behind an edge, bounded")["Resources"]
    reserved = {n for n, r in bounded.items() if "ReservedConcurrentExecutions" in r["Properties"]}
    assert reserved == set(DOORS)
    assert "ReservedConcurrentExecutions" not in json.dumps(application("as small as can be"))


def test_functions_are_in_a_network_only_if_the_database_is() -> None:
    assert networks("as small as can be") == {}
    inside = networks("everything")
    resources = application("everything")["Resources"].items()
    # The hook speaks to Lambda and CodeDeploy alone.
    assert inside.keys() == {n for n, r in resources if r["Type"] == "AWS::Lambda::Function"} - {
        "SmokeHookFunction"
    }
    assert [n for n, network in inside.items() if "MigratorGroup" in network] == ["MigratorFunction"]


def networks(name: str) -> dict[str, str]:
    """The network of each function that is in one, in words."""
    resources = application(name)["Resources"].items()
    return {n: str(r["Properties"]["VpcConfig"]) for n, r in resources if "VpcConfig" in r["Properties"]}


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("a database of our making", {"https://{}.${{AWS::Region}}.api.aws"}),
        ("with a NAT gateway", {"", "https://{}.${{AWS::Region}}.${{AWS::URLSuffix}}"}),
    ],
)
def test_in_a_network_of_ipv6_alone_aws_is_asked_where_it_has_that(name: str, addresses: set[str]) -> None:
    resources = application(name)["Resources"].values()
    functions = [r["Properties"] for r in resources if r["Type"] == "AWS::Lambda::Function"]
    services = {"SQS_URL": "sqs", "NOTICES_URL": "sns", "SECRETS_URL": "secretsmanager"}
    for variable, service in services.items():
        told = [f["Environment"]["Variables"].get(variable) for f in functions]
        found = {one["Fn::Sub"] if isinstance(one, dict) else one for one in told if one is not None}
        assert len(found) == 1
        assert found <= {address.format(service) for address in addresses}


def test_people_and_operators_go_by_the_edge_where_there_is_one() -> None:
    plain, behind = (
        application(name)["Outputs"] for name in ("as small as can be", "behind an edge, bounded")
    )
    assert plain["PublicUrl"]["Value"] == plain["HttpUrl"]["Value"] == behind["HttpUrl"]["Value"]
    assert behind["PublicUrl"]["Value"] == {"Fn::Sub": "https://${DomainName}"}


@pytest.mark.parametrize(
    ("parameter", "right", "wrong"),
    [
        (
            "OwnerDatabaseUrl",
            [
                "",
                "postgresql://o:p@127.0.0.1:5432/winroom",
                "postgres://o:p@localhost/winroom",
                "postgresql://o:p@db.example.com/winroom?sslmode=require",
                "postgresql://o:p@db.example.com:5432/winroom?application_name=x&sslmode=verify-full&a=b",
            ],
            [
                "db.example.com",
                "mysql://o:p@db.example.com/winroom?sslmode=require",
                "postgresql://o:p@db.example.com/winroom",
                "postgresql://o:p@db.example.com/winroom?sslmode=prefer",
                "postgresql://o:p@localhost.example.com/winroom",
                "postgresql://o:p@127.0.0.1.example.com/winroom",
            ],
        ),
        (
            "DatabaseAddress",
            ["", "127.0.0.1:5432/winroom", "db.example.com:6543/winroom?sslmode=require"],
            ["db.example.com/winroom", "o:p@db.example.com/w?sslmode=require", "localhost.example.com/w"],
        ),
        (
            "DomainName",
            ["", "sales.example.com"],
            ["https://sales.example.com", "sales", "Sales.example.com"],
        ),
        ("OriginSecret", ["", SECRET, f"{SECRET} {SECRET}"], ["short", f"{SECRET}  {SECRET}", f"{SECRET} x"]),
        (
            "Zones",
            ["", "us-east-1a,us-east-1b", "us-east-1a,us-east-1b,us-east-1d"],
            ["us-east-1a", "us-east-1a, us-east-1b", "a,b,c,d", ","],
        ),
        ("ApiConcurrency", ["", "1", "1000"], ["0", "-1", "ten", "1.5"]),
    ],
)
def test_a_parameter_takes_what_is_right_and_says_what_is_wrong(
    parameter: str, right: list[str], wrong: list[str]
) -> None:
    described = template.read(ROOT / "template.yaml")["Parameters"][parameter]
    pattern = re.compile(described["AllowedPattern"])
    assert [value for value in right if not pattern.fullmatch(value)] == []
    assert [value for value in wrong if pattern.fullmatch(value)] == []
    assert described["ConstraintDescription"].startswith("must ")


@pytest.mark.parametrize("name", ["staging", "production"])
def test_what_samconfig_chooses_exists(name: str) -> None:
    known = template.read(ROOT / "template.yaml")["Parameters"]
    pairs = shlex.split(destination.configured(name)["parameter_overrides"])
    chosen = dict(pair.split("=", 1) for pair in pairs)
    assert {
        k for k, v in chosen.items() if str(v) not in map(str, known[k].get("AllowedValues", [v]))
    } == set()
