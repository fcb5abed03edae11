"""The fan-out: what a room's log holds reaches every ready socket, in order, whatever breaks."""

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.broadcaster import fanout
from tests import doors
from tests.doors import Sqs
from tests.factories import Company, Database
from tests.gateway import Client, Gateway, joined, ticket
from tests.rooms import calm, fill, listening, publish
from winroom import connections, db, ids, messages, room, sockets
from winroom.errors import NotFound
from winroom.messages import RoomChanged


def wake(*companies: Company) -> list[int]:
    bodies = [RoomChanged(company.tenant_id, 1).body() for company in companies]
    return doors.sqs(fanout.handler, bodies)


def numbers(frames: list[dict[str, Any]]) -> list[int]:
    """The numbers of the messages in the frames; presence has none."""
    return [m["seq"] for frame in frames for m in frame.get("messages", [frame]) if "seq" in m]


def posted(company: Company) -> int:
    return int(company.rows("select posted_seq from wr.rooms")[0]["posted_seq"])


def test_numbers_are_gapless_in_commit_order_with_rollbacks(company: Company) -> None:
    seen: list[int | None] = []
    stop = threading.Event()

    def write(writer: int) -> int:
        dice, committed = random.Random(writer), 0
        for n in range(25):
            try:
                with db.tenant_session(company.tenant_id) as conn:
                    room.publish(conn, "queue.created", f"{writer}-{n}", "test", {})
                    if dice.random() < 0.2:
                        raise KeyError("rolled back")
                    committed += 1
            except KeyError:
                pass
        return committed

    def read() -> None:
        # What a reader sees never grows behind its back: commits come in the order of the numbers.
        while not stop.is_set():
            seen.append(company.rows("select max(seq) - count(*) as gap from wr.events")[0]["gap"])

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(16) as threads:
        committed = sum(threads.map(write, range(16)))
    stop.set()
    reader.join()
    assert {gap for gap in seen if gap is not None} == {0}
    rows = company.rows("select seq from wr.events order by seq")
    assert [row["seq"] for row in rows] == list(range(1, committed + 1))
    assert committed < 16 * 25


def test_every_ready_socket_is_told_once(company: Company, gateway: Gateway, queues: Sqs) -> None:
    clients = [joined(gateway, company) for _ in range(20)]
    fresh = Client(gateway)
    fresh.connect({"ticket": ticket(company)})
    publish(company)
    publish(company)
    assert wake(company, company) == []
    for client in clients:
        (batch,) = client.told()
        assert (batch["v"], batch["type"], numbers([batch])) == (1, "batch", [1, 2])
    assert fresh.told() == []
    assert posted(company) == 2
    assert wake(company) == []
    assert clients[0].told() == []


def test_a_message_says_what_happened(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    publish(company)
    wake(company)
    (message,) = client.told()
    assert message.keys() == {"v", "type", "seq", "at", "data"}
    assert (message["type"], message["seq"]) == ("queue.created", 1)
    assert message["at"].endswith("+00:00")


def test_sellers_do_not_see_the_margin_and_managers_do(company: Company, gateway: Gateway) -> None:
    manager, seller = joined(gateway, company), joined(gateway, company, "plain")
    publish(company, margin=None)
    wake(company)
    publish(company)
    wake(company)
    assert [m["data"].get("margin", "-") for m in manager.told()] == [None, "4.00"]
    assert [m["data"].get("margin", "-") for m in seller.told()] == ["-", "-"]


def test_a_message_stays_in_its_companys_room(company: Company, rival: Company, gateway: Gateway) -> None:
    ours, theirs = joined(gateway, company), joined(gateway, rival)
    publish(company, 2)
    publish(rival)
    assert wake(company, rival, company) == []
    assert numbers(ours.told()) == [1, 2]
    assert numbers(theirs.told()) == [1]


def test_a_heartbeat_keeps_no_room_from_being_told(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    publish(company)
    bodies = [messages.HEARTBEAT, RoomChanged(company.tenant_id, 1).body()]
    assert doors.sqs(fanout.handler, bodies) == []
    assert numbers(client.told()) == [1]


def test_a_gone_connection_is_forgotten(company: Company, gateway: Gateway) -> None:
    here, gone = joined(gateway, company), joined(gateway, company)
    gateway.gone.add(gone.id)
    publish(company)
    assert wake(company) == []
    assert listening(company) == {here.id: True}
    assert numbers(here.told()) == [1]
    (times,) = company.rows(
        "select presence_changed_at > now() - interval '9 seconds' as is_new from wr.rooms"
    )
    assert times["is_new"]


def test_a_broken_socket_holds_up_nobody(company: Company, gateway: Gateway) -> None:
    clients = [joined(gateway, company) for _ in range(30)]
    gateway.broken.add(clients[7].id)
    gateway.slow[clients[8].id] = 4.0
    publish(company)
    started = time.monotonic()
    assert wake(company) == []
    publish(company)
    assert wake(company) == []
    assert time.monotonic() - started < 3.0
    for client in clients[:7] + clients[9:]:
        assert numbers(client.told()) == [1, 2]
    assert posted(company) == 2
    assert clients[7].id in listening(company)
    until(lambda: not sockets._busy)


def until(is_true: Any) -> None:
    """Waits for posts that nobody waits for."""
    deadline = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_sockets_that_all_stall_are_given_up(
    company: Company, gateway: Gateway, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(sockets, "_STALLED", 0.2)
    clients = [joined(gateway, company) for _ in range(20)]
    for client in clients:
        gateway.slow[client.id] = 1.5
    publish(company)
    started = time.monotonic()
    assert wake(company) == []
    assert time.monotonic() - started < 1.4
    assert posted(company) == 1
    gateway.slow.clear()
    until(lambda: not sockets._busy)


def test_a_room_that_is_slow_all_over_is_told_to_its_last_socket(
    company: Company, gateway: Gateway, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(sockets, "_STALLED", 0.1)
    environment.setattr(sockets, "_AT_ONCE", 8)
    clients = [joined(gateway, company) for _ in range(2 * 8 + 5)]
    for client in clients:
        gateway.slow[client.id] = 0.3
    publish(company)
    assert wake(company) == []
    until(lambda: not sockets._busy)
    assert [numbers(client.told()) for client in clients] == [[1]] * len(clients)


def test_when_the_functions_time_is_up_who_was_not_told_is_counted_and_may_be_told_again(
    company: Company, gateway: Gateway, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setattr(fanout, "_RESERVE", 29.6)  # of 30 seconds
    environment.setattr(sockets, "_AT_ONCE", 8)
    environment.setattr(sockets, "_AT_MOST", 8)
    clients = [joined(gateway, company) for _ in range(8 + 3)]
    for client in clients:
        gateway.slow[client.id] = 1.0
    publish(company)
    started = time.monotonic()
    assert wake(company) == []
    assert time.monotonic() - started < 0.9
    assert posted(company) == 1
    assert '"sockets":11,"untold":3' in capsys.readouterr().out
    assert len(sockets._busy) <= 8
    gateway.slow.clear()
    until(lambda: not sockets._busy)


def test_stalled_sockets_of_one_room_do_not_silence_another(
    company: Company, rival: Company, gateway: Gateway, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(sockets, "_STALLED", 0.2)
    environment.setattr(sockets, "_AT_ONCE", 8)
    stalled = [joined(gateway, company) for _ in range(8)]
    for client in stalled:
        gateway.slow[client.id] = 1.5
    there = joined(gateway, rival)
    publish(company)
    for _ in range(3):
        publish(rival)
        assert wake(company, rival) == []
    assert numbers(there.told()) == [1, 2, 3]
    gateway.slow.clear()
    until(lambda: not sockets._busy)


def test_throttling_is_retried(company: Company, gateway: Gateway) -> None:
    clients = [joined(gateway, company) for _ in range(4)]
    for client in clients:
        gateway.throttled[client.id] = 1
    publish(company)
    assert wake(company) == []
    until(lambda: not sockets._busy)
    assert [numbers(client.told()) for client in clients] == [[1]] * 4


def test_a_crash_between_posting_and_marking_posts_again(
    company: Company, gateway: Gateway, environment: pytest.MonkeyPatch
) -> None:
    client = joined(gateway, company)
    publish(company)

    class Killed(BaseException):
        pass

    with environment.context() as while_killed:
        while_killed.setattr(room, "mark_posted", killed(Killed))
        with pytest.raises(Killed):
            wake(company)
    assert posted(company) == 0
    assert wake(company) == []
    assert numbers(client.told()) == [1, 1]
    assert posted(company) == 1


def killed(error: type[BaseException]) -> Any:
    def die(*_: object, **__: object) -> None:
        raise error

    return die


def test_the_mark_never_moves_back(company: Company) -> None:
    publish(company, 3)
    for through in (3, 1):
        with db.tenant_session(company.tenant_id) as conn:
            room.mark_posted(conn, through)
    assert posted(company) == 3


def test_over_500_waiting_messages_are_a_reset(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    fill(company, 501)
    assert wake(company) == []
    (answer,) = client.told()
    assert (answer["type"], answer["seq"]) == ("reset", 501)
    assert posted(company) == 501
    fill(company, 500)
    assert wake(company) == []
    assert numbers(client.told()) == list(range(502, 1002))


def test_when_time_is_up_the_room_is_woken_for_the_rest(
    company: Company, gateway: Gateway, queues: Sqs, environment: pytest.MonkeyPatch
) -> None:
    client = joined(gateway, company)
    publish(company)
    post = sockets.post

    def and_meanwhile(frames: dict[str, list[str]], patience: float) -> sockets.Posted:
        publish(company)
        return post(frames, patience)

    environment.setattr(fanout, "_PATIENCE", 0.0)
    environment.setattr(sockets, "post", and_meanwhile)
    queues.sent.clear()
    assert wake(company) == []
    assert numbers(client.told()) == [1]
    assert posted(company) == 1
    (message,) = queues.sent
    # Unlike the wake-up of message 2 itself, which SQS has seen.
    assert message["MessageDeduplicationId"] == f"{company.tenant_id}:2rest-1"


def test_presence_is_not_lost_when_time_is_up(
    company: Company, gateway: Gateway, queues: Sqs, environment: pytest.MonkeyPatch, database: Database
) -> None:
    client = joined(gateway, company)
    publish(company)
    wake(company)
    client.told()
    environment.setattr(fanout, "_PATIENCE", 0.0)
    database.execute(
        "update wr.rooms set presence_changed_at = now(), presence_posted_at = now() - interval '9 seconds'"
    )
    publish(company)
    queues.sent.clear()
    assert wake(company) == []
    assert [message["type"] for message in client.told()] == ["queue.created", "presence"]
    assert queues.sent == []  # nothing is left to be told


def test_what_is_committed_while_posting_follows_in_the_same_invocation(
    company: Company, gateway: Gateway, environment: pytest.MonkeyPatch
) -> None:
    client = joined(gateway, company)
    publish(company)
    post = sockets.post
    late = iter([True])

    def and_meanwhile(frames: dict[str, list[str]], patience: float) -> sockets.Posted:
        if next(late, False):
            publish(company)
        return post(frames, patience)

    environment.setattr(sockets, "post", and_meanwhile)
    assert wake(company) == []
    assert numbers(client.told()) == [1, 2]


def test_a_room_in_which_much_happens_keeps_no_other_of_its_batch_waiting(
    company: Company, rival: Company, gateway: Gateway, environment: pytest.MonkeyPatch
) -> None:
    clients = {joined(gateway, who).id: who.slug for who in (company, rival)}
    publish(company)
    publish(rival)
    post = sockets.post
    told: list[str] = []

    def and_more_happens(frames: dict[str, list[str]], patience: float) -> sockets.Posted:
        (slug,) = {clients[to] for to in frames}
        told.append(slug)
        if slug == company.slug and len(told) < 4:
            publish(company)
        return post(frames, patience)

    environment.setattr(sockets, "post", and_more_happens)
    assert wake(company, rival) == []
    assert told == ["acme", "rival", "acme", "acme"]


@pytest.mark.parametrize("moment", ["before the messages are read", "before the sockets are read"])
def test_a_socket_that_joins_during_a_fan_out_lacks_nothing(
    company: Company, gateway: Gateway, environment: pytest.MonkeyPatch, moment: str
) -> None:
    client = Client(gateway)
    client.connect({"ticket": ticket(company)})
    publish(company)
    waiting, ready = room.waiting, connections.ready
    told: list[dict[str, Any]] = []

    def joins_and_then_a_sale(conn: db.Connection) -> db.Cursor:
        if not told:
            told.extend(client.say({"action": "resume", "after": 0}))
            publish(company)
        return waiting(conn)

    def a_sale_and_then_joins(conn: db.Connection) -> db.Cursor:
        if not told:
            # Waits until the statements before were run, that is, until the messages are read.
            conn.execute("select 1").fetchone()
            publish(company)
            told.extend(client.say({"action": "resume", "after": 0}))
        return ready(conn)

    if moment == "before the messages are read":
        environment.setattr(room, "waiting", joins_and_then_a_sale)
    else:
        environment.setattr(connections, "ready", a_sale_and_then_joins)
    wake(company)
    assert set(numbers(told + client.told())) == {1, 2}


def test_an_unreadable_wake_up_is_dropped_and_logged(
    company: Company, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    client = joined(gateway, company)
    publish(company)
    bodies = ["nonsense", RoomChanged(company.tenant_id, 1).body(), "{}", "[]"]
    capsys.readouterr()
    assert doors.sqs(fanout.handler, bodies) == []
    assert numbers(client.told()) == [1]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == [
        *["a wake-up was dropped"] * 3,
        "a room was told",
        "handled",
    ]


def test_a_room_that_fails_holds_up_only_itself(
    company: Company, rival: Company, gateway: Gateway, environment: pytest.MonkeyPatch
) -> None:
    ours, theirs = joined(gateway, company), joined(gateway, rival)
    publish(company)
    publish(rival)
    tenant_batch = db.tenant_batch

    def broken_for_one(tenant_id: Any, work: Any) -> Any:
        if tenant_id == company.tenant_id:
            raise RuntimeError("broken")
        return tenant_batch(tenant_id, work)

    hastened: list[str] = []
    environment.setattr(db, "tenant_batch", broken_for_one)
    environment.setattr(messages, "hasten_wake_ups", hastened.extend)
    assert wake(company, rival, company, rival) == [0, 2]
    assert hastened == ["handle-0", "handle-2"]
    assert ours.told() == []
    assert numbers(theirs.told()) == [1]


def test_of_several_rooms_that_fail_all_come_again(
    company: Company, rival: Company, queues: Sqs, environment: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("broken")

    environment.setattr(db, "tenant_batch", broken)
    environment.setattr(messages, "hasten_wake_ups", lambda _: None)
    assert sorted(wake(company, rival)) == [0, 1]


def test_nothing_is_published_in_a_room_that_is_not_there(company: Company) -> None:
    with pytest.raises(NotFound), db.tenant_session(ids.new()) as conn:
        room.publish(conn, "queue.created", "sale", "test", {})


def test_a_room_that_is_no_more_is_no_failure(environment: pytest.MonkeyPatch) -> None:
    assert doors.sqs(fanout.handler, [RoomChanged(ids.new(), 1).body()]) == []


def test_presence_is_told_at_most_every_five_seconds(company: Company, gateway: Gateway) -> None:
    calm(company)
    first = joined(gateway, company)
    assert wake(company) == []
    (message,) = first.told()
    assert message.keys() == {"v", "type", "at", "data"}
    assert (message["type"], message["data"]) == ("presence", {"viewers": 1})
    second = joined(gateway, company)
    assert wake(company) == []
    assert first.told() == second.told() == []
    company.database.execute("update wr.rooms set presence_posted_at = now() - interval '5 seconds'")
    assert wake(company) == []
    assert [m["data"]["viewers"] for m in first.told() + second.told()] == [2, 2]
    company.database.execute(
        "update wr.rooms set presence_changed_at = now() - interval '9 seconds',"
        " presence_posted_at = now() - interval '6 seconds'"
    )
    assert wake(company) == []
    assert first.told() == []  # nobody came or left since


def test_presence_travels_with_what_waits(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    calm(company)
    publish(company)
    left = joined(gateway, company)
    left.disconnect()
    wake(company)
    assert [m["type"] for m in client.told()] == ["queue.created", "presence"]


def test_two_hundred_sockets_take_one_round(company: Company, gateway: Gateway) -> None:
    with ThreadPoolExecutor(8) as threads:
        clients = list(threads.map(lambda _: joined(gateway, company), range(200)))
    publish(company)
    wake(company)
    assert all(numbers(client.told()) == [1] for client in clients)
