"""Which deployment the commands work on, and what they say where the way there is blocked."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends

from infra.local import demo
from infra.local import stack as local
from infra.local.stack import Stack
from infra.operator import screen
from infra.operator.status import QUEUES
from tests.factories import Company, Database
from tests.integration.conftest import Winroom
from winroom import schema, tenants

REGION = "eu-central-1"


@pytest.fixture
def winroom(winroom: Winroom, environment: pytest.MonkeyPatch) -> Winroom:
    """The command, with nothing in the environment that would lead it somewhere."""
    for variable in ("OPERATOR_DATABASE_URL", "OWNER_DATABASE_URL", "AWS_PROFILE", "AWS_REGION"):
        environment.delenv(variable, raising=False)
    environment.setattr(local, "read", lambda: None)
    return winroom


@pytest.fixture
def deployed(winroom: Winroom, company: Company) -> Iterator[Winroom]:
    """The command for a stack in an AWS of its own, whose secrets lead to the test's database."""
    with mock_aws():
        vault = boto3.client("secretsmanager", REGION)
        operator = vault.create_secret(Name="operator", SecretString="test")["ARN"]
        owner = vault.create_secret(Name="owner", SecretString=company.database.owner_url)["ARN"]
        parts = urlsplit(company.database.owner_url)
        deploy(
            "staging",
            PublicUrl="https://api.example.com/",
            DatabaseAddress=f"{parts.hostname}:{parts.port}{parts.path}",
            OperatorPasswordSecret=operator,
            OwnerDatabaseSecret=owner,
        )
        yield lambda *arguments, **more: winroom("--stack", "staging", "--region", REGION, *arguments, **more)


def deploy(name: str, **outputs: str) -> None:
    told = {output: {"Value": value} for output, value in outputs.items()}
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    template = {"Resources": topic, "Outputs": told}
    boto3.client("cloudformation", REGION).create_stack(StackName=name, TemplateBody=json.dumps(template))


def become(name: str, status: str) -> None:
    """Brings a stack into a state that only goes wrong in earnest."""
    (stack,) = (s for s in cloudformation_backends["123456789012"][REGION].stacks.values() if s.name == name)
    stack.status = status


def test_a_stack_tells_where_its_database_is(deployed: Winroom) -> None:
    assert "acme" in deployed("tenant", "list").stdout
    assert deployed("key", "list", "acme").exit_code == 0
    assert "pending" not in deployed("migrate", "--status").stdout


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_whose_update_is_under_way_or_failed_is_worked_with(deployed: Winroom, status: str) -> None:
    become("staging", status)
    assert deployed("tenant", "list").exit_code == 0


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("ROLLBACK_IN_PROGRESS", "is being taken back"),
        ("ROLLBACK_COMPLETE", "`sam delete`"),
        ("ROLLBACK_FAILED", "`sam delete`"),
        ("CREATE_FAILED", "`sam delete`"),
        ("CREATE_IN_PROGRESS", "wait until"),
        ("REVIEW_IN_PROGRESS", "deploy it"),
        ("DELETE_IN_PROGRESS", "is being deleted"),
    ],
)
def test_a_half_finished_stack_is_said_so_with_what_to_do(
    deployed: Winroom, status: str, advice: str
) -> None:
    become("staging", status)
    refused = deployed("tenant", "list")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert status in refused.stderr
    assert advice in refused.stderr


def test_a_stack_that_is_not_there_or_is_another_is_said_so(deployed: Winroom, winroom: Winroom) -> None:
    deploy("other", Something="else")
    for arguments, why in (
        (("--stack", "nowhere", "--region", REGION), f"no stack nowhere in {REGION}"),
        (("--stack", "other", "--region", REGION), "no DatabaseAddress among the outputs of the stack other"),
        (("--stack", "staging", "--profile", "nobody"), "nobody"),
    ):
        refused = winroom(*arguments, "tenant", "list")
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert why in refused.stderr


def test_a_secret_that_is_gone_is_said_so(deployed: Winroom) -> None:
    boto3.client("secretsmanager", REGION).delete_secret(SecretId="operator", ForceDeleteWithoutRecovery=True)
    refused = deployed("tenant", "list")
    assert refused.exit_code == 1
    assert "AWS refuses that: Secrets Manager can't find" in refused.stderr


def test_without_credentials_or_region_the_way_to_them_is_told(
    winroom: Winroom, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.delenv("AWS_DEFAULT_REGION")
    environment.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    environment.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/none")
    assert "--region" in winroom("--stack", "staging", "tenant", "list").stderr
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        environment.delenv(variable)
    environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
    refused = winroom("--stack", "staging", "--region", REGION, "tenant", "list")
    assert refused.exit_code == 1
    assert "No AWS credentials" in refused.stderr


def test_an_aws_that_does_not_answer_is_said_so(winroom: Winroom, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    refused = winroom("--stack", "staging", "--region", REGION, "tenant", "list")
    assert refused.exit_code == 1
    assert "127.0.0.1:9" in refused.stderr


def test_a_region_without_a_stack_is_a_mistake(winroom: Winroom) -> None:
    refused = winroom("--region", REGION, "tenant", "list")
    assert refused.exit_code == 2
    assert "--stack" in refused.stderr


def test_what_the_environment_names_goes_first(
    deployed: Winroom, rival: Company, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("OPERATOR_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nowhere")
    assert "Connection refused" in deployed("tenant", "list").stderr


@pytest.mark.parametrize(
    ("variable", "command"),
    [
        ("OPERATOR_DATABASE_URL", ("tenant", "list")),
        ("OPERATOR_DATABASE_URL", ("status",)),
        ("OWNER_DATABASE_URL", ("migrate",)),
        ("OWNER_DATABASE_URL", ("reset", "--yes")),
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(
    winroom: Winroom, environment: pytest.MonkeyPatch, variable: str, command: tuple[str, ...]
) -> None:
    environment.setenv(variable, "postgresql:/winroom:secret@host")
    refused = winroom(*command)
    told = refused.stdout + refused.stderr
    assert refused.exit_code == 1
    assert f"{variable} cannot be read" in told
    assert "secret" not in told


def test_an_address_that_is_none_is_said_so(winroom: Winroom, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WINROOM_URL", "winroom.example.com")
    environment.setenv("WINROOM_KEY", "wr_live_x")
    refused = winroom("seed")
    assert refused.exit_code == 1
    assert "it must begin with https://" in refused.stderr


def test_without_anything_to_work_on_the_status_says_it_once(winroom: Winroom) -> None:
    told = winroom("status", "--json")
    assert told.exit_code == 1
    (problem,) = json.loads(told.stdout)["problems"]
    assert "`winroom local up`" in problem


def test_a_schema_that_is_behind_is_said_so(
    winroom: Winroom, database: Database, environment: pytest.MonkeyPatch
) -> None:
    schema.roll_back(database.owner_url, "0001_foundation")
    environment.setenv("OPERATOR_DATABASE_URL", database.url_of("operator"))
    for command in (("tenant", "list"), ("key", "list", "acme"), ("failed", "list")):
        refused = winroom(*command)
        assert refused.exit_code == 1
        assert "`winroom migrate`" in refused.stderr


def test_a_url_of_another_role_is_said_so(
    winroom: Winroom, company: Company, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("OPERATOR_DATABASE_URL", company.database.url_of("readonly"))
    assert "not that of the role" in winroom("user", "list", "acme").stderr


@pytest.mark.parametrize("command", [("tenant", "list"), ("migrate",)])
def test_a_server_that_is_too_old_is_said_so(
    winroom: Winroom, database: Database, environment: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    environment.setenv("OPERATOR_DATABASE_URL", database.url_of("operator"))
    environment.setenv("OWNER_DATABASE_URL", database.owner_url)
    environment.setattr(schema, "OLDEST", 99)
    refused = winroom(*command)
    assert refused.exit_code == 1
    assert "needs 99 or later" in refused.stderr


def test_an_emptied_database_is_as_on_the_first_day(
    deployed: Winroom, company: Company, database: Database, environment: pytest.MonkeyPatch
) -> None:
    database.execute(
        "insert into wr.switches (name, value, changed_by) values ('pause_sign_up', 'true', 'me')"
    )
    for arguments in ((), ("--yes",), ("--yes-i-mean", "production")):
        refused = deployed("reset", *arguments)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "staging" in refused.stderr
    environment.setattr(screen, "is_answered", lambda: True)
    assert deployed("reset", input="yes\n").exit_code == 1
    assert database.execute("select slug from wr.tenants") == [{"slug": "acme"}]
    done = deployed("reset", "--yes-i-mean", "staging", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {"reset": "staging", "migrations": len(schema.known())}
    assert database.execute("select from wr.tenants union all select from wr.switches") == []
    database.company("acme")
    assert deployed("reset", input="staging\n").exit_code == 0
    assert database.execute("select from wr.tenants") == []


def test_a_database_of_the_environment_is_named_by_itself(
    winroom: Winroom, company: Company, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("OWNER_DATABASE_URL", company.database.owner_url)
    name = urlsplit(company.database.owner_url).path[1:]
    refused = winroom("reset", "--yes")
    assert refused.exit_code == 1
    assert f"--yes-i-mean {name}" in refused.stderr
    assert company.count("api_keys") == 2
    assert winroom("reset", "--yes-i-mean", name).exit_code == 0


def test_the_local_stack_gets_its_demo_company_back(
    winroom: Winroom, database: Database, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setattr(local, "STATE", tmp_path)
    seeded = demo.seed(local.STATE, database.url_of("operator"))
    up = running(database, seeded)
    environment.setattr(local, "read", lambda: up)
    assert winroom("reset").exit_code == 1  # nobody answers
    other = winroom("reset", "--yes", "--yes-i-mean", "winroom-production")
    assert (other.exit_code, other.stdout) == (1, "")
    assert "this is winroom-local, not winroom-production" in other.stderr
    assert database.execute("select slug from wr.tenants") == [{"slug": "demo"}]
    # A schema that no way back fits is no hindrance.
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("drop index wr.claims_of_seller")
    done = winroom("reset", "--yes", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["tenant"] == "demo"
    announced = json.loads((local.STATE / "stack.json").read_text())
    assert announced["api_key"] == told["api_key"] != seeded.api_key
    assert announced["http_url"] == up.http_url
    with database.operator() as conn:
        assert [one["slug"] for one in tenants.every(conn)] == ["demo"]


def test_a_profile_of_elsewhere_is_nothing_to_the_local_stack(
    winroom: Winroom, database: Database, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    up = running(database, demo.seed(tmp_path, database.url_of("operator")))
    up = replace(up, outputs=dict.fromkeys(QUEUES.values(), "http://127.0.0.1:9/queue"))
    environment.setattr(local, "read", lambda: up)
    environment.setenv("AWS_PROFILE", "nobody")
    told = json.loads(winroom("status", "--json").stdout)
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9' in told["queues_unknown"]


def running(database: Database, seeded: demo.Demo) -> Stack:
    """A local stack as its file tells of it."""
    return Stack(
        http_url="http://127.0.0.1:9",
        ws_url="ws://127.0.0.1:9/ws",
        database_url=database.url_of("app"),
        owner_database_url=database.owner_url,
        operator_database_url=database.url_of("operator"),
        aws_endpoint_url="http://127.0.0.1:9",
        stack_name="winroom-local",
        tenant=seeded.tenant,
        api_key=seeded.api_key,
        admin={"email": seeded.email, "password": seeded.password},
        outputs={},
        pid=0,
        ports={},
    )
