"""The operator's commands, as they are typed."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from functions.ingestion.app import handler
from infra.local import stack
from infra.operator.command import main
from tests import doors
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from winroom import schema

Winroom = Callable[..., Result]


@pytest.fixture
def winroom(environment: pytest.MonkeyPatch, database: Database) -> Winroom:
    environment.setenv("OPERATOR_DATABASE_URL", database.url_of("operator"))
    environment.setenv("OWNER_DATABASE_URL", database.owner_url)
    return lambda *arguments: CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("command", [(), ("local",), ("migrate",), ("tenant", "create"), ("key", "create")])
def test_every_command_explains_itself(winroom: Winroom, command: tuple[str, ...]) -> None:
    told = winroom(*command, "--help")
    assert told.exit_code == 0
    assert "Usage:" in told.output


def test_a_new_companys_key_sends_sales(winroom: Winroom, queues: Sqs) -> None:
    made = winroom("tenant", "create", "Acme & Sons", "--admin-email", "Ada@acme.example", "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.output)
    assert told["tenant"] == "acme-sons"
    answer = doors.http(handler, "POST", "/api/events", sale(), key=told["api_key"])
    assert answer.status == 202


def test_the_password_and_the_key_are_shown_and_stored_as_hashes(
    winroom: Winroom, database: Database
) -> None:
    made = json.loads(winroom("tenant", "create", "Acme", "--admin-email", "a@b.example", "--json").output)
    (user,) = database.execute("select email, role, password_hash from wr.users")
    assert (user["email"], user["role"]) == ("a@b.example", "admin")
    assert user["password_hash"].startswith("$argon2id$")
    assert made["admin"]["password"] not in user["password_hash"]
    (key,) = database.execute("select key_prefix, scope from wr.api_keys")
    assert made["api_key"].startswith(key["key_prefix"])
    assert len(key["key_prefix"]) < len(made["api_key"])


def test_a_slug_that_is_taken_is_refused_whole(
    winroom: Winroom, company: Company, database: Database
) -> None:
    refused = winroom("tenant", "create", "ACME", "--admin-email", "a@b.example")
    assert refused.exit_code == 1
    assert "acme is taken" in refused.output
    assert database.execute("select count(*) as n from wr.users") == [{"n": 0}]


def test_a_name_without_letters_asks_for_a_slug(winroom: Winroom) -> None:
    refused = winroom("tenant", "create", "***", "--admin-email", "a@b.example")
    assert refused.exit_code == 2
    assert "--slug" in refused.output


def test_a_key_is_made_for_a_company_that_exists(winroom: Winroom, company: Company, queues: Sqs) -> None:
    key = winroom("key", "create", "acme").output.strip()
    assert doors.http(handler, "POST", "/api/events", sale(), key=key).status == 202
    refused = winroom("key", "create", "nobody")
    assert refused.exit_code == 1
    assert "no company" in refused.output


def test_migrate_goes_up_and_down_and_says_what_it_did(winroom: Winroom) -> None:
    assert "Nothing to do." in winroom("migrate").output
    assert "pending" not in winroom("migrate", "--status").output
    down = winroom("migrate", "--rollback", "--to", "0003_sales")
    above = [name for name in schema.known() if name > "0003_sales"]
    assert down.output == f"Taken back: {', '.join(reversed(above))}\n"
    assert "pending  0004_room" in winroom("migrate", "--status").output
    assert winroom("migrate").output == f"Applied: {', '.join(above)}\n"


@pytest.mark.parametrize("arguments", [("--to", "9999_nothing"), ("--rollback",)])
def test_migrate_asks_for_what_it_can_do(winroom: Winroom, arguments: tuple[str, ...]) -> None:
    refused = winroom("migrate", *arguments)
    assert refused.exit_code == 2
    assert schema.known()[0] in refused.output or "--to" in refused.output


def test_without_a_database_the_way_to_one_is_told(winroom: Winroom, environment: pytest.MonkeyPatch) -> None:
    environment.delenv("OPERATOR_DATABASE_URL")
    environment.setattr(stack, "read", lambda: None)
    refused = winroom("key", "create", "acme")
    assert refused.exit_code == 1
    assert "OPERATOR_DATABASE_URL" in refused.output
    for variable, command in (
        ("OPERATOR_DATABASE_URL", ("key", "create", "acme")),
        ("OWNER_DATABASE_URL", ("migrate",)),
    ):
        environment.setenv(variable, "postgresql://nobody@127.0.0.1:9/nowhere")
        refused = winroom(*command)
        assert refused.exit_code == 1
        assert "Connection refused" in refused.output


@pytest.mark.parametrize(
    "command",
    [
        ("tenant", "create", "X", "--admin-email", "a"),
        ("tenant", "create", "X", "--admin-email", "a@b.example", "--slug", "BAD!"),
        ("tenant", "create", "x" * 250, "--admin-email", "a@b.example"),
        ("key", "create", "acme", "--name", ""),
    ],
)
def test_what_the_database_refuses_is_told_in_a_line(
    winroom: Winroom, company: Company, command: tuple[str, ...]
) -> None:
    refused = winroom(*command)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: The database refuses that")
