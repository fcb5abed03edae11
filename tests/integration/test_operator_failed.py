"""The operator's commands for events: looking, replaying and discarding, over all companies and in one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import pytest

from functions.ingestion.app import handler as ingestion
from functions.processor.app import handler as processor
from infra.local import demo
from infra.local import stack as local
from infra.operator import screen
from infra.operator.target import Target
from tests import doors
from tests.doors import Sqs
from tests.factories import Company, sale
from tests.integration.conftest import Winroom
from tests.integration.test_operator_companies import audited, read
from tests.integration.test_operator_target import running
from winroom import failed_events
from winroom.messages import SaleEventReceived


def send(company: Company, queues: Sqs, **changes: Any) -> dict[str, Any]:
    """A sale that was received and processed, or failed."""
    body = sale(**changes)
    doors.http(ingestion, "POST", "/api/events", body, key=company.ingest_key)
    doors.sqs(processor, queues.take("sales-events"))
    return body


def process_due(company: Company) -> None:
    """What the sweeper and the processor do."""
    rows = company.rows("select event_id, created_at from wr.sales_events where status = 'pending'")
    due = [SaleEventReceived(row["event_id"], company.tenant_id, row["created_at"]) for row in rows]
    doors.sqs(processor, [event.body() for event in due])


def product(company: Company, sku: str) -> None:
    company.database.execute(
        "insert into wr.products (tenant_id, name, sku) values (%s, %s, %s)", company.tenant_id, sku, sku
    )


def test_failed_events_of_all_companies_are_listed_or_of_one(
    winroom: Winroom, company: Company, rival: Company, queues: Sqs
) -> None:
    first = send(company, queues, product_sku="GHOST")
    second = send(rival, queues, product_sku="GHOST")
    found = read(winroom, "failed", "list")
    assert [(one["tenant"], one["sale_id"]) for one in found] == [
        ("rival", second["sale_id"]),
        ("acme", first["sale_id"]),
    ]
    assert read(winroom, "failed", "list", "--tenant", "acme") == found[1:]
    assert read(winroom, "failed", "list", "--reason", "lost") == []
    assert read(winroom, "failed", "list", "--since", "2100-01-01T00:00:00Z") == []
    assert read(winroom, "failed", "list", "--limit", "1") == found[:1]
    assert found[0]["id"] in winroom("failed", "list").output
    assert read(winroom, "failed", "show", found[1]["id"])["payload"]["sale_id"] == first["sale_id"]


def test_what_was_cured_is_replayed_and_the_rest_stays(
    winroom: Winroom, company: Company, rival: Company, queues: Sqs
) -> None:
    send(company, queues, product_sku="GHOST")
    send(company, queues, product_sku="OTHER")
    send(rival, queues, product_sku="GHOST")
    product(company, "GHOST")
    dry = winroom("failed", "replay", "--tenant", "acme", "--dry-run", "--json")
    assert dry.exit_code == 1
    done = winroom("failed", "replay", "--tenant", "acme", "--json")
    assert done.exit_code == 1
    for told in (dry, done):
        outcomes = [one["outcome"] for one in json.loads(told.stdout)["results"]]
        assert outcomes == ["replayed", "refused"]
    assert [one["tenant"] for one in read(winroom, "failed", "list")] == ["rival", "acme"]
    assert audited(company) == [("POST", "/api/failed-events/replay", 200, "winroom failed replay")]
    (row,) = company.rows("select resolved_by from wr.sales_events_dlq where resolution = 'replayed'")
    assert row == {"resolved_by": "operator"}
    process_due(company)
    assert company.count("queue") == 1


def test_whatever_is_cured_is_replayed_in_all_companies(
    winroom: Winroom, company: Company, rival: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failed_events, "AT_ONCE", 2)
    for one in (company, rival):
        for _ in range(3):
            send(one, queues, product_sku="GHOST")
        product(one, "GHOST")
    done = winroom("failed", "replay", "--all", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [one["tenant"] for one in told["results"]] == ["acme"] * 3 + ["rival"] * 3
    # The environment names the database: nobody knows whose queue this is, and the sweeper sends them.
    assert told["sent"] is False
    assert len(read(winroom, "events", "pending")) == 6
    assert winroom("failed", "replay", "--all").output == "Nothing has failed.\n"


def test_events_are_replayed_by_their_ids_whosever_they_are(
    winroom: Winroom, company: Company, rival: Company, queues: Sqs
) -> None:
    for one in (company, rival):
        send(one, queues, product_sku="GHOST")
        product(one, "GHOST")
    ids = [one["id"] for one in read(winroom, "failed", "list")]
    done = winroom("failed", "replay", *ids)
    assert done.exit_code == 0, done.output
    assert "the sweeper sends them to the processor within a minute" in done.stderr
    again = winroom("failed", "replay", *ids, str(uuid4()), "--json")
    assert again.exit_code == 1
    outcomes = [one["outcome"] for one in json.loads(again.stdout)["results"]]
    assert outcomes == ["settled", "settled", "unknown"]


def test_what_the_queue_does_not_take_is_left_to_the_sweeper(
    winroom: Winroom, company: Company, queues: Sqs, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    send(company, queues, product_sku="GHOST")
    product(company, "GHOST")
    seeded = demo.seed(tmp_path, company.database.url_of("operator"))
    up = replace(running(company.database, seeded), outputs={"SalesEventsQueueUrl": "http://127.0.0.1:9"})
    environment.delenv("OPERATOR_DATABASE_URL")
    environment.setattr(local, "read", lambda: up)
    sqs = Mock()
    sqs.send_message_batch.return_value = {"Failed": [{"Id": "0", "Code": "InternalError"}]}
    environment.setattr(Target, "client", lambda *_: sqs)
    done = winroom("failed", "replay", "--all", "--json")
    assert sqs.send_message_batch.call_count == 1
    assert (done.exit_code, json.loads(done.stdout)["sent"]) == (0, False)
    assert "the sweeper sends them" in done.stderr


@pytest.mark.parametrize("arguments", [(), (str(uuid4()), "--all"), ("no-id",), ("--since", "yesterday")])
def test_which_ones_must_be_said(winroom: Winroom, arguments: tuple[str, ...]) -> None:
    assert winroom("failed", "replay", *arguments).exit_code == 2


def test_a_conflict_named_alone_is_accepted_after_a_question(
    winroom: Winroom, company: Company, rival: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = send(company, queues)
    send(rival, queues, sale_id=body["sale_id"])
    send(company, queues, **{**body, "sell_price": "250.00"})
    (conflict,) = read(winroom, "failed", "list")
    assert winroom("failed", "replay", "--all", "--yes").exit_code == 1  # each is a decision
    assert winroom("failed", "replay", conflict["id"]).exit_code == 1  # nobody answers
    price = "select sell_price::text from wr.queue"
    assert company.rows(price) == [{"sell_price": "100.00"}]
    monkeypatch.setattr(screen, "is_answered", lambda: True)
    done = winroom("failed", "replay", conflict["id"], input="y\n")
    assert done.exit_code == 0, done.output
    assert company.rows(price) == [{"sell_price": "250.00"}]
    assert rival.rows(price) == [{"sell_price": "100.00"}]
    (told,) = company.rows("select actor from wr.events where type = 'queue.corrected'")
    assert told == {"actor": "operator"}
    assert [row[1] for row in audited(company)] == ["/api/failed-events/{failed_event_id}/replay"]


def test_what_is_no_sale_is_discarded_with_its_reason(
    winroom: Winroom, company: Company, queues: Sqs
) -> None:
    send(company, queues, product_sku="GHOST")
    (letter,) = read(winroom, "failed", "list")
    arguments = ("failed", "discard", letter["id"], "--because", "A test of theirs")
    assert winroom(*arguments).exit_code == 1  # nobody answers
    assert audited(company) == []
    assert winroom(*arguments, "--yes").exit_code == 0
    again = winroom(*arguments, "--yes", "--json")
    assert again.exit_code == 1
    assert "already discarded" in json.loads(again.stdout)["results"][0]["message"]
    (settled,) = read(winroom, "failed", "list", "--resolved")
    assert (settled["resolution"], settled["resolved_by"]) == ("discarded", "operator")
    assert winroom("failed", "discard", str(uuid4()), "--because", "x", "--yes").exit_code == 1
    assert "must not be empty" in winroom("failed", "discard", letter["id"], "--because", " ", "--yes").stderr
    assert len(audited(company)) == 1


def test_an_event_is_shown_whosever_it_is(
    winroom: Winroom, company: Company, rival: Company, queues: Sqs
) -> None:
    body = send(rival, queues)
    (row,) = rival.rows("select event_id from wr.sales_events")
    shown = read(winroom, "events", "show", str(row["event_id"]))
    assert (shown["tenant"], shown["sale_id"], shown["status"]) == ("rival", body["sale_id"], "processed")
    assert body["sale_id"] in winroom("events", "show", str(row["event_id"])).output
    unknown = winroom("events", "show", str(uuid4()))
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert winroom("events", "show", "S-1").exit_code == 2


def test_what_waits_is_listed_by_when_it_is_due(
    winroom: Winroom, company: Company, rival: Company, queues: Sqs
) -> None:
    for one in (rival, company):
        doors.http(ingestion, "POST", "/api/events", sale(), key=one.ingest_key)
    assert [one["tenant"] for one in read(winroom, "events", "pending")] == ["rival", "acme"]
    assert [one["tenant"] for one in read(winroom, "events", "pending", "--tenant", "acme")] == ["acme"]
