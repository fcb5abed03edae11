"""The sweep, every minute: what was left lying is sent, told, closed or forgotten; nothing else."""

import json

import pytest

from functions.broadcaster import fanout
from functions.ingestion import app as ingestion
from functions.maintenance import app as maintenance
from functions.maintenance.app import UnknownJob, handler
from tests import doors
from tests.doors import Sqs
from tests.factories import Company, sale
from tests.gateway import Client, Gateway, joined, ticket
from tests.rooms import calm, listening, person, publish
from winroom import db, health, messages, sweeper
from winroom.messages import SaleEventReceived
from winroom.settings import settings


def sweep() -> None:
    handler({"job": "sweep"}, doors.context())


def receive(company: Company, queues: Sqs) -> None:
    """A sale that came in while SQS was down."""
    queues.is_down = True
    assert doors.http(ingestion.handler, "POST", "/api/events", sale(), key=company.ingest_key).status == 202
    queues.is_down = False
    assert sales(queues) == []


def sales(queues: Sqs, *, take: bool = False) -> list[str]:
    """What waits for the processor besides heartbeats."""
    bodies = (queues.take if take else queues.bodies)("sales-events")
    return [body for body in bodies if body != messages.HEARTBEAT]


def make_due(company: Company) -> None:
    company.database.execute("update wr.sales_events set next_attempt_at = now()")


def test_the_sweeper_sends_due_events_once(
    company: Company, rival: Company, gateway: Gateway, queues: Sqs
) -> None:
    receive(company, queues)
    receive(rival, queues)
    sweep()
    assert sales(queues) == []
    make_due(company)
    sweep()
    sweep()
    sent = [SaleEventReceived.read(body) for body in sales(queues)]
    assert {event.tenant_id for event in sent} == {company.tenant_id, rival.tenant_id}
    assert len(sent) == 2
    (row,) = company.rows("select event_id, created_at, next_attempt_at from wr.sales_events")
    assert (row["event_id"], row["created_at"]) in {(e.event_id, e.received_at) for e in sent}
    assert 290 < (row["next_attempt_at"] - row["created_at"]).total_seconds() < 310


def test_a_processed_event_is_not_sent(company: Company, gateway: Gateway, queues: Sqs) -> None:
    receive(company, queues)
    make_due(company)
    company.database.execute("update wr.sales_events set status = 'processed'")
    sweep()
    assert sales(queues) == []


def test_one_sweep_sends_a_thousand_events_at_most(company: Company, gateway: Gateway, queues: Sqs) -> None:
    company.database.execute(
        """insert into wr.sales_events (
            tenant_id, event_id, sale_id, payload, content_hash, fingerprint, next_attempt_at)
        select %s, wr.uuid_v7(), 'sale-' || n, '{}', '', '', now()
        from generate_series(1, 1001) n""",
        company.tenant_id,
    )
    sweep()
    assert len(sales(queues, take=True)) == 1000
    sweep()
    assert len(sales(queues, take=True)) == 1


def test_a_room_that_was_not_told_is_woken(
    company: Company, rival: Company, gateway: Gateway, queues: Sqs
) -> None:
    client = joined(gateway, company)
    publish(company)
    publish(rival)
    company.database.execute(
        "update wr.events set created_at = now() - interval '11 seconds' where tenant_id = %s",
        company.tenant_id,
    )
    sweep()
    assert str(rival.tenant_id) not in str(queues.sent)
    (message,) = [m for m in queues.sent if m["MessageGroupId"] == str(company.tenant_id)]
    # Not the id of the wake-up that was lost: SQS would swallow it for five minutes.
    assert message["MessageDeduplicationId"].startswith(f"{company.tenant_id}:1sweep-")
    assert doors.sqs(fanout.handler, queues.take("room.fifo")) == []
    assert [m["seq"] for m in client.told()] == [1]
    sweep()
    assert queues.take("room.fifo") == [messages.HEARTBEAT]


def test_a_change_of_presence_that_was_not_told_wakes_the_room(
    company: Company, gateway: Gateway, queues: Sqs
) -> None:
    calm(company)
    queues.is_down = True
    client = joined(gateway, company)
    queues.is_down = False
    sweep()
    doors.sqs(fanout.handler, queues.take("room.fifo"))
    assert [m["type"] for m in client.told()] == ["presence"]


def test_a_revoked_keys_socket_is_closed(
    company: Company, rival: Company, gateway: Gateway, queues: Sqs
) -> None:
    closed, kept = joined(gateway, company), joined(gateway, rival)
    sweep()
    assert gateway.closed == []
    company.database.execute(
        "update wr.api_keys set revoked_at = now() where tenant_id = %s", company.tenant_id
    )
    sweep()
    assert gateway.closed == [closed.id]
    assert listening(company) == {}
    assert listening(rival) == {kept.id: True}
    assert closed.disconnect() == 200


@pytest.mark.parametrize(
    "end",
    [
        "update wr.users set token_version = token_version + 1",
        "update wr.users set disabled_at = now()",
    ],
)
def test_the_socket_of_a_person_who_is_out_is_closed(company: Company, gateway: Gateway, end: str) -> None:
    client = joined(gateway, company, "plain", user_id=person(company), token_version=0)
    sweep()
    assert gateway.closed == []
    company.database.execute(end)
    sweep()
    assert gateway.closed == [client.id]


def test_the_socket_of_a_revoked_display_is_closed(company: Company, gateway: Gateway) -> None:
    (display,) = company.database.execute(
        "insert into wr.displays (tenant_id, name, link_hash, created_by)"
        " values (%s, 'Hall', sha256('link'), 'test') returning display_id",
        company.tenant_id,
    )
    client = joined(gateway, company, "plain", display_id=display["display_id"])
    company.database.execute("update wr.displays set revoked_at = now()")
    sweep()
    assert gateway.closed == [client.id]


def test_a_socket_that_cannot_be_closed_is_told_nothing_more(
    company: Company, gateway: Gateway, queues: Sqs
) -> None:
    client = joined(gateway, company)
    gateway.broken.add(client.id)
    company.database.execute("update wr.api_keys set revoked_at = now()")
    sweep()
    gateway.broken.clear()
    publish(company)
    doors.sqs(fanout.handler, queues.take("room.fifo"))
    assert client.say({"action": "ping"}) == []
    assert gateway.closed == [client.id]


def test_a_sweep_closes_so_many_sockets_at_most_and_others_are_told(
    company: Company,
    rival: Company,
    gateway: Gateway,
    queues: Sqs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients = [joined(gateway, company) for _ in range(3)]
    stays = joined(gateway, company, "plain", user_id=person(company), token_version=0)
    joined(gateway, rival)
    for one in (company, rival):
        calm(one)
    queues.take("room.fifo")
    monkeypatch.setattr(maintenance, "_SOCKETS_AT_ONCE", 2)
    company.database.execute(
        "update wr.api_keys set revoked_at = now() where tenant_id = %s", company.tenant_id
    )
    sweep()
    assert len(gateway.closed) == 2
    assert len(listening(company)) == 2
    (woken,) = [body for body in queues.take("room.fifo") if body != messages.HEARTBEAT]
    assert str(company.tenant_id) in woken
    sweep()
    sweep()
    assert set(gateway.closed) == {client.id for client in clients}
    assert listening(company) == {stays.id: True}


def test_leftovers_are_forgotten(company: Company, gateway: Gateway) -> None:
    joined(gateway, company)
    ticket(company)
    sweep()
    assert (company.count("tickets"), company.count("connections")) == (1, 1)
    company.database.execute("update wr.tickets set expires_at = now() - interval '1 second'")
    company.database.execute("update wr.connections set connected_at = now() - interval '131 minutes'")
    sweep()
    assert (company.count("tickets"), company.count("connections")) == (0, 0)


def test_a_part_that_fails_does_not_stop_the_others(
    company: Company, gateway: Gateway, queues: Sqs, capsys: pytest.CaptureFixture[str]
) -> None:
    receive(company, queues)
    make_due(company)
    client = joined(gateway, company)
    company.database.execute("update wr.api_keys set revoked_at = now()")
    queues.is_down = True
    capsys.readouterr()
    with pytest.raises(ExceptionGroup, match="sweep") as caught:
        sweep()
    # Heartbeats and due events; no room lagged.
    assert [str(error) for error in caught.value.exceptions] == ["SQS is down"] * 2
    assert gateway.closed == [client.id]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["level"], line["message"]) for line in lines] == [("ERROR", "failed")]
    assert "SQS is down" in lines[0]["exception"]


@pytest.mark.parametrize("event", [{}, {"job": "dance"}, {"job": None}])
def test_an_unknown_job_is_named(event: dict[str, object]) -> None:
    with pytest.raises(UnknownJob, match="sweep"):
        handler(event, doors.context())


def test_the_sweep_says_what_it_did(
    company: Company, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep()
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counts = {"due_events", "closed_sockets", "lagging_rooms", "forgotten", "job", "duration_ms"}
    assert counts <= line.keys()


def test_a_client_knows_nothing_of_sweeps(company: Company, gateway: Gateway) -> None:
    client = Client(gateway)
    client.connect({"ticket": ticket(company)})
    sweep()
    assert client.told() == []


def test_only_the_jobs_role_may_look_across_tenants(company: Company) -> None:
    for verb in ("lagging_rooms", "forget_leftovers"):
        with pytest.raises(Exception, match="permission denied"):
            company.rows(str(sweeper._SQL[verb]))
    with pytest.raises(Exception, match="permission denied"), db.tenant_session(company.tenant_id) as conn:
        sweeper.forget_unwelcome(conn, 1)


def test_a_heartbeat_travels_through_the_room_queue(company: Company, gateway: Gateway, queues: Sqs) -> None:
    def state() -> str:
        with db.open_session() as conn:
            return health.services(conn)["socket"]

    company.database.execute("update wr.heartbeats set beat_at = now() - interval '1 hour'")
    assert state() == "unhealthy"
    sweep()
    assert messages.HEARTBEAT in queues.bodies("sales-events")
    assert doors.sqs(fanout.handler, queues.take("room.fifo")) == []
    assert state() == "healthy"


def test_a_heartbeat_without_a_database_is_no_failure(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    settings.cache_clear()
    assert doors.sqs(fanout.handler, [messages.HEARTBEAT]) == []
