"""The database is away, and sales come in all the same: whole to the queue, recorded when it is back."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from functions.api.app import handler as api
from functions.dead_letters.app import handler as dead_letters
from functions.processor.app import handler as processor
from tests import crm, doors, logs
from tests.doors import Answer, Sqs
from tests.factories import Company, sale
from tests.wire import Wire
from winroom import callers, db, messages


@pytest.fixture
def warm(company: Company, queues: Sqs, wire: Wire) -> Company:
    """A company whose key the function knows."""
    assert crm.get(company, "/api/events").status == 200
    return company


def record(company: Company, queues: Sqs, wire: Wire) -> None:
    """The database is back, and so is what waited for it."""
    wire.mend()
    db.close()
    assert doors.sqs(processor, queues.take("sales-events")) == []


def sold(company: Company) -> list[str]:
    return [row["sale_id"] for row in company.rows("select sale_id from wr.queue order by sale_id")]


def failed(company: Company) -> Any:
    _, admin = company.person("admin")
    return doors.http(api, "GET", "/api/failed-events", key=admin).json["failed_events"]


def test_a_sale_is_accepted_and_becomes_one_when_the_database_is_back(
    warm: Company, queues: Sqs, wire: Wire
) -> None:
    wire.cut()
    began = time.perf_counter()
    answer = crm.post(warm, sale(sale_id="a", customer_name="Ada \U0001f389 'quoted\""))
    assert time.perf_counter() - began < 3
    assert answer.status == 202
    assert answer.json == {
        "eventId": answer.json["eventId"],
        "status": "pending",
        "message": "Event received and kept; it is processed as soon as our database is back",
        "duplicate": False,
    }
    record(warm, queues, wire)
    assert sold(warm) == ["a"]
    assert warm.rows("select customer_name from wr.queue") == [{"customer_name": "Ada \U0001f389 'quoted\""}]
    event = crm.get(warm, f"/api/events/{answer.json['eventId']}").json["event"]
    assert (event["status"], event["source"]) == ("processed", "api")


def test_a_frozen_database_keeps_nobody_waiting(
    warm: Company, queues: Sqs, wire: Wire, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(db.Connection, "patience", 1.0)
    wire.freeze()
    began = time.perf_counter()
    assert crm.post(warm, sale(sale_id="a")).status == 202
    assert time.perf_counter() - began < 1.7
    wire.thaw()
    db.close()
    assert doors.sqs(processor, queues.take("sales-events")) == []
    assert sold(warm) == ["a"]


def test_a_batch_is_accepted_whole_and_its_request_is_audited_once(
    warm: Company, queues: Sqs, wire: Wire
) -> None:
    wire.cut()
    events = [sale(sale_id=f"{n:02}", notes="\U0001f389" * 2000) for n in range(25)]
    answer = crm.post_batch(warm, *events, {"sale_id": "no sale"})
    assert [result["status"] for result in answer.json["results"]] == [202] * 25 + [400]
    record(warm, queues, wire)
    assert len(sold(warm)) == 25
    (row,) = warm.rows(
        "select status_code, api_key_id is not null as has_key from wr.api_audit_log"
        " where http_method = 'POST'"
    )
    assert row == {"status_code": 202, "has_key": True}


def test_a_sale_that_is_repeated_counts_once(warm: Company, queues: Sqs, wire: Wire) -> None:
    known = sale(sale_id="known")
    first = crm.post(warm, known).json["eventId"]
    wire.cut()
    fresh = sale(sale_id="fresh")
    for body in (known, fresh, fresh):
        assert crm.post(warm, body).status == 202
    record(warm, queues, wire)
    assert sold(warm) == ["fresh", "known"]
    assert failed(warm) == []
    again = crm.post(warm, known)
    assert (again.json["eventId"], again.json["duplicate"]) == (first, True)
    assert crm.post(warm, fresh).json["duplicate"] is True


def test_a_sale_that_contradicts_another_is_a_failed_event(warm: Company, queues: Sqs, wire: Wire) -> None:
    crm.post(warm, sale(sale_id="a", sell_price=1))
    wire.cut()
    assert crm.post(warm, sale(sale_id="a", sell_price=2)).status == 202
    record(warm, queues, wire)
    assert sold(warm) == ["a"]
    assert [letter["reason"] for letter in failed(warm)] == ["conflict"]


def test_what_is_recorded_late_is_counted_once(
    warm: Company, queues: Sqs, wire: Wire, capsys: pytest.CaptureFixture[str]
) -> None:
    wire.cut()
    crm.post(warm, sale())
    bodies = queues.take("sales-events")
    wire.mend()
    db.close()
    capsys.readouterr()
    for ingested in ([1], []):
        assert doors.sqs(processor, bodies) == []
        assert logs.measured(capsys.readouterr().out).get("Ingested", []) == ingested


def test_what_is_delivered_twice_or_half_done_is_recorded_once(
    warm: Company, queues: Sqs, wire: Wire, environment: pytest.MonkeyPatch
) -> None:
    wire.cut()
    crm.post(warm, sale(sale_id="a"))
    (body,) = queues.take("sales-events")
    wire.mend()
    db.close()
    with environment.context() as broken:
        broken.setattr("winroom.queue.enqueue", lambda *_, **__: 1 / 0)
        doors.sqs(processor, [body])
    assert warm.count("sales_events") == 1
    warm.database.execute("update wr.sales_events set next_attempt_at = now()")
    assert doors.sqs(processor, [body, body], [2, 1]) == []
    assert sold(warm) == ["a"]
    assert warm.count("api_audit_log") == 2


def test_a_commit_whose_answer_was_lost_for_good_is_recorded_once(
    warm: Company, queues: Sqs, environment: pytest.MonkeyPatch
) -> None:
    execute = db.Connection.execute

    def lossy(conn: Any, *given: Any, **more: Any) -> Any:
        done = execute(conn, *given, **more)
        if "wr.receive_sales" in given[0]:
            raise psycopg.OperationalError("the connection is lost")
        return done

    with environment.context() as broken:
        broken.setattr(db.Connection, "execute", lossy)
        answer = crm.post(warm, sale(sale_id="a"))
    assert answer.status == 202
    assert warm.count("sales_events") == 1
    assert doors.sqs(processor, queues.take("sales-events")) == []
    assert sold(warm) == ["a"]
    event = crm.get(warm, f"/api/events/{answer.json['eventId']}").json["event"]
    assert event["status"] == "processed"


def test_the_limit_holds_in_each_process_by_itself(
    warm: Company, queues: Sqs, wire: Wire, environment: pytest.MonkeyPatch
) -> None:
    now = time.time()
    environment.setattr(time, "time", lambda: now)  # the same minute throughout
    warm.set(ingestion_per_minute=2)
    callers.forget_all()
    crm.get(warm, "/api/events")
    wire.cut()
    answers = [crm.post(warm, sale()) for _ in range(3)]
    assert [answer.status for answer in answers] == [202, 202, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    next_minute = (int(now) // 60 + 1) * 60
    assert {int(answer.headers["x-ratelimit-reset"]) for answer in answers} == {next_minute}
    assert 0 < int(answers[2].headers["retry-after"]) <= 60
    assert len(queues.sent) == 2
    environment.setattr(time, "time", lambda: now + 60)
    assert crm.post(warm, sale()).status == 202


def test_a_key_that_nobody_knows_here_is_a_503(company: Company, queues: Sqs, wire: Wire) -> None:
    wire.cut()
    answer = crm.post(company, sale())
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert queues.sent == []


def test_where_the_queue_is_away_too_nothing_is_promised(warm: Company, queues: Sqs, wire: Wire) -> None:
    wire.cut()
    queues.is_down = True
    answer = crm.post(warm, sale())
    assert (answer.status, answer.json["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda c: crm.post(c, sale()), 202),
        (lambda c: crm.get(c, "/api/events"), 503),
        (lambda c: doors.http(api, "GET", "/api/queue", key=c.full_key), 503),
    ],
)
def test_while_nobody_can_be_asked_keys_are_known_for_longer_and_for_sales_alone(
    warm: Company, wire: Wire, environment: pytest.MonkeyPatch, call: Callable[[Company], Answer], status: int
) -> None:
    doors.http(api, "GET", "/api/queue", key=warm.full_key)
    wire.cut()
    environment.setattr(time, "time", lambda now=time.time: now() + callers.REMEMBERED_FOR + 1)
    assert call(warm).status == status


def test_who_was_not_known_again_for_want_of_the_database_does_not_ask_it_twice(
    warm: Company, queues: Sqs, wire: Wire, environment: pytest.MonkeyPatch
) -> None:
    wire.cut()
    environment.setattr(time, "time", lambda now=time.time: now() + callers.REMEMBERED_FOR + 1)
    environment.setattr(db, "tenant_statement", lambda _: pytest.fail("asked twice"))
    assert crm.post(warm, sale()).status == 202


def test_after_an_hour_a_key_is_forgotten(
    warm: Company, queues: Sqs, wire: Wire, environment: pytest.MonkeyPatch
) -> None:
    wire.cut()
    environment.setattr(time, "time", lambda now=time.time: now() + callers.REMEMBERED_ALONE + 1)
    assert crm.post(warm, sale()).status == 503


def test_what_a_revoked_key_has_brought_waits_for_an_admin(warm: Company, queues: Sqs, wire: Wire) -> None:
    warm.database.execute("update wr.api_keys set revoked_at = now() - interval '2 minutes'")
    wire.cut()
    assert crm.post(warm, sale(sale_id="a")).status == 202
    wire.mend()
    db.close()
    assert doors.sqs(processor, queues.take("sales-events")) == []
    assert sold(warm) == []
    (letter,) = warm.rows(
        "select dead_letter_id, failure_reason, sale_id, last_error from wr.sales_events_dlq"
    )
    assert (letter["failure_reason"], letter["sale_id"]) == ("lost", "a")
    assert letter["last_error"] == (
        "It arrived while the database was away, with a key that was revoked or paused before"
    )
    _, admin = warm.person("admin")
    replay = f"/api/failed-events/{letter['dead_letter_id']}/replay"
    assert doors.http(api, "POST", replay, {}, key=admin).status == 200
    assert doors.sqs(processor, queues.take("sales-events")) == []
    assert sold(warm) == ["a"]


@pytest.mark.parametrize("paused", ["pause_tenant:{0.tenant_id}", "pause_key:{1}"])
def test_what_came_in_spite_of_a_pause_waits_for_an_admin(
    warm: Company, queues: Sqs, wire: Wire, paused: str
) -> None:
    (key,) = warm.rows("select api_key_id from wr.api_keys where scope = 'ingest'")
    warm.database.execute(
        "insert into wr.switches (name, value, changed_by, changed_at) values (%s, 'true', 'test', %s)",
        paused.format(warm, key["api_key_id"]),
        datetime.now(UTC) - timedelta(minutes=2),
    )
    wire.cut()
    assert crm.post(warm, sale()).status == 202
    record(warm, queues, wire)
    assert sold(warm) == []
    assert warm.rows("select failure_reason from wr.sales_events_dlq") == [{"failure_reason": "lost"}]


def test_what_an_admin_has_discarded_does_not_come_back(warm: Company, queues: Sqs, wire: Wire) -> None:
    warm.database.execute("update wr.api_keys set revoked_at = now() - interval '2 minutes'")
    wire.cut()
    crm.post(warm, sale())
    (body,) = queues.bodies("sales-events")
    record(warm, queues, wire)
    (letter,) = failed(warm)
    _, admin = warm.person("admin")
    discard = f"/api/failed-events/{letter['id']}/discard"
    assert doors.http(api, "POST", discard, {"reason": "no sale"}, key=admin).status == 200
    assert doors.sqs(processor, [body]) == []
    assert failed(warm) == []


@pytest.mark.parametrize("name", ["import_id", "sale"])
def test_a_sale_may_be_called_as_the_fields_of_our_messages(
    warm: Company, queues: Sqs, wire: Wire, name: str
) -> None:
    body = sale(sale_id=name, external_event_id=name, seller_external_id=name, customer_name=f'"{name}": 7')
    wire.cut()
    assert crm.post(warm, body, headers={"X-Request-ID": name}).status == 202
    record(warm, queues, wire)
    assert sold(warm) == [name]


def test_a_company_whose_sales_cannot_be_recorded_holds_up_no_other(
    warm: Company, rival: Company, queues: Sqs, wire: Wire
) -> None:
    wire.cut()
    assert crm.post_batch(warm, *(sale() for _ in range(9))).status == 202
    wire.mend()
    db.close()
    crm.post(rival, sale(sale_id="theirs"))
    bodies = queues.take("sales-events")
    with warm.database.operator() as other:
        other.execute("lock table wr.sale_keys in exclusive mode")
        began = time.perf_counter()
        assert doors.sqs(processor, bodies) == list(range(9))
        assert time.perf_counter() - began < 10
        assert sold(rival) == ["theirs"]
    assert doors.sqs(processor, bodies) == []
    assert len(sold(warm)) == 9


def test_a_batch_without_a_sale_is_refused(warm: Company, queues: Sqs, wire: Wire) -> None:
    wire.cut()
    assert crm.post_batch(warm, {"sale_id": "no sale"}).status == 503


def test_a_manual_sale_is_kept_as_one(warm: Company, queues: Sqs, wire: Wire) -> None:
    _, token = warm.person("seller", "anna")
    assert doors.http(api, "GET", "/api/queue", key=token).status == 200
    wire.cut()
    body = {"external_event_id": "form-1", "customer_name": "Ada", "sell_price": "10"}
    for _ in range(2):
        assert doors.http(api, "POST", "/api/sales", body, key=token).status == 202
    record(warm, queues, wire)
    assert warm.rows("select source, sale_id from wr.queue") == [{"source": "manual", "sale_id": "form-1"}]
    assert failed(warm) == []


def test_whole_sales_wait_in_the_queue_and_are_looked_for_ever_more_rarely(
    warm: Company, queues: Sqs, wire: Wire, environment: pytest.MonkeyPatch
) -> None:
    wire.cut()
    for _ in range(3):
        crm.post(warm, sale())
    bodies = queues.take("sales-events")
    hastened: list[tuple[str, int]] = []
    environment.setattr(messages, "_hasten", lambda url, receipts: hastened.extend(receipts))
    began = time.perf_counter()
    assert doors.sqs(processor, bodies, [1, 4, 12]) == [0, 1, 2]
    assert time.perf_counter() - began < 5
    assert hastened == [("handle-0", 2), ("handle-1", 16), ("handle-2", 180)]
    wire.mend()
    db.close()
    assert doors.sqs(processor, bodies, [2, 5, 13]) == []
    assert len(sold(warm)) == 3


def test_a_dead_letter_that_is_a_whole_sale_is_recorded(warm: Company, queues: Sqs, wire: Wire) -> None:
    known = sale(sale_id="known")
    crm.post(warm, known)
    wire.cut()
    crm.post(warm, sale(sale_id="a"))
    crm.post(warm, known)
    bodies = queues.take("sales-events")
    assert doors.sqs(dead_letters, bodies[1:]) == [0, 1]
    wire.mend()
    db.close()
    assert doors.sqs(dead_letters, bodies[1:]) == []
    events = warm.rows("select sale_id, status, retry_count from wr.sales_events order by sale_id")
    assert [tuple(event.values()) for event in events] == [("a", "pending", 1), ("known", "pending", 0)]
    assert failed(warm) == []


def test_a_whole_sale_of_a_company_that_is_gone_stops_nobody(
    warm: Company, rival: Company, queues: Sqs, wire: Wire
) -> None:
    crm.get(rival, "/api/events")
    wire.cut()
    crm.post(rival, sale())
    crm.post(warm, sale(sale_id="a"))
    wire.mend()
    db.close()
    warm.database.execute("delete from wr.tenants where tenant_id = %s", rival.tenant_id)
    bodies = queues.take("sales-events")
    assert doors.sqs(processor, bodies) == [0]  # it may be the wrong database
    assert doors.sqs(dead_letters, bodies[:1]) == []
    assert sold(warm) == ["a"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"request_ip": "nowhere"}, 'invalid input syntax for type inet: "nowhere"'),
        # In the database's own words more lines follow, which quote.
        ({"response_time_ms": float("nan")}, "invalid input syntax for type json"),
    ],
)
def test_a_whole_sale_that_cannot_be_stored_is_a_failed_event(
    warm: Company, queues: Sqs, wire: Wire, change: dict[str, Any], reason: str
) -> None:
    wire.cut()
    crm.post(warm, sale(sale_id="a"))
    (body,) = queues.take("sales-events")
    wire.mend()
    db.close()
    content = json.loads(body)
    content["request"] = json.dumps({**json.loads(content["request"]), **change})
    assert doors.sqs(processor, [json.dumps(content)] * 2) == []
    (letter,) = failed(warm)
    assert (letter["reason"], letter["sale_id"]) == ("lost", "a")
    assert letter["last_error"].endswith(reason)


def test_large_sales_travel_in_as_many_requests_as_sqs_takes(
    warm: Company, queues: Sqs, wire: Wire, environment: pytest.MonkeyPatch
) -> None:
    requests: list[int] = []
    ask = queues.ask

    def asked(action: str, request: dict[str, Any]) -> dict[str, Any]:
        requests.append(sum(len(entry["MessageBody"].encode()) for entry in request["Entries"]))
        return ask(action, request)

    environment.setattr(messages, "_ask", asked)
    wire.cut()
    assert crm.post_batch(warm, *(sale(notes="\U0001f389" * 2000) for _ in range(20))).status == 202
    assert len(queues.sent) == 20
    assert max(requests) <= 200_000
    assert sum(requests) > 400_000
