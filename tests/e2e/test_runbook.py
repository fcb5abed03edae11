"""The runbook, executed as it stands, on the deployed local stack named as a deployed one would be."""

import re
import threading
from pathlib import Path

import pytest

from infra.local import emulator
from infra.local.stack import Stack
from tests import runbook
from tests.e2e.conftest import Company, new_company, wait_until
from tests.factories import sale

# A company that comes and leaves takes a minute: meanwhile the rest is executed.
COMES_AND_LEAVES = ("A company comes", "A company leaves")


@pytest.fixture
def environment(stack: Stack, company: Company) -> dict[str, str]:
    """What an operator's shell has, and the variables that the runbook names."""
    return {
        **emulator.client_environment(stack.aws_endpoint_url),
        # The emulator's own address of the API leads nowhere.
        "WINROOM_URL": stack.http_url,
        **dict.fromkeys(("WINROOM_KEY", "STAGING_KEY", "PRODUCTION_KEY"), new_company(stack).key),
        "WINROOM_STACK_NAME": stack.stack_name,
        # What deploys to AWS is only planned here; tests of publishing deploy.
        "MAKEFLAGS": "n",
        "TENANT": company.slug,
        "KEY": company.key[:16],
        "EVENT": company.sell(sale()),
        "FAILED": failed(company),
    }


def failed(company: Company) -> str:
    """The id of an event that failed, and whose cause is gone."""
    event_id = company.sell(sale(product_sku="NEW"))
    wait_until(lambda: company.call("GET", f"/api/events/{event_id}").json()["event"]["status"] == "failed")
    made = company.call(
        "POST", "/api/products", json={"name": "New", "sku": "NEW", "default_cost_price": "1.00"}
    )
    assert made.status_code == 201, made.text
    (row,) = company.rows("select dead_letter_id from wr.sales_events_dlq")
    return str(row["dead_letter_id"])


def test_every_block_does_what_it_is_there_for(
    stack: Stack, environment: dict[str, str], tmp_path: Path
) -> None:
    chapters = {
        heading: re.sub("winroom-(staging|production)", stack.stack_name, "".join(code))
        for heading, code in runbook.blocks().items()
        if heading not in runbook.APART
    }
    person = 'winroom user create "$TENANT" ada@acme.example --name Ada\n'
    runbook.run(person, environment)
    comes_and_leaves = "".join(chapters.pop(heading) for heading in COMES_AND_LEAVES)
    said: list[str] = []
    meanwhile = threading.Thread(
        target=lambda: said.append(runbook.run(comes_and_leaves, environment, tmp_path))
    )
    meanwhile.start()
    for commands in chapters.values():
        runbook.run(commands, environment)
    meanwhile.join()
    assert "Nothing is left of globex." in said[0]
    assert (tmp_path / "globex.zip").exists()
