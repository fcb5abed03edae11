"""One sale, end to end, on the deployed template."""

import statistics
import time
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.conftest import Company
from tests.factories import sale


def test_a_sale_reaches_every_open_socket_of_its_company_and_no_other(
    company: Company, rival: Company
) -> None:
    with company.room() as first, company.room() as second, rival.room() as foreign:
        body = sale(cost_price=60)
        event_id = company.sell(body)
        for room in (first, second):
            message = room.wait_for(body["sale_id"])
            assert message["data"]["margin"] == "40.00"
        foreign.send({"action": "ping"})
        while (frame := foreign.receive())["type"] != "pong":
            assert frame["type"] in {"ready", "presence"}
        assert frame["seq"] == 0
    fate = company.call("GET", f"/api/events/{event_id}").json()["event"]
    assert fate["status"] == "processed"
    (item,) = company.call("GET", "/api/queue").json()["queue"]
    assert item["id"] == fate["queue_id"]


def test_twelve_sales_are_each_seen_within_two_seconds(company: Company) -> None:
    seconds = []
    with company.room() as room:
        for _ in range(12):
            body = sale()
            began = time.perf_counter()
            company.sell(body)
            room.wait_for(body["sale_id"])
            seconds.append(time.perf_counter() - began)
    p95 = statistics.quantiles(seconds, n=20)[-1]
    print(f"POST to socket: p50 {statistics.median(seconds):.3f} s, p95 {p95:.3f} s")
    assert p95 < 2


def test_of_two_claims_one_wins_and_the_room_sees_it(company: Company) -> None:
    with company.room() as room:
        body = sale()
        company.sell(body)
        item = room.wait_for(body["sale_id"])["data"]["id"]
        claim = {"seller_id": "anna", "claim_type": "first_touch"}
        assert company.call("POST", f"/api/queue/{item}/claim", json=claim).status_code == 200
        again = {**claim, "claim_type": "upsell"}
        assert company.call("POST", f"/api/queue/{item}/claim", json=again).status_code == 409
        assert room.wait_for(body["sale_id"], "queue.claimed")["seq"] == 2


def test_who_was_away_is_told_what_it_missed(company: Company) -> None:
    bodies = [sale() for _ in range(3)]
    with company.room() as room:
        company.sell(bodies[0])
        room.wait_for(bodies[0]["sale_id"])
        for body in bodies[1:]:
            company.sell(body)
            room.wait_for(body["sale_id"])
    with company.room(after=1) as room:
        room.wait_until_seen(2)
        assert sorted(room.seen) == [2, 3]


def test_a_ticket_opens_one_socket_once(company: Company) -> None:
    ticket = company.call("POST", "/api/realtime/ticket").json()
    url = f"{ticket['url']}?ticket={ticket['ticket']}"
    with connect(url), pytest.raises(InvalidStatus):
        connect(url)
    for refused in (ticket["url"], f"{ticket['url']}?ticket=guess"):
        with pytest.raises(InvalidStatus):
            connect(refused)


def test_frames_that_are_none_of_ours_are_told_and_survived(company: Company) -> None:
    with company.room() as room:
        for frame in ("{", "[]", '{"action": "fly"}', '{"action": {"a": 1}}', "x" * 20_000):
            room._socket.send(frame)
            assert room.wait_for_type("error")["data"]["error"]
        room.send({"action": "ping"})
        assert room.wait_for_type("pong")["seq"] == 0


def test_a_revoked_keys_socket_is_closed_within_a_minute(company: Company) -> None:
    with company.room() as room:
        company.revoke_keys()
        assert room.wait_until_closed(75) < 75


def test_bad_input_through_the_whole_stack(company: Company, rival: Company) -> None:
    event_id = company.sell(sale())
    same = {"X-Request-ID": "same"}
    foreign = rival.call("GET", f"/api/events/{event_id}", headers=same)
    unknown = rival.call("GET", f"/api/events/{uuid4()}", headers=same)
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
    assert company.post({"sell_price": -1}).status_code == 400
    assert company.call("POST", "/api/events", content=b"\xff\x00").status_code == 415
    json_type = {"Content-Type": "application/json"}
    binary = company.call("POST", "/api/events", content=b"\xff\x00", headers=json_type)
    assert binary.status_code == 400
    huge = company.call("POST", "/api/events", content=b"x" * 200_000, headers=json_type)
    assert huge.status_code == 413
    assert company.call("DELETE", "/api/events").status_code == 405
    assert company.call("GET", "/api/nowhere").json()["code"] == "not_found"
    nowhere = httpx.get(f"{company.stack.http_url}/anything")  # people get a page
    assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert httpx.post(f"{company.stack.http_url}/api/events", json=sale()).status_code == 401


def test_the_stack_says_that_it_is_well(company: Company) -> None:
    answer = httpx.get(f"{company.stack.http_url}/api/health")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["version"]) == 64
