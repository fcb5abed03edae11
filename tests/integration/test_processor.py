"""Sale events become queue items: once, whole, and whatever their neighbours do."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest

from functions.dead_letters.app import handler as dead_letters
from functions.ingestion.app import handler as ingestion
from functions.processor.app import handler as processor
from tests import doors
from tests.conftest import forget_process_state
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from winroom import db, ids, messages, queue
from winroom.errors import DatabaseUnavailable
from winroom.messages import ImportReady, SaleEventReceived


def post(company: Company, **fields: Any) -> str:
    """Sends a sale event; returns the body of its message on the queue."""
    answer = doors.http(ingestion, "POST", "/api/events", sale(**fields), key=company.ingest_key)
    assert answer.status == 202, answer.raw
    event_id = UUID(answer.json["eventId"])
    return SaleEventReceived(event_id, company.tenant_id, datetime.now(UTC)).body()


def process(*bodies: str, receive_counts: tuple[int, ...] = ()) -> list[int]:
    return doors.sqs(processor, bodies, receive_counts)


def product(company: Company, **fields: Any) -> UUID:
    values = {"name": f"Product {ids.new()}", "sku": None, "default_cost": None, **fields}
    (row,) = company.database.execute(
        "insert into wr.products (tenant_id, name, sku, default_cost) values (%s, %s, %s, %s)"
        " returning product_id",
        company.tenant_id,
        values["name"],
        values["sku"],
        values["default_cost"],
    )
    return UUID(str(row["product_id"]))


def the_item(company: Company) -> dict[str, Any]:
    (item,) = company.rows("select * from wr.queue")
    return dict(item)


class TestOneSale:
    def test_a_sale_becomes_a_queue_item_with_its_margin(self, company: Company, queues: Sqs) -> None:
        message = post(company, sale_id="a", sell_price=100, cost_price=60.5, category="new")
        assert process(message) == []
        item = the_item(company)
        assert (item["status"], item["seller_id"], item["category"]) == ("pending", "anna", "new")
        assert (str(item["margin_amount"]), str(item["margin_pct"])) == ("39.50", "39.50")
        (event,) = company.rows("select status, processed_at from wr.sales_events")
        assert event["status"] == "processed"
        assert event["processed_at"] is not None

    def test_the_room_is_told_once_with_a_number(self, company: Company, queues: Sqs) -> None:
        message = post(company, sale_id="a", sell_price=100, cost_price=60, notes="secret")
        process(message)
        (told,) = company.rows("select seq, type, sale_id, actor, payload from wr.events")
        assert (told["seq"], told["type"], told["actor"]) == (1, "queue.created", "system")
        assert told["payload"] == {
            "id": str(the_item(company)["queue_id"]),
            "saleId": "a",
            "sellerId": "anna",
            "sellerName": "anna",
            "customerName": told["payload"]["customerName"],
            "productName": None,
            "category": None,
            "occurredAt": told["payload"]["occurredAt"],
            "source": "api",
            "sellPrice": "100.00",
            "margin": "40.00",
            "currency": "USD",
            "status": "pending",
            "reason": None,
            "suspectedDuplicateOf": None,
            "awaitsReview": False,
        }
        (wake_up,) = [m for m in queues.sent if m["QueueUrl"].endswith("room.fifo")]
        assert json.loads(wake_up["MessageBody"]) == {
            "tenant_id": str(company.tenant_id),
            "seq": 1,
            # Ids for the logs; nothing of the sale.
            "event_ids": [json.loads(message)["event_id"]],
            "request_ids": [],
        }
        assert wake_up["MessageGroupId"] == str(company.tenant_id)
        assert wake_up["MessageDeduplicationId"] == f"{company.tenant_id}:1"

    def test_the_cost_comes_from_the_product_by_id_or_sku_or_from_the_sale(
        self, company: Company, queues: Sqs
    ) -> None:
        chair = product(company, sku="CHAIR", default_cost=80)
        product(company, sku="FREE")
        process(
            post(company, sale_id="by id", product_id=str(chair)),
            post(company, sale_id="by sku", product_sku="CHAIR"),
            post(company, sale_id="its own", product_id=str(chair), cost_price=1),
            post(company, sale_id="no cost", product_sku="FREE"),
            post(company, sale_id="no product"),
        )
        costs = {
            row["sale_id"]: (row["cost_price"] and str(row["cost_price"]), row["product_id"])
            for row in company.rows("select sale_id, cost_price, product_id from wr.queue")
        }
        assert costs["by id"] == costs["by sku"] == ("80.00", chair)
        assert costs["its own"] == ("1.00", chair)
        assert costs["no cost"][0] is costs["no product"][0] is None

    def test_the_room_is_told_what_the_product_is_called(self, company: Company, queues: Sqs) -> None:
        chair = product(company, name="Chair", sku="CHAIR")
        process(post(company, product_id=str(chair)), post(company, product_sku="CHAIR"))
        told = company.rows("select payload ->> 'productName' as product from wr.events")
        assert [row["product"] for row in told] == ["Chair", "Chair"]

    def test_an_unknown_cost_is_no_margin_at_all(self, company: Company, queues: Sqs) -> None:
        process(post(company))
        assert the_item(company)["margin_amount"] is None
        assert company.rows("select payload from wr.events")[0]["payload"]["margin"] is None

    def test_the_largest_loss_fits(self, company: Company, queues: Sqs) -> None:
        process(post(company, sell_price="0.01", cost_price="9999999999.99"))
        assert str(the_item(company)["margin_amount"]) == "-9999999999.98"


class TestTwice:
    def test_the_same_message_twice_has_one_effect(self, company: Company, queues: Sqs) -> None:
        message = post(company)
        assert process(message, message) == process(message) == []
        assert company.count("queue") == company.count("events") == 1

    def test_two_workers_at_once_have_one_effect(self, company: Company, queues: Sqs) -> None:
        messages = [post(company) for _ in range(20)]
        with ThreadPoolExecutor(4) as workers:
            unsettled = list(workers.map(lambda _: process(*messages), range(8)))
        assert unsettled == [[]] * 8
        assert company.count("queue") == 20
        numbers = [row["seq"] for row in company.rows("select seq from wr.events order by seq")]
        assert numbers == list(range(1, 21))
        assert company.rows("select seq from wr.rooms") == [{"seq": 20}]

    def test_a_worker_killed_before_it_wakes_the_room_has_done_its_part(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed(BaseException):
            pass

        message = post(company)
        enqueue = queue.enqueue

        def killed(conn: Any, events: Any) -> Any:
            enqueue(conn, events)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(queue, "enqueue", killed)
            with pytest.raises(Killed):
                process(message)
        assert company.count("queue") == company.count("events") == 1
        assert process(message, receive_counts=(2,)) == []
        assert company.count("queue") == company.count("events") == 1

    def test_a_worker_cut_off_half_way_leaves_nothing_half_done(
        self, company: Company, rival: Company, queues: Sqs, database: Database
    ) -> None:
        bodies = [post(company), post(rival)]
        cut_off = (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and usename = 'winroom_app' and wait_event_type = 'Lock'"
        )
        with (
            psycopg.connect(database.superuser_url) as holder,
            psycopg.connect(database.superuser_url, autocommit=True) as killer,
            ThreadPoolExecutor(1) as worker,
        ):
            # Of the tenant that comes last: the other one is done by then.
            holder.execute(
                "select from wr.rooms where tenant_id = %s for update",
                [max(company.tenant_id, rival.tenant_id)],
            )
            working = worker.submit(process, *bodies)
            while not working.done():
                killer.execute(cut_off)
            assert working.result() == [0, 1]
        assert company.count("queue") == rival.count("queue") == 0
        assert process(*bodies) == []
        assert company.count("queue") == rival.count("queue") == 1

    def test_two_workers_with_the_same_companies_do_not_stop_each_other(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        batches = [[post(company), post(rival)] for _ in range(20)]
        with ThreadPoolExecutor(4) as workers:
            list(workers.map(lambda n: process(*batches[n][:: (-1) ** n]), range(20)))
        for each in (company, rival):
            assert each.rows("select distinct status, retry_count from wr.sales_events") == [
                {"status": "processed", "retry_count": 0}
            ]
            assert each.rows("select seq from wr.rooms") == [{"seq": 20}]

    def test_what_came_back_is_worked_alone(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sizes = []
        enqueue = queue.enqueue

        def watched(conn: Any, events: Any) -> Any:
            sizes.append(len(events))
            return enqueue(conn, events)

        messages = [post(company) for _ in range(4)]
        monkeypatch.setattr(queue, "enqueue", watched)
        process(*messages, receive_counts=(1, 2, 1, 3))
        assert sizes == [2, 1, 1]
        assert company.count("queue") == 4


class TestNeighbours:
    def test_tenants_of_one_batch_stay_apart(self, company: Company, rival: Company, queues: Sqs) -> None:
        process(
            post(company, sale_id="same"),
            post(rival, sale_id="same"),
            post(company, sale_id="other"),
        )
        assert (company.count("queue"), rival.count("queue")) == (2, 1)
        assert (company.count("events"), rival.count("events")) == (2, 1)
        assert len(queues.bodies("room.fifo")) == 2

    def test_an_unknown_product_is_quarantined_at_once(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        foreign = product(rival, sku="RIVAL")
        process(
            post(company),
            post(company, product_sku="nobody's"),
            post(company, product_id=str(foreign)),
            post(company, product_sku="RIVAL"),
            post(company),
        )
        assert company.count("queue") == 2
        failed = company.rows(
            "select failure, retry_count, processed_at, error_message"
            " from wr.sales_events where status = 'failed'"
        )
        assert [tuple(f.values())[:3] for f in failed] == [("unknown_product", 0, None)] * 3
        assert "nobody's" in failed[0]["error_message"]
        assert company.count("sales_events_dlq") == 3

    def test_a_message_of_a_sale_that_failed_changes_nothing(self, company: Company, queues: Sqs) -> None:
        message = post(company, product_sku="LATER")
        process(message)
        product(company, sku="LATER")
        assert process(message) == []
        assert company.count("queue") == 0
        assert company.rows("select status from wr.sales_events") == [{"status": "failed"}]

    def test_an_event_that_only_the_database_refuses_takes_no_neighbours_along(
        self, company: Company, rival: Company, queues: Sqs, database: Database
    ) -> None:
        bad = post(company, sale_id="bad")
        database.execute(
            'update wr.sales_events set payload = payload || \'{"sell_price": "much"}\''
            " where sale_id = 'bad'"
        )
        assert process(post(company), bad, post(company), post(rival)) == []
        assert (company.count("queue"), rival.count("queue")) == (2, 1)
        (event,) = company.rows(
            "select failure, retry_count, error_message from wr.sales_events where status = 'failed'"
        )
        assert (event["failure"], event["retry_count"]) == ("unreadable", 1)
        assert "numeric" in event["error_message"]
        assert company.rows("select failure_reason from wr.sales_events_dlq") == [
            {"failure_reason": "unreadable"}
        ]

    def test_most_neighbours_of_a_bad_event_share_a_transaction(
        self, company: Company, queues: Sqs, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        messages = [post(company, sale_id=f"S-{n}") for n in range(10)]
        database.execute("update wr.sales_events set payload = '{}' where sale_id = 'S-0'")
        sizes = []
        enqueue = queue.enqueue

        def watched(conn: Any, events: Any) -> Any:
            sizes.append(len(events))
            return enqueue(conn, events)

        monkeypatch.setattr(queue, "enqueue", watched)
        assert process(*messages) == []
        assert sizes == [10, 5, 5, 2, 3, 1, 1]
        assert (company.count("queue"), company.count("sales_events_dlq")) == (9, 1)

    def test_an_unreadable_message_waits_for_a_release_that_reads_it(
        self, company: Company, queues: Sqs
    ) -> None:
        good = post(company)
        future = json.dumps({**json.loads(post(company)), "version": 3})
        assert process("{", "[]", '{"version": 1}', future, good) == [0, 1, 2, 3]
        assert company.count("queue") == 1
        assert company.rows("select count(*) as n from wr.sales_events where status = 'pending'") == [
            {"n": 1}
        ]

    def test_a_message_for_another_tenants_event_does_nothing(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        stolen = {**json.loads(post(company)), "tenant_id": str(rival.tenant_id)}
        assert process(json.dumps(stolen)) == []
        assert company.count("queue") == rival.count("queue") == 0


class TestTime:
    def test_a_backlog_is_not_read_by_who_works_a_single_event_of_it(
        self, company: Company, queues: Sqs, database: Database
    ) -> None:
        message = SaleEventReceived.read(post(company))
        with psycopg.connect(database.superuser_url, autocommit=True) as conn:
            conn.execute(
                "insert into wr.sales_events"
                " (tenant_id, event_id, sale_id, payload, content_hash, fingerprint, status)"
                " select"
                "  tenant_id, wr.uuid_v7(), 'more-' || n, payload, content_hash, fingerprint, 'processed'"
                " from wr.sales_events, generate_series(1, 2000) n"
            )
            conn.execute("update wr.sales_events set status = 'processed'")
            # The planner learns that nothing ever waits.
            conn.execute("vacuum analyze wr.sales_events")
            conn.execute("update wr.sales_events set status = 'pending'")
        with psycopg.connect(database.url_of("app")) as conn:
            settled = conn.execute(
                "select event_id, failure from wr.enqueue(%s, %s, '', '')",
                [[message.tenant_id], [message.event_id]],
            )
            assert settled.fetchall() == [(message.event_id, None)]
            read = conn.execute(
                "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables"
                " where relid = 'wr.sales_events'::regclass"
            )
            assert read.fetchall() < [(10,)]

    def test_a_locked_room_holds_up_its_own_company_only(
        self, company: Company, rival: Company, queues: Sqs, database: Database
    ) -> None:
        messages = [post(company), post(company), post(rival), post(company)]
        name = database.superuser_url.rpartition("/")[2]
        with psycopg.connect(database.superuser_url, autocommit=True) as conn:
            conn.execute(f"alter role winroom_app in database {name} set lock_timeout = '300ms'")
        forget_process_state()
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("select from wr.rooms where tenant_id = %s for update", [company.tenant_id])
            began = time.monotonic()
            assert process(*messages) == []
            # Once together, and of the company: all three, one and two, those two one by one.
            assert time.monotonic() - began < 0.3 * 6 + 1
        assert (company.count("queue"), rival.count("queue")) == (0, 1)
        assert company.rows("select distinct retry_count, status from wr.sales_events") == [
            {"retry_count": 1, "status": "pending"}
        ]

    def test_what_cannot_be_divided_in_time_is_put_off_whole(
        self, company: Company, queues: Sqs, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bodies = [post(company, sale_id="bad"), post(company)]
        database.execute(
            'update wr.sales_events set payload = payload || \'{"sell_price": "much"}\''
            " where sale_id = 'bad'"
        )
        with monkeypatch.context() as hurried:
            hurried.setattr("functions.processor.app._RESERVE", 31.0)  # of 30 seconds
            assert process(*bodies) == []
        assert company.rows("select distinct retry_count, status from wr.sales_events") == [
            {"retry_count": 1, "status": "pending"}
        ]
        assert process(*bodies) == []
        assert company.count("queue") == company.count("sales_events_dlq") == 1

    def test_whoever_has_enqueued_is_in_no_company(self, company: Company, queues: Sqs) -> None:
        event_id = UUID(json.loads(post(company))["event_id"])
        with db.connect(company.database.url_of("app")) as conn:
            conn.execute("select from wr.enqueue(%s, %s, '', '')", [[company.tenant_id], [event_id]])
            assert conn.execute("select from wr.queue").rowcount == 0
        assert company.count("queue") == 1


class TestHeartbeat:
    def test_a_heartbeat_is_noted_and_its_neighbours_are_worked(
        self, company: Company, queues: Sqs, database: Database
    ) -> None:
        database.execute("update wr.heartbeats set beat_at = 'epoch'")
        assert process(messages.HEARTBEAT, post(company)) == []
        assert company.count("queue") == 1
        beating = database.execute(
            "select component from wr.heartbeats where beat_at > now() - interval '1 minute'"
        )
        assert beating == [{"component": "processor"}]

    def test_a_heartbeat_that_cannot_be_noted_costs_no_sale(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = post(company)
        monkeypatch.setattr("winroom.health.beat", lambda *_: 1 / 0)
        assert process(messages.HEARTBEAT, message) == []
        assert company.count("queue") == 1


class TestDuplicates:
    alike: ClassVar = {"occurred_at": "2026-01-01T10:00:00Z", "customer_name": "Ada", "sell_price": 5}

    @pytest.mark.parametrize("together", [True, False])
    def test_a_suspected_duplicate_is_excluded_and_not_lost(
        self, company: Company, queues: Sqs, together: bool
    ) -> None:
        first = post(company, sale_id="a", **self.alike)
        second = post(company, sale_id="b", **self.alike)
        for batch in [(first, second)] if together else [(first,), (second,)]:
            process(*batch)
        items = company.rows(
            "select sale_id, status, suspected_duplicate_of, excluded_reason from wr.queue order by sale_id"
        )
        assert [tuple(item.values()) for item in items] == [
            ("a", "pending", None, None),
            ("b", "excluded", "a", "Suspected duplicate of a"),
        ]
        types = [row["type"] for row in company.rows("select type from wr.events order by seq")]
        assert types == ["queue.created", "queue.excluded"]

    def test_two_workers_at_once_do_not_miss_it(self, company: Company, queues: Sqs) -> None:
        messages = [post(company, **self.alike) for _ in range(2)]
        with company.database.operator() as other, ThreadPoolExecutor(2) as workers:
            # Neither can end before the other has begun.
            other.execute("select from wr.rooms for update")
            working = [workers.submit(process, message) for message in messages]
            while len(company.database.execute("select from pg_locks where not granted")) < 2:
                time.sleep(0.02)
            other.rollback()
            assert [work.result() for work in working] == [[], []]
        statuses = [row["status"] for row in company.rows("select status from wr.queue")]
        assert sorted(statuses) == ["excluded", "pending"]

    @pytest.mark.parametrize("together", [True, False])
    def test_another_currency_or_seller_is_another_sale(
        self, company: Company, queues: Sqs, together: bool
    ) -> None:
        messages = [
            post(company, **self.alike),
            post(company, **self.alike, currency="EUR"),
            post(company, **self.alike, seller_external_id="ben"),
        ]
        for batch in [messages] if together else [[message] for message in messages]:
            process(*batch)
        assert {row["status"] for row in company.rows("select status from wr.queue")} == {"pending"}

    @pytest.mark.parametrize("together", [True, False])
    def test_a_sale_of_an_unknown_product_makes_no_other_suspect(
        self, company: Company, queues: Sqs, together: bool
    ) -> None:
        messages = [post(company, **self.alike, product_sku="nobody's"), post(company, **self.alike)]
        for batch in [messages] if together else [[message] for message in messages]:
            process(*batch)
        assert the_item(company)["status"] == "pending"

    def test_a_tenant_can_switch_the_rule_off(self, company: Company, queues: Sqs) -> None:
        company.set(suspect_duplicates=False)
        process(post(company, **self.alike), post(company, **self.alike))
        assert {row["status"] for row in company.rows("select status from wr.queue")} == {"pending"}

    def test_another_companys_sale_is_no_duplicate(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        process(post(company, **self.alike), post(rival, **self.alike))
        assert the_item(company)["status"] == the_item(rival)["status"] == "pending"


class TestClock:
    def failing(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        def fail(conn: Any, events: Any) -> None:
            raise error

        monkeypatch.setattr(queue, "enqueue", fail)

    def test_a_failure_that_can_pass_is_tried_after_1_5_and_15_minutes_and_then_failed(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = post(company)
        self.failing(monkeypatch, psycopg.errors.DeadlockDetected("deadlock detected"))
        waits = []
        for _ in range(3):
            assert process(message) == []
            (event,) = company.rows(
                "select status, retry_count, error_message,"
                " round(extract(epoch from next_attempt_at - now()) / 60) as minutes"
                " from wr.sales_events"
            )
            assert event["status"] == "pending"
            assert "deadlock detected" in event["error_message"]
            waits.append((event["retry_count"], int(event["minutes"])))
        assert waits == [(1, 1), (2, 5), (3, 15)]
        assert process(message) == []
        (event,) = company.rows("select status, failure, retry_count from wr.sales_events")
        assert tuple(event.values()) == ("failed", "retries_exhausted", 4)
        assert company.count("sales_events_dlq") == 1

    def test_a_failure_that_passed_leaves_no_trace(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = post(company)
        with monkeypatch.context() as patch:
            self.failing(patch, RuntimeError("a bug of a minute"))
            process(message)
        assert process(message) == []
        (event,) = company.rows("select status, error_message from wr.sales_events")
        assert tuple(event.values()) == ("processed", None)

    @pytest.mark.parametrize("error", [psycopg.errors.NumericValueOutOfRange, RuntimeError])
    def test_a_failure_that_comes_after_a_success_changes_nothing(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
    ) -> None:
        message = post(company)
        process(message)
        self.failing(monkeypatch, error("another process was quicker"))
        assert process(message) == []
        (event,) = company.rows("select status, retry_count, error_message from wr.sales_events")
        assert tuple(event.values()) == ("processed", 0, None)
        assert company.count("sales_events_dlq") == 0

    def test_an_absent_database_spends_no_attempt(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        messages = [post(company), post(company)]
        with monkeypatch.context() as patch:
            self.failing(patch, DatabaseUnavailable())
            assert process(*messages) == [0, 1]
        assert company.rows("select distinct retry_count from wr.sales_events") == [{"retry_count": 0}]

    def test_a_failure_that_cannot_be_recorded_brings_the_message_back(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = post(company)
        self.failing(monkeypatch, RuntimeError("a bug"))
        monkeypatch.setattr("winroom.sales.postpone", lambda *_: 1 / 0)
        assert process(message) == [0]

    def test_a_room_that_could_not_be_woken_costs_no_sale(self, company: Company, queues: Sqs) -> None:
        message = post(company)
        queues.is_down = True
        assert process(message) == []
        assert company.count("queue") == 1


class TestDeadLetters:
    def bury(self, *bodies: str) -> list[int]:
        return doors.sqs(dead_letters, bodies)

    def test_a_pending_event_with_attempts_left_is_due_now(self, company: Company, queues: Sqs) -> None:
        assert self.bury(post(company)) == []
        (event,) = company.rows(
            "select status, retry_count, next_attempt_at <= now() as is_due from wr.sales_events"
        )
        assert tuple(event.values()) == ("pending", 1, True)

    def test_a_pending_event_without_attempts_is_failed(
        self, company: Company, queues: Sqs, database: Database
    ) -> None:
        message = post(company)
        database.execute("update wr.sales_events set retry_count = 3")
        assert self.bury(message) == self.bury(message) == []
        (event,) = company.rows("select status, failure from wr.sales_events")
        assert tuple(event.values()) == ("failed", "retries_exhausted")
        assert company.count("sales_events_dlq") == 1

    def test_a_processed_event_is_left_alone(self, company: Company, queues: Sqs) -> None:
        message = post(company)
        process(message)
        assert self.bury(message) == []
        assert company.rows("select status, retry_count from wr.sales_events") == [
            {"status": "processed", "retry_count": 0}
        ]
        assert company.count("sales_events_dlq") == 0

    def test_a_message_without_its_event_is_recorded_once(self, company: Company, queues: Sqs) -> None:
        lost = SaleEventReceived(ids.new(), company.tenant_id, datetime.now(UTC)).body()
        assert self.bury(lost, "rubbish", lost) == [1]
        (row,) = company.rows("select failure_reason, payload from wr.sales_events_dlq")
        assert row["failure_reason"] == "lost"
        assert row["payload"]["version"] == 1

    def test_the_letter_of_an_import_is_left_to_the_sweeper(self, company: Company, queues: Sqs) -> None:
        assert self.bury(ImportReady(ids.new(), company.tenant_id, 0).body()) == []
        assert company.count("sales_events_dlq") == 0

    def test_a_letter_of_an_unknown_tenant_takes_no_neighbours_along(
        self, company: Company, queues: Sqs
    ) -> None:
        stranger = SaleEventReceived(ids.new(), ids.new(), datetime.now(UTC)).body()
        assert self.bury(stranger, messages.HEARTBEAT, post(company)) == []
        assert company.rows("select retry_count from wr.sales_events") == [{"retry_count": 1}]

    def test_an_absent_database_brings_the_letter_back(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = post(company)

        def unavailable(*_: object) -> None:
            raise DatabaseUnavailable

        monkeypatch.setattr(db, "tenant_batch", unavailable)
        assert self.bury(message) == [0]
