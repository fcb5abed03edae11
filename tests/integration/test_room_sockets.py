"""A socket's life: it opens with a ticket, becomes ready, asks, is answered, and ends."""

import inspect
import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from functions.broadcaster import socket
from tests import doors
from tests.doors import Sqs
from tests.factories import Company
from tests.gateway import Client, Gateway, joined, ticket
from tests.integration.conftest import Overhear
from tests.office import MAKERS
from tests.rooms import calm, fill, listening, person, publish
from winroom import connections, db, plans, room
from winroom.messages import RoomChanged
from winroom.settings import settings


def test_a_ticket_opens_one_socket_only(company: Company, gateway: Gateway) -> None:
    opener = ticket(company)
    with ThreadPoolExecutor(8) as threads:
        clients = [Client(gateway) for _ in range(8)]
        answers = list(threads.map(lambda c: c.connect({"ticket": opener}), clients))
    assert sorted(answers) == [200] + [401] * 7
    assert list(listening(company).values()) == [False]


@pytest.mark.parametrize("query", [None, {}, {"ticket": ""}, {"ticket": "\ud800"}, {"tenant": "acme"}])
def test_without_a_ticket_no_socket_opens(
    company: Company, gateway: Gateway, query: dict[str, str] | None
) -> None:
    assert Client(gateway).connect(query) == 401
    assert listening(company) == {}


def test_a_ticket_is_stored_as_a_hash_only(company: Company) -> None:
    opener = ticket(company)
    (row,) = company.rows("select tickets::text as whole from wr.tickets")
    assert opener not in row["whole"]


def test_a_ticket_dies_after_a_minute(company: Company, gateway: Gateway) -> None:
    opener = ticket(company)
    (row,) = company.rows("select expires_at - now() as left from wr.tickets")
    assert 55 < row["left"].total_seconds() <= 60
    company.database.execute("update wr.tickets set expires_at = now()")
    assert Client(gateway).connect({"ticket": opener}) == 401


def test_the_ticket_decides_the_room(company: Company, rival: Company, gateway: Gateway) -> None:
    publish(rival, 3)
    client = Client(gateway)
    assert client.connect({"ticket": ticket(company), "tenant": rival.slug}) == 200
    assert listening(company) == {client.id: False}
    assert listening(rival) == {}
    assert client.say({"action": "resume", "after": 0})[0]["seq"] == 0


def test_a_persons_socket_carries_the_generation_of_its_token(company: Company, gateway: Gateway) -> None:
    user_id = person(company)
    joined(gateway, company, user_id=user_id, token_version=0)
    company.database.execute("update wr.users set token_version = 7")
    joined(gateway, company, user_id=user_id, token_version=7)
    rows = company.rows("select token_version from wr.connections order by 1")
    assert [row["token_version"] for row in rows] == [0, 7]


def test_a_ping_is_answered_with_the_rooms_number(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    publish(company, 3)
    assert client.say({"action": "ping"}) == [{"v": 1, "type": "pong", "seq": 3}]


def test_a_fresh_client_is_told_where_it_stands(company: Company, gateway: Gateway) -> None:
    publish(company, 2)
    client = Client(gateway)
    client.connect({"ticket": ticket(company)})
    (answer,) = client.say({"action": "resume", "after": None})
    assert (answer["v"], answer["type"], answer["seq"]) == (1, "ready", 2)
    assert listening(company) == {client.id: True}


def test_a_resume_brings_what_was_missed(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    publish(company, 3)
    (one,) = client.say({"action": "resume", "after": 2})
    assert one.keys() == {"v", "type", "seq", "at", "data"}
    assert one["data"] == {"saleId": "sale-2", "sellPrice": "10.00", "margin": "4.00"}
    (batch,) = client.say({"action": "resume", "after": 0})
    assert batch["type"] == "batch"
    assert [m["seq"] for m in batch["messages"]] == [1, 2, 3]
    (nothing,) = client.say({"action": "resume", "after": 3})
    assert (nothing["type"], nothing["seq"]) == ("ready", 3)


def test_frames_hold_32_kilobytes_at_most(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    publish(company, 40, customerName="\u00fc" * 1000)
    gateway.sizes.clear()
    frames = client.say({"action": "resume", "after": 0})
    assert [m["seq"] for frame in frames for m in frame["messages"]] == list(range(1, 41))
    assert len(frames) == 3
    assert max(gateway.sizes) <= 32 * 1024


def test_a_resume_after_501_missed_is_a_reset(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    fill(company, 501)
    (answer,) = client.say({"action": "resume", "after": 0})
    assert answer.keys() == {"v", "type", "seq", "at"}
    assert (answer["type"], answer["seq"]) == ("reset", 501)
    frames = client.say({"action": "resume", "after": 1})
    assert sum(len(frame["messages"]) for frame in frames) == 500


@pytest.mark.parametrize("after", [4, room.LARGEST_SEQ])
def test_a_number_that_is_not_from_this_room_is_a_reset(
    company: Company, gateway: Gateway, after: int
) -> None:
    client = joined(gateway, company)
    publish(company, 3)
    (answer,) = client.say({"action": "resume", "after": after})
    assert (answer["type"], answer["seq"]) == ("reset", 3)


def test_what_retention_took_is_a_reset(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    publish(company, 3)
    company.database.execute("delete from wr.events where seq < 3")
    assert client.say({"action": "resume", "after": 1})[0]["type"] == "reset"
    assert client.say({"action": "resume", "after": 2})[0]["seq"] == 3


def test_what_is_committed_while_a_socket_becomes_ready_is_in_the_answer(
    company: Company, gateway: Gateway, environment: pytest.MonkeyPatch
) -> None:
    client = Client(gateway)
    client.connect({"ticket": ticket(company)})
    make_ready = connections.make_ready

    def slowly(conn: db.Connection, connection_id: str) -> bool:
        is_new = make_ready(conn, connection_id)
        publish(company)
        return is_new

    environment.setattr(connections, "make_ready", slowly)
    assert client.say({"action": "resume", "after": 0})[0]["seq"] == 1


def test_sellers_see_neither_the_margin_nor_a_reason(company: Company, gateway: Gateway) -> None:
    seller = joined(gateway, company, "plain")
    publish(company, reason="Called off")
    (message,) = seller.say({"action": "resume", "after": 0})
    assert message["data"] == {"saleId": "sale-0", "sellPrice": "10.00"}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"action": "dance"}, "unknown_action"),
        ({"action": None}, "unknown_action"),
        ({"action": ["ping"]}, "unknown_action"),
        ({}, "unknown_action"),
        ({"action": "resume", "after": "8"}, "invalid"),
        ({"action": "resume", "after": -1}, "invalid"),
        ({"action": "resume", "after": 2**53}, "invalid"),
        ({"action": "resume", "after": 10**400}, "invalid"),
        ({"action": "resume", "after": 1.5}, "invalid"),
        ({"action": "resume", "after": True}, "invalid"),
        ({"action": "resume", "after": {}}, "invalid"),
        ([], "malformed"),
        ("", "malformed"),
        ("ping", "malformed"),
        ("1" * 4000, "malformed"),
        ("[" * 4000, "malformed"),
        ('{"action": "ping"}' + " " * 5000, "malformed"),
        ("\ud800", "malformed"),
    ],
)
def test_a_frame_that_is_not_understood_is_answered_with_an_error(
    company: Company, gateway: Gateway, frame: object, code: str
) -> None:
    (answer,) = joined(gateway, company).say(frame)
    assert (answer["v"], answer["type"], answer["data"]["code"]) == (1, "error", code)
    assert answer["data"]["error"].endswith(".")


def test_a_frame_without_a_body_is_malformed(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    assert client.event("MESSAGE") == 200
    assert client.told()[0]["data"]["code"] == "malformed"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.fire
@how(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.text()
    | st.binary().map(lambda b: b.decode("utf-8", "surrogateescape"))
    | _json.map(json.dumps)
    | st.fixed_dictionaries({"action": st.just("resume"), "after": _json}).map(json.dumps)
    | st.fixed_dictionaries({"action": _json}).map(json.dumps)
)
@example('{"action": "resume", "after": NaN}')
@example('{"action": "ping", "action": "ping"}')
def test_no_frame_kills_the_function(
    company: Company, gateway: Gateway, environment: pytest.MonkeyPatch, frame: str
) -> None:
    environment.setattr(plans, "PEOPLE_LIMIT", 1_000_000)
    client = Client(gateway, "fuzzed")
    if "fuzzed" not in listening(company):
        client.connect({"ticket": ticket(company)})
    assert client.say(frame)


@pytest.mark.parametrize("limit", ["SOCKETS_OF_ONE", "SOCKETS_OF_MANY"])
def test_who_opens_too_many_sockets_loses_the_oldest(
    company: Company, rival: Company, gateway: Gateway, environment: pytest.MonkeyPatch, limit: str
) -> None:
    environment.setattr(plans, limit, 2)
    persons: dict[str, Any] = {"user_id": person(company), "token_version": 0}
    whose, other = (persons, {}) if limit == "SOCKETS_OF_ONE" else ({}, persons)
    others = [joined(gateway, company, **other) for _ in range(3)]
    rivals = joined(gateway, rival)
    oldest, *kept = [joined(gateway, company, **whose) for _ in range(3)]
    assert gateway.closed == [oldest.id]
    assert listening(company) == {client.id: True for client in (*others, *kept)}
    assert listening(rival) == {rivals.id: True}
    # Who is not ready takes nobody's place, and who asks again is none more.
    assert Client(gateway).connect({"ticket": ticket(company, **whose)}) == 200
    assert kept[0].say({"action": "resume"})
    assert gateway.closed == [oldest.id]


def test_a_frame_from_an_unknown_connection_closes_it(company: Company, gateway: Gateway) -> None:
    client = Client(gateway)
    assert client.say({"action": "resume"}) == []
    assert gateway.closed == [client.id]
    assert listening(company) == {}


def test_a_socket_that_left_before_its_answer_is_forgotten(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    gateway.gone.add(client.id)
    assert client.say({"action": "ping"}) == []
    assert listening(company) == {}


def test_a_closed_socket_is_forgotten(company: Company, gateway: Gateway) -> None:
    client = joined(gateway, company)
    assert client.disconnect() == 200
    assert listening(company) == {}
    assert client.disconnect() == 200


def test_an_absent_database_is_no_exception(
    company: Company, gateway: Gateway, environment: pytest.MonkeyPatch
) -> None:
    opener = ticket(company)
    db.close()
    environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    settings.cache_clear()
    assert Client(gateway).connect({"ticket": opener}) == 500


def test_an_event_of_another_kind_is_no_exception() -> None:
    assert socket.handler({}, doors.context()) == {"statusCode": 500}


def test_coming_and_leaving_wakes_the_room_at_most_every_five_seconds(
    company: Company, gateway: Gateway, queues: Sqs
) -> None:
    calm(company)
    client = joined(gateway, company)
    client.say({"action": "resume"})
    woken = queues.sent
    assert len(woken) == 1
    assert woken[0]["MessageGroupId"] == str(company.tenant_id)
    assert "presence-" in woken[0]["MessageDeduplicationId"]
    wake_up = RoomChanged.read(woken[0]["MessageBody"])
    assert (wake_up.tenant_id, wake_up.seq) == (company.tenant_id, 0)
    company.database.execute("update wr.rooms set presence_posted_at = now()")
    client.disconnect()
    assert len(queues.sent) == 1


def test_a_queue_that_is_down_does_not_hinder_a_socket(
    company: Company, gateway: Gateway, queues: Sqs
) -> None:
    calm(company)
    queues.is_down = True
    client = joined(gateway, company)
    assert listening(company) == {client.id: True}


# As the door's own code has them: a new action is walked from its first day.
ACTIONS = re.findall(r'"action": "(\w+)"', inspect.getsource(socket))
NAMES = {"tenant", "tenant_id", "tenantId", "room", "connectionId", "connection_id", "ticket", *MAKERS}


def test_no_frame_reaches_another_companys_room(
    company: Company, rival: Company, gateway: Gateway, overheard: Overhear
) -> None:
    theirs, client = joined(gateway, rival), joined(gateway, company)
    publish(rival, 5)
    assert {"ping", "resume"} <= set(ACTIONS)
    for action, name in product(ACTIONS, sorted(NAMES)):
        told = []
        for value in (rival.slug, str(rival.tenant_id), theirs.id, ticket(rival), "nobody", str(uuid4())):
            frames, sent = overheard(partial(client.say, {"action": action, "after": 0, name: value}))
            told.append(([{**frame, "at": "now"} for frame in frames], sent))
        # Neither what is answered nor what is asked of the database tells the one from the other.
        assert told == told[:1] * len(told)
        assert {frame["seq"] for frame in told[0][0]} == {0}
    assert theirs.told() == []
    assert listening(rival) == {theirs.id: True}


def test_logs_name_no_ticket(company: Company, gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    opener = ticket(company)
    Client(gateway).connect({"ticket": opener})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == ["handled"]
    assert opener not in str(lines)
