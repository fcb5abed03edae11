"""Sockets that mean harm: whatever they say, and however little they read, the room goes on for everybody
else, and nothing of them is left."""

import time
from typing import Any

from functions.broadcaster import fanout
from tests import doors
from tests.conftest import Size, Tell
from tests.factories import Company
from tests.gateway import Client, Gateway, joined, ticket
from tests.rooms import fill, listening, publish
from winroom import plans
from winroom.messages import RoomChanged


def wake(*companies: Company) -> None:
    assert doors.sqs(fanout.handler, [RoomChanged(one.tenant_id, 1).body() for one in companies]) == []


def numbers(frames: list[dict[str, Any]]) -> list[int]:
    """The numbers of the messages in the frames; presence has none."""
    return [m["seq"] for frame in frames for m in frame.get("messages", [frame]) if "seq" in m]


def test_sockets_that_never_read_hold_up_nobody(
    company: Company, rival: Company, gateway: Gateway, size: Size, tell: Tell
) -> None:
    """They stall for longer than a function lives, and more of them than are posted to at once."""
    # A person has twenty at most.
    crowd = company.database.execute(
        "insert into wr.users (tenant_id, email, display_name, role, password_hash)"
        " select %s, n || '@acme.example', 'Deaf', 'manager', 'none' from generate_series(1, 50) n"
        " returning user_id, token_version",
        company.tenant_id,
    )
    deaf = [joined(gateway, company, **crowd[n % 50]) for n in range(size(150, 1000))]
    honest, neighbour = joined(gateway, company), joined(gateway, rival)
    gateway.slow |= {client.id: 60.0 for client in deaf}
    waits = []
    for number in range(1, 4):
        publish(company)
        publish(rival)
        began = time.monotonic()
        wake(company, rival)
        waits.append(round(time.monotonic() - began, 1))
        assert numbers(honest.told()) == numbers(neighbour.told()) == [number]
    tell({"sockets that never read": len(deaf), "seconds until all others were told": max(waits)})
    # One after another they would take three seconds each, 64 side by side.
    assert max(waits) < 3 * len(deaf) / 64


def test_a_socket_that_says_too_much_is_closed(company: Company, gateway: Gateway, size: Size) -> None:
    fill(company, 500)
    loud, honest = joined(gateway, company), joined(gateway, company)
    said = 1  # it has joined
    while not gateway.closed:
        assert loud.say({"action": "resume", "after": 450}) or loud.id in gateway.closed
        said += 1
        assert said < 2 * plans.PEOPLE_LIMIT + 2  # the minute may begin anew once
    assert gateway.closed == [loud.id]
    assert said > plans.PEOPLE_LIMIT
    # Whatever else was under way is not even looked at, and its end is as any other's.
    for _ in range(size(20, 2_000)):
        assert loud.say("{") == []
    company.database.execute("delete from wr.rate_counters")
    assert loud.say("{") == []  # nor in another minute
    loud.disconnect()
    assert listening(company) == {honest.id: True}
    assert [m["type"] for m in honest.say({"action": "ping"})] == ["pong"]
    publish(company)
    wake(company)
    assert numbers(honest.told()) == [501]


def test_a_storm_leaves_nothing_behind(company: Company, gateway: Gateway, size: Size) -> None:
    """Who connects without a ticket, or with one that was used, or leaves before it said a word."""
    for _ in range(size(50, 500)):
        once, again, never = Client(gateway), Client(gateway), Client(gateway)
        opener = ticket(company)
        assert (once.connect({"ticket": opener}), again.connect({"ticket": opener})) == (200, 401)
        assert never.connect({"ticket": opener[::-1]}) == 401
        for client in (once, again, never):
            assert client.disconnect() == 200
    assert listening(company) == {}
    assert company.count("tickets") == 0
