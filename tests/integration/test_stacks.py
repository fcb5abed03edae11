"""The other stacks, deployed to the emulator with each set of parameters, as far as it carries them. The rest
is held by the linters, and by tests/unit/test_parameters.py."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samcli.cli.types import CfnParameterOverridesType

from infra.local import emulator
from infra.release import ROOT, release
from tests import template
from tests.template import Json

# What it does not know; what refers to it gets a word instead, or goes as well.
UNKNOWN = {
    "AWS::EC2::EgressOnlyInternetGateway",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::NatGateway",
    "AWS::EC2::VPCCidrBlock",
    "AWS::Logs::Delivery",
    "AWS::Logs::DeliveryDestination",
    "AWS::Logs::DeliverySource",
    "AWS::RDS::DBProxy",
    "AWS::RDS::DBProxyTargetGroup",
    "AWS::WAFv2::LoggingConfiguration",
}
UNKNOWN_PROPERTIES = {"Ipv6CidrBlock"}

SECRET = "a-secret-of-at-least-32-characters"
ORIGINS = {
    "HttpApiDomain": "abc.execute-api.eu-west-1.amazonaws.com",
    "SocketApiDomain": "def.execute-api.eu-west-1.amazonaws.com",
    "OriginSecret": SECRET,
}
NAME = {"DomainName": "sales.example.com"}
CERTIFICATE = {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/abc"}


class Cloud:
    def __init__(self, url: str) -> None:
        self.url = url
        self._stacks = self.client("cloudformation")

    def client(self, service: Any) -> Any:
        return emulator.session().client(service, endpoint_url=self.url)

    def deploy(self, file: str, **parameters: str) -> tuple[dict[str, str], dict[str, str]]:
        """The new stack's outputs, and its resources' ids."""
        name = f"stack-{time.monotonic_ns()}"
        self._stacks.create_stack(
            StackName=name,
            TemplateBody=json.dumps(carried(template.read(template.STACKS / file))),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        while (stack := self._described(name))["StackStatus"].endswith("_IN_PROGRESS"):
            time.sleep(0.05)
        assert stack["StackStatus"] == "CREATE_COMPLETE", self._failures(name)
        resources = self._stacks.describe_stack_resources(StackName=name)["StackResources"]
        return (
            {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
            {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources},
        )

    def _described(self, name: str) -> Json:
        (stack,) = self._stacks.describe_stacks(StackName=name)["Stacks"]
        found: Json = stack
        return found

    def _failures(self, name: str) -> list[str]:
        events = self._stacks.describe_stack_events(StackName=name)["StackEvents"]
        return [
            f"{e['LogicalResourceId']}: {e['ResourceStatusReason']}"
            for e in events
            if "FAILED" in e["ResourceStatus"]
        ]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as url:
        yield Cloud(url)


def carried(stack: Json) -> Json:
    """The template without what the emulator does not know."""
    gone = {name for name, r in stack["Resources"].items() if r["Type"] in UNKNOWN}
    kept = {name: r for name, r in stack["Resources"].items() if name not in gone}
    return {**stack, "Resources": without(kept, gone), "Outputs": without(stack["Outputs"], gone)}


def without(value: Any, gone: set[str]) -> Any:
    if isinstance(value, list):
        return [without(each, gone) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and not value.keys().isdisjoint({"Ref", "Fn::GetAtt", "Fn::Sub"}):
        return "not-carried" if template.named(value) & gone else value
    return {
        key: without(of, gone)
        for key, of in value.items()
        if key not in UNKNOWN_PROPERTIES and not (key == "DependsOn" and of in gone)
    }


def test_what_is_left_out_is_what_the_emulator_really_does_not_know(cloud: Cloud) -> None:
    # When a newer one learns it, this list must become shorter.
    for kind in sorted(UNKNOWN):
        body = json.dumps({"Resources": {"One": {"Type": kind, "Properties": {}}}})
        with pytest.raises(ClientError, match="Unrecognized resource types"):
            cloud.client("cloudformation").create_stack(StackName="unknown", TemplateBody=body)


@pytest.mark.parametrize("egress", ["ipv6", "nat"])
def test_network_and_database(cloud: Cloud, egress: str) -> None:
    network, made = cloud.deploy("network.yaml", Egress=egress)
    assert ("PublicRoutes" in made) is (egress == "nat")
    vault = cloud.client("secretsmanager")
    secrets = {
        f"{who}Password": vault.create_secret(
            Name=f"{egress}-{who}", SecretString=f"{who}-secret-of-{egress}"
        )["ARN"]
        for who in ("Owner", "App", "Jobs", "Operator", "Readonly")
    }
    name = f"winroom-{egress}"
    given = {"Name": name, "Deployment": "1", "BackupRetentionDays": "21"}
    _, made = cloud.deploy("database.yaml", **network, **secrets, **given)
    (cluster,) = cloud.client("rds").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
    assert cluster["StorageEncrypted"]
    assert cluster["DeletionProtection"]
    assert cluster["BackupRetentionPeriod"] == 21
    # Never paused.
    assert cluster["ServerlessV2ScalingConfiguration"]["MinCapacity"] > 0
    known = json.loads(vault.get_secret_value(SecretId=made["App"])["SecretString"])
    assert (known["username"], known["password"]) == ("winroom_app", f"App-secret-of-{egress}")


def test_each_copy_of_a_password_differs_with_each_deployment() -> None:
    # CloudFormation itself looks at a secret only where the template's own text has changed.
    database = template.read(template.STACKS / "database.yaml")["Resources"]
    copies = [r["Properties"] for r in database.values() if r["Type"] == "AWS::SecretsManager::Secret"]
    assert [template.named(copy) >= {"Deployment"} for copy in copies] == [True] * 4


@pytest.mark.parametrize(
    ("chosen", "zones"),
    [
        ("", ["us-east-1a", "us-east-1b", "us-east-1c"]),
        ("us-east-1d,us-east-1f", ["us-east-1d", "us-east-1f", "us-east-1d"]),
        ("us-east-1f,us-east-1a,us-east-1b", ["us-east-1f", "us-east-1a", "us-east-1b"]),
    ],
)
def test_the_network_is_in_the_zones_that_are_chosen(cloud: Cloud, chosen: str, zones: list[str]) -> None:
    network, _ = cloud.deploy("network.yaml", Egress="nat", Zones=chosen)
    ids = network["Subnets"].split(",")
    found = cloud.client("ec2").describe_subnets(SubnetIds=ids)["Subnets"]
    zone_of = {one["SubnetId"]: one["AvailabilityZone"] for one in found}
    assert [zone_of[one] for one in ids] == zones


def test_operators_reach_the_proxy_and_the_database_itself() -> None:
    database = template.read(template.STACKS / "database.yaml")["Resources"]
    for group in ("ProxyGroup", "ClusterGroup"):
        admitted = database[group]["Properties"]["SecurityGroupIngress"]
        assert {"Ref": "OperatorsGroup"} in [rule["SourceSecurityGroupId"] for rule in admitted]


@pytest.mark.parametrize("name", ["", "certificate", "zone"])
def test_edge(cloud: Cloud, name: str) -> None:
    parameters = {
        "": {},
        "certificate": {**NAME, **CERTIFICATE},
        "zone": {**NAME, "HostedZoneId": zone(cloud)},
    }
    outputs, made = cloud.deploy("edge.yaml", **ORIGINS, **parameters[name])
    assert ("Certificate" in made, "NameOfIpv6" in made) == (name == "zone", name == "zone")
    assert outputs["Domain"].endswith("sales.example.com" if name else ".cloudfront.net")
    distribution = cloud.client("cloudfront").get_distribution_config(Id=made["Distribution"])
    for origin in distribution["DistributionConfig"]["Origins"]["Items"]:
        (header,) = origin["CustomHeaders"]["Items"]
        assert (header["HeaderName"], header["HeaderValue"]) == ("X-Winroom-Origin", SECRET)


def test_the_firewall_answers_429_and_leaves_sales_alone() -> None:
    firewall = template.read(template.STACKS / "edge.yaml")["Resources"]["Firewall"]["Properties"]
    rules = {rule["Name"]: rule for rule in firewall["Rules"]}
    assert firewall["DefaultAction"] == {"Allow": {}}
    for rule in rules.values():
        blocked = rule.get("Action", {}).get("Block")
        assert blocked is None or blocked["CustomResponse"]["ResponseCode"] == 429
        assert blocked or rule["OverrideAction"] == {"Count": {}}
    # Nothing looks at requests that bring sales; the last rule sees only what another has marked.
    scopes = [json.dumps(rule["Statement"]) for name, rule in rules.items() if name != "ill-reputed-wait"]
    assert all('"NotStatement"' in scope and '"/api/events"' in scope for scope in scopes)
    # And of AWS's lists it asks those whose addresses AWS itself would block.
    asked = rules["ill-reputed-wait"]["Statement"]["OrStatement"]["Statements"]
    assert {one["LabelMatchStatement"]["Key"].rpartition(":")[2] for one in asked} == {
        "AWSManagedIPReputationList",
        "AWSManagedReconnaissanceList",
    }
    body = json.loads(firewall["CustomResponseBodies"]["wait"]["Content"])
    assert body.keys() == {"error", "code", "retryAfter"}


def test_no_failure_is_shown_to_anybody_else() -> None:
    edge = template.read(template.STACKS / "edge.yaml")["Resources"]["Distribution"]["Properties"]
    answers = edge["DistributionConfig"]["CustomErrorResponses"]
    # Those that CloudFront may keep, and none is drawn by it.
    assert {answer["ErrorCode"]: answer["ErrorCachingMinTTL"] for answer in answers} == dict.fromkeys(
        [400, 403, 404, 405, 414, 500, 501, 502, 503, 504], 0
    )
    assert {key for answer in answers for key in answer} == {"ErrorCode", "ErrorCachingMinTTL"}


def test_nothing_that_lets_a_reader_in_is_logged_by_the_edge() -> None:
    edge = template.read(template.STACKS / "edge.yaml")["Resources"]
    fields = edge["RequestsDelivery"]["Properties"]["RecordFields"]
    assert not {"cs-uri-stem", "cs-uri-query", "cs(Referer)", "cs(Cookie)"} & set(fields)
    redacted = json.dumps(edge["FirewallLogging"]["Properties"]["RedactedFields"])
    assert all(word in redacted for word in ("UriPath", "QueryString", "authorization", "cookie", "referer"))


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (NAME, "With DomainName give either HostedZoneId or CertificateArn, not both."),
        ({**NAME, **CERTIFICATE, "HostedZoneId": "Z1"}, "give either HostedZoneId or CertificateArn"),
        (CERTIFICATE, "are for a DomainName; give that as well."),
        ({"OriginSecret": "short"}, "'OriginSecret' must have 32 to 128 letters, digits or signs"),
        ({"HttpApiDomain": "https://abc"}, "'HttpApiDomain' must be a host such as"),
    ],
)
def test_an_edge_with_wrong_parameters_is_refused_with_a_sentence(
    cloud: Cloud, parameters: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ClientError, match=sentence):
        cloud.deploy("edge.yaml", **{**ORIGINS, **parameters})


def test_a_deployment_is_of_this_build_whatever_was_chosen_before(cloud: Cloud, tmp_path: Path) -> None:
    given = tmp_path / "my staging.yaml"
    given.write_text(
        f"Release: {'0' * 64}\nRuntime: python3.11\nAllowedOrigins: https://a.example https://b.example\n"
    )
    (tmp_path / "sam").write_text(f'#!/bin/sh\nfor one; do echo "$one"; done > {tmp_path}/"$1"\n')
    (tmp_path / "sam").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"ENV": "staging", "RUNTIME": "python3.13", "ARCHITECTURE": "arm64", "CANARY": "true"}
    # One name for the region, the one that other tools of AWS go by.
    aws = {k: v for k, v in emulator.client_environment(cloud.url).items() if k != "AWS_DEFAULT_REGION"}
    subprocess.run(
        [str(ROOT / "infra/deploy.sh")],
        env={**aws, **environment, "PATH": path, "PARAMETERS": str(given)},
        check=True,
    )
    for verb in ("build", "deploy"):
        arguments = (tmp_path / verb).read_text().splitlines()
        parameters = arguments[arguments.index("--parameter-overrides") + 1 :]
        told = CfnParameterOverridesType().convert(tuple(parameters), None, None)
        assert (told["Runtime"], told["Release"]) == ("python3.13", release())
        assert re.fullmatch("[0-9a-f]{64}", told["Deployment"])
        # Given goes before samconfig.toml, and what it does not say stands.
        assert told["AllowedOrigins"] == "https://a.example https://b.example"
        assert (told["Canary"], told["LogRetentionDays"]) == ("true", "14")
        assert "a.example" not in " ".join(arguments)


def zone(cloud: Cloud) -> str:
    created = cloud.client("route53").create_hosted_zone(
        Name="example.com", CallerReference=str(time.monotonic_ns())
    )
    return str(created["HostedZone"]["Id"].rpartition("/")[2])
