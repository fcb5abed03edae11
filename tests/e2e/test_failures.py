"""When things fail, on the deployed stack: what people see meanwhile, what is promised, and how it ends.

The table of failures, and where each row is shown:
    a failure that can pass                 the retry clock, below
    a sale that can never succeed           below; through one day of a company in test_a_day.py
    the same sale_id with other content     below
    database away while processing          below
    a message in the DLQ                    below
    SQS refuses the send                    below
    database away during ingestion          test_outage.py
    a Lambda dies mid-batch                 test_under_fire.py
    fan-out fails                           below
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.e2e.conftest import Company, Stop, wait_until
from tests.e2e.levers import Levers
from tests.factories import sale
from winroom import ids
from winroom.messages import SaleEventReceived


@pytest.fixture
def boss(company: Company) -> Company:
    return company.boss()


def test_a_failure_that_may_pass_is_tried_after_1_5_and_15_minutes_and_then_waits_for_somebody(
    company: Company, boss: Company, levers: Levers
) -> None:
    body = sale()
    with locked_room(company):
        event_id = company.sell(body)
        for attempt, minutes in enumerate((1, 5, 15), 1):
            wait_until(lambda: fate(company, event_id)["attempts"] == attempt)  # noqa: B023
            waiting = fate(company, event_id)
            again_in = datetime.fromisoformat(waiting["next_attempt_at"]) - datetime.now(UTC)
            assert (waiting["status"], waiting["failure"]) == ("pending", None)
            assert timedelta(minutes=minutes, seconds=-30) < again_in <= timedelta(minutes=minutes)
            assert company.rows("select queue_id from wr.queue") == []
            make_due(company)
            levers.sweep()
        wait_until(lambda: fate(company, event_id)["status"] == "failed")
    (failed,) = failures(boss)
    assert (failed["event_id"], failed["reason"]) == (event_id, "retries_exhausted")
    with company.room() as room:
        replay(boss, failed)
        room.wait_for(body["sale_id"])
    assert sold(company) == [body["sale_id"]]
    assert failures(boss) == []


def test_a_sale_of_an_unknown_product_waits_for_it_and_is_sold_once(company: Company, boss: Company) -> None:
    unknown, neighbour = sale(product_sku="CHAIR"), sale()
    with company.room() as room:
        event_id, _ = company.sell(unknown), company.sell(neighbour)
        room.wait_for(neighbour["sale_id"])
        wait_until(lambda: fate(company, event_id)["status"] == "failed")
        refused = fate(company, event_id)
        assert (refused["failure"], refused["attempts"]) == ("unknown_product", 0)
        assert "CHAIR" in refused["error_message"]
        assert sold(company) == [neighbour["sale_id"]]

        (failed,) = failures(boss)
        product = {"name": "Chair", "sku": "CHAIR", "default_cost": 40}
        assert company.call("POST", "/api/products", json=product).status_code == 201
        with ThreadPoolExecutor() as threads:
            answers = threads.map(lambda _: replay(boss, failed), range(2))
            assert sorted(answers) == [200, 409]
        assert room.wait_for(unknown["sale_id"])["data"]["margin"] == "60.00"
    assert sold(company) == sorted([unknown["sale_id"], neighbour["sale_id"]])


def test_a_sale_that_contradicts_an_earlier_one_is_kept_until_an_admin_accepts_it(
    company: Company, boss: Company
) -> None:
    first = sale(sell_price=100)
    with company.room() as room:
        event_id = company.sell(first)
        room.wait_for(first["sale_id"])
        for _ in range(2):
            assert company.post({**first, "sell_price": 250}).status_code == 409
        assert [item["sell_price"] for item in queue(company)] == ["100.00"]
        (conflict,) = failures(boss)  # of the two, one is kept
        assert (conflict["reason"], conflict["conflicts_with"]) == ("conflict", event_id)
        replay(boss, conflict)
        assert room.wait_for(first["sale_id"], "queue.corrected")["data"]["sellPrice"] == "250.00"
    assert [item["sell_price"] for item in queue(company)] == ["250.00"]
    assert failures(boss) == []


def test_sales_that_find_the_database_away_come_back_and_have_spent_no_attempt(
    company: Company, levers: Levers, stopped: Stop
) -> None:
    body = sale()
    with company.room() as room, levers.visible_after("SalesEventsQueue", 3):
        with levers.paused("SalesEventsMapping"):
            event_id = company.sell(body)
            start = stopped()
        wait_until(lambda: levers.fails("SalesEventsMapping"))
        start()
        room.wait_for(body["sale_id"])
    assert (fate(company, event_id)["status"], fate(company, event_id)["attempts"]) == ("processed", 0)
    assert sold(company) == [body["sale_id"]]


def test_what_the_processor_never_finished_is_decided_by_its_row(
    company: Company, boss: Company, levers: Levers
) -> None:
    first, last = sale(), sale()
    lost = SaleEventReceived(ids.new(), company.tenant_id, datetime.now(UTC))
    with levers.paused("SalesEventsMapping"):
        waiting, exhausted = company.sell(first), company.sell(last)
        company.change("update wr.sales_events set retry_count = 3 where event_id = %s", exhausted)
        levers.receive_in_vain("SalesEventsQueue")
        levers.send("SalesEventsDlq", lost.body())
        wait_until(lambda: len(failures(boss)) == 2)
        wait_until(lambda: fate(company, waiting)["attempts"] == 1)
        assert fate(company, waiting)["status"] == "pending"
        assert fate(company, exhausted)["status"] == "failed"
    reasons = {one["event_id"]: one for one in failures(boss)}
    assert {event_id: one["reason"] for event_id, one in reasons.items()} == {
        exhausted: "retries_exhausted",
        str(lost.event_id): "lost",
    }
    with company.room(after=0) as room:
        levers.sweep()
        room.wait_for(first["sale_id"])
        replay(boss, reasons[exhausted])
        room.wait_for(last["sale_id"])
    assert sold(company) == sorted([first["sale_id"], last["sale_id"]])


def test_a_sale_that_sqs_refuses_is_accepted_and_sent_by_the_sweeper(
    company: Company, levers: Levers
) -> None:
    body = sale()
    with company.room() as room:
        with levers.refusing("SalesEventsQueue"):
            event_id = company.sell(body)
            make_due(company)
            levers.sweep()  # it is refused as well, and loses nothing
            assert fate(company, event_id)["status"] == "pending"
        make_due(company)
        levers.sweep()
        room.wait_for(body["sale_id"])
    assert fate(company, event_id)["attempts"] == 0
    assert sold(company) == [body["sale_id"]]


def test_a_fan_out_that_fails_holds_up_no_sale_and_the_room_catches_up_in_order(
    company: Company, levers: Levers
) -> None:
    sales = [sale() for _ in range(3)]
    with company.room() as room:
        room.wait_for_type("ready")  # a resume that met the lock would be lost, and nobody would listen
        with locked_sockets(company):
            for body in sales:
                company.sell(body)
            wait_until(lambda: len(sold(company)) == 3)
            claim = {"seller_id": "anna", "claim_type": "first_touch"}
            (item, *_) = company.call("GET", "/api/queue").json()["queue"]
            assert company.call("POST", f"/api/queue/{item['id']}/claim", json=claim).status_code == 200
            wait_until(lambda: levers.fails("RoomMapping"))
            assert company.rows("select posted_seq from wr.rooms") == [{"posted_seq": 0}]
        room.wait_until_seen(4, timeout=20)
    assert list(room.seen) == [1, 2, 3, 4]


def test_a_room_whose_wake_up_sqs_refuses_is_woken_by_the_sweeper(company: Company, levers: Levers) -> None:
    body = sale()
    with company.room() as room:
        with levers.refusing("RoomQueue"):
            company.sell(body)
            wait_until(lambda: sold(company) == [body["sale_id"]])
        time.sleep(10)  # a younger message may be on its way
        assert room.seen == {}
        levers.sweep()
        assert room.wait_for(body["sale_id"])["data"]["saleId"] == body["sale_id"]


def fate(company: Company, event_id: str) -> dict[str, Any]:
    """What the company's own system is told about an event."""
    found: dict[str, Any] = company.call("GET", f"/api/events/{event_id}").json()["event"]
    return found


def failures(boss: Company) -> list[dict[str, Any]]:
    """What waits for an admin."""
    return list(boss.call("GET", "/api/failed-events").json()["failed_events"])


def replay(boss: Company, failed: dict[str, Any]) -> int:
    return boss.call("POST", f"/api/failed-events/{failed['id']}/replay", json={}).status_code


def sold(company: Company) -> list[str]:
    return sorted(item["sale_id"] for item in queue(company))


def queue(company: Company) -> list[dict[str, Any]]:
    return list(company.call("GET", "/api/queue").json()["queue"])


def make_due(company: Company) -> None:
    """The minutes until the next attempt are over."""
    company.change("update wr.sales_events set next_attempt_at = now() where status = 'pending'")


@contextmanager
def locked_room(company: Company) -> Iterator[None]:
    """Somebody's transaction holds the room and does not end: its sales fail, and may pass."""
    with psycopg.connect(company.stack.database_url) as conn:
        conn.execute("set idle_in_transaction_session_timeout = 0")
        conn.execute("select wr.enter_tenant(%s)", [company.tenant_id])
        conn.execute("select from wr.rooms for update")
        yield


@contextmanager
def locked_sockets(company: Company) -> Iterator[None]:
    """Nobody can learn meanwhile who listens."""
    with psycopg.connect(company.stack.owner_database_url) as conn:
        conn.execute("lock table wr.connections in access exclusive mode")
        yield
