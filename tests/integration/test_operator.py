"""The operator's commands, as they are typed."""

import json
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from functions.ingestion.app import handler
from infra.local import stack
from infra.operator.command import main
from tests import doors
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.integration.conftest import Winroom
from winroom import schema


def every(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands by how they are typed, groups included."""
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(every(main))
# What starts, stops and prints logs has nothing to tell a script.
NOTHING_TO_TELL = {("local", "up"), ("local", "down"), ("local", "logs")}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: tuple[str, ...]) -> None:
    told = CliRunner().invoke(main, [*command, "--help"])
    assert told.exit_code == 0
    assert "Usage:" in told.output
    if not isinstance(COMMANDS[command], click.Group):
        assert f"  winroom {' '.join(command)}" in told.output.partition("Example")[2]


def test_every_command_has_an_answer_for_scripts() -> None:
    leaves = {name: one for name, one in COMMANDS.items() if not isinstance(one, click.Group)}
    silent = {name for name, one in leaves.items() if not any("--json" in p.opts for p in one.params)}
    assert silent == NOTHING_TO_TELL


def test_no_command_takes_a_secret_as_an_argument() -> None:
    options = {option for one in COMMANDS.values() for p in one.params for option in p.opts}
    assert not {option for option in options if "password" in option or option == "--api-key"}


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
    assert "acme is taken" in refused.stderr
    assert database.execute("select count(*) as n from wr.users") == [{"n": 0}]


def test_a_name_without_letters_asks_for_a_slug(winroom: Winroom) -> None:
    refused = winroom("tenant", "create", "***", "--admin-email", "a@b.example")
    assert refused.exit_code == 2
    assert "--slug" in refused.stderr


def test_a_key_is_made_for_a_company_that_exists(winroom: Winroom, company: Company, queues: Sqs) -> None:
    key = winroom("key", "create", "acme").output.strip()
    assert doors.http(handler, "POST", "/api/events", sale(), key=key).status == 202
    refused = winroom("key", "create", "nobody")
    assert refused.exit_code == 1
    assert "no company" in refused.stderr


def test_migrate_goes_up_and_down_and_says_what_it_did(winroom: Winroom) -> None:
    assert "Nothing to do." in winroom("migrate").output
    assert "pending" not in winroom("migrate", "--status").output
    down = winroom("migrate", "--rollback", "--to", "0003_sales", "--yes")
    above = [name for name in schema.known() if name > "0003_sales"]
    assert down.output == f"Taken back: {', '.join(reversed(above))}\n"
    assert "pending  0004_room" in winroom("migrate", "--status").output
    assert winroom("migrate").output == f"Applied: {', '.join(above)}\n"


@pytest.mark.parametrize("arguments", [("--to", "9999_nothing"), ("--rollback",)])
def test_migrate_asks_for_what_it_can_do(winroom: Winroom, arguments: tuple[str, ...]) -> None:
    refused = winroom("migrate", *arguments)
    assert refused.exit_code == 2
    assert schema.known()[0] in refused.stderr or "--to" in refused.stderr


def test_without_a_database_the_way_to_one_is_told(winroom: Winroom, environment: pytest.MonkeyPatch) -> None:
    environment.delenv("OPERATOR_DATABASE_URL")
    environment.setattr(stack, "read", lambda: None)
    refused = winroom("key", "create", "acme")
    assert refused.exit_code == 1
    assert "OPERATOR_DATABASE_URL" in refused.stderr
    for variable, command in (
        ("OPERATOR_DATABASE_URL", ("key", "create", "acme")),
        ("OWNER_DATABASE_URL", ("migrate",)),
    ):
        environment.setenv(variable, "postgresql://nobody@127.0.0.1:9/nowhere")
        refused = winroom(*command)
        assert refused.exit_code == 1
        assert "Connection refused" in refused.stderr


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
    assert refused.stderr.startswith("Error: The database refuses that")
