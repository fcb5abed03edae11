"""Ingestion and its database: one round trip when all is well, and what happens when it is not."""

import time
from typing import Any

import psycopg
import pytest

from tests.conftest import forget_process_state
from tests.crm import get, post, post_batch
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.wire import Wire
from winroom import callers, copy, db


class TestDatabase:
    def test_an_accepted_sale_costs_one_round_trip(self, company: Company, queues: Sqs, wire: Wire) -> None:
        post(company, sale())  # opens the connection, learns the key
        with wire.counted() as round_trips:
            assert post(company, sale()).status == 202
        assert round_trips == [1]

    def test_a_key_that_is_not_remembered_costs_one_more_which_brings_its_switches(
        self, company: Company, queues: Sqs, wire: Wire
    ) -> None:
        post(company, sale())
        callers.forget_all()
        with wire.counted() as round_trips:
            assert post(company, sale()).status == 202
        assert round_trips == [2]

    def test_a_batch_costs_one_round_trip(self, company: Company, queues: Sqs, wire: Wire) -> None:
        post(company, sale())
        with wire.counted() as round_trips:
            assert post_batch(company, *(sale() for _ in range(100))).status == 202
        assert round_trips == [1]

    def test_an_absent_database_is_a_503_soon_and_recovers_by_itself(
        self, company: Company, queues: Sqs, wire: Wire
    ) -> None:
        assert get(company, "/api/events").status == 200
        wire.cut()
        for _ in range(2):
            began = time.perf_counter()
            answer = get(company, "/api/events")
            assert time.perf_counter() - began < 3
            assert (answer.status, answer.json["code"]) == (503, "unavailable")
            assert answer.headers["retry-after"] == "2"
        wire.mend()
        time.sleep(2)
        assert get(company, "/api/events").status == 200

    def test_a_frozen_database_is_a_503_soon_and_recovers_by_itself(
        self, company: Company, queues: Sqs, wire: Wire, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("DATABASE_PATIENCE", "1.0")
        forget_process_state()
        assert get(company, "/api/events").status == 200
        wire.freeze()
        for _ in range(2):
            began = time.perf_counter()
            answer = get(company, "/api/events")
            assert time.perf_counter() - began < 1.7
            assert (answer.status, answer.json["code"]) == (503, "unavailable")
        wire.thaw()
        time.sleep(2)
        assert get(company, "/api/events").status == 200

    def test_a_connection_that_died_unnoticed_is_replaced(
        self, company: Company, queues: Sqs, wire: Wire
    ) -> None:
        assert post(company, sale()).status == 202
        wire.cut()
        wire.mend()
        assert post(company, sale()).status == 202
        assert get(company, "/api/events").status == 200

    def test_a_dead_connection_is_replaced_also_when_the_key_is_not_remembered(
        self, company: Company, queues: Sqs, wire: Wire
    ) -> None:
        assert post(company, sale()).status == 202
        wire.cut()
        wire.mend()
        callers.forget_all()
        assert post(company, sale()).status == 202

    def test_a_lost_answer_to_the_commit_loses_and_doubles_nothing(
        self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        execute, losses = db.Connection.execute, ["the connection is lost"]

        def lossy(conn: Any, *given: Any, **more: Any) -> Any:
            done = execute(conn, *given, **more)
            if "wr.receive_sales" in given[0] and losses:
                raise psycopg.OperationalError(losses.pop())
            return done

        monkeypatch.setattr(db.Connection, "execute", lossy)
        answer = post(company, sale())
        assert (answer.status, answer.json["duplicate"]) == (202, False)
        assert answer.json["message"] == copy.EVENT_RECEIVED  # not kept in the queue, whole
        assert company.count("sales_events") == company.count("api_audit_log") == 1
        assert not losses
        assert len(queues.bodies("sales-events")) == 1

    def test_a_failed_opening_gives_its_connection_back(
        self, company: Company, queues: Sqs, database: Database, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("DATABASE_POOL_SIZE", "1")
        forget_process_state()
        assert get(company, "/api/events").status == 200
        with psycopg.connect(database.superuser_url, autocommit=True) as conn:
            conn.execute("revoke execute on function wr.enter_tenant(uuid) from winroom_app")
            assert get(company, "/api/events").status == 500
            conn.execute("grant execute on function wr.enter_tenant(uuid) to winroom_app")
        assert get(company, "/api/events").status == 200

    def test_a_primary_that_became_read_only_is_left_behind(
        self, company: Company, queues: Sqs, database: Database
    ) -> None:
        assert post(company, sale()).status == 202
        name = database.superuser_url.rpartition("/")[2]
        with psycopg.connect(database.superuser_url, autocommit=True) as conn:
            conn.execute(f"alter database {name} set default_transaction_read_only = on")
            forget_process_state()
            assert get(company, "/api/events").status == 503
            conn.execute("set default_transaction_read_only = off")
            conn.execute(f"alter database {name} reset default_transaction_read_only")
        assert post(company, sale()).status == 202
