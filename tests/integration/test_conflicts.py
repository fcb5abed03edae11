"""Sales that contradict what is known: accepted as corrections, or as sales of their own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests import crm
from tests.desk import Desk
from tests.doors import Answer
from tests.factories import Database, sale
from tests.floor import approve, claim, exclude, release, told
from winroom import db, failed_events, schema

ORIGINAL = sale(sale_id="a", sell_price=100, cost_price=60, external_event_id="x", category="office")
CHANGES = {
    "sell_price": 150,
    "cost_price": None,
    "currency": "EUR",
    "product_sku": "DESK",
    "customer_name": "Ada",
    "seller_external_id": "ben",
    "notes": "Upgraded",
    "category": None,
    "occurred_at": "2026-02-01T00:00:00Z",
}


@dataclass
class Corrected:
    """A sale that was claimed, contradicted in every field, and corrected by that."""

    # Of the failed event, before.
    contradiction: dict[str, Any]
    known_id: UUID
    product_id: str
    claim_id: str
    answer: Answer


class TestWhatACorrectionChanges:
    @pytest.fixture
    def corrected(self, desk: Desk) -> Iterator[Corrected]:
        product_id = desk.product("DESK", cost=70)
        one = desk.contradict(ORIGINAL, **CHANGES)
        known_id = UUID(desk.show(one)["conflicts_with"])
        desk.company.database.seller(desk.company, "cem")
        claimed = claim(desk.company, {"id": desk.item("a")["queue_id"]}, "cem").json["claim"]
        desk.queues.take("room.fifo")
        answer = desk.replay(one)
        assert answer.status == 200, answer.raw
        yield Corrected(one, known_id, product_id, claimed["id"], answer)
        desk.check()

    def test_the_answer_keeps_what_was_replaced(self, corrected: Corrected) -> None:
        answer = corrected.answer.json
        assert (answer["resolution"], answer["event_status"]) == ("accepted", "processed")
        assert answer["existing"]["sell_price"] == "100.00"
        assert len(answer["differences"]) == len(CHANGES)

    def test_the_item_takes_the_content_and_keeps_its_seller(self, desk: Desk, corrected: Corrected) -> None:
        item = desk.item("a")
        texts = [item[name] for name in ("customer_name", "currency", "seller_id", "notes", "category")]
        assert texts == ["Ada", "EUR", "ben", "Upgraded", None]
        assert (str(item["sell_price"]), str(item["cost_price"])) == ("150.00", "70.00")
        assert str(item["product_id"]) == corrected.product_id
        assert item["occurred_at"] == datetime(2026, 2, 1, tzinfo=UTC)
        assert (item["status"], item["assigned_seller_id"]) == ("claimed", "cem")

    def test_the_claim_takes_it_too(self, desk: Desk, corrected: Corrected) -> None:
        (held,) = desk.company.rows("select * from wr.claims")
        whose = (str(held["claim_id"]), held["claimed_by"], held["state"])
        assert whose == (corrected.claim_id, "cem", "approved")
        assert (str(held["sell_price"]), held["currency"], held["customer_name"]) == ("150.00", "EUR", "Ada")
        assert (str(held["margin_amount"]), str(held["product_id"])) == ("80.00", corrected.product_id)

    def test_the_first_event_has_it_and_the_other_one_says_what_it_corrected(
        self, desk: Desk, corrected: Corrected
    ) -> None:
        event = desk.event(corrected.known_id)
        assert (event["status"], event["payload"]["sell_price"]) == ("processed", "150.00")
        assert (event["external_event_id"], event["payload"]["external_event_id"]) == ("x", "x")
        kept = desk.event(corrected.contradiction["event_id"])
        assert (kept["status"], kept["failure"], kept["conflicts_with"]) == ("processed", None, None)
        assert kept["corrects"] == corrected.known_id

    def test_the_room_is_told_and_woken_once(self, desk: Desk, corrected: Corrected) -> None:
        last = told(desk.company)[-1]
        assert (last["type"], last["sale_id"], last["actor"]) == ("queue.corrected", "a", desk.name)
        assert last["payload"] == {
            "id": str(desk.item("a")["queue_id"]),
            "saleId": "a",
            "sellerId": "ben",
            "sellerName": "ben",
            "customerName": "Ada",
            "productName": "Product DESK",
            "category": None,
            "occurredAt": "2026-02-01T00:00:00+00:00",
            "source": "api",
            "sellPrice": "150.00",
            "margin": "80.00",
            "currency": "EUR",
            "status": "claimed",
            "reason": None,
            "suspectedDuplicateOf": None,
            "awaitsReview": False,
            "claimId": corrected.claim_id,
            "claimedBy": "cem",
            "state": "approved",
        }
        assert len(desk.queues.bodies("room.fifo")) == 1
        assert desk.queues.bodies("sales-events") == []

    def test_from_now_on_the_new_content_is_what_is_known(self, desk: Desk, corrected: Corrected) -> None:
        content = {name: value for name, value in (ORIGINAL | CHANGES).items() if value is not None}
        assert crm.post(desk.company, content).json["duplicate"] is True
        assert crm.post(desk.company, ORIGINAL).status == 409


class TestCorrection:
    def test_the_room_is_told_the_keys_that_queue_created_tells(self, desk: Desk) -> None:
        desk.replay(desk.contradict(sale(sale_id="a"), sell_price=120))
        created, corrected = told(desk.company)
        assert (created["type"], corrected["type"]) == ("queue.created", "queue.corrected")
        assert set(corrected["payload"]) - set(created["payload"]) == {"claimId", "claimedBy", "state"}
        assert set(created["payload"]) < set(corrected["payload"])
        assert corrected["payload"]["occurredAt"] == created["payload"]["occurredAt"]
        assert corrected["payload"]["state"] is corrected["payload"]["claimId"] is None

    def test_a_claim_that_waits_for_approval_is_corrected_and_counts_when_approved(self, desk: Desk) -> None:
        desk.company.set(claim_approval=True)
        one = desk.contradict(sale(sale_id="a", sell_price=100), sell_price=120)
        claimed = claim(desk.company, {"id": desk.item("a")["queue_id"]}).json["claim"]
        assert desk.replay(one).status == 200
        assert desk.company.count("board_days") == 0
        assert approve(desk.company, claimed).status == 200
        (day,) = desk.company.rows("select wins, revenue from wr.board_days")
        assert (day["wins"], str(day["revenue"])) == (1, "120.00")
        desk.check()

    def test_a_claim_that_was_given_back_stays_as_it_was(self, desk: Desk) -> None:
        one = desk.contradict(sale(sale_id="a", sell_price=100), sell_price=120)
        item = {"id": desk.item("a")["queue_id"]}
        claim(desk.company, item)
        release(desk.company, item)
        assert desk.replay(one).status == 200
        (given_back,) = desk.company.rows("select state, sell_price from wr.claims")
        assert (given_back["state"], str(given_back["sell_price"])) == ("released", "100.00")
        desk.check()

    def test_an_excluded_item_stays_excluded(self, desk: Desk) -> None:
        one = desk.contradict(sale(sale_id="a"), sell_price=120)
        exclude(desk.company, {"id": desk.item("a")["queue_id"]})
        assert desk.replay(one).status == 200
        assert desk.item("a")["status"] == "excluded"

    def test_a_sale_that_still_waits_takes_the_content_and_goes_on(self, desk: Desk) -> None:
        original = sale(sale_id="a", sell_price=100)
        desk.send(original, {**original, "sell_price": 120, "seller_external_id": "zoe"})
        assert desk.replay(desk.only()).status == 200
        assert told(desk.company) == []
        desk.process()
        assert (str(desk.item("a")["sell_price"]), desk.item("a")["seller_id"]) == ("120.00", "zoe")
        desk.check()

    def test_a_sale_that_had_failed_begins_anew_with_it(self, desk: Desk) -> None:
        original = sale(sale_id="a", product_sku="GONE")
        desk.sell(original)
        failed = desk.only()
        desk.send({**original, "product_sku": "DESK"})
        desk.product("DESK")
        assert desk.replay(desk.only("reason=conflict")).status == 200
        assert desk.listed() == []
        settled = desk.show(failed)
        assert (settled["resolution"], settled["resolved_by"]) == ("replayed", desk.name)
        desk.process()
        assert desk.item("a")["product_id"] is not None
        desk.check()

    def test_so_does_one_that_was_discarded(self, desk: Desk) -> None:
        original = sale(sale_id="a", product_sku="GONE")
        desk.sell(original)
        desk.discard(desk.only())
        changed = {k: v for k, v in original.items() if k != "product_sku"}
        desk.send(changed)
        assert desk.replay(desk.only()).status == 200
        desk.process()
        assert desk.item("a")["status"] == "pending"
        desk.check()

    def test_an_unknown_product_changes_nothing(self, desk: Desk) -> None:
        one = desk.contradict(sale(sale_id="a", sell_price=100), sell_price=120, product_sku="GONE")
        before = desk.item("a")
        for _ in range(2):
            answer = desk.replay(one)
            assert answer.status == 409
            assert answer.json["error"].startswith("The product GONE is unknown")
        unknown = desk.replay(one, product_sku=None, product_id=str(uuid4()))
        assert unknown.status == 409
        assert desk.item("a") == before
        assert desk.only() == one
        assert desk.replay(one, product_sku=None).status == 200

    def test_corrections_of_one_sale_follow_one_another(self, desk: Desk) -> None:
        body = sale(sale_id="a", sell_price=100)
        desk.replay(desk.contradict(body, sell_price=120))
        # The first content contradicts what is known now, and may be accepted again.
        for price, status in ((100, 409), (120, 202), (130, 409)):
            assert crm.post(desk.company, {**body, "sell_price": price}).status == status
        prices = {one["sell_price"] for one in desk.listed()}
        assert prices == {"100.00", "130.00"}
        for one in desk.listed():
            assert desk.replay(one).status == 200
        assert crm.post(desk.company, {**body, "sell_price": 120}).status == 409
        assert len(desk.listed()) == 1
        desk.check()

    def test_many_corrections_at_once_end_in_one_of_them(self, desk: Desk) -> None:
        body = sale(sale_id="a", sell_price=100)
        desk.sell(body)
        claim(desk.company, {"id": desk.item("a")["queue_id"]})
        desk.send(*({**body, "sell_price": price} for price in range(101, 113)))
        with ThreadPoolExecutor(12) as threads:
            statuses = set(threads.map(lambda one: desk.replay(one).status, desk.listed()))
        assert statuses == {200}
        (known,) = desk.company.rows("select content_hash from wr.sale_keys")
        (event,) = desk.company.rows(
            "select content_hash, payload from wr.sales_events where corrects is null"
        )
        assert known["content_hash"] == event["content_hash"]
        assert str(desk.item("a")["sell_price"]) == event["payload"]["sell_price"]
        desk.check()

    def test_claims_and_releases_meanwhile_leave_the_boards_right(self, desk: Desk) -> None:
        body = sale(sale_id="a", sell_price=100)
        desk.sell(body)
        item = {"id": desk.item("a")["queue_id"]}
        desk.send(*({**body, "sell_price": price} for price in range(101, 113)))
        corrections = desk.listed()

        def act(number: int) -> int:
            if number % 3 == 0:
                return claim(desk.company, item).status
            if number % 3 == 1:
                return release(desk.company, item).status
            return desk.replay(corrections[number // 3]).status

        with ThreadPoolExecutor(12) as threads:
            assert set(threads.map(act, range(36))) <= {200, 409}
        assert desk.listed() == []
        desk.check()

    def test_the_way_back_of_the_migration_leaves_the_sale_as_it_was_corrected(
        self, desk: Desk, database: Database
    ) -> None:
        first = sale(sale_id="a", sell_price=100)
        desk.replay(desk.contradict(first, sell_price=120))
        for price in (130, 120):
            desk.send({**first, "sell_price": price})
            assert desk.replay(desk.only()).json["resolution"] == "accepted"
        db.close()
        schema.roll_back(database.owner_url, to="0009_imports")
        (event,) = database.execute("select * from wr.sales_events")
        assert (event["sale_id"], event["status"], event["payload"]["sell_price"]) == (
            "a",
            "processed",
            "120.00",
        )
        letters = database.execute("select distinct resolution from wr.sales_events_dlq")
        assert [letter["resolution"] for letter in letters] == ["accepted"]


class TestConflictOfIds:
    @pytest.fixture
    def borrowed(self, desk: Desk) -> dict[str, Any]:
        """A sale of its own that came with another's external_event_id."""
        desk.sell(sale(sale_id="a", external_event_id="x"))
        desk.send(sale(sale_id="b", external_event_id="x", sell_price=55))
        return desk.only()

    def test_a_borrowed_external_id_must_go_first(self, desk: Desk, borrowed: dict[str, Any]) -> None:
        answer = desk.replay(borrowed)
        assert answer.status == 409
        assert "external_event_id belongs to event" in answer.json["error"]
        assert desk.only() == borrowed
        assert desk.edit(borrowed, external_event_id=None).status == 200
        assert desk.replay(borrowed).json["resolution"] == "replayed"
        desk.process()
        assert str(desk.item("b")["sell_price"]) == "55.00"
        assert str(desk.item("b")["event_id"]) == borrowed["event_id"]
        assert desk.company.count("sale_keys") == 2
        desk.check()

    def test_or_be_another(self, desk: Desk, borrowed: dict[str, Any]) -> None:
        assert desk.replay(borrowed, external_event_id="y").status == 200
        desk.process()
        keys = desk.company.rows("select sale_id, external_event_id from wr.sale_keys order by sale_id")
        assert [(k["sale_id"], k["external_event_id"]) for k in keys] == [("a", "x"), ("b", "y")]
        again = crm.post(desk.company, {**sale(), "sale_id": "c", "external_event_id": "y"})
        assert again.status == 409

    def test_it_can_still_fail_for_its_product(self, desk: Desk, borrowed: dict[str, Any]) -> None:
        assert desk.replay(borrowed, external_event_id=None, product_sku="GONE").status == 200
        desk.process()
        assert desk.only()["reason"] == "unknown_product"
        desk.check()

    def test_a_conflict_becomes_a_sale_of_its_own_with_an_id_of_its_own(self, desk: Desk) -> None:
        one = desk.contradict(sale(sale_id="a"), sell_price=120)
        assert desk.replay(one, sale_id="a-2").status == 200
        desk.process()
        assert (str(desk.item("a")["sell_price"]), str(desk.item("a-2")["sell_price"])) == (
            "100.00",
            "120.00",
        )
        desk.check()

    def test_a_mistyped_id_does_not_overwrite_another_sale(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="bystander"))
        one = desk.contradict(sale(sale_id="a"), sell_price=120)
        answer = desk.replay(one, sale_id="bystander")
        assert (answer.status, "sale_id belongs to event" in answer.json["error"]) == (409, True)
        assert str(desk.item("bystander")["sell_price"]) == "100.00"

    def test_ids_of_two_sales_correct_the_one_whose_sale_id_it_is(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="a", external_event_id="x"), sale(sale_id="b", external_event_id="y"))
        desk.send(sale(sale_id="a", external_event_id="y", sell_price=120))
        one = desk.only()
        assert desk.replay(one).status == 409
        assert desk.replay(one, external_event_id=None).json["resolution"] == "accepted"
        assert str(desk.item("a")["sell_price"]) == "120.00"
        desk.check()

    def test_of_two_that_take_one_id_at_once_one_gets_it(self, desk: Desk) -> None:
        desk.sell(sale(sale_id="a"))
        body = sale(sale_id="a")
        desk.send(*({**body, "sell_price": price} for price in (101, 102, 103, 104)))
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda one: desk.replay(one, sale_id="free"), desk.listed()))
        assert sorted(a.status for a in answers) == [200, 409, 409, 409]
        desk.process()
        assert desk.company.count("queue") == 2
        desk.check()

    def test_an_id_that_goes_at_the_last_moment_is_refused(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.sell(sale(sale_id="free"))
        one = desk.contradict(sale(sale_id="a"), sell_price=120)
        look, free = failed_events._owners, {"by_sale": None, "by_external": None}
        looks = iter([lambda *_: [free], look])
        monkeypatch.setattr(failed_events, "_owners", lambda *given: next(looks)(*given))
        answer = desk.replay(one, sale_id="free")
        assert (answer.status, "sale_id belongs to event" in answer.json["error"]) == (409, True)
        assert desk.only() == one
