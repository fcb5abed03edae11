"""What each role may do, read from the templates as CloudFormation gets them: this and nothing more."""

import re
from functools import cache
from typing import Any

import pytest

from tests import template
from tests.template import Json

# Logs and traces are written, and network interfaces made, wherever AWS puts them: no resource can be named.
# The last is SAM's, as soon as a function may be put into a network.
EVERY_FUNCTION = {
    "service-role/AWSLambdaBasicExecutionRole",
    "AWSXrayWriteOnlyAccess",
    "service-role/AWSLambdaVPCAccessExecutionRole",
}
IN_NO_NETWORK = EVERY_FUNCTION - {"service-role/AWSLambdaVPCAccessExecutionRole"}

POLL = (
    "sqs:ChangeMessageVisibility",
    "sqs:ChangeMessageVisibilityBatch",
    "sqs:DeleteMessage",
    "sqs:DeleteMessageBatch",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)
TO_SALES, TO_ROOM = ("sqs:SendMessage*", "SalesEventsQueue"), ("sqs:SendMessage*", "RoomQueue")
TO_SOCKETS = ("execute-api:ManageConnections", "execute-api SocketApi/ws/*/@connections/*")
TO_INFO = ("sns:Publish", "sns AWS::StackName-info")
JOBS = ("Sweep", "Summary", "Retention")
CLOCK = ("lambda:InvokeFunction", "MaintenanceFunctionAliaslive")

# Role -> action on resource. Who adds a line says in its review why.
MAY: dict[str, set[tuple[str, str]]] = {
    "IngestionFunctionRole": {TO_SALES},
    "ProcessorFunctionRole": {TO_SALES, TO_ROOM, *((action, "SalesEventsQueue") for action in POLL)},
    "DeadLettersFunctionRole": {(action, "SalesEventsDlq") for action in POLL},
    "ApiFunctionRole": {TO_SALES, TO_ROOM},
    "DashboardFunctionRole": {TO_SALES, TO_ROOM},
    "RoomSocketFunctionRole": {TO_ROOM, TO_SOCKETS},
    "FanoutFunctionRole": {TO_ROOM, TO_SOCKETS, *((action, "RoomQueue") for action in POLL)},
    "MaintenanceFunctionRole": {TO_SALES, TO_ROOM, TO_SOCKETS, TO_INFO},
    **{f"MaintenanceFunction{job}Role": {CLOCK} for job in JOBS},
    "MigratorFunctionRole": {
        ("secretsmanager:GetSecretValue", secret)
        for secret in (
            "OwnerDatabase",
            "AppPassword",
            "JobsPassword",
            "OperatorPassword",
            "ReadonlyPassword",
        )
    },
    "SmokeHookFunctionRole": {
        *(
            ("lambda:InvokeFunction", f"{door}Function:*")
            for door in ("Ingestion", "Api", "Dashboard", "RoomSocket")
        ),
        ("codedeploy:PutLifecycleEventHookExecutionStatus", "codedeploy deploymentgroup:AWS::StackName-*"),
    },
    "CodeDeployServiceRole": set(),
}
MANAGED = {
    "SmokeHookFunctionRole": IN_NO_NETWORK,
    **{f"MaintenanceFunction{job}Role": set() for job in JOBS},
    "CodeDeployServiceRole": {"service-role/AWSCodeDeployRoleForLambda"},
}
ASSUMED_BY = {
    **{f"MaintenanceFunction{job}Role": "scheduler" for job in JOBS},
    "CodeDeployServiceRole": "codedeploy",
}
NESTED = {
    "network.yaml": {
        ("logs:CreateLogStream", "Refused"),
        ("logs:PutLogEvents", "Refused"),
        ("logs:DescribeLogStreams", "Refused"),
    },
    "database.yaml": {
        ("secretsmanager:GetSecretValue", secret) for secret in ("App", "Jobs", "Operator", "Readonly")
    },
    "edge.yaml": set(),
    "monitoring.yaml": set(),
}


@cache
def roles() -> dict[str, Json]:
    return roles_of(template.expanded(Canary="true", **template.OWN_DATABASE))


def roles_of(stack: Json) -> dict[str, Json]:
    found = stack["Resources"].items()
    return {name: role["Properties"] for name, role in found if role["Type"] == "AWS::IAM::Role"}


def test_there_is_no_role_but_these() -> None:
    assert roles().keys() == MAY.keys()


@pytest.mark.parametrize("name", MAY)
def test_a_role_may_do_this_and_nothing_else(name: str) -> None:
    assert allowed(roles()[name]) == MAY[name]


@pytest.mark.parametrize("name", MAY)
def test_a_role_has_these_policies_of_aws_and_no_others(name: str) -> None:
    arns = [rendered(arn) for arn in roles()[name].get("ManagedPolicyArns", [])]
    managed = {arn.removeprefix("arn:aws:iam::aws:policy/") for arn in arns}
    assert managed == MANAGED.get(name, EVERY_FUNCTION)


@pytest.mark.parametrize("name", MAY)
def test_a_role_is_for_one_service(name: str) -> None:
    (statement,) = roles()[name]["AssumeRolePolicyDocument"]["Statement"]
    (service,) = (
        [statement["Principal"]["Service"]]
        if isinstance(statement["Principal"]["Service"], str)
        else statement["Principal"]["Service"]
    )
    assert service == f"{ASSUMED_BY.get(name, 'lambda')}.amazonaws.com"


@pytest.mark.parametrize("stack", NESTED)
def test_roles_of_other_stacks_may_do_this_and_nothing_else(stack: str) -> None:
    found = roles_of(template.read(template.STACKS / stack)).values()
    assert set().union(*map(allowed, found)) == NESTED[stack]


def test_codedeploy_may_call_the_hook() -> None:
    # Its role, AWS's own, lets it call functions of these names, in every account, and no others.
    resources = template.expanded(Canary="true", **template.OWN_DATABASE)["Resources"]
    assert rendered(resources["SmokeHookFunction"]["Properties"]["FunctionName"]).startswith(
        "CodeDeployHook_"
    )


def test_every_function_has_a_role_of_its_own() -> None:
    resources = template.expanded(Canary="true", **template.OWN_DATABASE)["Resources"].values()
    functions = [r["Properties"] for r in resources if r["Type"] == "AWS::Lambda::Function"]
    taken = [function["Role"]["Fn::GetAtt"][0] for function in functions]
    assert len(functions) == len(set(taken)) > 9


def test_apis_may_call_their_own_doors_only() -> None:
    resources = template.expanded(**template.OWN_DATABASE)["Resources"].values()
    found = [r["Properties"] for r in resources if r["Type"] == "AWS::Lambda::Permission"]
    assert {(rendered(p["FunctionName"]), rendered(p["SourceArn"])) for p in found} == {
        ("IngestionFunctionAliaslive", "execute-api HttpApi/*"),
        ("ApiFunctionAliaslive", "execute-api HttpApi/*"),
        ("DashboardFunctionAliaslive", "execute-api HttpApi/*"),
        ("RoomSocketFunctionAliaslive", "execute-api SocketApi/*"),
    }


def allowed(role: Json) -> set[tuple[str, str]]:
    """Action on resource, from every statement."""
    found = set()
    for policy in role.get("Policies", []):
        for statement in listed(policy["PolicyDocument"]["Statement"]):
            assert statement.keys() <= {"Sid", "Effect", "Action", "Resource"}
            assert statement["Effect"] == "Allow"
            pairs = [(a, r) for a in listed(statement["Action"]) for r in listed(statement["Resource"])]
            found |= {(action, rendered(resource)) for action, resource in pairs}
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def rendered(value: Any) -> str:
    """An expression for an ARN as people would read it: a resource of the template by its name."""
    match value:
        case str():
            text = value
        case {"Ref": name}:
            return str(name)
        case {"Fn::GetAtt": [name, _]}:
            return str(name)
        case {"Fn::Sub": [template_text, names]}:
            text = re.sub(r"\${(\w+)}", lambda name: rendered(names.get(name[1], name[0])), template_text)
        case {"Fn::Sub": template_text}:
            text = template_text
        case _:
            raise AssertionError(value)
    text = re.sub(r"\${(\w+)\.Arn}", r"\1", text.replace("${AWS::Partition}", "aws"))
    text = re.sub(r"\${([\w:]+)}", r"\1", text)
    text = text.removeprefix("arn:aws:sqs:AWS::Region:AWS::AccountId:")
    return re.sub(r"^arn:aws:([\w-]+):AWS::Region:AWS::AccountId:", r"\1 ", text)
