"""What travels through the queues, against SQS as moto plays it: FIFO and its deduplication included."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.session import Session
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from winroom import aws, ids, messages
from winroom.messages import ImportReady, NotSent, RoomChanged, SaleEventReceived, Unreadable, UnrecordedSale
from winroom.settings import settings

TENANT, OTHER = ids.new(), ids.new()


class Queues:
    def __init__(self, url: str) -> None:
        self._sqs = boto3.client("sqs", endpoint_url=url)
        self.sales = self._sqs.create_queue(QueueName="sales-events")["QueueUrl"]
        self.rooms = self._sqs.create_queue(
            QueueName="room.fifo",
            Attributes={
                "FifoQueue": "true",
                "DeduplicationScope": "messageGroup",
                "FifoThroughputLimit": "perMessageGroupId",
            },
        )["QueueUrl"]

    def receive(self, url: str) -> list[str]:
        """Receipts of what waits; it stays in the queue, out of sight."""
        received = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [message["ReceiptHandle"] for message in received]

    def drain(self, url: str) -> list[str]:
        bodies: list[str] = []
        while received := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                bodies.append(message["Body"])
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def queues(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    queues = Queues(server)
    monkeypatch.setenv("SALES_EVENTS_QUEUE_URL", queues.sales)
    monkeypatch.setenv("ROOM_QUEUE_URL", queues.rooms)
    settings.cache_clear()
    yield queues
    settings.cache_clear()
    messages._endpoint(server).close()


def event() -> SaleEventReceived:
    return SaleEventReceived(ids.new(), TENANT, datetime.now(UTC), "trace")


def test_any_number_of_events_arrives_as_it_was_sent(queues: Queues) -> None:
    sent = [event() for _ in range(25)]
    messages.send_sale_events(sent)
    arrived = [SaleEventReceived.read(body) for body in queues.drain(queues.sales)]
    assert {e.event_id: e for e in arrived} == {e.event_id: e for e in sent}
    assert len(arrived) == 25


def test_the_message_carries_no_content_of_the_sale() -> None:
    assert set(json.loads(event().body())) == {"version", "event_id", "tenant_id", "received_at", "trace"}


def test_events_and_parts_of_imports_share_a_queue_and_are_told_apart(queues: Queues) -> None:
    tricky = SaleEventReceived(ids.new(), TENANT, datetime.now(UTC), '"import_id"')
    sent: list[SaleEventReceived | ImportReady] = [event(), tricky, ImportReady(ids.new(), OTHER, 500)]
    messages.send_sale_events(sent)
    arrived = [messages.read_sales_event(body) for body in queues.drain(queues.sales)]
    assert sorted(map(str, arrived)) == sorted(map(str, sent))


def test_a_doubled_wake_up_wakes_once_and_the_next_number_again(queues: Queues) -> None:
    messages.wake_rooms([RoomChanged(TENANT, 1), RoomChanged(TENANT, 1), RoomChanged(OTHER, 1)])
    messages.wake_rooms([RoomChanged(TENANT, 2), RoomChanged(TENANT, 2, cause="presence-7")])
    woken = [RoomChanged.read(body) for body in queues.drain(queues.rooms)]
    assert [w.seq for w in woken if w.tenant_id == TENANT] == [1, 2, 2]
    assert [w.seq for w in woken if w.tenant_id == OTHER] == [1]


def test_a_hastened_wake_up_is_back_in_seconds(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_WAKE_UP_AGAIN", 1)
    messages.wake_rooms([RoomChanged(TENANT, 1)])
    receipts = queues.receive(queues.rooms)
    assert queues.drain(queues.rooms) == []
    messages.hasten_wake_ups(receipts)
    time.sleep(1.1)  # moto's own timeout is 30 s
    assert queues.drain(queues.rooms) == [RoomChanged(TENANT, 1).body()]


def test_wake_ups_that_cannot_be_hastened_come_back_all_the_same(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROOM_QUEUE_URL", queues.rooms + "-gone")
    settings.cache_clear()
    messages.hasten_wake_ups(["receipt"])
    assert "failed messages come back late" in capsys.readouterr().out


def test_every_heartbeat_travels_both_queues(queues: Queues) -> None:
    messages.send_heartbeats()
    messages.send_heartbeats()
    assert queues.drain(queues.sales) == queues.drain(queues.rooms) == [messages.HEARTBEAT] * 2


def test_nothing_to_send_sends_nothing(queues: Queues) -> None:
    messages.send_sale_events([])
    messages.wake_rooms([])


def test_what_sqs_refuses_is_told(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {"Failed": [{"Id": "0", "Message": "throttled"}]}
    monkeypatch.setattr(messages, "_ask", lambda *_: refused)
    with pytest.raises(NotSent, match="1 of 1: throttled"):
        messages.send_sale_events([event()])


def test_a_part_that_fails_does_not_stop_the_others(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, failures = messages._ask, iter([True])

    def flaky(action: str, request: dict[str, Any]) -> dict[str, Any]:
        if next(failures, False):
            raise aws.Refused(None, "a hiccup")
        return ask(action, request)

    monkeypatch.setattr(messages, "_ask", flaky)
    with pytest.raises(aws.Refused):
        messages.send_sale_events([event() for _ in range(25)])
    assert len(queues.drain(queues.sales)) == 15


def test_a_message_carries_the_trace_of_the_invocation_that_sends_it(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    shape = Session().get_service_model("sqs").operation_model("SendMessageBatch").input_shape
    assert shape is not None

    def keep(action: str, request: dict[str, Any]) -> dict[str, Any]:
        # By AWS's own description of the request: moto and the emulator drop what is asked for here.
        assert not ParamValidator().validate(request, shape).has_errors()
        sent.extend(request["Entries"])
        return {}

    monkeypatch.setattr(messages, "_ask", keep)
    root = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    messages.send_sale_events([event()])
    # Lambda gives each invocation another one, and counts loops by what it adds.
    for header in (f"{root};Lineage=1:a87bd80c:0", root.replace("1-57", "1-58")):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
        messages.send_sale_events([event()])
    messages.wake_rooms([RoomChanged(TENANT, 1)])
    assert [entry.get("MessageSystemAttributes") for entry in sent] == [
        None,
        {"AWSTraceHeader": {"DataType": "String", "StringValue": root}},
        *[{"AWSTraceHeader": {"DataType": "String", "StringValue": root.replace("1-57", "1-58")}}] * 2,
    ]


def test_a_wake_up_tells_what_it_is_about_and_older_ones_are_understood() -> None:
    about = RoomChanged(TENANT, 1, event_ids=("a", "b"), request_ids=("c",))
    assert RoomChanged.read(about.body()) == about
    assert RoomChanged.read(f'{{"tenant_id": "{TENANT}", "seq": 1}}') == RoomChanged(TENANT, 1)
    many = RoomChanged(TENANT, 1, event_ids=tuple(map(str, range(500))))
    assert len(RoomChanged.read(many.body()).event_ids) == messages.NAMED


def test_a_queue_that_does_not_exist_is_told(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALES_EVENTS_QUEUE_URL", queues.sales + "-gone")
    settings.cache_clear()
    with pytest.raises(aws.Refused) as refused:
        messages.send_sale_events([event()])
    assert refused.value.status == 400


@given(
    texts=st.fixed_dictionaries(
        dict.fromkeys(
            ("sale_id", "external_event_id", "payload"),
            st.sampled_from(["import_id", "sale", '"sale"', '"import_id": 7', "\n\u2028"]) | st.text(),
        )
    ),
    trace=st.sampled_from(["import_id", "sale"]) | st.text(),
)
def test_whole_sales_are_told_apart_whatever_their_texts_say(texts: Any, trace: str) -> None:
    event = SaleEventReceived(ids.new(), TENANT, datetime.now(UTC), trace)
    whole = UnrecordedSale(event, "api", texts, json.dumps({"api_key_id": None, "user_agent": trace}))
    assert messages.read_sales_event(whole.body()) == whole
    assert messages.read_sales_event(event.body()) == event


@pytest.mark.parametrize(
    "body",
    [
        *(
            "",
            "{",
            "[]",
            "7",
            "{}",
            "null",
            '{"version": 2}',
            '{"version": 2, "sale": {}}',
            '{"version": 1, "event_id": 7}',
        ),
        '{"version": 1, "import_id": null}',
        f'{{"tenant_id": "{TENANT}", "seq": 1e999}}',
        "[" * 20_000,
    ],
    ids=lambda body: body[:20],
)
def test_what_is_none_of_ours_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable):
        SaleEventReceived.read(body)
    with pytest.raises(Unreadable):
        RoomChanged.read(body)
    with pytest.raises(Unreadable):
        messages.read_sales_event(body)
    with pytest.raises(Unreadable):
        ImportReady.read(body)
    with pytest.raises(Unreadable):
        UnrecordedSale.read(body)
