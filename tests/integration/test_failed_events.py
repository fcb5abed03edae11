"""Failed events through their HTTP doors and back through the processor: none is lost, none counts twice."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.api.app import ROUTES, handler
from functions.dead_letters.app import handler as dead_letters
from functions.maintenance.app import handler as maintenance
from tests import crm, doors
from tests.desk import PATH, Desk
from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale
from tests.floor import all_unknown, claim, release
from winroom import copy, ids
from winroom.messages import SaleEventReceived

MINE = [route for route in ROUTES if route.path.startswith(PATH)]


def message_of(answer: Answer, field: str) -> str:
    assert answer.status == 400, answer.raw
    (problem,) = [p for p in answer.json["details"] if p["field"] == field]
    return str(problem["message"])


class TestWhoMay:
    @pytest.mark.parametrize("route", MINE, ids=lambda route: f"{route.method} {route.path}")
    def test_admins_alone(self, company: Company, desk: Desk, route: Any) -> None:
        path = route.path.replace("{failed_event_id}", str(uuid4()))
        others = [company.person(role)[1] for role in ("manager", "seller", "watcher")]
        for key in [company.full_key, company.ingest_key, *others]:
            assert doors.http(handler, route.method, path, {}, key=key).status == 403
        assert doors.http(handler, route.method, path, {}).status == 401

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/{id}", None),
            ("PATCH", "/{id}", {"event": {"notes": "x"}}),
            ("POST", "/{id}/replay", None),
            ("POST", "/{id}/discard", {"reason": "x"}),
        ],
    )
    def test_another_companys_are_as_unknown_as_any(
        self, desk: Desk, rival: Company, queues: Sqs, method: str, path: str, body: object
    ) -> None:
        theirs = Desk(rival, queues)
        theirs.sell(sale(product_sku="GONE"))
        foreign = theirs.only()
        assert all_unknown(desk.company, method, PATH + path, foreign["id"], body) is False  # a key
        answers = [
            desk.call(method, path.format(id=one), body, headers={"X-Request-ID": "same"})
            for one in (foreign["id"], uuid4(), "no-id")
        ]
        assert {a.status for a in answers} == {404}
        assert len({a.raw for a in answers}) == 1
        assert theirs.only() == foreign
        assert desk.listed() == []

    def test_nor_can_they_be_replayed_with_others(self, desk: Desk, rival: Company, queues: Sqs) -> None:
        theirs = Desk(rival, queues)
        theirs.sell(sale(product_sku="GONE"))
        foreign = theirs.only()
        answer = desk.replay_many(ids=[foreign["id"]])
        assert answer["results"] == [
            {
                "id": foreign["id"],
                "event_id": None,
                "sale_id": None,
                "reason": None,
                "outcome": "unknown",
                "message": "There is no such failed event.",
            }
        ]
        assert theirs.only() == foreign


class TestList:
    def test_open_ones_newest_first_with_counts(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="a", product_sku="GONE", customer_name="Ada"))
        desk.contradict(sale(sale_id="b"), customer_name="Bob")
        lost = desk.lose()
        listed = desk.listed()
        assert [(one["reason"], one["sale_id"]) for one in listed] == [
            ("lost", None),
            ("conflict", "b"),
            ("unknown_product", "a"),
        ]
        assert listed[0] == lost
        unknown = listed[2]
        assert unknown["last_error"].startswith("The product GONE is unknown")
        assert (unknown["customer_name"], unknown["sell_price"], unknown["currency"]) == (
            "Ada",
            "100.00",
            "USD",
        )
        assert unknown["resolution"] is unknown["resolved_at"] is unknown["edited_by"] is None
        assert desk.call("GET", "?reason=unreadable").json["counts"] == {
            "conflict": 1,
            "unknown_product": 1,
            "unreadable": 0,
            "retries_exhausted": 0,
            "lost": 1,
        }

    def test_attempts_are_told(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        desk.send(sale())
        (message,) = desk.queues.take("sales-events")
        for _ in range(4):
            assert doors.sqs(dead_letters, [message]) == []
        one = desk.only("reason=retries_exhausted")
        assert (one["attempts"], one["last_error"]) == (4, "The processor never finished it")
        assert desk.replay(one).json["attempts"] == 4
        assert desk.event(one["event_id"])["retry_count"] == 0

    def test_it_is_filtered_and_searched(self, desk: Desk) -> None:
        desk.sell(
            sale(sale_id="1", product_sku="GONE", customer_name="Ada Lovelace"),
            sale(sale_id="2", product_sku="GONE", customer_name="ADAM"),
            sale(sale_id="3", product_sku="GONE", customer_name="100% real_"),
        )

        def found(query: str) -> set[str]:
            return {one["sale_id"] for one in desk.listed(query)}

        assert found("q=ada") == {"1", "2"}
        assert found("q=3") == {"3"}
        assert found("q=100%25") == {"3"}
        assert found("q=%25") == found("q=_") == found("q=nobody") == set()
        assert found("reason=unknown_product") == {"1", "2", "3"}
        assert found("reason=conflict") == set()
        assert found("since=2020-01-01T00:00:00Z") == found("since=0001-01-01T00:00:00Z") == {"1", "2", "3"}
        assert found("since=2100-01-01T00:00:00Z") == set()
        assert found("resolved=true") == set()

    def test_it_comes_in_pages(self, desk: Desk) -> None:
        desk.sell(*(sale(sale_id=str(n), product_sku="GONE") for n in range(5)))
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = desk.call("GET", f"?limit=2&cursor={cursor}").json
            seen += [one["id"] for one in page["failed_events"]]
            cursor = page["nextCursor"]
        assert len(seen) == 5
        assert seen == sorted(seen, reverse=True)

    @pytest.mark.parametrize(
        "query",
        ["reason=none", "since=yesterday", "q=%00", "resolved=perhaps", "cursor=x", "limit=101", "limit=0"],
    )
    def test_a_wrong_parameter_is_named(self, desk: Desk, query: str) -> None:
        answer = desk.call("GET", f"?{query}")
        assert answer.status == 400
        assert answer.json["details"][0]["field"] == query.partition("=")[0]

    def test_a_settled_one_tells_how_when_and_by_whom(self, desk: Desk) -> None:
        desk.sell(sale(product_sku="GONE"))
        one = desk.only()
        assert desk.discard(one, "Entered twice").status == 200
        assert desk.listed() == []
        settled = desk.only("resolved=true")
        assert (settled["resolution"], settled["resolved_by"], settled["resolution_reason"]) == (
            "discarded",
            desk.name,
            "Entered twice",
        )
        assert settled["resolved_at"] is not None
        assert settled["id"] == one["id"]


class TestShow:
    def test_the_event_and_its_history(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="a", product_sku="GONE"))
        first = desk.only()
        desk.replay(first)
        desk.process()
        again = desk.show(desk.only())
        assert again["id"] != first["id"]
        assert (again["event_id"], again["event_status"], again["source"]) == (
            first["event_id"],
            "failed",
            "api",
        )
        assert again["payload"]["product_sku"] == "GONE"
        assert again["existing"] is again["original_payload"] is again["conflicts_with"] is None
        assert again["differences"] == []
        (earlier,) = again["history"]
        assert (earlier["id"], earlier["resolution"], earlier["resolved_by"]) == (
            first["id"],
            "replayed",
            desk.name,
        )

    def test_a_conflict_beside_what_it_contradicts_field_by_field(self, desk: Desk) -> None:
        one = desk.show(
            desk.contradict(
                sale(sale_id="a", sell_price=100, category="office"),
                sell_price=120,
                notes="Upgraded",
                category=None,
            )
        )
        assert one["existing"]["sell_price"] == "100.00"
        assert one["payload"]["sell_price"] == "120.00"
        assert one["differences"] == [
            {"field": "sell_price", "existing": "100.00", "proposed": "120.00"},
            {"field": "category", "existing": "office", "proposed": None},
            {"field": "notes", "existing": None, "proposed": "Upgraded"},
        ]
        (known,) = desk.company.rows("select event_id from wr.sales_events where failure is null")
        assert one["conflicts_with"] == str(known["event_id"])

    def test_a_lost_one_is_the_message_that_came(self, desk: Desk) -> None:
        one = desk.show(desk.lose())
        assert one["payload"]["event_id"] == one["event_id"]
        assert one["event_status"] is one["source"] is None


class TestEdit:
    def test_fields_change_null_removes_and_the_original_is_kept(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="a", product_sku="GONE", notes="Call back"))
        one = desk.only()
        original = desk.show(one)["payload"]
        edited = desk.edit(one, sell_price=80, notes=None, seller_external_id=" Ben ")
        assert edited.status == 200
        assert edited.json["payload"] == {
            **{name: value for name, value in original.items() if name != "notes"},
            "sell_price": "80.00",
            "seller_external_id": "ben",
        }
        assert edited.json["original_payload"] == original
        assert edited.json["edited_by"] == desk.name
        again = desk.edit(one, amount="90.50").json
        assert (again["payload"]["sell_price"], again["original_payload"]) == ("90.50", original)
        # Nothing was replayed by that.
        assert desk.event(one["event_id"])["payload"] == original
        assert desk.only()["edited_by"] == desk.name

    def test_each_wrong_field_is_named_and_nothing_changes(self, desk: Desk) -> None:
        desk.sell(sale(product_sku="GONE"))
        one = desk.only()
        before = desk.show(one)
        answer = desk.edit(one, sell_price=-1, customer_name=None, currency="DOGE", notes="a\0b", sale_id=7)
        assert answer.status == 400
        assert {problem["field"] for problem in answer.json["details"]} == {
            "sell_price",
            "customer_name",
            "currency",
            "notes",
            "sale_id",
        }
        assert desk.show(one) == before

    @pytest.mark.parametrize("body", [{}, {"event": None}, {"event": []}, {"event": {}}, {"event": "x"}])
    def test_there_must_be_something_to_change(self, desk: Desk, body: object) -> None:
        desk.sell(sale(product_sku="GONE"))
        answer = desk.call("PATCH", f"/{desk.only()['id']}", body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, "event")

    def test_the_ids_by_which_an_event_is_known_stay(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="a", external_event_id="x", product_sku="GONE"))
        one = desk.only()
        assert "by it, whoever sent the event" in message_of(desk.edit(one, sale_id="b"), "sale_id")
        assert message_of(desk.edit(one, external_event_id=None), "external_event_id")
        assert message_of(desk.replay(one, sale_id="b"), "sale_id")
        assert desk.edit(one, sale_id="a", external_event_id="x").status == 200

    def test_strange_texts_are_kept_as_they_are(self, desk: Desk) -> None:
        desk.sell(sale(product_sku="GONE"))
        name = "<script>alert('\U0001f600')</script> \u0130pek"
        edited = desk.edit(desk.only(), customer_name=name, unknown={"deep": ["\0"]})
        assert edited.json["payload"]["customer_name"] == name
        assert "unknown" not in edited.json["payload"]
        assert len(desk.listed("q=%3Cscript")) == 1

    def test_a_settled_one_is_not_edited(self, desk: Desk) -> None:
        desk.sell(sale(product_sku="GONE"))
        one = desk.only()
        desk.discard(one)
        assert desk.edit(one, notes="x").status == 409


class TestReplay:
    def test_an_ordinary_failure_begins_anew(self, desk: Desk) -> None:
        body = sale(sale_id="a", product_sku="DESK")
        desk.sell(body)
        one = desk.only()
        desk.product("DESK", cost=40)
        answer = desk.replay(one)
        assert answer.status == 200
        assert (answer.json["resolution"], answer.json["resolved_by"]) == ("replayed", desk.name)
        assert answer.json["event_status"] == "pending"
        event = desk.event(one["event_id"])
        assert (event["failure"], event["retry_count"], event["error_message"]) == (None, 0, None)
        desk.process()
        assert str(desk.item("a")["margin_amount"]) == "60.00"
        # To its sender it is the sale it always was.
        again = crm.post(desk.company, body)
        assert (again.status, again.json["duplicate"], again.json["status"]) == (202, True, "processed")
        desk.check()

    def test_edited_and_replayed_in_one(self, desk: Desk) -> None:
        body = sale(sale_id="a", product_sku="GONE")
        desk.sell(body)
        one = desk.only()
        answer = desk.replay(one, product_sku=None, seller_external_id="zoe", customer_name="Zed")
        assert answer.status == 200
        assert answer.json["original_payload"]["product_sku"] == "GONE"
        desk.process()
        item = desk.item("a")
        assert (item["customer_name"], item["seller_id"]) == ("Zed", "zoe")
        # The original, sent again, is still a repetition; the content that was edited is not the sender's.
        assert crm.post(desk.company, body).json["duplicate"] is True
        assert crm.post(desk.company, {**body, "customer_name": "Zed"}).status == 409

    def test_the_fingerprint_follows_the_content(self, desk: Desk) -> None:
        alike = {"occurred_at": "2026-01-01T00:00:00Z", "customer_name": "Ada"}
        desk.sell(sale(sale_id="a", **alike), sale(sale_id="b", product_sku="GONE"))
        desk.replay(desk.only(), product_sku=None, **alike)
        desk.process()
        assert desk.item("b")["suspected_duplicate_of"] == "a"

    def test_failing_again_returns_there(self, desk: Desk) -> None:
        desk.sell(sale(product_sku="GONE"))
        first = desk.only()
        assert desk.replay(first).status == 200
        assert desk.listed() == []
        desk.process()
        again = desk.only()
        assert (again["event_id"], again["reason"]) == (first["event_id"], "unknown_product")
        assert again["id"] != first["id"]
        desk.check()

    def test_twice_is_one_effect_and_the_second_is_told_who_was_first(self, desk: Desk) -> None:
        desk.sell(sale(product_sku="GONE"))
        one = desk.only()
        assert desk.replay(one).status == 200
        second = desk.replay(one)
        assert second.status == 409
        assert second.json["error"].startswith("This failed event was already replayed at 20")
        assert desk.name in second.json["error"]
        assert len(desk.queues.bodies("sales-events")) == 1

    def test_fifty_at_once_are_one_effect(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="a", product_sku="GONE"))
        one = desk.only()
        desk.product("GONE")
        at_once = threading.Barrier(16)

        def replay(number: int) -> int:
            if number < 16:
                at_once.wait()
            return desk.replay(one).status

        with ThreadPoolExecutor(16) as threads:
            statuses = sorted(threads.map(replay, range(50)))
        assert statuses == [200] + [409] * 49
        assert len(desk.queues.bodies("sales-events")) == 1
        desk.process()
        assert desk.company.count("queue") == 1
        desk.check()

    def test_what_sqs_refuses_the_sweeper_sends(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="a", product_sku="GONE"))
        one = desk.only()
        desk.product("GONE")
        desk.queues.is_down = True
        assert desk.replay(one).status == 200
        desk.queues.is_down = False
        maintenance({"job": "sweep"}, doors.context())
        desk.process()
        assert desk.item("a")["status"] == "pending"

    def test_an_event_that_no_longer_is_one_is_refused(self, desk: Desk, database: Database) -> None:
        desk.sell(sale(product_sku="GONE"))
        database.execute("update wr.sales_events_dlq set payload = payload - 'customer_name'")
        assert message_of(desk.replay(desk.only()), "customer_name") == "customer_name is required"
        assert desk.replay(desk.only(), customer_name="Ada").status == 200

    @pytest.mark.parametrize("body", [{"event": []}, {"event": "x"}, [], "x"])
    def test_a_wrong_body_is_refused(self, desk: Desk, body: object) -> None:
        desk.sell(sale(product_sku="GONE"))
        one = desk.only()
        assert desk.call("POST", f"/{one['id']}/replay", body).status == 400
        assert desk.only() == one

    @pytest.mark.parametrize("body", [{}, {"event": None}, {"event": {}}, None])
    def test_without_changes_it_goes_as_it_is(self, desk: Desk, body: object) -> None:
        desk.sell(sale(product_sku="GONE"))
        answer = desk.call("POST", f"/{desk.only()['id']}/replay", body)
        assert (answer.status, answer.json["edited_by"]) == (200, None)


class TestLost:
    def test_it_is_filled_in_and_recorded_under_its_own_id(self, desk: Desk) -> None:
        one = desk.lose()
        empty = desk.replay(one)
        assert empty.status == 400
        assert "fill in the whole sale" in empty.json["error"]
        assert "sale_id" in {problem["field"] for problem in empty.json["details"]}
        assert desk.edit(one, customer_name="Ada").status == 400
        body = sale(sale_id="found", seller_external_id="new")
        edited = desk.edit(one, **body).json
        assert (edited["sale_id"], edited["payload"]["sale_id"]) == ("found", "found")
        assert edited["original_payload"]["event_id"] == one["event_id"]
        assert desk.only("q=found")["id"] == one["id"]
        answer = desk.replay(one)
        assert (answer.status, answer.json["resolution"]) == (200, "replayed")
        desk.process()
        assert str(desk.item("found")["event_id"]) == one["event_id"]
        assert crm.post(desk.company, body).json == {
            "eventId": one["event_id"],
            "status": "processed",
            "message": "This event was received before; nothing was changed",
            "duplicate": True,
        }
        desk.check()

    def test_ids_that_are_taken_are_named(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="a", external_event_id="x"))
        one = desk.lose()
        taken = desk.replay(one, **sale(sale_id="a"))
        assert (taken.status, "sale_id belongs to event" in taken.json["error"]) == (409, True)
        taken = desk.replay(one, **sale(sale_id="b", external_event_id="x"))
        assert (taken.status, "external_event_id belongs" in taken.json["error"]) == (409, True)
        # A refusal leaves no half of it.
        assert desk.only()["edited_by"] is None
        assert desk.company.count("sale_keys") == 1

    def test_one_that_was_recorded_in_the_meantime_is_not_recorded_again(self, desk: Desk) -> None:
        one = desk.lose()
        desk.sell(sale(sale_id="a"))
        desk.company.database.execute("update wr.sales_events set event_id = %s", one["event_id"])
        answer = desk.replay(one, **sale(sale_id="b"))
        assert (answer.status, "in the meantime" in answer.json["error"]) == (409, True)


class TestOfWhatIsGone:
    """After a restore of a part, or a hand in the tables."""

    def test_what_has_no_event_any_more_is_discarded_or_restored(self, desk: Desk) -> None:
        desk.sell(sale(product_sku="NONE"))
        one = desk.only()
        desk.company.database.execute("delete from wr.sales_events")
        for refused in (desk.replay(one), desk.edit(one, customer_name="Ada")):
            assert (refused.status, refused.json["error"]) == (409, copy.EVENT_MISSING)
        (result,) = desk.replay_many()["results"]
        assert (result["outcome"], result["message"]) == ("refused", copy.EVENT_MISSING)
        assert desk.discard(one).status == 200

    @pytest.mark.parametrize(
        "gone",
        ["delete from wr.sales_events where status = 'processed'", "delete from wr.queue"],
    )
    def test_a_correction_of_a_sale_that_is_gone_changes_nothing(
        self, desk: Desk, gone: LiteralString
    ) -> None:
        one = desk.contradict(sale(), sell_price=1)
        desk.company.database.execute(gone)
        refused = desk.replay(one)
        assert (refused.status, refused.json["error"]) == (409, copy.SALE_MISSING)
        assert desk.only()["id"] == one["id"]


class TestMany:
    def test_each_for_itself_and_never_a_conflict(self, desk: Desk) -> None:
        desk.contradict(sale(sale_id="c"), sell_price=120)
        desk.sell(sale(sale_id="good", product_sku="DESK"), sale(sale_id="bad", product_sku="GONE"))
        desk.lose()
        desk.product("DESK")
        expected = {"c": "skipped", "good": "replayed", "bad": "refused", None: "refused"}
        dry = desk.replay_many(dry_run=True)
        assert {r["sale_id"]: r["outcome"] for r in dry["results"]} == expected
        assert len(desk.listed()) == 4
        assert desk.queues.bodies("sales-events") == []
        real = desk.replay_many()
        assert (dry.pop("dry_run"), real.pop("dry_run")) == (True, False)
        assert real == dry
        assert real["counts"] == {"replayed": 1, "skipped": 1, "refused": 2, "settled": 0, "unknown": 0}
        messages = {r["sale_id"]: r["message"] for r in real["results"]}
        assert messages["good"] is None
        assert "GONE is unknown" in messages["bad"]
        assert "replay it alone" in messages["c"]
        assert "sale_id is required" in messages[None]
        assert real["nextCursor"] is None
        desk.process()
        assert desk.item("good")["status"] == "pending"
        assert len(desk.listed()) == 3
        desk.check()

    def test_lost_ones_that_were_filled_in_go_with_the_others(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="taken"))
        first = desk.lose()
        desk.edit(first, **sale(sale_id="found"))
        message = SaleEventReceived(ids.new(), desk.company.tenant_id, datetime.now(UTC))
        doors.sqs(dead_letters, [message.body()])
        second = desk.listed("reason=lost")[0]
        desk.edit(second, **sale(sale_id="taken"))
        replayed = desk.replay_many(reason="lost")
        assert [r["outcome"] for r in replayed["results"]] == ["replayed", "refused"]
        assert "sale_id belongs to" in replayed["results"][1]["message"]
        desk.edit(second, sale_id="twin")
        doors.sqs(
            dead_letters, [SaleEventReceived(ids.new(), desk.company.tenant_id, datetime.now(UTC)).body()]
        )
        third = desk.listed("reason=lost")[0]
        desk.edit(third, **sale(sale_id="twin"))
        twins = desk.replay_many(reason="lost")
        assert [r["outcome"] for r in twins["results"]] == ["replayed", "refused"]
        desk.process()
        assert {r["sale_id"] for r in desk.company.rows("select sale_id from wr.queue")} == {
            "taken",
            "found",
            "twin",
        }
        desk.check()

    def test_by_ids_with_the_settled_and_the_unknown(self, desk: Desk) -> None:
        desk.sell(sale(product_sku="DESK"), sale(product_sku="DESK"), sale(product_sku="DESK"))
        desk.product("DESK")
        first, second, _ = desk.listed()
        desk.discard(first)
        nobody = str(uuid4())
        answer = desk.replay_many(ids=[first["id"], second["id"], nobody])
        outcomes = {r["id"]: r["outcome"] for r in answer["results"]}
        assert outcomes == {first["id"]: "settled", second["id"]: "replayed", nobody: "unknown"}
        assert "already discarded" in next(r["message"] for r in answer["results"] if r["id"] == first["id"])
        assert len(desk.listed()) == 1
        again = desk.replay_many(ids=[second["id"]])
        assert again["counts"]["settled"] == 1
        assert len(desk.queues.bodies("sales-events")) == 1

    def test_by_reason_and_since(self, desk: Desk) -> None:
        desk.sell(sale(product_sku="DESK"))
        desk.product("DESK")
        later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        assert desk.replay_many(since=later)["results"] == []
        assert desk.replay_many(reason="unreadable")["results"] == []
        assert (
            desk.replay_many(reason="unknown_product", since="2020-01-01T00:00:00Z")["counts"]["replayed"]
            == 1
        )

    def test_five_hundred_at_once_and_then_the_rest(self, desk: Desk, database: Database) -> None:
        body = {"occurred_at": "2026-01-01T00:00:00Z", "seller_external_id": "anna", "currency": "USD"}
        database.execute(
            "with failed as ("
            "    insert into wr.sales_events (tenant_id, event_id, sale_id, payload, content_hash,"
            "        fingerprint, status, failure)"
            "    select %s, wr.uuid_v7(), 's' || n, %s::jsonb || jsonb_build_object('sale_id', 's' || n,"
            "        'customer_name', 'C' || n, 'sell_price', '1.00'), sha256(int4send(n)),"
            "        sha256(int4send(n)), 'failed', 'unreadable' from generate_series(1, 501) n"
            "    returning tenant_id, event_id, sale_id, failure, payload)"
            " insert into wr.sales_events_dlq (tenant_id, event_id, sale_id, failure_reason, payload)"
            " select * from failed",
            desk.company.tenant_id,
            json.dumps(body),
        )
        first = desk.replay_many()
        assert first["counts"]["replayed"] == 500
        assert first["nextCursor"] == first["results"][-1]["id"]
        rest = desk.replay_many(cursor=first["nextCursor"])
        assert (rest["counts"]["replayed"], rest["nextCursor"]) == (1, None)
        assert desk.company.rows("select count(*) as n from wr.sales_events where status = 'pending'") == [
            {"n": 501}
        ]
        assert len(desk.queues.take("sales-events")) == 501

    def test_several_at_once_replay_each_once(self, desk: Desk) -> None:
        desk.sell(*(sale(product_sku="DESK") for _ in range(20)))
        desk.product("DESK")
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda _: desk.replay_many(), range(6)))
        assert sum(answer["counts"]["replayed"] for answer in answers) == 20
        desk.process()
        assert desk.company.count("queue") == 20
        desk.check()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"ids": []}, "ids"),
            ({"ids": ["x"]}, "ids.0"),
            ({"ids": [str(uuid4())] * 501}, "ids"),
            ({"ids": [str(uuid4())], "reason": "lost"}, "ids"),
            ({"ids": [str(uuid4())], "since": "2026-01-01T00:00:00Z"}, "ids"),
            ({"reason": "none"}, "reason"),
            ({"since": 5}, "since"),
            ({"dry_run": "perhaps"}, "dry_run"),
            ({"cursor": "x"}, "cursor"),
        ],
    )
    def test_a_wrong_field_is_named(self, desk: Desk, body: object, field: str) -> None:
        answer = desk.call("POST", "/replay", body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)


class TestDiscard:
    def test_it_is_settled_and_the_event_stays_failed(self, desk: Desk) -> None:
        body = sale(product_sku="GONE")
        desk.sell(body)
        one = desk.only()
        answer = desk.discard(one, "A test of theirs <b>")
        assert answer.status == 200
        assert (answer.json["resolution"], answer.json["resolution_reason"]) == (
            "discarded",
            "A test of theirs <b>",
        )
        assert answer.json["event_status"] == "failed"
        assert crm.post(desk.company, body).json["duplicate"] is True
        desk.check()

    def test_a_discarded_conflict_that_comes_again_is_not_asked_about_again(self, desk: Desk) -> None:
        body = sale(sale_id="a")
        desk.discard(desk.contradict(body, sell_price=120))
        assert crm.post(desk.company, {**body, "sell_price": 120}).status == 409
        assert desk.listed() == []
        desk.check()

    def test_a_lost_message_that_comes_again_is_not_asked_about_again(self, desk: Desk) -> None:
        desk.sell(sale())
        one = desk.lose()
        message = json.dumps(desk.show(one)["payload"])
        assert desk.discard(one).status == 200
        assert doors.sqs(dead_letters, [message]) == []
        assert desk.listed() == []
        # It says nothing of another.
        assert desk.lose()["event_id"] != one["event_id"]

    def test_what_is_settled_stays_so(self, desk: Desk) -> None:
        desk.sell(sale(product_sku="GONE"))
        one = desk.only()
        desk.discard(one, "first")
        for answer in (desk.discard(one, "second"), desk.replay(one), desk.replay(one, notes="x")):
            assert answer.status == 409
            assert "already discarded at 20" in answer.json["error"]
            assert desk.name in answer.json["error"]
        assert desk.show(one)["resolution_reason"] == "first"

    @pytest.mark.parametrize(
        "body", [{}, {"reason": " "}, {"reason": "a\0b"}, {"reason": "x" * 501}, {"reason": 1}]
    )
    def test_a_reason_is_asked_for(self, desk: Desk, body: object) -> None:
        desk.sell(sale(product_sku="GONE"))
        answer = desk.call("POST", f"/{desk.only()['id']}/discard", body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, "reason")


# What an admin might type into a field, sense or nonsense.
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from(["USD", "12.50", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "sale", "DESK"]),
)
FIELDS = st.sampled_from(
    [
        *("sale_id", "occurred_at", "customer_name", "sell_price", "amount", "cost_price", "currency"),
        *(
            "seller_external_id",
            "product_id",
            "product_sku",
            "external_event_id",
            "category",
            "notes",
            "other",
        ),
    ]
)
AGAIN = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class TestWhateverIsDone:
    @AGAIN
    @given(changes=st.dictionaries(FIELDS, ANYTHING, min_size=1, max_size=4), kind=st.integers(0, 2))
    def test_no_edit_is_our_error(self, desk: Desk, changes: dict[str, Any], kind: int) -> None:
        forgive(desk)
        unlike = str(uuid4())
        if kind == 0:
            desk.sell(sale(sale_id=unlike, product_sku="GONE"))
        elif kind == 1:
            body = sale(sale_id=unlike)
            desk.sell(body)
            desk.send({**body, "sell_price": 120})
        else:
            message = SaleEventReceived(ids.new(), desk.company.tenant_id, datetime.now(UTC))
            doors.sqs(dead_letters, [message.body()])
        one = desk.listed("limit=1")[0]
        edited = desk.edit(one, **changes)
        assert edited.status in (200, 400), edited.raw
        if edited.status == 200:
            assert desk.show(one)["payload"] == edited.json["payload"]
        assert desk.replay(one).status in (200, 400, 409)
        assert desk.replay(one, **changes).status in (200, 400, 409)
        desk.process()
        desk.check()

    @settings(AGAIN, max_examples=20)
    @given(steps=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=5, max_size=25))
    def test_nothing_is_lost_and_nothing_counts_twice(self, desk: Desk, steps: list[tuple[int, int]]) -> None:
        forgive(desk)
        run = str(uuid4())[:8]
        known = 0
        for action, number in steps:
            one = (desk.listed("limit=10") or [None])[-1 if number % 2 else 0]  # type: ignore[list-item]
            items = desk.company.rows("select queue_id from wr.queue order by queue_id desc limit 3")
            item = {"id": items[number % len(items)]["queue_id"]} if items else None
            if action in (0, 1, 2):
                sku = "GONE" if number % 3 == 0 else "DESK" if number % 3 == 1 else None
                desk.send(sale(sale_id=f"{run}-{number}", product_sku=sku, sell_price=100 + known % 4))
                known += 1
            elif action == 3:
                desk.process()
            elif action == 4 and one:
                assert desk.replay(one).status in (200, 409)
            elif action == 5 and one:
                assert desk.replay(one, product_sku=None, sell_price=7).status in (200, 409)
            elif action == 6 and one:
                assert desk.discard(one).status == 200
            elif action == 7:
                desk.replay_many()
            elif action == 8 and item:
                claim(desk.company, item)
            elif action == 9 and item:
                release(desk.company, item)
        desk.process()
        desk.check()


def forgive(desk: Desk) -> None:
    """Many requests of one minute."""
    desk.company.database.execute("delete from wr.rate_counters")
