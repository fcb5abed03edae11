"""`winroom tenant export|delete`: a company leaves with all that is its own, and nothing of it stays."""

import hashlib
import json
import stat
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from functions.api.app import handler as api
from functions.broadcaster.fanout import handler as fanout
from functions.dead_letters.app import handler as dead_letters
from functions.maintenance.app import handler as maintenance
from functions.processor.app import handler as processor
from infra.operator import screen, takeout
from infra.operator.command import main
from tests import crm, doors, floor
from tests.conftest import forget_process_state
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.gateway import Client, Gateway, joined, ticket
from tests.integration.test_isolation_matrix import sample_rows
from tests.office import Office
from winroom import ids, offboarding
from winroom.messages import ImportReady, RoomChanged, SaleEventReceived
from winroom.offboarding import Table


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for; few rows are many."""
    monkeypatch.setattr(offboarding, "SETTLED_AFTER", 0)
    monkeypatch.setattr(offboarding, "AT_ONCE", 2)


@pytest.fixture
def waits(company: Company, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it was waited for, each time; nobody waits really, but the company's clocks go on."""
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        pass_time(company, seconds)

    monkeypatch.setattr("infra.operator.offboarding.time.sleep", wait)
    return waited


def test_an_export_has_every_row_of_the_company_and_none_of_another(
    company: Company, rival: Company, queues: Sqs, tmp_path: Path, quick_passwords: None
) -> None:
    for one in (company, rival):
        furnish(one, queues)
    manifest = json.loads(
        winroom(company.database, "tenant", "export", "acme", "--to", f"{tmp_path}/x", "--json").stdout
    )
    assert manifest == json.loads((tmp_path / "x" / "manifest.json").read_text())
    counted = {Path(file["name"]).stem: file["rows"] for file in manifest["files"]}
    assert counted == counts(company)
    assert min(counted.values()) > 0
    for table in tables(company.database):
        (told,) = [file for file in manifest["files"] if file["name"] == f"{table.name}.jsonl"]
        content = (tmp_path / "x" / told["name"]).read_bytes()
        assert (told["bytes"], told["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        rows = [json.loads(line) for line in content.splitlines()]
        assert len(rows) == told["rows"]
        assert {row["tenant_id"] for row in rows} == {str(company.tenant_id)}
        assert {tuple(row) for row in rows} == {tuple(table.shown)}
    assert {path.name for path in (tmp_path / "x").iterdir()} == {
        *(file["name"] for file in manifest["files"]),
        *("manifest.json", "README.md"),
    }


def test_what_somebody_else_deletes_meanwhile_is_not_exported_as_the_whole(
    company: Company, queues: Sqs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor.enqueue(company, queues, sale())
    monkeypatch.setattr(offboarding, "SETTLED_AFTER", 1)

    def somebody_deletes(seconds: float) -> None:
        pass_time(company, seconds)
        with company.database.operator() as conn:
            offboarding.begin(conn, company.tenant_id)

    monkeypatch.setattr("infra.operator.offboarding.time.sleep", somebody_deletes)
    ours = winroom(
        company.database, "tenant", "delete", "acme", "--export", f"{tmp_path}/x.zip", "--confirm", "acme"
    )
    assert (ours.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "The deletion of acme has begun" in ours.output
    assert company.count("queue") == 1


def test_money_and_times_are_exact(company: Company, queues: Sqs, tmp_path: Path) -> None:
    floor.enqueue(
        company, queues, sale(sell_price="9999999999.99", occurred_at="2026-01-02T03:04:05.678901+02:00")
    )
    winroom(company.database, "tenant", "export", "acme", "--to", f"{tmp_path}/x")
    line = (tmp_path / "x" / "queue.jsonl").read_text()
    assert '"sell_price":9999999999.99,' in line
    assert '"occurred_at":"2026-01-02T01:04:05.678901+00:00"' in line


def test_an_export_is_for_the_eyes_of_who_made_it(company: Company, tmp_path: Path) -> None:
    for name, mode in (("x", 0o700), ("x.zip", 0o600)):
        done = winroom(company.database, "tenant", "export", "acme", "--to", f"{tmp_path}/{name}")
        assert done.exit_code == 0, done.output
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
    with zipfile.ZipFile(tmp_path / "x.zip") as zipped:
        assert zipped.testzip() is None
        assert set(zipped.namelist()) == {path.name for path in (tmp_path / "x").iterdir()}
        assert zipped.read("api_keys.jsonl") == (tmp_path / "x" / "api_keys.jsonl").read_bytes()


def test_what_opens_doors_stays_here(company: Company) -> None:
    hashes = {f"{t.name}.{c}" for t in tables(company.database) for c in t.columns if c.endswith("_hash")}
    # A new hash is either a secret or told.
    assert hashes == offboarding.SECRETS | {
        f"{table}.content_hash" for table in ("sale_keys", "sales_events", "sales_events_archive")
    }


def test_every_file_and_field_is_explained(company: Company, tmp_path: Path) -> None:
    known = tables(company.database)
    fields = {(table.name, field) for table in known for field in table.shown}
    assert [one for one in fields if not takeout.meaning(*one)] == []
    assert set(takeout.WORDS["tables"]) == {table.name for table in known}
    assert set(takeout.WORDS["fields"]) <= {f for _, f in fields} | {f"{t}.{f}" for t, f in fields}
    winroom(company.database, "tenant", "export", "acme", "--to", f"{tmp_path}/x")
    readme = (tmp_path / "x" / "README.md").read_text()
    assert readme.count("\n## ") == len(known)
    assert readme.count("\n| `") == len(fields)


def test_an_export_is_one_moment_though_sales_come_in(company: Company, queues: Sqs, tmp_path: Path) -> None:
    floor.enqueue(company, queues, sale())

    def sell(table: str) -> None:
        floor.enqueue(company, queues, sale())

    with company.database.operator() as conn:
        conn.execute("set transaction isolation level repeatable read")
        found = offboarding.find(conn, "acme")
        assert found
        manifest = takeout.write(conn, found, tmp_path / "x", sell)
    numbers = {file["name"]: file["rows"] for file in manifest["files"]}
    assert numbers["sale_keys.jsonl"] == numbers["sales_events.jsonl"] == numbers["queue.jsonl"] == 1


@pytest.mark.parametrize("name", ["x", "x.zip"])
def test_an_export_that_fails_leaves_nothing(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(*_: object) -> Any:
        raise OSError("No space left on device")

    monkeypatch.setattr(takeout, "_readme", full)
    done = winroom(company.database, "tenant", "export", "acme", "--to", f"{tmp_path}/{name}")
    assert done.exit_code == 1
    assert "No space left on device. Nothing is left of it." in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("slug", "to", "told"),
    [
        ("nobody", "new", "no company with the slug nobody"),
        ("acme", "", "exists already"),
        ("acme", "no/where", "is no folder"),
    ],
)
def test_an_export_that_cannot_be_made_is_refused(
    company: Company, tmp_path: Path, slug: str, to: str, told: str
) -> None:
    done = winroom(company.database, "tenant", "export", slug, "--to", f"{tmp_path}/{to}")
    assert done.exit_code > 0
    assert told in done.output


def test_a_deleted_company_is_nowhere_and_the_others_are_untouched(
    company: Company, rival: Company, queues: Sqs, tmp_path: Path, at_once: None, quick_passwords: None
) -> None:
    for one in (company, rival):
        furnish(one, queues)
    before, theirs = counts(company), everything(rival)
    done = winroom(
        company.database,
        "tenant",
        "delete",
        "acme",
        "--export",
        f"{tmp_path}/x.zip",
        "--confirm",
        "acme",
        "--json",
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)["tables"]
    # The tickets went when it was stopped.
    assert {row["table"]: row["deleted"] for row in told} == before | {"tickets": 0}
    assert {row["left"] for row in told} == {0}
    assert mentions(company) == []
    assert everything(rival) == theirs
    assert (tmp_path / "x.zip").exists()
    again = winroom(company.database, "tenant", "delete", "acme", "--without-export", "--confirm", "acme")
    assert (again.exit_code, again.output) == (1, "Error: There is no company with the slug acme.\n")


def test_nothing_is_deleted_before_the_slug_is_typed(
    company: Company, at_once: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(company)
    arguments = ("tenant", "delete", "acme")
    for refused, told in (
        (winroom(company.database, *arguments), "--without-export"),
        (winroom(company.database, *arguments, "--without-export", "--export", "x"), "--without-export"),
        (winroom(company.database, *arguments, "--without-export", "--confirm", "rival"), "not rival"),
        (winroom(company.database, *arguments, "--without-export", "--confirm", ""), "not nothing"),
        (winroom(company.database, *arguments, "--without-export", typed="acme\n"), "--confirm acme"),
        (
            winroom(company.database, *arguments, "--export", str(tmp_path), "--confirm", "acme"),
            "exists already",
        ),
    ):
        assert refused.exit_code > 0
        assert told in refused.output
    monkeypatch.setattr(screen, "is_answered", lambda: True)
    for typed in ("ACME\n", "\n"):
        refused = winroom(company.database, *arguments, "--without-export", typed=typed)
        assert refused.exit_code == 1
        assert "Nothing was done: this is acme" in refused.output
    assert everything(company) == before
    assert winroom(company.database, *arguments, "--without-export", typed="acme\n").exit_code == 0
    assert mentions(company) == []


def test_a_deletion_that_died_is_taken_up_where_it_was(
    company: Company, queues: Sqs, tmp_path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(company, queues)
    before = counts(company)
    deletes = ("tenant", "delete", "acme", "--export", f"{tmp_path}/x", "--confirm", "acme")
    with monkeypatch.context() as broken:
        broken.setattr(offboarding, "delete_rest", lambda *_: 1 / 0)
        assert isinstance(winroom(company.database, *deletes).exception, ZeroDivisionError)
    exported = json.loads((tmp_path / "x" / "manifest.json").read_text())
    assert {Path(f["name"]).stem: f["rows"] for f in exported["files"]} == before | {"tickets": 0}
    assert counts(company)["queue"] == 0
    refused = winroom(company.database, "tenant", "export", "acme", "--to", f"{tmp_path}/y")
    assert "has begun" in refused.output
    resumed = winroom(company.database, *deletes)
    assert resumed.exit_code == 0
    assert f"{tmp_path}/x is not written anew" in resumed.output
    assert mentions(company) == []
    assert json.loads((tmp_path / "x" / "manifest.json").read_text()) == exported


def test_rows_that_are_left_keep_the_company(
    company: Company, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offboarding, "counts", lambda conn, known, _: {known[0].name: 1})
    done = winroom(company.database, "tenant", "delete", "acme", "--without-export", "--confirm", "acme")
    assert done.exit_code == 1
    assert "Rows are left" in done.output
    assert company.database.execute("select slug from wr.tenants") == [{"slug": "acme"}]


def test_a_company_that_is_stopped_lets_nobody_in(company: Company, gateway: Gateway) -> None:
    _, token = company.person("admin")
    display, opener, client = floor.display(company), ticket(company), joined(gateway, company)
    stop(company)
    forget_process_state()
    assert crm.post(company, sale()).status == 401
    for key in (company.full_key, token, display):
        assert doors.http(api, "GET", "/api/leaderboard", key=key).status == 401
    assert Client(gateway).connect({"ticket": opener}) == 401
    maintenance({"job": "sweep"}, doors.context())
    assert gateway.closed == [client.id]


def test_it_is_waited_for_until_everybody_is_out_but_once(company: Company, waits: list[float]) -> None:
    assert stop_by_command(company, waits) == [pytest.approx(65, abs=1)]
    assert stop_by_command(company, waits) == []


def test_whoever_is_let_in_meanwhile_is_put_out_and_waited_for(
    company: Company, queues: Sqs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = company.person("admin")
    assert doors.http(api, "GET", "/api/tenant", key=token).status == 200
    answers: list[int] = []

    def wait(seconds: float) -> None:
        """A script goes on as long as it is remembered: it makes a key, and sells with it."""
        made = doors.http(api, "POST", "/api/api-keys", {"name": "More", "scope": "full"}, key=token)
        answers.append(made.status)
        if made.status == 201:
            crm.post(replace(company, ingest_key=made.json["key"]), sale(sale_id="late"))
        forget_process_state()
        pass_time(company, seconds)

    monkeypatch.setattr("infra.operator.offboarding.time.sleep", wait)
    deletes = ("tenant", "delete", "acme", "--export", f"{tmp_path}/x", "--confirm", "acme")
    done = winroom(company.database, *deletes)
    assert done.exit_code == 0, done.output
    assert answers == [201, 401]
    assert '"sale_id":"late"' in (tmp_path / "x" / "sales_events.jsonl").read_text()
    assert mentions(company) == []


@pytest.mark.parametrize(
    "let_in",
    [
        "update wr.users set disabled_at = null",
        "update wr.api_keys set revoked_at = null",
        # Both opened and closed since.
        "update wr.api_keys set revoked_at = now()",
        "update wr.displays set revoked_at = null",
    ],
)
def test_days_later_all_are_put_out_again(
    company: Company, waits: list[float], let_in: LiteralString
) -> None:
    company.person("admin")
    floor.display(company)
    stop_by_command(company, waits)
    company.database.execute(let_in)
    assert stop_by_command(company, waits) == [pytest.approx(65, abs=1)]
    (live,) = company.database.execute(
        "select (select count(*) from wr.users where disabled_at is null)"
        " + (select count(*) from wr.api_keys where revoked_at is null)"
        " + (select count(*) from wr.displays where revoked_at is null) as number"
    )
    assert live["number"] == 0


def test_a_deletion_that_has_begun_is_not_taken_for_a_stop(company: Company) -> None:
    with company.database.operator() as conn:
        offboarding.stop(conn, company.tenant_id)
        offboarding.begin(conn, company.tenant_id)
        offboarding.stop(conn, company.tenant_id)
        assert (offboarding.find(conn, "acme") or {})["stage"] == "deleting"


def test_what_is_under_way_for_a_company_that_is_gone_harms_nobody(
    company: Company, rival: Company, gateway: Gateway, queues: Sqs, at_once: None
) -> None:
    client = joined(gateway, company)
    crm.post(company, sale())
    crm.post(rival, sale())
    messages = queues.take("sales-events")
    done = winroom(company.database, "tenant", "delete", "acme", "--without-export", "--confirm", "acme")
    assert done.exit_code == 0, done.output
    part = ImportReady(ids.new(), company.tenant_id, 0).body()
    unknown = SaleEventReceived(ids.new(), company.tenant_id, datetime.now(UTC)).body()
    assert doors.sqs(processor, [*messages, part, unknown]) == []
    assert doors.sqs(dead_letters, [*messages, part, unknown]) == []
    assert doors.sqs(fanout, [RoomChanged(company.tenant_id, 1).body()]) == []
    client.say({"action": "ping"})
    assert gateway.closed == [client.id]
    maintenance({"job": "sweep"}, doors.context())
    assert mentions(company) == []
    assert rival.count("queue") == 1


def test_a_deletion_that_has_to_give_way_goes_on(company: Company, at_once: None) -> None:
    company.database.seller(company, "anna")
    deletes = ("tenant", "delete", "acme", "--without-export", "--confirm", "acme")
    # Of two that wait for each other, PostgreSQL ends whoever looks first.
    notice_deadlocks_after(company.database, "1min")
    with ThreadPoolExecutor(1) as thread, company.database.operator() as other:
        other.execute("select from wr.sellers for update")
        notice_deadlocks_after(company.database, "3s")
        deleting = thread.submit(winroom, company.database, *deletes)
        # It has locked the company, and waits for the seller; whoever has that needs the company.
        while not waits_for_a_lock(company.database):
            time.sleep(0.02)
        other.execute(
            "insert into wr.products (tenant_id, name) values (%s, 'Desk')",
            [company.tenant_id],
        )
        other.commit()
        done = deleting.result()
    assert done.exit_code == 0, done.output
    assert mentions(company) == []


def notice_deadlocks_after(database: Database, time: str) -> None:
    """For connections that are opened from now on."""
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        name = sql.Identifier(conn.info.dbname)
        conn.execute(sql.SQL("alter database {} set deadlock_timeout = {}").format(name, time))


def waits_for_a_lock(database: Database) -> bool:
    return bool(
        database.execute(
            "select 1 from pg_locks l join pg_database d on d.oid = l.database or l.database is null"
            " where not granted and d.datname = current_database()"
        )
    )


def stop_by_command(company: Company, waits: list[float]) -> list[float]:
    """Begins to delete the company, as far as its export; returns the waits."""
    waits.clear()
    with pytest.MonkeyPatch.context() as broken, TemporaryDirectory() as folder:
        broken.setattr(takeout, "write", lambda *_: 1 / 0)
        deletes = ("tenant", "delete", "acme", "--export", f"{folder}/x", "--confirm", "acme")
        assert isinstance(winroom(company.database, *deletes).exception, ZeroDivisionError)
    return list(waits)


def pass_time(company: Company, seconds: float) -> None:
    """So much later, for whoever stopped the company."""
    for earlier in (
        "api_keys set revoked_at = revoked_at - %s * interval '1 second'",
        "users set disabled_at = disabled_at - %s * interval '1 second'",
        "displays set revoked_at = revoked_at - %s * interval '1 second'",
        "tenants set settings = settings || jsonb_build_object('offboarding_since',"
        " (settings ->> 'offboarding_since')::timestamptz - %s * interval '1 second')",
    ):
        company.database.execute(f"update wr.{earlier}", seconds)


def winroom(database: Database, *arguments: str, typed: str | None = None) -> Result:
    runner = CliRunner(env={"OPERATOR_DATABASE_URL": database.url_of("operator")})
    return runner.invoke(main, arguments, input=typed)


def tables(database: Database) -> list[Table]:
    with database.operator() as conn:
        return offboarding.tables(conn)


def furnish(company: Company, queues: Sqs) -> None:
    """A company as it comes to be, and besides at least one row in every table that the catalogue knows."""
    assert Office(company, queues).things
    with company.database.operator() as conn:
        for table, row in sample_rows().items():
            if table not in ("tenants", "rooms"):
                columns = {**row, "tenant_id": company.tenant_id}
                statement = sql.SQL("insert into {} ({}) values ({}) on conflict do nothing").format(
                    sql.Identifier("wr", table),
                    sql.SQL(", ").join(map(sql.Identifier, columns)),
                    sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
                )
                conn.execute(statement, list(columns.values()))
    assert min(counts(company).values()) > 0


def counts(company: Company) -> dict[str, int]:
    with company.database.operator() as conn:
        return offboarding.counts(conn, offboarding.tables(conn), company.tenant_id)


def everything(company: Company) -> dict[str, list[str]]:
    """Every row of a company, by table."""
    found = {}
    with company.database.operator() as conn:
        for table in offboarding.tables(conn):
            statement = sql.SQL("select t::text as row from {} t where tenant_id = %s order by 1")
            rows = conn.execute(statement.format(sql.Identifier("wr", table.name)), [company.tenant_id])
            found[table.name] = [row["row"] for row in rows]
    return found


def mentions(company: Company) -> list[str]:
    """The tables of the whole schema with a row that names the company anywhere."""
    found = []
    for table in company.database.execute(
        "select relname from pg_class where relnamespace = 'wr'::regnamespace and relkind in ('r', 'p')"
    ):
        statement = sql.SQL("select from {} t where position(%s in t::text) > 0 limit 1")
        with company.database.operator() as conn:
            rows = conn.execute(
                statement.format(sql.Identifier("wr", table["relname"])), [str(company.tenant_id)]
            )
            found += [table["relname"]] * rows.rowcount
    return found


def stop(company: Company) -> None:
    with company.database.operator() as conn:
        offboarding.stop(conn, company.tenant_id)
