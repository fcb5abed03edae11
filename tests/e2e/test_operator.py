"""The `winroom` command on a deployed stack: the emulator is its AWS, outputs and secrets lead the way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.local import emulator
from infra.local.stack import Stack
from infra.operator.command import main
from tests.e2e.conftest import Company, wait_until

Winroom = Callable[..., Result]


@pytest.fixture
def winroom(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Winroom:
    for variable in ("OPERATOR_DATABASE_URL", "OWNER_DATABASE_URL", "WINROOM_KEY"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in emulator.client_environment(stack.aws_endpoint_url).items():
        monkeypatch.setenv(variable, value)
    # The one thing that is not where AWS has it.
    monkeypatch.setenv("WINROOM_URL", stack.http_url)
    options = ("--stack", stack.stack_name, "--region", emulator.REGION)
    return lambda *arguments: CliRunner(mix_stderr=False).invoke(main, [*options, *arguments])


def read(told: Result) -> Any:
    assert told.exit_code == 0, told.stderr
    return json.loads(told.stdout)


def test_a_deployed_stack_is_looked_after_from_outside(
    winroom: Winroom, company: Company, tmp_path: Path
) -> None:
    # A machine that is busy with the deployment itself may answer late.
    wait_until(lambda: winroom("status").exit_code == 0)
    status = read(winroom("status", "--json"))
    assert (status["health"], status["pending_migrations"], len(status["release"])) == ("healthy", [], 64)
    assert set(status["queues"]) == {"sales", "sales_dlq", "room", "room_dlq"}

    small = ("--sellers", "3", "--events", "8", "--claims", "2")
    seeded = read(winroom("seed", "--tenant", company.slug, "--yes", "--json", *small))
    assert [seeded[what]["made"] for what in ("sellers", "events", "claims")] == [3, 8, 2]
    assert len(company.rows("select from wr.queue")) == 8

    file = tmp_path / "sales.csv"
    file.write_text(
        "sale_id,occurred_at,customer_name,sell_price,seller_external_id,product_sku\n"
        "S-1,2026-01-31T15:30:00Z,Ada,1250,grace,GHOST\nS-2,2026-01-31T15:30:00Z,Alan,-1,grace,\n"
    )
    sent = winroom("send", str(file), "--tenant", company.slug, "--json")
    assert sent.exit_code == 1
    assert [one["verdict"] for one in json.loads(sent.stdout)["results"]] == ["accepted", "refused"]

    listed = ("failed", "list", "--tenant", company.slug, "--json")
    wait_until(lambda: len(read(winroom(*listed))) == 1)
    product = {"name": "Ghost", "sku": "GHOST"}
    assert company.call("POST", "/api/products", json=product).status_code == 201
    replayed = read(winroom("failed", "replay", read(winroom(*listed))[0]["id"], "--json"))
    assert replayed["sent"]
    # The queue was at hand: nobody waits for the sweeper.
    wait_until(lambda: bool(company.rows("select from wr.queue where sale_id = 'S-1'")), timeout=20)
    assert winroom(*listed[:-1]).stdout == "Nothing has failed.\n"


def test_an_emptied_stack_must_be_named_once_more(winroom: Winroom, company: Company, stack: Stack) -> None:
    for arguments in ((), ("--yes",), ("--yes-i-mean", "winroom-production")):
        refused = winroom("reset", *arguments)
        assert refused.exit_code == 1
        assert stack.stack_name in refused.stderr
    assert company.call("GET", "/api/tenant").status_code == 200
    assert "pending" not in winroom("migrate", "--status").stdout


def test_a_stack_that_is_not_there_is_said_so(winroom: Winroom) -> None:
    refused = winroom("--stack", "winroom-nowhere", "tenant", "list")
    assert refused.exit_code == 1
    assert "There is no stack winroom-nowhere in us-east-1" in refused.stderr
