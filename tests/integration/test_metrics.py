"""Every metric leaves by the door where what it counts has happened, on the line of the invocation."""

import time
from typing import Any

import psycopg
import pytest

from functions.api import app as api
from functions.broadcaster import fanout, socket
from functions.dashboard import app as dashboard
from functions.dead_letters.app import handler as dead_letters
from functions.maintenance.app import handler as maintenance
from functions.processor.app import handler as processor
from tests import clock, crm, doors, logs
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.gateway import Gateway, joined
from tests.rooms import publish
from tests.visits import Visitor
from winroom import db, messages, queue, switches, telemetry
from winroom.errors import DatabaseUnavailable
from winroom.messages import RoomChanged, SaleEventReceived
from winroom.settings import settings

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nothing_measured() -> None:
    """What earlier tests did without a door is not of this one."""
    telemetry._metrics()


def sell(company: Company, queues: Sqs, **fields: Any) -> str:
    """Sends a sale; returns the message for the processor."""
    assert crm.post(company, sale(**fields)).status == 202
    (message,) = queues.take("sales-events")
    return message


def wake(company: Company) -> list[int]:
    return doors.sqs(fanout.handler, [RoomChanged(company.tenant_id, 1).body()])


class TestRequests:
    def test_a_sale_is_a_request_with_a_latency_and_is_ingested(
        self, company: Company, queues: Sqs, capsys: Capture
    ) -> None:
        crm.post(company, sale())
        out = capsys.readouterr().out
        (line,) = logs.lines(out)
        # By route and by company the logs tell.
        assert (line["route"], line["tenant_id"]) == ("/api/events", str(company.tenant_id))
        measured = logs.measured(out)
        assert (measured["Requests"], measured["Ingested"]) == ([1], [1])
        assert 0 < measured["RequestLatency"][0] <= line["duration_ms"]
        assert measured.keys() == {"Requests", "RequestLatency", "Ingested"}

    def test_of_a_batch_what_is_new_is_ingested(self, company: Company, queues: Sqs, capsys: Capture) -> None:
        known = sale()
        crm.post_batch(company, known, sale(), sale(), {"sale_id": "bad"})
        crm.post(company, known)
        measured = logs.measured(capsys.readouterr().out)
        assert sum(measured["Ingested"]) == 3
        assert sum(measured["Requests"]) == 2

    @pytest.mark.parametrize(
        ("handler", "path"),
        [(api.handler, "/health"), (api.handler, "/api/nowhere"), (dashboard.handler, "/login")],
    )
    def test_every_http_door_counts(
        self, company: Company, capsys: Capture, handler: doors.Handler, path: str
    ) -> None:
        doors.http(handler, "GET", path)
        assert logs.measured(capsys.readouterr().out).keys() == {"Requests", "RequestLatency"}

    def test_what_is_over_the_limit_is_counted(self, company: Company, queues: Sqs, capsys: Capture) -> None:
        company.set(ingestion_per_minute=1)
        clock.stay_in_a_minute()
        assert [crm.post(company, sale()).status for _ in range(3)] == [202, 429, 429]
        measured = logs.measured(capsys.readouterr().out)
        assert (measured["RateLimited"], measured["Requests"]) == ([1, 1], [1, 1, 1])
        assert "ServerErrors" not in measured

    @pytest.mark.parametrize("error", [RuntimeError("a bug"), DatabaseUnavailable()])
    def test_what_we_fail_at_is_counted(
        self, company: Company, monkeypatch: pytest.MonkeyPatch, capsys: Capture, error: Exception
    ) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr("winroom.sales.page", fail)
        assert crm.get(company, "/api/events").status >= 500
        assert logs.measured(capsys.readouterr().out)["ServerErrors"] == [1]

    def test_an_answer_that_cannot_even_be_drawn_is_counted_once(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        monkeypatch.setattr("winroom.web._log", lambda *_: 1 / 0)
        assert doors.http(dashboard.handler, "GET", "/login").status == 500
        assert logs.measured(capsys.readouterr().out)["ServerErrors"] == [1]

    def test_a_pause_is_no_failure(self, company: Company, database: Database, capsys: Capture) -> None:
        with database.operator() as conn:
            switches.turn(conn, "pause_ingestion", None, on=True, by="test", reason=None)
        answers = [crm.post(company, sale()), Visitor.of(company, "manager").post("/sales/new")]
        assert [answer.status for answer in answers] == [503, 503]
        measured = logs.measured(capsys.readouterr().out)
        assert measured.keys() == {"Requests", "RequestLatency"}
        assert measured["Requests"] == [1, 1]


class TestSales:
    def test_a_processed_sale_has_a_lag(self, company: Company, queues: Sqs, capsys: Capture) -> None:
        batch = [sell(company, queues), sell(company, queues)]
        capsys.readouterr()
        assert doors.sqs(processor, [*batch, batch[0]]) == []
        measured = logs.measured(capsys.readouterr().out)
        assert (measured["Processed"], measured["Quarantined"]) == ([2], [0])
        assert len(measured["ProcessingLag"]) == 2
        assert all(0 < lag < 60 for lag in measured["ProcessingLag"])

    def test_a_repeated_message_is_no_second_sale(
        self, company: Company, queues: Sqs, capsys: Capture
    ) -> None:
        message = sell(company, queues)
        doors.sqs(processor, [message])
        capsys.readouterr()
        doors.sqs(processor, [message])
        measured = logs.measured(capsys.readouterr().out)
        assert measured["Processed"] == [0]
        assert "ProcessingLag" not in measured

    @pytest.mark.parametrize("others", [0, 1])
    def test_an_unknown_product_is_quarantined(
        self, company: Company, queues: Sqs, capsys: Capture, others: int
    ) -> None:
        unknown = sell(company, queues, product_sku="nowhere")
        batch = [unknown, *(sell(company, queues) for _ in range(others))]
        capsys.readouterr()
        doors.sqs(processor, batch)
        measured = logs.measured(capsys.readouterr().out)
        assert (measured["Processed"], measured["Quarantined"]) == ([others], [1])

    def test_what_the_database_finds_hopeless_is_quarantined(
        self, company: Company, queues: Sqs, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = sell(company, queues)
        monkeypatch.setattr(queue, "enqueue", self.failing(psycopg.DataError("no date")))
        doors.sqs(processor, [message])
        measured = logs.measured(capsys.readouterr().out)
        assert (measured["Quarantined"], "Failed" in measured) == ([1], False)

    def test_an_event_is_failed_once_its_retries_are_used_up(
        self, company: Company, queues: Sqs, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = sell(company, queues)
        monkeypatch.setattr(queue, "enqueue", self.failing(RuntimeError("a bug")))
        for _ in range(3):
            doors.sqs(processor, [message])
        assert "Failed" not in logs.measured(capsys.readouterr().out)
        doors.sqs(processor, [message])
        assert logs.measured(capsys.readouterr().out)["Failed"] == [1]

    def test_a_dead_letter_is_failed_once_its_retries_are_used_up(
        self, company: Company, queues: Sqs, capsys: Capture
    ) -> None:
        message = sell(company, queues)
        for _ in range(3):
            doors.sqs(dead_letters, [message])
        assert "Failed" not in logs.measured(capsys.readouterr().out)
        doors.sqs(dead_letters, [message])
        doors.sqs(dead_letters, [message])
        assert logs.measured(capsys.readouterr().out)["Failed"] == [1]

    def test_an_event_that_nobody_recorded_is_failed_once(
        self, company: Company, capsys: Capture, database: Database
    ) -> None:
        (now,) = database.execute("select now() as at, gen_random_uuid() as event_id")
        message = SaleEventReceived(now["event_id"], company.tenant_id, now["at"]).body()
        doors.sqs(dead_letters, [message, message])
        assert logs.measured(capsys.readouterr().out)["Failed"] == [1]

    def test_imported_sales_count_as_well(self, company: Company, queues: Sqs, capsys: Capture) -> None:
        rows = "".join(f"I-{n},2026-01-01T00:00:00Z,A,1,a{n}\n" for n in range(120))
        file = f"sale_id,occurred_at,customer_name,sell_price,seller_external_id\n{rows}".encode()
        csv = {"Content-Type": "text/csv"}
        assert doors.http(api.handler, "POST", "/api/imports", file, key=company.full_key, headers=csv).status
        capsys.readouterr()
        doors.sqs(processor, queues.take("sales-events"))
        measured = logs.measured(capsys.readouterr().out)
        assert (measured["Ingested"], measured["Processed"]) == ([120], [120])

    @staticmethod
    def failing(error: Exception) -> Any:
        def fail(conn: Any, events: Any) -> None:
            raise error

        return fail


class TestRoom:
    def test_a_room_that_is_told_has_a_latency(
        self, company: Company, gateway: Gateway, capsys: Capture
    ) -> None:
        joined(gateway, company)
        publish(company)
        capsys.readouterr()
        wake(company)
        measured = logs.measured(capsys.readouterr().out)
        assert 0 < measured["BroadcastLatency"][0] < 60_000
        assert "SocketErrors" not in measured

    def test_a_room_that_knows_all_has_none(
        self, company: Company, gateway: Gateway, capsys: Capture
    ) -> None:
        wake(company)
        assert logs.measured(capsys.readouterr().out) == {}

    def test_sockets_that_cannot_be_posted_to_are_errors_and_gone_ones_are_not(
        self, company: Company, gateway: Gateway, capsys: Capture
    ) -> None:
        broken, other, gone = (joined(gateway, company) for _ in range(3))
        gateway.broken |= {broken.id, other.id}
        gateway.gone |= {gone.id}
        publish(company)
        capsys.readouterr()
        wake(company)
        assert logs.measured(capsys.readouterr().out)["SocketErrors"] == [2]

    def test_a_room_that_is_not_told_is_an_error(
        self, company: Company, queues: Sqs, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("winroom.room.waiting", lambda _: 1 / 0)
        monkeypatch.setattr(messages, "hasten_wake_ups", lambda _: None)
        assert wake(company) == [0]
        assert logs.measured(capsys.readouterr().out)["SocketErrors"] == [1]

    def test_a_socket_that_is_not_answered_is_an_error(
        self, company: Company, gateway: Gateway, capsys: Capture
    ) -> None:
        event = {"requestContext": {"eventType": "NONSENSE"}}
        assert socket.handler(event, doors.context()) == {"statusCode": 500}
        assert logs.measured(capsys.readouterr().out) == {"SocketErrors": [1]}


class TestHeartbeats:
    @pytest.mark.parametrize(
        ("handler", "name"), [(processor, "ProcessorBeats"), (fanout.handler, "SocketBeats")]
    )
    def test_one_that_arrives_is_counted(
        self, company: Company, queues: Sqs, capsys: Capture, handler: doors.Handler, name: str
    ) -> None:
        doors.sqs(handler, [messages.HEARTBEAT])
        assert logs.measured(capsys.readouterr().out)[name] == [1]

    @pytest.mark.parametrize(
        ("handler", "name"), [(processor, "ProcessorBeats"), (fanout.handler, "SocketBeats")]
    )
    def test_one_that_could_not_be_noted_is_not(
        self,
        company: Company,
        queues: Sqs,
        capsys: Capture,
        monkeypatch: pytest.MonkeyPatch,
        handler: doors.Handler,
        name: str,
    ) -> None:
        monkeypatch.setattr("winroom.health.beat", lambda *_: 1 / 0)
        doors.sqs(handler, [messages.HEARTBEAT])
        assert name not in logs.measured(capsys.readouterr().out)


class TestGauges:
    def test_the_sweep_measures_what_waits_across_companies(
        self, company: Company, rival: Company, gateway: Gateway, queues: Sqs, capsys: Capture
    ) -> None:
        joined(gateway, rival)
        for one in (company, rival):
            waiting = [sell(one, queues, product_sku="nowhere"), sell(one, queues)]
            doors.sqs(processor, waiting[:1])
        twice = sale()
        crm.post(rival, twice)
        crm.post(rival, {**twice, "customer_name": "Another"})
        capsys.readouterr()
        maintenance({"job": "sweep"}, doors.context())
        measured = logs.measured(capsys.readouterr().out)
        assert (measured["PendingEvents"], measured["Connections"]) == ([3], [1])
        # A conflict waits for a decision; it has not failed.
        assert (measured["FailedEvents"], measured["OpenDeadLetters"]) == ([2], [3])
        assert 0 < measured["DatabaseConnections"][0] < 100
        assert 1024**2 < measured["DatabaseSize"][0] < 1024**3

    def test_what_is_settled_waits_no_longer(
        self, company: Company, gateway: Gateway, queues: Sqs, capsys: Capture
    ) -> None:
        doors.sqs(processor, [sell(company, queues, product_sku="nowhere")])
        company.database.execute(
            "update wr.sales_events_dlq set resolved_at = now(), resolution = 'discarded'"
        )
        capsys.readouterr()
        maintenance({"job": "sweep"}, doors.context())
        measured = logs.measured(capsys.readouterr().out)
        assert [measured[n] for n in ("PendingEvents", "FailedEvents", "OpenDeadLetters", "Connections")] == [
            [0]
        ] * 4

    def test_a_slow_statement_is_counted_and_a_jobs_is_not(
        self, company: Company, queues: Sqs, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(db, "SLOW", 0.05)

        def slowly(conn: db.Connection, *_: object) -> list[object]:
            conn.execute("select pg_sleep(0.06)")
            return []

        monkeypatch.setattr("winroom.sales.page", slowly)
        assert crm.get(company, "/api/events").status == 200
        assert logs.measured(capsys.readouterr().out)["SlowQueries"] == [1]
        monkeypatch.setattr("winroom.gauges.of_yesterday", slowly)
        monkeypatch.setattr("winroom.notices.publish_summary", lambda _: None)
        maintenance({"job": "summary"}, doors.context())
        assert "SlowQueries" not in logs.measured(capsys.readouterr().out)


class TestLines:
    def test_metrics_leave_whatever_the_level_of_the_logs(
        self, company: Company, queues: Sqs, capsys: Capture
    ) -> None:
        telemetry.logger().setLevel("ERROR")
        try:
            crm.post(company, sale())
        finally:
            telemetry.logger().setLevel("INFO")
        out = capsys.readouterr().out
        assert logs.measured(out)["Ingested"] == [1]
        assert "handled" not in out

    def test_a_failed_invocation_tells_what_it_measured(
        self, company: Company, queues: Sqs, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("winroom.sweeper.lagging_rooms", lambda _: 1 / 0)
        with pytest.raises(ExceptionGroup):
            maintenance({"job": "sweep"}, doors.context())
        assert logs.measured(capsys.readouterr().out)["PendingEvents"] == [0]

    def test_a_line_holds_at_most_a_hundred_values(self, capsys: Capture) -> None:
        @telemetry.door
        def busy(event: object, context: object) -> None:
            for n in range(250):
                telemetry.measure(ProcessingLag=n, SocketErrors=1)

        busy({}, None)
        measured = logs.measured(capsys.readouterr().out)
        assert measured == {"ProcessingLag": [*range(150, 250)], "SocketErrors": [250]}

    def test_an_unknown_metric_is_refused(self) -> None:
        with pytest.raises(KeyError, match="Reqests"):
            telemetry.measure(Reqests=1)

    def test_the_stack_is_the_only_dimension(
        self, company: Company, queues: Sqs, capsys: Capture, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("STACK", "winroom-staging")
        settings.cache_clear()
        crm.post(company, sale())
        for metric in logs.metrics(capsys.readouterr().out):
            assert (metric.namespace, metric.dimensions) == ("WinRoom", (("Stack", "winroom-staging"),))

    def test_there_are_twenty_at_most(self) -> None:
        assert len(telemetry.METRICS) <= 20

    def test_measuring_costs_a_request_next_to_nothing(self) -> None:
        best = min(self.seconds(telemetry.measure, telemetry._metrics) for _ in range(50))
        print(f"measuring a request: {best * 1e6:.0f} microseconds")
        assert best < 0.0005

    @staticmethod
    def seconds(measure: Any, collect: Any) -> float:
        began = time.perf_counter()
        measure(Requests=1, RequestLatency=1.5)
        measure(Ingested=1)
        collect()
        return time.perf_counter() - began
