"""The queue through its HTTP door: who sees what of it, setting items aside, judging suspected duplicates."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.floor import (
    ALIKE,
    all_unknown,
    approve,
    call,
    claim,
    display,
    enqueue,
    exclude,
    excluded,
    reject,
    release,
    restore,
    told,
)
from tests.wire import Wire
from winroom import schema
from winroom.room import Messages

HIDDEN = {"cost_price", "margin_amount", "margin_pct"}


class TestList:
    def test_items_are_listed_newest_first_with_the_rooms_number(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        enqueue(
            company,
            queues,
            sale(sale_id="old", occurred_at="2026-01-01T00:00:00Z", cost_price=40),
            sale(sale_id="new", occurred_at="2026-01-02T00:00:00Z"),
        )
        answer = call(company, "GET", "/api/queue").json
        assert [item["sale_id"] for item in answer["queue"]] == ["new", "old"]
        assert (answer["seq"], answer["nextCursor"]) == (2, None)
        old = answer["queue"][1]
        assert (old["sell_price"], old["margin_amount"], old["margin_pct"]) == ("100.00", "60.00", "60.00")
        assert (old["occurred_at"], old["awaits_review"]) == ("2026-01-01T00:00:00Z", False)
        assert call(rival, "GET", "/api/queue").json["queue"] == []

    def test_a_page_costs_one_round_trip(self, company: Company, wire: Wire) -> None:
        call(company, "GET", "/api/queue")  # opens the connection, learns the key
        with wire.counted() as round_trips:
            assert call(company, "GET", "/api/queue").json["seq"] == 0
        assert round_trips == [1]

    def test_it_is_filtered_and_paged(self, company: Company, queues: Sqs) -> None:
        chair = call(company, "POST", "/api/products", {"name": "Chair"}).json["id"]
        enqueue(
            company,
            queues,
            sale(sale_id="1", product_id=chair),
            sale(sale_id="2", seller_external_id="ben", product_id=chair),
            sale(sale_id="3", seller_external_id="ben"),
            sale(sale_id="4", **ALIKE),
            sale(sale_id="5", **ALIKE),
        )
        assert found(company, "") == {"1", "2", "3", "4"}
        assert found(company, "seller=Ben") == {"2", "3"}
        assert found(company, f"product={chair}") == {"1", "2"}
        assert found(company, f"product={chair}&seller=ben") == {"2"}
        assert found(company, "seller=ben&q=3") == {"3"}
        assert found(company, f"product={uuid4()}") == found(company, "status=claimed") == set()
        assert (
            found(company, "status=excluded") == found(company, "status=excluded&awaits_review=true") == {"5"}
        )
        assert found(company, "status=excluded&awaits_review=false") == set()
        assert found(company, "seller=&product=&q=&awaits_review=&cursor=") == {"1", "2", "3", "4"}
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = call(company, "GET", f"/api/queue?limit=1&cursor={cursor}").json
            seen += [item["sale_id"] for item in page["queue"]]
            cursor = page["nextCursor"]
        assert sorted(seen) == ["1", "2", "3", "4"]

    def test_sales_of_one_moment_are_paged_without_loss(self, company: Company, queues: Sqs) -> None:
        moment = "2026-01-01T00:00:00Z"
        enqueue(company, queues, *(sale(sale_id=str(n), occurred_at=moment) for n in range(7)))
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = call(company, "GET", f"/api/queue?limit=2&cursor={cursor}").json
            seen += [item["sale_id"] for item in page["queue"]]
            cursor = page["nextCursor"]
        assert sorted(seen) == [str(n) for n in range(7)]

    def test_another_companys_cursor_leads_nowhere(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        enqueue(company, queues, sale())
        (foreign,) = enqueue(rival, queues, sale())
        assert found(company, f"cursor={foreign['id']}") == set()

    @pytest.mark.parametrize(
        ("name", "searched"),
        [
            ("Ada Lovelace", "ada"),
            ("Ada Lovelace", "ADA LOVELACE"),
            ("100% real_", "100%"),
            ("_under", "_"),
            ("%", "%"),
            ("\u0130pek", "\u0130pek"),  # the dotted capital I of Turkish
            ("\u0130pek", "\u0130"),
            ("ISPARTA", "isp"),
            (
                "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3",
                "\u039f\u0394\u03a5\u03a3",
            ),  # ends in a sigma
            ("\U0001f680 rockets", "\U0001f680"),
            ("<script>alert(1)</script>", "<SCRIPT>"),
            ("\u00c9" * 500, "\u00e9" * 500),
            ("\U0001f680" * 500, "\U0001f680" * 499),
            ('O\'Brien \\ "x"', "o'brien \\ \""),
            ("\U0010ffff", "\U0010ffff"),
        ],
    )
    def test_the_start_of_a_customers_name_finds_it(
        self, company: Company, queues: Sqs, name: str, searched: str
    ) -> None:
        enqueue(company, queues, sale(sale_id="it", customer_name=name), sale(customer_name="z%_z"))
        assert found(company, f"q={quote(searched)}") == {"it"}

    def test_a_wildcard_is_a_letter_like_any_other(self, company: Company, queues: Sqs) -> None:
        enqueue(company, queues, sale(sale_id="A%1", customer_name="Ada"))
        for searched in ("%", "_da", "%da", "A%", "da", "a" * 500, "\U0001f680", "ada\u0130"):
            assert (searched, found(company, f"q={quote(searched)}")) == (searched, set())
        assert found(company, f"q={quote('A%1')}") == {"A%1"}

    @pytest.mark.parametrize(
        "query",
        [
            "status=lost",
            "awaits_review=maybe",
            "limit=101",
            "limit=0",
            "limit=many",
            "cursor=x",
            "product=x",
            "q=%00",
            f"q={'x' * 501}",
            "seller=%00",
        ],
    )
    def test_a_wrong_parameter_is_named(self, company: Company, query: str) -> None:
        answer = call(company, "GET", f"/api/queue?{query}")
        assert answer.status == 400
        assert answer.json["details"][0]["field"] == query.partition("=")[0]

    def test_bytes_that_are_no_text_find_nothing(self, company: Company, queues: Sqs) -> None:
        enqueue(company, queues, sale())
        assert found(company, "q=%ED%A0%80") == found(company, "q=%FF") == set()


class TestWhoSeesWhat:
    @pytest.mark.parametrize(
        ("role", "shared", "unseen"),
        [
            ("watcher", False, HIDDEN | {"notes"}),
            ("watcher", True, {"notes"}),
            ("seller", False, HIDDEN),
            ("seller", True, set()),
            ("manager", False, set()),
            ("admin", False, set()),
        ],
    )
    def test_margins_and_notes_are_left_out_for_those_who_may_not_see_them(
        self, company: Company, queues: Sqs, role: str, shared: bool, unseen: set[str]
    ) -> None:
        company.set(share_margin=shared)
        (item,) = enqueue(company, queues, sale(cost_price=1, notes="Call after five"))
        assert set(item) >= HIDDEN | {"notes"}
        claim(company, item)
        _, token = company.person(role)
        (listed,) = call(company, "GET", "/api/queue?status=claimed", key=token).json["queue"]
        examined = call(company, "GET", f"/api/queue/{item['id']}", key=token).json
        assert set(item) - set(listed) == unseen
        assert set(item) - set(examined["item"]) == unseen
        assert {"cost_price", "margin_amount"} - set(examined["claim"]) == unseen & {
            "cost_price",
            "margin_amount",
        }

    def test_why_somebody_set_an_item_aside_is_not_for_those_who_only_watch(
        self, company: Company, queues: Sqs
    ) -> None:
        (item,) = enqueue(company, queues, sale())
        call(company, "POST", f"/api/queue/{item['id']}/exclude", {"reason": "He fakes his sales"})
        seen = {}
        for role in ("watcher", "seller"):
            _, token = company.person(role)
            answer = call(company, "GET", f"/api/queue/{item['id']}", key=token)
            seen[role] = (answer.json["item"]["excluded_reason"], "fakes" in answer.raw)
        assert seen == {"watcher": (None, False), "seller": ("He fakes his sales", True)}

    def test_a_display_reads_no_queue(self, company: Company, queues: Sqs) -> None:
        (item,) = enqueue(company, queues, sale())
        link = display(company)
        for path in ("/api/queue", f"/api/queue/{item['id']}"):
            assert call(company, "GET", path, key=link).status == 403

    @pytest.mark.parametrize("role", ["watcher", "seller"])
    @pytest.mark.parametrize("verb", ["exclude", "restore"])
    def test_only_managers_set_aside_and_restore(
        self, company: Company, queues: Sqs, role: str, verb: str
    ) -> None:
        (item,) = enqueue(company, queues, sale())
        _, token = company.person(role, "anna")
        act = {"exclude": exclude, "restore": restore}[verb]
        assert act(company, item, key=token).status == 403
        assert [event["type"] for event in told(company)] == ["queue.created"]


class TestOneItem:
    def test_it_comes_with_its_claim_and_its_history(self, company: Company, queues: Sqs) -> None:
        (item,) = enqueue(company, queues, sale(sale_id="a", customer_name="<script>"))
        fresh = call(company, "GET", f"/api/queue/{item['id']}").json
        assert (fresh["item"], fresh["claim"], fresh["seq"]) == (item, None, 1)
        first = claim(company, item).json["claim"]
        release(company, item)
        second = claim(company, item, claim_type="retention").json["claim"]
        seen = call(company, "GET", f"/api/queue/{item['id']}").json
        assert (seen["item"]["status"], seen["item"]["assigned_seller_id"]) == ("claimed", "anna")
        assert (seen["claim"], seen["seq"]) == (second, 4)
        history = seen["history"]
        assert [(h["seq"], h["type"], h["claim_id"]) for h in history] == [
            (4, "queue.claimed", second["id"]),
            (3, "queue.released", first["id"]),
            (2, "queue.claimed", first["id"]),
            (1, "queue.created", None),
        ]
        assert [h["reason"] for h in history] == [None, "Called off", None, None]
        assert {h["seller_id"] for h in history} == {"anna"}
        assert [h["actor"].partition(":")[0] for h in history] == ["key", "key", "key", "system"]
        assert history[0]["created_at"].endswith("Z")

    def test_its_history_is_no_longer_than_a_page(
        self, company: Company, queues: Sqs, database: Database
    ) -> None:
        (item,) = enqueue(company, queues, sale(sale_id="a"))
        database.execute(
            "insert into wr.events (tenant_id, seq, type, sale_id, actor, payload)"
            " select %s, n, 'queue.released', 'a', 'test', '{}' from generate_series(2, 150) n",
            company.tenant_id,
        )
        history = call(company, "GET", f"/api/queue/{item['id']}").json["history"]
        assert [h["seq"] for h in history] == list(range(150, 50, -1))

    def test_another_companys_is_as_unknown_as_any(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        (item,) = enqueue(company, queues, sale())
        assert all_unknown(rival, "GET", "/api/queue/{id}", item["id"])


class TestSettingAside:
    def test_an_excluded_item_waits_no_longer_until_it_is_restored(
        self, company: Company, queues: Sqs
    ) -> None:
        (item,) = enqueue(company, queues, sale(sale_id="a", cost_price=60))
        answer = exclude(company, item)
        assert answer.status == 200
        aside = {**item, "status": "excluded", "excluded_reason": "A test"}
        assert answer.json == {"success": True, "item": aside}
        assert call(company, "GET", "/api/queue").json["queue"] == []
        assert excluded(company) == [aside]
        assert found(company, "status=excluded&awaits_review=true") == set()
        assert restore(company, item).json == {"success": True, "item": item}
        assert call(company, "GET", "/api/queue").json["queue"] == [item]
        assert claim(company, item).status == 200
        assert [event["type"] for event in told(company)] == [
            "queue.created",
            "queue.excluded",
            "queue.restored",
            "queue.claimed",
        ]
        assert len(queues.bodies("room.fifo")) == 3

    def test_twice_is_a_conflict_and_leaves_no_second_trace(self, company: Company, queues: Sqs) -> None:
        (item,) = enqueue(company, queues, sale())
        assert (
            restore(company, item).json["error"] == "This item is not excluded: there is nothing to restore."
        )
        assert [exclude(company, item).status for _ in range(2)] == [200, 409]
        assert exclude(company, item).json["error"] == "This item is excluded already."
        assert [restore(company, item).status for _ in range(2)] == [200, 409]
        assert len(told(company)) == 3

    def test_a_claimed_item_is_released_first(self, company: Company, queues: Sqs) -> None:
        (item,) = enqueue(company, queues, sale())
        claim(company, item, "anna")
        answer = exclude(company, item)
        assert (answer.status, answer.json["error"]) == (
            409,
            "This item was claimed by anna: release it first.",
        )
        assert restore(company, item).status == 409
        release(company, item)
        assert exclude(company, item).status == 200

    @pytest.mark.parametrize("verb", ["exclude", "release"])
    @pytest.mark.parametrize(
        "body",
        [{}, {"reason": " "}, {"reason": "x" * 501}, {"reason": 1}, {"reason": "a\0b"}, {"reason": None}],
    )
    def test_a_reason_is_asked_for(self, company: Company, queues: Sqs, verb: str, body: Any) -> None:
        (item,) = enqueue(company, queues, sale())
        claim(company, item) if verb == "release" else None
        before = call(company, "GET", f"/api/queue/{item['id']}").json
        answer = call(company, "POST", f"/api/queue/{item['id']}/{verb}", body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, "reason")
        assert call(company, "GET", f"/api/queue/{item['id']}").json == before

    def test_any_text_is_a_reason_and_stays_as_it_was_typed(self, company: Company, queues: Sqs) -> None:
        (item,) = enqueue(company, queues, sale())
        reason = "<script>alert('%s {x}')</script> \U0001f680 \u0130 \\ \"" + "x" * 450
        body = {"reason": f" {reason}\n"}
        answer = call(company, "POST", f"/api/queue/{item['id']}/exclude", body)
        assert answer.json["item"]["excluded_reason"] == reason
        assert told(company)[-1]["payload"]["reason"] == reason
        restored = call(company, "POST", f"/api/queue/{item['id']}/restore", body)
        assert restored.json["item"]["excluded_reason"] is None
        history = call(company, "GET", f"/api/queue/{item['id']}").json["history"]
        assert [h["reason"] for h in history] == [reason, reason, None]

    @pytest.mark.parametrize("body", [{"reason": "x" * 501}, {"reason": 1}, {"reason": "a\0b"}, []])
    def test_a_restoration_may_go_without_but_not_with_a_bad_one(
        self, company: Company, queues: Sqs, body: Any
    ) -> None:
        (item,) = enqueue(company, queues, sale())
        exclude(company, item)
        assert call(company, "POST", f"/api/queue/{item['id']}/restore", body).status == 400
        assert len(excluded(company)) == 1
        assert call(company, "POST", f"/api/queue/{item['id']}/restore", {"reason": " "}).status == 200
        exclude(company, item)
        assert call(company, "POST", f"/api/queue/{item['id']}/restore").status == 200

    @pytest.mark.parametrize("verb", ["exclude", "restore", "release"])
    def test_another_companys_item_is_as_unknown_as_any(
        self, company: Company, rival: Company, queues: Sqs, verb: str
    ) -> None:
        (item,) = enqueue(company, queues, sale())
        assert all_unknown(rival, "POST", f"/api/queue/{{id}}/{verb}", item["id"], {"reason": "Mine"})
        assert [event["type"] for event in told(company)] == ["queue.created"]
        assert told(rival) == []


class TestSuspectedDuplicates:
    def test_it_awaits_somebody_who_judges_it(self, company: Company, queues: Sqs) -> None:
        enqueue(company, queues, sale(sale_id="a", **ALIKE), sale(sale_id="b", **ALIKE))
        (item,) = excluded(company)
        assert (item["sale_id"], item["suspected_duplicate_of"], item["awaits_review"]) == ("b", "a", True)
        assert item["excluded_reason"] == "Suspected duplicate of a"
        created, suspected = told(company)
        assert (created["payload"]["awaitsReview"], suspected["payload"]["awaitsReview"]) == (False, True)
        assert suspected["type"] == "queue.excluded"

    def test_excluding_it_says_that_it_is_one(self, company: Company, queues: Sqs) -> None:
        enqueue(company, queues, sale(sale_id="a", **ALIKE), sale(sale_id="b", **ALIKE))
        (item,) = excluded(company)
        answer = exclude(company, item)
        assert answer.status == 200
        judged = {**item, "excluded_reason": "A test", "awaits_review": False}
        assert answer.json["item"] == judged
        assert found(company, "status=excluded&awaits_review=true") == set()
        assert excluded(company) == [judged]
        assert exclude(company, item).status == 409
        assert told(company)[-1]["payload"]["awaitsReview"] is False

    def test_restoring_it_accepts_an_honest_sale(self, company: Company, queues: Sqs) -> None:
        enqueue(company, queues, sale(sale_id="a", **ALIKE), sale(sale_id="b", **ALIKE))
        (item,) = excluded(company)
        accepted = restore(company, item).json["item"]
        assert (accepted["status"], accepted["awaits_review"]) == ("pending", False)
        assert found(company, "") == {"a", "b"}
        assert claim(company, item).status == 200
        # Set aside again, it is so for a reason that somebody gave.
        release(company, item)
        exclude(company, item)
        assert found(company, "status=excluded&awaits_review=true") == set()

    def test_those_of_before_the_upgrade_await_it_too(
        self, company: Company, queues: Sqs, database: Database
    ) -> None:
        enqueue(company, queues, sale(sale_id="a", **ALIKE), sale(sale_id="b", **ALIKE))
        schema.roll_back(database.owner_url, to="0006_people")
        schema.migrate(database.owner_url, {})
        rows = company.rows("select sale_id, awaits_review from wr.queue order by sale_id")
        assert [(row["sale_id"], row["awaits_review"]) for row in rows] == [("a", False), ("b", True)]


class TestMessages:
    def test_an_item_that_is_pending_again_is_told_as_when_it_came(
        self, company: Company, queues: Sqs
    ) -> None:
        chair = call(company, "POST", "/api/products", {"name": "Chair", "default_cost": 60}).json["id"]
        body = sale(product_id=chair, category="new", notes="secret")
        (item,) = enqueue(company, queues, body)
        (created,) = told(company)
        company.set(claim_approval=True)
        claimed = [claim(company, item).json["claim"]]
        reject(company, claimed[0])
        claimed.append(claim(company, item).json["claim"])
        approve(company, claimed[1])
        release(company, item)
        exclude(company, item)
        restore(company, item)
        log = {event["type"]: event["payload"] for event in told(company)}
        ended = {"claimedBy": "anna"}
        assert log["claim.rejected"] == {
            **created["payload"],
            **ended,
            "claimId": claimed[0]["id"],
            "reason": "Not theirs",
        }
        assert log["queue.released"] == {
            **created["payload"],
            **ended,
            "claimId": claimed[1]["id"],
            "reason": "Called off",
        }
        assert log["queue.restored"] == created["payload"]
        assert log["queue.excluded"] == {**created["payload"], "status": "excluded", "reason": "A test"}
        assert log["claim.approved"] == {**log["queue.claimed"], "state": "approved"}
        assert all("secret" not in str(payload) and "cost" not in str(payload) for payload in log.values())

    def test_what_managers_wrote_is_posted_to_those_who_see_margins_alone(
        self, company: Company, queues: Sqs
    ) -> None:
        (item,) = enqueue(company, queues, sale(cost_price=1))
        claim(company, item)
        release(company, item)
        rows = company.rows(
            "select 3 as room_seq, 0 as after, seq, type, payload, created_at from wr.events order by seq"
        )
        full, plain = (Messages.of(rows).frames(rendering)[0] for rendering in ("full", "plain"))
        assert "Called off" in full
        assert "99.00" in full
        assert "Called off" not in plain
        assert "99.00" not in plain


def found(company: Company, query: str) -> set[str]:
    answer = call(company, "GET", f"/api/queue?{query}")
    assert answer.status == 200, answer.raw
    return {item["sale_id"] for item in answer.json["queue"]}
