"""The restore drill: what the runbook says of backups, done with a database of two companies."""

import os
import sys
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from functions.processor.app import handler as processor
from infra.local import postgres
from infra.operator.command import main
from tests import crm, doors, floor, runbook
from tests.conftest import forget_process_state
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.office import Office
from winroom import offboarding

BACK_UP, RESTORE = (runbook.blocks()[chapter][0] for chapter in ("Backup and restore", "Restoring"))
NOT_KEPT = {"tickets", "connections", "cache_kv", "rate_counters", "login_attempts"}


def test_a_restored_database_is_as_it_was_and_sells_on(
    company: Company,
    rival: Company,
    queues: Sqs,
    server: Database,
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    quick_passwords: None,
) -> None:
    for one in (company, rival):
        furnish(one, queues)
    with server.cloned("restored") as restored:
        with psycopg.connect(restored.owner_url) as conn:
            conn.execute("drop schema wr cascade")  # a new, empty database
        shell(BACK_UP, tmp_path, company.database)
        assert winroom(restored, "migrate").exit_code == 0
        shell(RESTORE, tmp_path, restored)
        assert rows(restored) == rows(company.database)
        verified = winroom(restored, "verify")
        assert verified.exit_code == 0, verified.output
        assert "queue 6," in verified.output

        environment.setenv("DATABASE_URL", restored.url_of("app"))
        forget_process_state()
        again = crm.post(company, SOLD)
        assert (again.status, again.json["duplicate"]) == (202, True)
        assert crm.post(company, sale()).status == 202
        assert doors.sqs(processor, queues.take("sales-events")) == []
        assert "queue 7," in winroom(restored, "verify", "--tenant", "acme").output


def test_a_restore_into_what_has_companies_changes_nothing(
    company: Company, queues: Sqs, tmp_path: Path
) -> None:
    floor.enqueue(company, queues, SOLD)
    shell(BACK_UP, tmp_path, company.database)
    before = rows(company.database)
    shell(RESTORE, tmp_path, company.database)
    assert rows(company.database) == before


SOLD = sale(sale_id="sold", cost_price=60)


def furnish(company: Company, queues: Sqs) -> None:
    """A company with a thing of each kind, and one sale that somebody claimed."""
    assert Office(company, queues).things
    company.database.seller(company, "anna")
    items = floor.enqueue(company, queues, SOLD)
    (sold,) = [item for item in items if item["sale_id"] == "sold"]
    assert floor.claim(company, sold).status == 200


def shell(commands: str, folder: Path, database: Database) -> None:
    """Runs a block of the runbook, with PostgreSQL's own programs on the path."""
    path = f"{postgres.binaries()}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    runbook.run(commands, {"PATH": path, "OPERATOR_DATABASE_URL": database.url_of("operator")}, folder)


def winroom(database: Database, *arguments: str) -> Result:
    addresses = {
        "OPERATOR_DATABASE_URL": database.url_of("operator"),
        "OWNER_DATABASE_URL": database.owner_url,
    }
    return CliRunner(env=addresses).invoke(main, arguments)


def rows(database: Database) -> dict[str, list[str]]:
    """Every row that a backup keeps, by table."""
    found = {}
    with database.operator() as conn:
        for table in offboarding.tables(conn):
            if table.name not in NOT_KEPT:
                statement = sql.SQL("select t::text as row from {} t order by 1")
                read = conn.execute(statement.format(sql.Identifier("wr", table.name)))
                found[table.name] = [row["row"] for row in read]
    return found
