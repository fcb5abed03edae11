"""`winroom verify`: every kind of damage is named, and nothing that is as it should be."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from functions.dead_letters.app import handler as dead_letters
from functions.maintenance.app import handler as maintenance
from infra.operator.command import main
from tests import clock, doors, floor
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.office import Office
from winroom import claims, db, ids, ledger
from winroom.callers import Caller
from winroom.claims import NewClaim
from winroom.db import Connection, connect
from winroom.messages import SaleEventReceived

# What a half restore, or a hand in the tables, leaves of Acme's rows, and the checks that find it.
DAMAGE: list[tuple[LiteralString, set[str]]] = [
    ("update wr.claims set sale_id = ' ' where state = 'released'", {"sale_without_id"}),
    ("delete from wr.sale_keys where sale_id = 'waits'", {"event_without_key"}),
    ("delete from wr.sale_keys where sale_id = 'old'", {"event_without_key"}),
    (
        "delete from wr.sales_events where sale_id = 'waits'",
        {"key_without_event", "item_without_event"},
    ),
    (
        "delete from wr.sales_events_archive where sale_id = 'old'",
        {"key_without_event", "item_without_event"},
    ),
    ("update wr.sales_events set content_hash = sha256('x') where sale_id = 'waits'", {"event_unlike_key"}),
    ("update wr.sales_events_archive set external_event_id = 'x'", {"event_unlike_key"}),
    (
        """
        insert into wr.sales_events (
            tenant_id, event_id, sale_id, payload, content_hash, fingerprint, status, processed_at)
        select tenant_id, event_id, sale_id, payload, content_hash, content_hash, status, processed_at
        from wr.sales_events_archive where sale_id = 'old'
        """,
        {"event_twice"},
    ),
    ("delete from wr.queue where sale_id = 'waits'", {"processed_without_item"}),
    ("delete from wr.queue_archive", {"processed_without_item", "claim_without_item"}),
    (
        "update wr.sales_events set status = 'pending', processed_at = null where sale_id = 'waits'",
        {"item_of_unprocessed_event"},
    ),
    (
        """
        insert into wr.queue (
            tenant_id, queue_id, event_id, sale_id, status, assigned_seller_id, fingerprint, customer_name,
            seller_id, occurred_at, sell_price, cost_price, currency)
        select
            tenant_id, queue_id, event_id, sale_id, status, assigned_seller_id, fingerprint, customer_name,
            seller_id, occurred_at, sell_price, cost_price, currency
        from wr.queue_archive
        """,
        {"item_twice"},
    ),
    ("delete from wr.sales_events_dlq where failure_reason = 'unknown_product'", {"failed_without_letter"}),
    (
        "update wr.sales_events_dlq set event_id = wr.uuid_v7()"
        " where failure_reason = 'unknown_product' and is_open",
        {"letter_without_event", "failed_without_letter"},
    ),
    (
        "update wr.sales_events_dlq set resolution = null, resolved_at = null"
        " where resolution = 'accepted' and sale_id = 'corrected'",
        {"letter_of_living_event"},
    ),
    (
        "update wr.sales_events set conflicts_with = wr.uuid_v7() where conflicts_with is not null",
        {"conflict_with_nothing"},
    ),
    (
        "update wr.sales_events set corrects = wr.uuid_v7() where corrects is not null",
        {"conflict_with_nothing"},
    ),
    (
        "update wr.sales_events_archive set corrects = wr.uuid_v7() where corrects is not null",
        {"conflict_with_nothing"},
    ),
    (
        "update wr.queue set seller_id = 'ghost' where sale_id = 'waits'",
        {"unknown_seller", "item_unlike_event"},
    ),
    ("update wr.queue_archive set seller_id = 'ghost'", {"unknown_seller", "item_unlike_event"}),
    ("update wr.queue set sale_id = 'x' where sale_id = 'waits'", {"item_unlike_event"}),
    ("update wr.queue set sell_price = 1 where sale_id = 'waits'", {"item_unlike_event"}),
    ("update wr.queue set currency = 'EUR' where sale_id = 'waits'", {"item_unlike_event"}),
    ("update wr.queue set customer_name = 'X' where sale_id = 'corrected'", {"item_unlike_event"}),
    (
        "update wr.sales_events_archive set payload = payload - 'customer_name' where sale_id = 'old'",
        {"item_unlike_event"},
    ),
    ("update wr.users set seller_id = 'ghost'", {"unknown_seller"}),
    ("update wr.board_months set seller_id = 'ghost'", {"unknown_seller", "board_months"}),
    ("update wr.queue set product_id = wr.uuid_v7() where sale_id = 'waits'", {"unknown_product"}),
    ("delete from wr.queue where sale_id = 'approved'", {"processed_without_item", "claim_without_item"}),
    (
        "update wr.queue set status = 'pending', assigned_seller_id = null where sale_id = 'approved'",
        {"claim_unlike_item"},
    ),
    ("update wr.queue set assigned_seller_id = 'bert' where sale_id = 'approved'", {"claim_unlike_item"}),
    (
        "update wr.queue set sell_price = 1 where sale_id = 'approved'",
        {"claim_unlike_item", "item_unlike_event"},
    ),
    ("update wr.queue_archive set cost_price = 1", {"claim_unlike_item"}),
    ("update wr.claims set state = 'rejected' where state = 'pending'", {"claimed_without_claim"}),
    ("delete from wr.claims where sale_id = 'old'", {"claimed_without_claim", "board_days"}),
    ("delete from wr.rooms", {"room_missing"}),
    ("update wr.rooms set seq = seq - 1, posted_seq = 0", {"room_ahead"}),
    ("update wr.rooms set seq = seq + 1", {"room_gap"}),
    ("delete from wr.events where seq = 4", {"room_gap"}),
    ("delete from wr.events", {"room_gap"}),
    (
        """
        insert into wr.import_parts (tenant_id, import_id, first_row, content)
        select tenant_id, wr.uuid_v7(), 0, '[]' from wr.tenants where slug = 'acme'
        """,
        {"part_without_import"},
    ),
    ("update wr.board_days set wins = wins + 1", {"board_days", "board_months"}),
    ("delete from wr.board_days", {"board_days", "board_months"}),
    ("update wr.board_months set revenue = revenue + 0.01", {"board_months"}),
]


def test_a_day_on_which_everything_happened_is_clean(company: Company, rival: Company, queues: Sqs) -> None:
    for one in (company, rival):
        work(Office(one, queues))
    told = verify(company.database)
    assert told.exit_code == 0, told.output
    said = told.output.splitlines()
    assert [line.split()[1] for line in said if line.startswith("ok ")] == ["acme", "rival"]
    assert "open dead letters 4" in told.output


def test_every_kind_of_damage_is_named(
    company: Company, rival: Company, queues: Sqs, subtests: pytest.Subtests
) -> None:
    for one in (company, rival):
        work(Office(one, queues))
    with connect(company.database.superuser_url) as conn:
        for damage, expected in DAMAGE:
            with subtests.test(damage), conn.transaction(force_rollback=True):
                do(conn, company, damage)
                assert found(conn, "acme") == expected
                # Though who looks sees every company's rows.
                assert found(conn, "rival") == set()
    assert set().union(*(expected for _, expected in DAMAGE)) == set(ledger.CHECKS)


def test_what_is_wrong_is_told_with_its_ids_and_what_to_do(company: Company, queues: Sqs) -> None:
    event_id = Office(company, queues).sell(sale_id="S-1")["eventId"]
    company.database.execute("delete from wr.queue")
    told = verify(company.database)
    assert told.exit_code == 1
    assert (
        f"acme: event {event_id} (sale S-1) of wr.sales_events is processed, but there is no queue item"
        in told.output
    )
    assert "-> Restore the item from a backup" in told.output
    (report,) = json.loads(verify(company.database, "--tenant", "acme", "--json").stdout)["tenants"]
    (fault,) = report["faults"]
    assert fault["rows"] == [{"event_id": event_id, "sale_id": "S-1", "place": "wr.sales_events"}]


def test_a_quiet_company_whose_log_was_kept_long_enough_is_clean(company: Company, queues: Sqs) -> None:
    Office(company, queues).sell()
    clock.pass_days(company.database, 91)
    maintenance({"job": "retention"}, doors.context())
    assert company.count("events") == 0
    assert verify(company.database).exit_code == 0


def test_what_is_archived_is_put_right_as_it_is_told(company: Company, queues: Sqs) -> None:
    company.database.seller(company, "anna")
    (claimed,) = floor.enqueue(company, queues, sale(sale_id="claimed"))
    assert floor.claim(company, claimed).status == 200
    floor.enqueue(company, queues, sale(sale_id="unclaimed"))
    clock.pass_days(company.database, 91)
    maintenance({"job": "retention"}, doors.context())
    company.database.execute("delete from wr.queue")
    company.database.execute("delete from wr.claims")
    told = verify(company.database).output
    assert "(sale unclaimed) of wr.sales_events_archive is processed" in told
    assert "(sale claimed) of wr.queue_archive is claimed by anna" in told
    with company.database.operator() as conn:
        unarchive(conn, company, "unarchive_event", "event_id", "wr.sales_events_archive", "unclaimed")
        unarchive(conn, company, "unarchive_item", "queue_id", "wr.queue_archive", "claimed")
        conn.execute(
            "update wr.sales_events set status = 'pending', processed_at = null, next_attempt_at = now()"
        )
        conn.execute("update wr.queue set status = 'pending', assigned_seller_id = null")
    maintenance({"job": "sweep"}, doors.context())
    floor.enqueue(company, queues)
    winroom(company.database, "tenant", "recount", "acme")
    again = verify(company.database)
    assert again.exit_code == 0, again.output
    assert company.count("queue") == 2


def test_a_letter_without_its_event_is_over_once_it_is_discarded(company: Company, queues: Sqs) -> None:
    office = Office(company, queues)
    office.sell(product_sku="NONE")
    company.database.execute("delete from wr.sales_events")
    told = verify(company.database).output
    assert "is of event" in told
    assert "is nowhere (has an item: False)" in told
    settle(office, "unknown_product", "discard", {"reason": "A test"})
    company.database.execute("delete from wr.sale_keys")
    assert verify(company.database).exit_code == 0


def test_of_very_many_the_first_are_named_and_all_are_counted(company: Company, queues: Sqs) -> None:
    floor.enqueue(company, queues, *(sale() for _ in range(25)))
    company.database.execute("delete from wr.sale_keys")
    told = verify(company.database)
    assert told.output.count("has no key") == ledger.NAMED_AT_MOST
    assert "and 5 more" in told.output


def test_a_company_that_is_not_there_is_told(company: Company) -> None:
    told = verify(company.database, "--tenant", "nobody")
    assert (told.exit_code, told.output) == (1, "Error: There is no company with the slug nobody.\n")


def test_sales_that_pour_in_meanwhile_are_no_faults(company: Company, queues: Sqs) -> None:
    company.database.seller(company, "anna")
    office = Office(company, queues)
    office.sell()

    def day(_: int) -> None:
        office.sell()
        for item in floor.call(company, "GET", "/api/queue?limit=2").json["queue"]:
            floor.claim(company, item)
            floor.release(company, item)

    with ThreadPoolExecutor(4) as threads:
        days = [threads.submit(day, number) for number in range(60)]
        while not all(done.done() for done in days):
            told = verify(company.database)
            assert told.exit_code == 0, told.output
    assert [done.result() for done in days] == [None] * 60


def test_boards_are_counted_anew_on_demand(company: Company, queues: Sqs) -> None:
    company.database.seller(company, "anna")
    (item,) = floor.enqueue(company, queues, sale())
    floor.claim(company, item)
    company.database.execute("update wr.board_days set wins = 7")
    company.database.execute("update wr.board_months set revenue = 7")
    company.database.execute(
        "insert into wr.cache_kv (tenant_id, key, value) values (%s, 'board', '{}')", company.tenant_id
    )
    assert verify(company.database).exit_code == 1
    assert winroom(company.database, "tenant", "recount", "acme").exit_code == 0
    assert verify(company.database).exit_code == 0
    assert company.count("cache_kv") == 0  # what was computed from the wrong ones
    assert winroom(company.database, "tenant", "recount", "nobody").exit_code == 1


def test_a_recount_waits_for_a_claim_under_way(company: Company, queues: Sqs) -> None:
    company.database.seller(company, "anna")
    items = floor.enqueue(company, queues, sale(), sale())
    floor.claim(company, items[0])
    company.database.execute("delete from wr.board_days")
    caller, wanted = Caller.operator(company.tenant_id), NewClaim(seller_id="anna", claim_type="upsell")
    with ThreadPoolExecutor(1) as thread:
        with db.tenant_session(company.tenant_id) as conn:
            claims.claim(conn, caller, UUID(items[1]["id"]), wanted)
            recount = thread.submit(winroom, company.database, "tenant", "recount", "acme")
            while not company.database.execute("select pid from pg_locks where not granted"):
                assert not recount.done()
        assert recount.result().exit_code == 0, recount.result().output
    assert verify(company.database).exit_code == 0


def winroom(database: Database, *arguments: str) -> Result:
    return CliRunner(env={"OPERATOR_DATABASE_URL": database.url_of("operator")}).invoke(main, arguments)


def verify(database: Database, *arguments: str) -> Result:
    return winroom(database, "verify", *arguments)


def do(conn: Connection, company: Company, damage: LiteralString) -> None:
    """Damages rows of one company, past all that would refuse it."""
    conn.execute("set local session_replication_role = replica")
    conn.execute("grant all on all tables in schema wr to winroom_app")
    conn.execute("set local role winroom_app")
    conn.execute("select wr.enter_tenant(%s)", [company.tenant_id])
    assert conn.execute(damage).rowcount > 0
    conn.execute("set local role none")


def found(conn: Connection, slug: str) -> set[str]:
    assert ledger.enter(conn, slug)
    return {fault.check for fault in ledger.faults(conn) if fault.sentences}


def work(office: Office) -> None:
    """Each thing that may happen to a sale has happened to one, and some were archived."""
    company = office.company
    for seller in ("anna", "bert"):
        company.database.seller(company, seller)
    company.person("seller", "anna")
    items = {
        sale_id: item(office, sale_id) for sale_id in ("old", "approved", "released", "rejected", "waits")
    }
    for sale_id in ("old", "approved", "released"):
        assert floor.claim(company, items[sale_id]).status == 200
    assert floor.release(company, items["released"]).status == 200
    company.set(claim_approval=True)
    assert floor.reject(company, floor.claim(company, items["rejected"]).json["claim"]).status == 200
    assert floor.claim(company, items["released"]).json["claim"]["state"] == "pending"
    office.sell(sale_id="twin-1", **floor.ALIKE)
    office.sell(sale_id="twin-2", **floor.ALIKE)
    fail(office)
    archive(company, "old", "corrected-old")
    assert office.things


def unarchive(conn: Connection, company: Company, how: str, key: str, archive: str, sale_id: str) -> None:
    (row,) = conn.execute(f"select {key} as id from {archive} where sale_id = %s", [sale_id])
    conn.execute("set local role winroom_app")
    conn.execute("select wr.enter_tenant(%s)", [company.tenant_id])
    conn.execute(f"select wr.{how}(%s)", [row["id"]])
    conn.execute("set local role none")


def item(office: Office, sale_id: str) -> dict[str, Any]:
    office.sell(sale_id=sale_id, cost_price="60.00")
    found: dict[str, Any] = office.ask("GET", f"/api/queue?q={sale_id}")["queue"][0]
    return found


def fail(office: Office) -> None:
    """Events that wait for an admin, or have met one."""
    office.sell(sale_id="unknown", product_sku="NOPE")
    office.sell(sale_id="discarded", product_sku="NONE")
    settle(office, "unknown_product", "discard", {"reason": "A test"})
    for sale_id in ("corrected", "corrected-old", "contradicted"):
        office.sell(sale_id=sale_id)
        office.sell(sale_id=sale_id, customer_name="Another")
        if sale_id != "contradicted":
            settle(office, "conflict", "replay")
    lost = SaleEventReceived(ids.new(), office.company.tenant_id, datetime.now(UTC))
    assert doors.sqs(dead_letters, [lost.body()]) == []


def settle(office: Office, reason: str, how: str, body: object = None) -> None:
    newest = office.ask("GET", f"/api/failed-events?reason={reason}")["failed_events"][0]["id"]
    office.ask("POST", f"/api/failed-events/{newest}/{how}", body)


def archive(company: Company, *sale_ids: str) -> None:
    """What retention does to events after ninety days, to claimed items after thirty, and to old messages."""
    for table, condition in (("sales_events", "true"), ("queue", "status = 'claimed'")):
        (shared,) = company.database.execute(
            """
            select string_agg(column_name, ', ') as columns
            from information_schema.columns kept
            join information_schema.columns moved using (table_schema, column_name)
            where kept.table_name = %s and moved.table_name = kept.table_name || '_archive'
              and kept.table_schema = 'wr' and kept.is_generated = 'NEVER'
            """,
            table,
        )
        company.database.execute(
            f"with moved as (delete from wr.{table} where tenant_id = %s and sale_id = any (%s)"
            f" and {condition} returning {shared['columns']})"
            f" insert into wr.{table}_archive ({shared['columns']}) select {shared['columns']} from moved",
            company.tenant_id,
            list(sale_ids),
        )
    company.database.execute("delete from wr.events where tenant_id = %s and seq < 3", company.tenant_id)
