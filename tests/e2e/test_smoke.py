"""`winroom smoke` against the deployed stack: passes where all is well, and names what is not."""

import json

import httpx
import pytest
from click.testing import CliRunner, Result

from infra.local.stack import Stack
from infra.operator.command import main
from infra.operator.smoke import STEPS
from tests.e2e.conftest import Company, wait_until
from winroom import api_keys, users
from winroom.db import connect

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _hearts_beat(stack: Stack) -> None:
    """Where the stack has only just started on old data, they begin with the minute."""
    wait_until(lambda: httpx.get(f"{stack.http_url}/api/health").status_code == 200, timeout=90)


@pytest.fixture
def person(company: Company) -> str:
    """The address of somebody who logs in."""
    with connect(company.stack.operator_database_url) as conn:
        users.create(conn, company.tenant_id, "ada@acme.example", "Ada", "admin", PASSWORD)
    return "ada@acme.example"


def test_a_deployment_that_is_well_passes_and_little_is_left(company: Company, person: str) -> None:
    release = company.call("GET", "/api/health").json()["version"]
    for _ in range(2):  # what the first one leaves must not stand in the way of the second
        done = smoke(
            company, company.key, "--release", release, "--tenant", company.slug, "--email", person, "--json"
        )
        told = json.loads(done.stdout)
        assert (done.exit_code, told["ok"]) == (0, True), done.output
        assert [(step["step"], step["result"]) for step in told["steps"]] == [(s.name, "ok") for s in STEPS]
        assert sum(step["seconds"] for step in told["steps"]) < 60
    assert (
        company.rows("select status, excluded_reason from wr.queue")
        == [{"status": "excluded", "excluded_reason": "Smoke test"}] * 2
    )
    assert company.rows("select seller_id, is_active from wr.sellers") == [
        {"seller_id": "winroom-smoke", "is_active": False}
    ]
    assert company.call("GET", "/api/leaderboard").json()["leaderboard"] == []


def test_what_an_ingest_key_cannot_check_is_told(company: Company) -> None:
    with connect(company.stack.operator_database_url) as conn:
        key, _ = api_keys.create(conn, company.tenant_id, "CRM", "ingest", "test")
    done = smoke(company, key)
    assert done.exit_code == 0, done.output
    assert "not checked" in line(done, "the key is a full one")
    assert "`ingest` key only sends sales" in line(done, "the key is a full one")
    assert line(done, "the sale is set aside").startswith("not checked")
    assert line(done, "it is processed").startswith("ok")


def test_what_is_wrong_is_named(company: Company) -> None:
    wrong_key = smoke(company, "wr_live_of-nobody")
    assert wrong_key.exit_code == 1
    assert line(wrong_key, "the key is known").startswith("failed")
    assert "401" in line(wrong_key, "the key is known")
    assert line(wrong_key, "a sale is accepted").startswith("not checked")
    assert line(wrong_key, "every part is healthy").startswith("ok")

    wrong_release = smoke(company, company.key, "--release", "0" * 64)
    assert wrong_release.exit_code == 1
    assert [text for text in wrong_release.output.splitlines() if text.startswith("failed")] == [
        line(wrong_release, "it is the release")
    ]


def smoke(company: Company, key: str, *arguments: str) -> Result:
    environment = {"WINROOM_URL": company.stack.http_url, "WINROOM_KEY": key, "WINROOM_PASSWORD": PASSWORD}
    return CliRunner(env=environment).invoke(main, ["smoke", *arguments])


def line(done: Result, step: str) -> str:
    (found,) = [text for text in done.output.splitlines() if f"s  {step} " in f"{text} "]
    return found
