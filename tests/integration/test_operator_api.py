"""What the operator sends as customers do: seeds and sales, through the API, waiting when asked to."""

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from functions.api import health
from functions.ingestion.app import handler as ingestion
from infra.operator import api as door
from infra.operator import seed
from tests import doors
from tests import origin as edge
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.integration.conftest import Winroom
from tests.integration.test_operator_companies import audited, read
from tests.origin import Origin
from winroom import api_keys, board, db, schema

SMALL = ("--sellers", "4", "--events", "12", "--claims", "3")
ONE = ("--customer", "Ada Lovelace", "--price", "1250.00", "--seller", "grace")
HEADER = "sale_id,occurred_at,customer_name,sell_price,seller_external_id"


@pytest.fixture
def origin(environment: pytest.MonkeyPatch, queues: Sqs) -> Iterator[Origin]:
    environment.setattr(health, "_last", None)
    # Here the functions' log would stand in the middle of what the command says.
    logging.disable()
    with edge.running(queues) as running:
        yield running
    logging.disable(logging.NOTSET)


@pytest.fixture
def slept(environment: pytest.MonkeyPatch) -> list[float]:
    """For how long it would have waited, each time."""
    seconds: list[float] = []
    environment.setattr(time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def winroom_there(winroom: Winroom, origin: Origin, environment: pytest.MonkeyPatch) -> Winroom:
    """The command, for the test's database and the API that works on it."""
    environment.setenv("WINROOM_URL", origin.url)
    return winroom


def test_the_specified_data_set_comes_about(winroom_there: Winroom, company: Company, rival: Company) -> None:
    made = read(winroom_there, "seed", "--tenant", "acme", "--yes")
    assert made["sellers"] == {"made": 100, "known": 0}
    assert made["events"] == {"made": 500, "known": 0}
    assert made["claims"] == {"made": 50, "known": 0}
    assert (company.count("sellers"), company.count("queue"), company.count("claims")) == (100, 500, 50)
    assert company.count("sales_events_dlq") == 0
    assert rival.count("sellers") == 0
    with db.tenant_session(company.tenant_id) as conn:
        assert board.differences(conn) == []


def test_seeding_twice_is_seeding_once(winroom_there: Winroom, company: Company) -> None:
    seeds = [winroom_there("seed", "--tenant", "acme", "--yes", *SMALL) for _ in range(2)]
    assert [one.exit_code for one in seeds] == [0, 0]
    assert "was seeded before" in seeds[1].stdout
    assert [company.count(table) for table in ("sellers", "sales_events", "claims")] == [4, 12, 3]


def test_a_larger_set_adds_the_rest(winroom_there: Winroom, company: Company) -> None:
    read(winroom_there, "seed", "--tenant", "acme", "--yes", *SMALL)
    more = read(
        winroom_there,
        "seed",
        "--tenant",
        "acme",
        "--yes",
        "--sellers",
        "4",
        "--events",
        "20",
        "--claims",
        "5",
    )
    assert more["events"] == {"made": 8, "known": 12}
    assert more["claims"] == {"made": 2, "known": 3}
    assert more["sellers"] == {"made": 0, "known": 4}


def test_a_key_that_is_made_for_the_work_is_revoked_after_it(
    winroom_there: Winroom, company: Company
) -> None:
    read(winroom_there, "seed", "--tenant", "acme", "--yes", *SMALL)
    states = {key["name"]: key["state"] for key in read(winroom_there, "key", "list", "acme")}
    assert states == {"CRM": "live", "Office": "live", "Operator's seed": "revoked"}
    assert [row[1] for row in audited(company)] == ["/api/api-keys", "/api/api-keys/{api_key_id}/revoke"]


def test_made_up_sales_are_not_put_on_boards_unasked(
    winroom_there: Winroom, company: Company, environment: pytest.MonkeyPatch
) -> None:
    refused = winroom_there("seed", "--tenant", "acme")
    assert refused.exit_code == 1
    assert "--yes" in refused.stderr
    assert winroom_there("seed", "--events", "1", "--claims", "2").exit_code == 2
    environment.setenv("WINROOM_KEY", company.full_key)  # it may be anybody's, anywhere
    refused = winroom_there("seed")
    assert refused.exit_code == 1
    assert "--yes" in refused.stderr
    assert company.count("sellers") == 0


def test_a_seed_that_is_not_worked_off_says_what_to_look_at(
    winroom_there: Winroom, company: Company, queues: Sqs, environment: pytest.MonkeyPatch
) -> None:
    queues.is_down = True
    environment.setattr(seed, "PATIENCE", 0)
    stuck = winroom_there("seed", "--tenant", "acme", "--yes", *SMALL)
    assert stuck.exit_code == 1
    assert "`winroom status`" in stuck.stderr


def test_a_seed_waits_for_its_own_sales_however_many_others_wait(
    winroom_there: Winroom, company: Company, queues: Sqs, environment: pytest.MonkeyPatch
) -> None:
    queues.is_down = True
    environment.setattr(seed, "PATIENCE", 0)

    class BesideACrm(door.Api):
        def send(self, sales: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
            verdicts = super().send(sales)
            for _ in range(2):
                others = {"events": [sale() for _ in range(100)]}
                doors.http(ingestion, "POST", "/api/events/batch", others, key=company.ingest_key)
            return verdicts

    environment.setattr(door, "Api", BesideACrm)
    stuck = winroom_there("seed", "--tenant", "acme", "--yes", *SMALL)
    assert stuck.exit_code == 1
    assert "Run the same again for the claims." in stuck.stderr


def test_a_key_that_could_not_be_revoked_is_named(
    winroom_there: Winroom, company: Company, environment: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise psycopg.OperationalError("gone")

    environment.setattr(api_keys, "revoke", unreachable)
    done = winroom_there("send", *ONE, "--tenant", "acme", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["results"][0]["verdict"] == "accepted"
    (key,) = company.rows("select api_key_id from wr.api_keys where name = 'Operator''s send'")
    assert f"`winroom key revoke {key['api_key_id']}`" in done.stderr
    assert "The database does not answer" in done.stderr


def test_one_sale_is_sent_by_options(
    winroom_there: Winroom, company: Company, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("WINROOM_KEY", company.ingest_key)
    (verdict,) = read(winroom_there, "send", *ONE)["results"]
    assert verdict["verdict"] == "accepted"
    (row,) = company.rows("select event_id::text, sale_id from wr.sales_events")
    assert row == {"event_id": verdict["event_id"], "sale_id": verdict["sale_id"]}
    named = (*ONE, "--sale-id", "S-1", "--occurred-at", "2026-01-31T15:30:00Z")
    assert "accepted" in winroom_there("send", *named).stdout
    assert "duplicate" in winroom_there("send", *named).stdout
    conflict = winroom_there("send", *named[:3], "9", *named[4:], "--json")
    assert conflict.exit_code == 1
    assert json.loads(conflict.stdout)["results"][0]["verdict"] == "conflict"
    refused = winroom_there("send", *ONE[:3], "-5", *ONE[4:], "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["results"][0]["message"] == "sell_price must be greater than 0"


def test_a_file_is_sent_and_each_row_gets_its_verdict(
    winroom_there: Winroom, company: Company, tmp_path: Path
) -> None:
    file = tmp_path / "sales.csv"
    rows = [f"S-{n},2026-01-31T15:30:{n % 60:02}Z,Customer {n},10,grace" for n in range(150)]
    rows[2] = "S-2,2026-01-31,Ada,10,grace"
    rows[3] = "S-3,2026-01-31T15:30:00Z,Ada,10,grace,too,many"
    file.write_text("\n".join([HEADER, *rows]))
    done = winroom_there("send", str(file), "--tenant", "acme", "--json")
    assert done.exit_code == 1
    results = json.loads(done.stdout)["results"]
    assert [one["row"] for one in results] == list(range(2, 152))
    refused = {one["sale_id"]: one["message"] for one in results if one["verdict"] == "refused"}
    assert set(refused) == {"S-2", "S-3"}
    assert "occurred_at must be a valid ISO 8601 timestamp" in refused["S-2"]
    assert company.count("sales_events") == 148
    file.write_text("\n".join([HEADER, *(row for n, row in enumerate(rows) if n not in (2, 3))]))
    again = read(winroom_there, "send", str(file), "--tenant", "acme")["results"]
    assert {one["verdict"] for one in again} == {"duplicate"}


def test_a_file_with_columns_of_another_system_is_sent(
    winroom_there: Winroom, company: Company, tmp_path: Path
) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("Invoice,occurred_at,Client,sell_price\nI-1,2026-01-31T15:30:00Z,Ada,10\n")
    arguments = ("send", str(file), "--tenant", "acme", "--mapping", "Invoice:sale_id,Client:customer_name")
    refused = winroom_there(*arguments)
    assert refused.exit_code == 1
    assert "default_seller" in refused.stderr
    assert read(winroom_there, *arguments, "--default-seller", "grace")["results"][0]["sale_id"] == "I-1"
    (sent,) = company.rows("select payload from wr.sales_events")
    assert (sent["payload"]["customer_name"], sent["payload"]["seller_external_id"]) == ("Ada", "grace")


def test_rows_that_are_too_large_take_no_other_with_them(
    winroom_there: Winroom, company: Company, tmp_path: Path
) -> None:
    file = tmp_path / "sales.csv"
    notes = ["fine", *["x" * 120_000] * 9]
    rows = [f"S-{n},2026-01-31T15:30:00Z,Ada,10,grace,{note}" for n, note in enumerate(notes)]
    file.write_text("\n".join([f"{HEADER},notes", *rows]))
    done = winroom_there("send", str(file), "--tenant", "acme", "--json")
    assert done.exit_code == 1, done.stderr
    verdicts = [one["verdict"] for one in json.loads(done.stdout)["results"]]
    assert verdicts == ["accepted", *["refused"] * 9]


def test_what_was_sent_is_told_also_where_the_rest_could_not_be(
    winroom_there: Winroom, company: Company, origin: Origin, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sales.csv"
    rows = [f"S-{n},2026-01-31T15:30:00Z,Customer {n},10,grace" for n in range(101)]
    file.write_text("\n".join([HEADER, *rows]))
    environment.setattr(door, "PATIENCE", 0)
    origin.instead = [None, (503, "1")]
    done = winroom_there("send", str(file), "--tenant", "acme", "--json")
    assert done.exit_code == 1
    assert "try again later" in done.stderr
    assert len(json.loads(done.stdout)["results"]) == 100


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty"),
        (b"a,b\n1,2", "None of the columns is known"),
        (b"\xff\xfe", "must be text in UTF-8"),
        (HEADER.encode(), "no rows"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(
    winroom_there: Winroom, company: Company, tmp_path: Path, content: bytes, why: str
) -> None:
    file = tmp_path / "sales.csv"
    file.write_bytes(content)
    refused = winroom_there("send", str(file), "--tenant", "acme")
    assert refused.exit_code == 1
    assert why in refused.stderr
    assert audited(company) == []  # not even a key was made


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "FILE, or one sale"),
        (("--customer", "Ada"), "--price, --seller"),
        ((*ONE, "--sale-id", "S-1"), "--occurred-at"),
        ((*ONE, "--default-seller", "grace"), "--default-seller go with a FILE"),
        (ONE, "WINROOM_KEY"),
        (("nowhere.csv",), "nowhere.csv"),
    ],
)
def test_what_is_missing_to_send_is_named(
    winroom_there: Winroom, arguments: tuple[str, ...], why: str
) -> None:
    refused = winroom_there("send", *arguments)
    assert refused.exit_code == 2
    assert why in refused.stderr


def test_sending_waits_as_long_as_it_is_asked_to(
    winroom_there: Winroom, company: Company, origin: Origin, slept: list[float]
) -> None:
    origin.instead = [(429, "7"), (503, "2"), (502, "")]
    done = winroom_there("send", *ONE, "--tenant", "acme", "--json")
    assert done.exit_code == 0, done.stderr
    assert slept == [7, 2, 1]
    assert "Waiting 7 s (429)" in done.stderr
    json.loads(done.stdout)
    assert company.count("sales_events") == 1


def test_sending_gives_up_in_the_end(
    winroom_there: Winroom, company: Company, origin: Origin, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(door, "PATIENCE", 3)
    origin.instead = [(503, "300")]
    refused = winroom_there("send", *ONE, "--tenant", "acme")
    assert refused.exit_code == 1
    assert "try again later" in refused.stderr
    environment.setenv("WINROOM_URL", "http://127.0.0.1:9")
    environment.setattr(door, "PATIENCE", 0)
    assert winroom_there("send", *ONE, "--tenant", "acme").exit_code == 1


def test_a_key_that_is_not_taken_is_said_so_and_not_shown(
    winroom_there: Winroom, company: Company, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("WINROOM_KEY", "wr_live_of_somebody_else")
    refused = winroom_there("send", *ONE)
    assert refused.exit_code == 1
    assert "401" in refused.stderr
    assert "wr_live_of" not in refused.output + refused.stderr
    environment.setenv("WINROOM_KEY", company.ingest_key)
    assert "403" in winroom_there("seed").stderr


def test_the_status_tells_what_waits_and_what_failed(
    winroom_there: Winroom, company: Company, environment: pytest.MonkeyPatch, queues: Sqs
) -> None:
    environment.setenv("WINROOM_KEY", company.ingest_key)
    company.database.execute("update wr.heartbeats set beat_at = now()")
    assert winroom_there("send", *ONE).exit_code == 0
    assert winroom_there("send", *ONE, "--sku", "GHOST").exit_code == 0
    queues.is_down = True
    assert winroom_there("send", *ONE).exit_code == 0
    told = read(winroom_there, "status")
    assert told["health"] == "healthy"
    assert (told["companies"], told["pending"], told["overdue"], told["failed"]) == (1, 1, 0, 1)
    assert (told["sockets"], told["pending_migrations"], told["problems"]) == (0, [], [])
    assert 0 <= told["heartbeats"]["processor"] < 180
    assert told["queues"] is None
    page = winroom_there("status")
    assert page.exit_code == 0
    assert "healthy" in page.stdout


def test_the_status_names_what_is_wrong(
    winroom_there: Winroom, database: Database, environment: pytest.MonkeyPatch
) -> None:
    database.execute("update wr.heartbeats set beat_at = '2026-01-01' where component = 'socket'")
    assert winroom_there("migrate", "--rollback", "--to", "0011_catalogue", "--yes").exit_code == 0
    told = winroom_there("status", "--json")
    assert told.exit_code == 1
    problems = json.loads(told.stdout)["problems"]
    assert "socket is unhealthy" in problems
    missing = ", ".join(name for name in schema.known() if name > "0011_catalogue")
    assert f"not migrated: {missing} (`winroom migrate`)" in problems
    environment.setenv("OPERATOR_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nowhere")
    environment.setenv("WINROOM_URL", "http://127.0.0.1:9")
    told = winroom_there("status", "--json")
    assert told.exit_code == 1
    problems = json.loads(told.stdout)["problems"]
    assert [problem for problem in problems if "127.0.0.1:9 does not tell how it is" in problem]
    assert [problem for problem in problems if problem.startswith("The database does not answer")]
