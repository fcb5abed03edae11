"""One sale through the real handlers, one after the other: each line that is about it can be found by one id,
and none tells what nobody but the company may know."""

import json
from typing import Any

import pytest

from functions.api import app as api
from functions.broadcaster import fanout
from functions.dashboard import app as dashboard
from functions.dead_letters.app import handler as dead_letters
from functions.processor.app import handler as processor
from tests import crm, doors, logs
from tests.doors import Sqs
from tests.factories import Company, sale
from tests.gateway import Gateway, joined
from tests.logs import Line
from winroom import queue

Capture = pytest.CaptureFixture[str]

SECRETS = {"customer_name": "Ada Lovelace", "notes": "a friend of the house", "sell_price": "98765.43"}
TRACE = "1-5759e988-bd862e3fe1be46a994272793"


class Teller:
    """Names each door as it is opened, and remembers what it said."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._capture.readouterr()
        self.lines: dict[str, list[Line]] = {}
        self.text = ""

    def note(self, door: str) -> None:
        said = self._capture.readouterr().out
        self.text += said
        self.lines[door] = logs.lines(said)

    def doors_that_say(self, word: str) -> list[str]:
        return [door for door, lines in self.lines.items() if word in json.dumps(lines)]


def ask(company: Company, method: str, path: str, body: object = None, **more: Any) -> Any:
    answer = doors.http(api.handler, method, path, body, key=company.full_key, **more)
    assert answer.status < 300, answer.raw
    return answer.json


def test_a_sale_is_followed_through_every_function(
    company: Company, gateway: Gateway, queues: Sqs, environment: pytest.MonkeyPatch, capsys: Capture
) -> None:
    environment.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1")
    joined(gateway, company)
    queues.take("room.fifo")
    teller = Teller(capsys)

    body = sale(sale_id="S-1", **SECRETS)
    event_id = crm.post(company, body, headers={"X-Request-ID": "from-the-crm"}).json["eventId"]
    teller.note("ingestion")
    doors.sqs(processor, queues.take("sales-events"))
    teller.note("processor")
    doors.sqs(fanout.handler, queues.take("room.fifo"))
    teller.note("fanout")
    (item,) = ask(company, "GET", "/api/queue")["queue"]
    teller.note("list")
    claim = {"seller_id": "anna", "claim_type": "first_touch"}
    claimed = ask(company, "POST", f"/api/queue/{item['id']}/claim", claim)
    teller.note("claim")
    ask(company, "POST", f"/api/queue/{item['id']}/release", {"reason": "a slip"})
    teller.note("release")
    ask(company, "GET", f"/api/queue/{item['id']}")
    teller.note("item")
    assert claimed["claim"]["sale_id"] == "S-1"

    way = ["ingestion", "processor", "fanout"]
    assert teller.doors_that_say("from-the-crm") == way
    assert teller.doors_that_say(event_id) == [*way, "claim", "release"]
    assert teller.doors_that_say("S-1") == [*way, "claim", "release", "item"]
    assert teller.doors_that_say(item["id"]) == ["claim", "release", "item"]
    # Whatever a line is found by, it tells the company, and X-Ray's name for the invocation.
    for door in [*way, "claim"]:
        assert str(company.tenant_id) in json.dumps(teller.lines[door])
        assert {line["xray_trace_id"] for line in teller.lines[door]} == {TRACE}
    for secret in (*SECRETS.values(), company.ingest_key, company.full_key, "a slip"):
        assert secret not in teller.text


def test_every_line_of_a_failing_sale_names_it(
    company: Company, queues: Sqs, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = crm.post(company, sale(sale_id="S-2", **SECRETS), headers={"X-Request-ID": "from-the-crm"})
    (message,) = queues.take("sales-events")
    teller = Teller(capsys)

    def fail(conn: Any, events: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(queue, "enqueue", fail)
    doors.sqs(processor, [message])
    teller.note("processor")
    doors.sqs(dead_letters, [message])
    teller.note("dead letters")
    for lines in teller.lines.values():
        (line,) = (line for line in lines if line["level"] == "WARNING")
        told = {name: line[name] for name in ("event_id", "request_id", "sale_id", "tenant_id", "status")}
        assert told == {
            "event_id": answer.json["eventId"],
            "request_id": "from-the-crm",
            "sale_id": "S-2",
            "tenant_id": str(company.tenant_id),
            "status": "pending",
        }
    assert not [secret for secret in SECRETS.values() if secret in teller.text]


def test_a_quarantined_sale_is_followed_until_it_is_replayed(
    company: Company, queues: Sqs, capsys: Capture
) -> None:
    _, admin = company.person("admin")
    event_id = crm.post(company, sale(sale_id="S-3", product_sku="nowhere")).json["eventId"]
    doors.sqs(processor, queues.take("sales-events"))
    (letter,) = doors.http(api.handler, "GET", "/api/failed-events", key=admin).json["failed_events"]
    teller = Teller(capsys)
    edit = {"event": {"product_sku": None}}
    replay = f"/api/failed-events/{letter['id']}/replay"
    headers = {"X-Request-ID": "from-an-admin"}
    assert doors.http(api.handler, "POST", replay, edit, key=admin, headers=headers).status == 200
    teller.note("replay")
    doors.sqs(processor, queues.take("sales-events"))
    teller.note("processor")
    for word in (event_id, "S-3", "from-an-admin"):
        assert teller.doors_that_say(word) == ["replay", "processor"]


def test_a_path_leaves_its_ids_on_the_line_and_a_displays_link_does_not(
    company: Company, queues: Sqs, capsys: Capture
) -> None:
    event_id = crm.post(company, sale()).json["eventId"]
    link = ask(company, "POST", "/api/displays", {"name": "Hall"})["token"]
    teller = Teller(capsys)
    crm.get(company, f"/api/events/{{{event_id.upper()}}}")  # an id is one, however it is written
    teller.note("event")
    assert doors.http(dashboard.handler, "GET", f"/wall/{link}").status == 200
    teller.note("wall")
    assert teller.lines["event"][0]["event_id"] == event_id
    assert teller.lines["wall"][0]["route"] == "/wall/{link}"
    assert link not in teller.text


def test_a_list_of_ids_that_serves_the_logs_has_an_end(company: Company, queues: Sqs) -> None:
    rows = "".join(f"I-{n},2026-01-01T00:00:00Z,A,1,a{n}\n" for n in range(90))
    file = f"sale_id,occurred_at,customer_name,sell_price,seller_external_id\n{rows}".encode()
    doors.http(
        api.handler, "POST", "/api/imports", file, key=company.full_key, headers={"Content-Type": "text/csv"}
    )
    doors.sqs(processor, queues.take("sales-events"))
    (wake_up,) = queues.take("room.fifo")
    assert len(json.loads(wake_up)["event_ids"]) == 20
