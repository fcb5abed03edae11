"""Files of sales: told beforehand what would become of them, worked part by part, counted exactly, and one
import however often and in whatever order the same rows come."""

import csv
import io
import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from functions.api.app import handler
from functions.broadcaster import fanout
from functions.maintenance.app import handler as maintenance
from functions.processor.app import handler as processor
from tests import crm, doors
from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale
from tests.gateway import Gateway, joined
from winroom import imports, messages, queue, sales
from winroom.messages import ImportReady

FIELDS = ("sale_id", "occurred_at", "customer_name", "sell_price", "seller_external_id")
OLD_EXPORT = Path(__file__).parents[1] / "events" / "old_export.csv"


class Killed(BaseException):
    """What nothing but the end of a process is."""


def upload(company: Company, text: str | bytes, key: str | None = None, **options: Any) -> Answer:
    content = text if isinstance(text, bytes) else text.encode()
    return doors.http(
        handler,
        "POST",
        f"/api/imports?{urlencode(options)}",
        content,
        key=key or company.full_key,
        headers={"Content-Type": "text/csv; charset=utf-8"},
    )


def dry_run(company: Company, text: str | bytes, **options: Any) -> Any:
    answer = upload(company, text, dry_run="true", **options)
    assert answer.status == 200, answer.raw
    return answer.json


def started(company: Company, text: str | bytes, **options: Any) -> UUID:
    answer = upload(company, text, **options)
    assert answer.status == 202, answer.raw
    return UUID(answer.json["import"]["id"])


def get(company: Company, path: str, key: str | None = None) -> Answer:
    return doors.http(handler, "GET", path, key=key or company.full_key)


def progress(company: Company, import_id: UUID) -> Any:
    answer = get(company, f"/api/imports/{import_id}")
    assert answer.status == 200, answer.raw
    return answer.json["import"]


def work(queues: Sqs, at_most: int = 1000) -> int:
    """Lets the processor work what waits, message by message; returns how many there were."""
    for done in range(at_most):
        bodies = queues.take("sales-events")
        if not bodies:
            return done
        assert doors.sqs(processor, bodies) == []
    raise AssertionError("it does not end")


def imported(company: Company, queues: Sqs, text: str | bytes, **options: Any) -> Any:
    import_id = started(company, text, **options)
    work(queues)
    return progress(company, import_id)


def sheet(*rows: dict[str, Any], fields: tuple[str, ...] = FIELDS) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, fields, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def rows_of(number: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "sale_id": f"row-{n}",
            "occurred_at": f"2026-01-0{1 + n % 9} 10:00:00+00",
            "customer_name": f"Customer {n}",
            "sell_price": f"{1 + n}.50",
            "seller_external_id": f"seller {n % 7}",
        }
        for n in range(start, start + number)
    ]


def counts(told: Any) -> tuple[int, int, int, int]:
    return told["accepted"], told["duplicates"], told["conflicts"], told["bad"]


def sweep() -> None:
    maintenance({"job": "sweep"}, doors.context())


def stand_still(company: Company, minutes: int = 2) -> None:
    """Nobody touched the imports, nor the events, for a while."""
    with psycopg.connect(company.database.superuser_url) as conn:
        conn.execute("set session_replication_role = replica")
        conn.execute("update wr.imports set updated_at = now() - make_interval(mins => %s)", [minutes])
        conn.execute("update wr.sales_events set next_attempt_at = now() where status = 'pending'")


class TestDryRun:
    def test_it_tells_what_would_become_of_each_row_and_writes_nothing(
        self, company: Company, queues: Sqs
    ) -> None:
        known, changed, *fresh = rows_of(6)
        imported(company, queues, sheet(known, changed))
        queues.take("room.fifo")
        before = company.rows("select count(*) as n from wr.sales_events")
        text = sheet(
            known,
            {**changed, "sell_price": 7},
            {**fresh[0], "product_sku": "nothing"},
            fresh[1],
            fresh[1],
            {**fresh[1], "sell_price": 8},
            {**fresh[2], "sell_price": "-3", "customer_name": ""},
            fresh[3],
            fields=(*FIELDS, "product_sku", "colour"),
        )
        assert dry_run(company, text) == {
            "rows": 8,
            "new": 3,
            "already_known": 2,
            "conflicting": 2,
            "unknown_products": 1,
            "bad": 1,
            "ignored_columns": ["colour"],
            "problems": [
                {"row": 8, "field": "customer_name", "message": "customer_name is required"},
                {"row": 8, "field": "sell_price", "message": "sell_price must be greater than 0"},
            ],
            "problems_total": 2,
        }
        assert company.rows("select count(*) as n from wr.sales_events") == before
        assert company.count("imports") == 1
        assert queues.sent == []
        told = imported(company, queues, text)
        assert counts(told) == (3, 2, 2, 1)
        assert (told["problems_total"], told["ignored_columns"]) == (2, ["colour"])
        assert company.rows(
            "select count(*) as n from wr.sales_events where failure = 'unknown_product'"
        ) == [{"n": 1}]

    def test_it_counts_as_a_request_and_is_audited(self, company: Company) -> None:
        answer = upload(company, sheet(*rows_of(1)), dry_run="true")
        assert answer.headers["x-ratelimit-remaining"] == "299"
        assert company.rows("select endpoint, status_code from wr.api_audit_log") == [
            {"endpoint": "/api/imports", "status_code": 200}
        ]

    def test_ids_of_events_are_compared_too(self, company: Company, queues: Sqs) -> None:
        crm.post(company, sale(external_event_id="evt-1"))
        first, second, third = rows_of(3)
        text = sheet(
            {**first, "external_event_id": "evt-1"},
            {**second, "external_event_id": "evt-2"},
            {**third, "external_event_id": "evt-2"},
            fields=(*FIELDS, "external_event_id"),
        )
        told = dry_run(company, text)
        assert (told["new"], told["conflicting"]) == (1, 2)
        assert counts(imported(company, queues, text)) == (1, 0, 2, 0)

    def test_products_are_found_by_id_and_by_sku(
        self, company: Company, rival: Company, database: Database
    ) -> None:
        ours, theirs = (
            database.execute(
                "insert into wr.products (tenant_id, name, sku) values (%s, 'Desk', %s) returning product_id",
                one.tenant_id,
                f"DESK-{one.slug}",
            )[0]["product_id"]
            for one in (company, rival)
        )
        names: list[dict[str, object]] = [
            {"product_id": ours},
            {"product_id": theirs},
            {"product_sku": "DESK-acme"},
            {"product_sku": "DESK-rival"},
            {"product_id": ours, "product_sku": "nothing"},
            {},
        ]
        rows = [{**row, **name} for row, name in zip(rows_of(6), names, strict=True)]
        told = dry_run(company, sheet(*rows, fields=(*FIELDS, "product_id", "product_sku")))
        assert (told["new"], told["unknown_products"]) == (6, 2)

    def test_an_amount_far_below_nothing_costs_its_own_row_alone(self, company: Company, queues: Sqs) -> None:
        first, bad, last = rows_of(3)
        done = imported(company, queues, sheet(first, {**bad, "sell_price": "-" + "9" * 40}, last))
        assert (done["status"], counts(done)) == ("done", (2, 0, 0, 1))

    def test_a_thousand_problems_are_told_and_all_are_counted(self, company: Company, queues: Sqs) -> None:
        text = sheet(*({**row, "sell_price": "?"} for row in rows_of(1200)))
        told = dry_run(company, text)
        assert (len(told["problems"]), told["problems_total"], told["bad"]) == (1000, 1200, 1200)
        done = imported(company, queues, text)
        assert (len(done["problems"]), done["problems_total"]) == (1000, 1200)
        assert (done["problems"], counts(done)) == (told["problems"], (0, 0, 0, 1200))

    def test_every_reason_of_a_row_is_told(self, company: Company) -> None:
        (row,) = rows_of(1)
        wrong = {
            **row,
            "sale_id": "x" * 256,
            "occurred_at": "soon",
            "customer_name": "a\0b",
            "sell_price": "1e3",
        }
        problems = dry_run(company, sheet(wrong))["problems"]
        assert [p["field"] for p in problems] == ["sale_id", "occurred_at", "customer_name", "sell_price"]
        assert {p["row"] for p in problems} == {2}

    def test_a_long_row_is_a_problem_as_a_whole(self, company: Company) -> None:
        (row,) = rows_of(1)
        (problem,) = dry_run(company, sheet(row).replace("Customer 0", "Customer, 0"))["problems"]
        assert (problem["row"], problem["field"]) == (2, None)
        assert "6 cells" in problem["message"]


class TestWorking:
    def test_a_file_becomes_queue_items_of_an_import(self, company: Company, queues: Sqs) -> None:
        text = sheet(*rows_of(3))
        _, token = company.person("manager")
        answer = upload(company, text, token, file_name="january.csv")
        assert answer.status == 202
        told = answer.json["import"]
        assert (told["status"], told["total_rows"], told["done_rows"]) == ("pending", 3, 0)
        assert (told["file_name"], told["percentage"], told["error"]) == ("january.csv", 0, None)
        assert told["created_by"].startswith("user:")
        (message,) = queues.sent
        assert message["MessageGroupId"] == str(company.tenant_id)
        assert json.loads(message["MessageBody"]) == {
            "version": 1,
            "tenant_id": str(company.tenant_id),
            "import_id": told["id"],
            "next_row": 0,
        }
        work(queues)
        done = progress(company, UUID(told["id"]))
        assert (done["status"], done["percentage"], counts(done)) == ("done", 100, (3, 0, 0, 0))
        assert done["finished_at"] is not None
        assert company.count("import_parts") == 0
        items = company.rows("select sale_id, source, status, seller_id from wr.queue order by sale_id")
        assert [tuple(item.values()) for item in items] == [
            (f"row-{n}", "import", "pending", f"seller {n}") for n in range(3)
        ]
        assert {r["payload"]["source"] for r in company.rows("select payload from wr.events")} == {"import"}
        assert len(queues.bodies("room.fifo")) == 1

    def test_it_is_worked_in_messages_of_500_rows(self, company: Company, queues: Sqs) -> None:
        import_id = started(company, sheet(*rows_of(1201)))
        seen = []
        while bodies := queues.take("sales-events"):
            assert len(bodies) == 1
            told = progress(company, import_id)
            seen.append((ImportReady.read(bodies[0]).next_row, told["done_rows"], told["percentage"]))
            doors.sqs(processor, bodies)
        assert seen == [(0, 0, 0), (500, 500, 41), (1000, 1000, 83)]
        assert progress(company, import_id)["status"] == "done"
        assert company.count("queue") == 1201
        assert company.rows("select seq from wr.rooms") == [{"seq": 1201}]

    def test_other_sales_of_the_batch_are_worked_first(
        self, company: Company, rival: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        started(company, sheet(*rows_of(2)))
        crm.post(rival, sale())
        order: list[str] = []

        def noted(module: Any, name: str) -> None:
            verb = getattr(module, name)

            def noting(*values: Any, **more: Any) -> Any:
                order.append(name)
                return verb(*values, **more)

            monkeypatch.setattr(module, name, noting)

        noted(queue, "enqueue")
        noted(sales, "record")
        assert doors.sqs(processor, queues.take("sales-events")) == []
        assert order == ["enqueue", "record", "enqueue"]
        assert (rival.count("queue"), company.count("queue")) == (1, 2)

    def test_the_old_systems_export_goes_in(self, company: Company, queues: Sqs) -> None:
        text = OLD_EXPORT.read_bytes()
        options = {"default_seller": "Archive", "default_currency": "EUR"}
        told = dry_run(company, text, **options)
        assert (told["rows"], told["new"], told["problems"]) == (5, 5, [])
        done = imported(company, queues, text, **options)
        assert counts(done) == (5, 0, 0, 0)
        items = company.rows(
            "select sale_id, customer_name, sell_price::text, occurred_at::text, currency, seller_id"
            " from wr.queue order by sale_id"
        )
        assert [tuple(item.values()) for item in items[:3]] == [
            ("sub_1001", "Ada Lovelace", "1250.00", "2025-01-31 15:30:00+00", "EUR", "archive"),
            (
                *("sub_1002", "Babbage, Charles & Sons", "980.50", "2025-01-31 16:02:11.123456+00"),
                *("EUR", "archive"),
            ),
            ("sub_1003", 'Grace "Amazing" Hopper', "75.00", "2025-02-01 09:00:00+00", "EUR", "archive"),
        ]
        assert items[4]["customer_name"] == "Two\nlines"

    def test_postgresqls_own_copy_goes_in(self, company: Company, queues: Sqs, database: Database) -> None:
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("set timezone = 'Asia/Kolkata'")
            conn.execute(
                "create temp table q as select 'sub-' || n as subscription_id, 'C, \"' || n as customer_name,"
                " n * 1.5 as amount, now() - n * interval '1 minute' as created_at,"
                " (now() - n * interval '1 minute') at time zone 'UTC' as naive from generate_series(1, 9) n"
            )
            columns = "subscription_id as sale_id, customer_name, amount as sell_price"
            for number, moment in enumerate(["created_at", "naive"]):
                told_at = f"copy (select {columns}, {moment} as occurred_at from q)"
                with conn.cursor().copy(f"{told_at} to stdout csv header") as copy:
                    text = b"".join(bytes(part) for part in copy)
                told = imported(company, queues, text, default_seller="a", default_currency="TRY")
                # Both tell the same moments, so the second file is the first one again.
                assert counts(told) == ((9, 0, 0, 0), (0, 9, 0, 0))[number]

    def test_a_byte_order_mark_and_semicolons_are_no_matter(self, company: Company, queues: Sqs) -> None:
        text = "\ufeff" + sheet(*rows_of(2)).replace(",", ";")
        assert counts(imported(company, queues, text)) == (2, 0, 0, 0)

    def test_times_without_an_offset_are_of_the_zone(self, company: Company, queues: Sqs) -> None:
        rows = [{**row, "occurred_at": "2026-07-01 12:00"} for row in rows_of(3)]
        company.set(time_zone="Europe/Berlin")
        imported(company, queues, sheet(rows[0]))
        imported(company, queues, sheet(rows[1]), time_zone="America/New_York")
        imported(company, queues, sheet({**rows[2], "occurred_at": "2026-07-01T12:00:00+03:00"}))
        moments = company.rows("select occurred_at::text as at from wr.queue order by sale_id")
        assert [m["at"][11:16] for m in moments] == ["10:00", "16:00", "09:00"]

    @pytest.mark.parametrize("dry", ["true", "false"])
    def test_an_unknown_zone_is_refused_even_where_no_time_needs_it(self, company: Company, dry: str) -> None:
        answer = upload(company, sheet(*rows_of(1)), time_zone="Mars/Base", dry_run=dry)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, "time_zone")
        assert company.count("imports") == 0

    def test_rows_that_look_alike_are_suspected_and_not_lost(self, company: Company, queues: Sqs) -> None:
        (row,) = rows_of(1)
        fields = FIELDS[1:]
        assert counts(imported(company, queues, sheet(row, row, fields=fields))) == (2, 0, 0, 0)
        statuses = company.rows("select status from wr.queue order by status")
        assert [s["status"] for s in statuses] == ["excluded", "pending"]

    def test_an_import_of_many_is_one_reset_for_the_viewers(
        self, company: Company, gateway: Gateway, queues: Sqs
    ) -> None:
        client = joined(gateway, company)
        doors.sqs(fanout.handler, queues.take("room.fifo"))
        client.told()
        imported(company, queues, sheet(*rows_of(600)))
        doors.sqs(fanout.handler, queues.take("room.fifo"))
        assert [m["type"] for m in client.told() if m["type"] != "presence"] == ["reset"]


class TestTheSameAgain:
    def test_the_same_file_is_imported_once(self, company: Company, queues: Sqs) -> None:
        fields = FIELDS[1:]
        rows = rows_of(700)
        rows += rows[:3]
        text = sheet(*rows, fields=fields)
        assert counts(imported(company, queues, text)) == (703, 0, 0, 0)
        assert dry_run(company, text)["already_known"] == 703
        assert counts(imported(company, queues, text)) == (0, 703, 0, 0)
        # More rows, in another order, are the rows that are more.
        more = [*rows, *rows_of(4, start=700), rows[0]]
        random.Random(1).shuffle(more)
        assert counts(imported(company, queues, sheet(*more, fields=fields))) == (5, 703, 0, 0)
        assert company.count("queue") == 708

    def test_another_default_is_a_contradiction_and_no_second_sale(
        self, company: Company, queues: Sqs
    ) -> None:
        text = sheet(*rows_of(3), fields=FIELDS[1:4])
        imported(company, queues, text, default_seller="anna")
        assert counts(imported(company, queues, text, default_seller="ben")) == (0, 0, 3, 0)
        assert company.count("queue") == 3
        assert company.count("sales_events_dlq") == 3

    def test_both_at_once_are_one(self, company: Company, queues: Sqs) -> None:
        text = sheet(*rows_of(1200), fields=FIELDS[1:])
        both = [started(company, text) for _ in range(2)]
        bodies = queues.take("sales-events")
        with ThreadPoolExecutor(2) as workers:
            while bodies:
                list(workers.map(lambda body: doors.sqs(processor, [body]), bodies))
                bodies = queues.take("sales-events")
        for _ in range(3):  # a deadlock would be tried again a minute later
            stand_still(company)
            sweep()
            work(queues)
        told = [progress(company, one) for one in both]
        assert [t["status"] for t in told] == ["done", "done"]
        assert sum(t["accepted"] for t in told) == sum(t["duplicates"] for t in told) == 1200
        assert company.count("queue") == company.count("sales_events") == 1200

    def test_what_the_crm_sent_already_is_not_imported_again(self, company: Company, queues: Sqs) -> None:
        (row,) = rows_of(1)
        crm.post(company, {**row, "occurred_at": "2026-01-01T10:00:00Z"})
        assert counts(imported(company, queues, sheet(row))) == (0, 1, 0, 0)


class TestWhatGoesWrong:
    def test_a_message_twice_late_or_out_of_order_changes_nothing(
        self, company: Company, queues: Sqs
    ) -> None:
        import_id = started(company, sheet(*rows_of(1100)))
        seen: list[str] = []
        while bodies := queues.take("sales-events"):
            seen += bodies
            doors.sqs(processor, [bodies[0], bodies[0], *seen], [1, 2])
            assert len(queues.bodies("sales-events")) <= 1
        early = ImportReady(import_id, company.tenant_id, 5000).body()
        assert doors.sqs(processor, [*seen, early]) == []
        assert queues.bodies("sales-events") == []
        assert counts(progress(company, import_id)) == (1100, 0, 0, 0)
        assert company.count("queue") == 1100

    def test_two_workers_at_once_work_a_part_once(self, company: Company, queues: Sqs) -> None:
        import_id = started(company, sheet(*rows_of(900)))
        with ThreadPoolExecutor(4) as workers:
            while bodies := queues.take("sales-events"):
                list(workers.map(lambda body: doors.sqs(processor, [body]), bodies * 4))
                assert len(queues.bodies("sales-events")) <= 1
        assert counts(progress(company, import_id)) == (900, 0, 0, 0)
        assert company.count("queue") == 900

    def test_a_lost_message_is_sent_again_by_the_sweeper_after_a_minute(
        self, company: Company, gateway: Gateway, queues: Sqs
    ) -> None:
        queues.is_down = True
        import_id = started(company, sheet(*rows_of(600)))
        queues.is_down = False
        sweep()
        assert [b for b in queues.take("sales-events") if b != messages.HEARTBEAT] == []
        stand_still(company)
        sweep()
        sweep()
        bodies = [b for b in queues.take("sales-events") if b != messages.HEARTBEAT]
        assert [ImportReady.read(body).next_row for body in bodies] == [0]
        doors.sqs(processor, bodies)
        queues.take("sales-events")  # lost, too
        stand_still(company)
        sweep()
        work(queues)
        assert counts(progress(company, import_id)) == (600, 0, 0, 0)

    def test_a_finished_import_is_left_alone(self, company: Company, gateway: Gateway, queues: Sqs) -> None:
        imported(company, queues, sheet(*rows_of(1)))
        stand_still(company)
        sweep()
        assert queues.take("sales-events") == [messages.HEARTBEAT]

    def test_what_makes_no_progress_for_an_hour_is_failed(
        self, company: Company, gateway: Gateway, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import_id = started(company, sheet(*rows_of(600)))
        doors.sqs(processor, queues.take("sales-events"))
        with monkeypatch.context() as broken:
            broken.setattr(imports, "work", lambda *_: 1 / 0)
            for _ in range(61):
                assert doors.sqs(processor, queues.take("sales-events")) == []
                stand_still(company)
                sweep()
        assert queues.take("sales-events") == [messages.HEARTBEAT]
        told = progress(company, import_id)
        assert (told["status"], told["done_rows"], told["percentage"]) == ("failed", 500, 83)
        assert "not recorded twice" in told["error"]
        assert told["finished_at"] is not None
        assert counts(imported(company, queues, sheet(*rows_of(600)))) == (100, 500, 0, 0)

    def test_progress_starts_the_hour_anew(
        self, company: Company, gateway: Gateway, queues: Sqs, database: Database
    ) -> None:
        import_id = started(company, sheet(*rows_of(600)))
        database.execute("update wr.imports set stalls = 59")
        doors.sqs(processor, queues.take("sales-events"))
        for _ in range(3):
            stand_still(company)
            sweep()
        work(queues)
        assert progress(company, import_id)["status"] == "done"

    def test_a_row_that_only_the_database_refuses_costs_no_other(
        self, company: Company, queues: Sqs, database: Database
    ) -> None:
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("alter table wr.sale_keys add check (sale_id not in ('row-17', 'row-300'))")
        told = imported(company, queues, sheet(*rows_of(400)))
        assert counts(told) == (398, 0, 0, 2)
        assert [(p["row"], p["field"]) for p in told["problems"]] == [(19, None), (302, None)]
        assert "refused" in told["problems"][0]["message"]
        assert company.count("queue") == 398

    def test_events_that_cannot_be_enqueued_wait_for_the_sweeper(
        self, company: Company, gateway: Gateway, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(queue, "enqueue", lambda *_, **__: 1 / 0)
            told = imported(company, queues, sheet(*rows_of(510)))
        assert (told["status"], counts(told)) == ("done", (510, 0, 0, 0))
        assert company.count("queue") == 0
        stand_still(company)
        sweep()
        while bodies := queues.take("sales-events"):
            for start in range(0, len(bodies), 10):
                doors.sqs(processor, bodies[start : start + 10])
        assert company.count("queue") == 510

    def test_an_import_waits_where_there_is_no_time_left(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import_id = started(company, sheet(*rows_of(1)))
        with monkeypatch.context() as hurried:
            hurried.setattr("functions.processor.app._RESERVE", 31.0)  # of 30 seconds
            assert doors.sqs(processor, queues.take("sales-events")) == []
        assert progress(company, import_id)["status"] == "pending"

    def test_a_message_for_another_companys_import_does_nothing(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        import_id = started(company, sheet(*rows_of(1)))
        queues.take("sales-events")
        assert doors.sqs(processor, [ImportReady(import_id, rival.tenant_id, 0).body()]) == []
        assert progress(company, import_id)["done_rows"] == rival.count("sales_events") == 0

    def test_ten_thousand_rows_survive_being_killed_anywhere(
        self, company: Company, gateway: Gateway, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dice, kills = random.Random(7), 0
        rows = rows_of(9_990) + [{**row, "sell_price": "?"} for row in rows_of(10, start=9_990)]
        dice.shuffle(rows)
        import_id = started(company, sheet(*rows))
        deadly = (
            *((sales, "record"), (sales, "compare"), (queue, "enqueue"), (imports, "_checked")),
            *((messages, "wake_rooms"), (messages, "send_sale_events"), (imports, "_received")),
        )
        while company.rows("select from wr.sales_events where status = 'pending'") or unfinished(company):
            with monkeypatch.context() as dangerous:
                for module, name in deadly:
                    dangerous.setattr(module, name, dying(getattr(module, name), dice))
                bodies = queues.take("sales-events")
                for start in range(0, len(bodies), 10):
                    try:
                        doors.sqs(processor, bodies[start : start + 10])
                    except Killed:
                        kills += 1  # and its messages are lost
            if not queues.bodies("sales-events"):
                stand_still(company)
                sweep()
        assert kills > 5
        told = progress(company, import_id)
        assert (counts(told), told["problems_total"]) == ((9_990, 0, 0, 10), 10)
        assert company.count("queue") == company.count("sales_events") == company.count("events") == 9_990
        assert company.rows("select seq from wr.rooms") == [{"seq": 9_990}]


def unfinished(company: Company) -> bool:
    return bool(company.rows("select from wr.imports where status <> 'done'"))


def dying(verb: Any, dice: random.Random) -> Any:
    """The verb, which now and then is the last thing that its process does, or wants to do."""

    def tried(*values: Any, **more: Any) -> Any:
        if dice.random() < 0.02:
            raise Killed
        done = verb(*values, **more)
        if dice.random() < 0.02:
            raise Killed
        return done

    return tried


class TestRefusals:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", "/api/imports"), ("GET", "/api/imports"), ("GET", f"/api/imports/{UUID(int=7)}")],
    )
    def test_imports_are_for_managers(self, company: Company, method: str, path: str) -> None:
        keys = [company.person(role)[1] for role in ("watcher", "seller")]
        for key in [*keys, company.ingest_key]:
            assert doors.http(handler, method, path, b"x", key=key).status == 403

    def test_another_companys_import_is_unknown(self, company: Company, rival: Company, queues: Sqs) -> None:
        import_id = started(company, sheet(*rows_of(1)))
        headers = {"X-Request-ID": "r"}
        answers = [
            doors.http(handler, "GET", f"/api/imports/{one}", key=rival.full_key, headers=headers)
            for one in (import_id, uuid4(), "no-id", "%00")
        ]
        assert {(a.status, a.raw) for a in answers} == {(404, answers[0].raw)}
        assert get(rival, "/api/imports").json == {"imports": [], "nextCursor": None}

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (b"", "empty"),
            (b"\xef\xbb\xbf", "empty"),
            (b"\xff\xfe\x00", "not UTF-8"),
            (b"sale_id,customer_name\n", "Validation failed"),
            (b"\0", "None of the columns"),
            (b'"sale_id,customer', "row 1"),
            (b"sale_id,Sale_ID\n", "twice"),
        ],
    )
    def test_what_cannot_be_a_file_is_refused_at_once(self, company: Company, text: bytes, says: str) -> None:
        for dry in ("true", "false"):
            answer = upload(company, text, dry_run=dry)
            assert (answer.status, answer.json["code"]) == (400, "invalid")
            assert says in answer.json["error"]
        assert company.count("imports") == 0

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("dry_run", "perhaps"),
            ("default_currency", "XXX"),
            ("default_seller", "x" * 256),
            ("file_name", ""),
            ("file_name", "a\0"),
            ("mapping", "a"),
            ("time_zone", "\0"),
        ],
    )
    def test_a_wrong_option_is_named(self, company: Company, option: str, value: str) -> None:
        answer = upload(company, sheet(*rows_of(1)), **{option: value})
        assert (answer.status, answer.json["details"][0]["field"]) == (400, option)

    def test_what_is_no_csv_or_too_large_is_not_read(self, company: Company) -> None:
        as_json = doors.http(handler, "POST", "/api/imports", {}, key=company.full_key)
        assert (as_json.status, "text/csv" in as_json.json["error"]) == (415, True)
        assert upload(company, b"x" * (4 * 1024 * 1024 + 1)).status == 413

    def test_strange_texts_arrive_as_they_were(self, company: Company, queues: Sqs) -> None:
        name = "<script>alert('\U0001f37a')</script> \u202e%s{} =cmd|' /C calc'!A0"
        (row,) = rows_of(1)
        imported(company, queues, sheet({**row, "customer_name": name}))
        assert company.rows("select customer_name from wr.queue") == [{"customer_name": name}]

    def test_nul_and_endless_cells_are_problems_of_their_rows(self, company: Company, queues: Sqs) -> None:
        good, nul, endless = rows_of(3)
        text = sheet(
            good,
            {**nul, "notes": "a\0"},
            {**endless, "customer_name": "x" * 100_000},
            fields=(*FIELDS, "notes", "x\0"),
        )
        told = imported(company, queues, text)
        assert (counts(told), told["ignored_columns"]) == ((1, 0, 0, 2), ["x"])
        assert [(p["row"], p["field"]) for p in told["problems"]] == [(3, "notes"), (4, "customer_name")]


class TestList:
    def test_imports_come_newest_first_in_pages(self, company: Company, queues: Sqs) -> None:
        made = [str(started(company, sheet(*rows_of(n + 1)))) for n in range(5)]
        seen: list[str] = []
        cursor = ""
        while True:
            page = get(company, f"/api/imports?limit=2&cursor={cursor}").json
            assert "problems" not in page["imports"][0] if page["imports"] else True
            seen += [one["id"] for one in page["imports"]]
            if page["nextCursor"] is None:
                break
            cursor = page["nextCursor"]
        assert seen == made[::-1]

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=x"])
    def test_a_wrong_page_is_a_400(self, company: Company, query: str) -> None:
        assert get(company, f"/api/imports?{query}").status == 400


CELL = st.text(
    st.sampled_from('",;\t\r\n\0 :-+.0123456789aZ') | st.characters(exclude_categories=["Cs"]), max_size=20
)


@pytest.mark.fire
@how(
    database=None,
    deadline=None,
    max_examples=how().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.binary(max_size=200) | CELL.map(str.encode), rows=st.lists(CELL, max_size=5), dry=st.booleans()
)
@example(body=b"", rows=['2026-01-01,a,1,"'], dry=False)
@example(body=b"", rows=["9999-12-31 23:59:59,a,1", "0001-01-01,a,1", "2026-01-01,a,1"], dry=False)
def test_no_bytes_bring_it_down(
    company: Company, queues: Sqs, database: Database, body: bytes, rows: list[str], dry: bool
) -> None:
    database.execute("delete from wr.rate_counters")
    header = "occurred_at,customer_name,sell_price,notes\n"
    for content in (body, (header + "\n".join(rows)).encode()):
        answer = upload(company, content, default_seller="anna", dry_run=dry, time_zone="America/New_York")
        assert answer.status in (200, 202, 400), answer.raw
    assert work(queues) < 10
    for one in get(company, "/api/imports").json["imports"]:
        assert one["status"] == "done"
        assert sum(counts(one)) == one["total_rows"] == one["done_rows"]
