"""The queue on pages, without a script: what waits, one sale, and what can be done with it."""

import re
from typing import Any

import pytest

from functions.dashboard import words
from tests.doors import Sqs
from tests.factories import Company, sale
from tests.floor import ALIKE, call, claim, enqueue, exclude
from tests.visits import Visitor

MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def manager(company: Company) -> Visitor:
    return Visitor.of(company, "manager")


@pytest.fixture
def item(company: Company, queues: Sqs) -> dict[str, Any]:
    """An item of Anna's that waits."""
    (item,) = enqueue(company, queues, sale(customer_name="Ada", sell_price=1250, cost_price=1000))
    return item


class TestList:
    def test_an_empty_queue_says_so_and_a_search_without_result_something_else(
        self, manager: Visitor
    ) -> None:
        assert words.QUEUE_EMPTY in manager.shown("/queue")
        assert words.QUEUE_NOTHING_FOUND in manager.shown("/queue?q=nobody")

    def test_it_shows_who_bought_for_how_much_and_the_number_it_is_true_for(
        self, manager: Visitor, item: dict[str, Any]
    ) -> None:
        page = manager.shown("/queue")
        for text in (
            "Ada",
            "$1,250.00",
            f"{words.MARGIN} $250.00",
            f'id="item-{item["id"]}"',
            'data-seq="1"',
        ):
            assert text in page

    @pytest.mark.parametrize(("role", "sees"), [("seller", False), ("watcher", False), ("admin", True)])
    def test_margins_are_for_those_who_may_see_them(
        self, company: Company, item: dict[str, Any], role: str, sees: bool
    ) -> None:
        visitor = Visitor.of(company, role)
        assert ("$250.00" in visitor.shown("/queue")) is sees
        assert ("$1,000.00" in visitor.shown(f"/queue/{item['id']}")) is sees

    def test_who_only_watches_has_no_buttons(self, company: Company, item: dict[str, Any]) -> None:
        watcher = Visitor.of(company, "watcher")
        assert "formaction" not in watcher.shown("/queue")
        answer = watcher.post(f"/queue/{item['id']}/claim", claim_type="upsell")
        assert answer.status == 403
        # Whoever may not send the form is not shown the page of it in return.
        assert "Ada" not in answer.raw

    def test_older_pages_follow_and_no_item_is_on_two(
        self, company: Company, queues: Sqs, manager: Visitor
    ) -> None:
        enqueue(company, queues, *(sale(customer_name=f"No {n}.") for n in range(3)))
        first = manager.get("/queue?limit=2").raw
        assert 'rel="next"' in first
        address = first.partition('href="?')[2].partition('"')[0].replace("&amp;", "&")
        second = manager.shown(f"/queue?{address}")
        assert sum(f"No {n}." in first for n in range(3)) == 2
        assert [f"No {n}." in second for n in range(3)] == [f"No {n}." not in first for n in range(3)]
        # Only the plain list is kept by the script without reading it again.
        assert 'id="queue-item"' in first
        assert 'id="queue-item"' not in second

    def test_a_customer_is_text_whatever_the_name(
        self, company: Company, queues: Sqs, manager: Visitor
    ) -> None:
        (item,) = enqueue(company, queues, sale(customer_name=MARKUP))
        for path in ("/queue", f"/queue/{item['id']}"):
            page = manager.get(path).raw
            assert MARKUP not in page
            assert "&lt;script&gt;alert(1)" in page

    def test_a_filter_that_makes_no_sense_is_told(self, manager: Visitor) -> None:
        answer = manager.get("/queue?status=lost")
        assert answer.status == 400
        assert "status must be one of" in answer.raw


class TestOneSale:
    def test_a_manager_claims_for_the_sales_own_seller(
        self, company: Company, manager: Visitor, item: dict[str, Any]
    ) -> None:
        sent = {"for": item["seller_id"], "seller_id": "", "claim_type": "retention"}
        assert words.NOTICES["claimed"] in manager.done(f"/queue/{item['id']}/claim", **sent)
        (made,) = company.rows("select claimed_by, claim_type from wr.claims")
        assert made == {"claimed_by": item["seller_id"], "claim_type": "retention"}

    def test_a_manager_claims_for_somebody_else(
        self, company: Company, manager: Visitor, item: dict[str, Any]
    ) -> None:
        company.database.seller(company, "ben")
        sent = {"for": item["seller_id"], "seller_id": "ben", "claim_type": "upsell"}
        manager.done(f"/queue/{item['id']}/claim", **sent)
        assert company.rows("select claimed_by from wr.claims") == [{"claimed_by": "ben"}]

    def test_a_seller_claims_for_itself_whatever_the_form_says(
        self, company: Company, item: dict[str, Any]
    ) -> None:
        company.database.seller(company, "ben")
        seller = Visitor(company.person("seller", "ben")[1])
        seller.done(f"/queue/{item['id']}/claim", **{"for": item["seller_id"], "claim_type": "upsell"})
        assert company.rows("select claimed_by from wr.claims") == [{"claimed_by": "ben"}]

    def test_where_claims_are_approved_the_notice_says_that_it_waits(
        self, company: Company, manager: Visitor, item: dict[str, Any]
    ) -> None:
        company.set(claim_approval=True)
        sent = {"for": item["seller_id"], "claim_type": "upsell"}
        assert words.NOTICES["claim_waits"] in manager.done(f"/queue/{item['id']}/claim", **sent)

    def test_who_comes_second_is_told_who_was_first_and_sees_the_sale_as_it_is(
        self, company: Company, manager: Visitor, item: dict[str, Any]
    ) -> None:
        company.database.seller(company, "ben")
        claim(company, item, "ben")
        sent = {"for": item["seller_id"], "claim_type": "upsell"}
        page = manager.refused(409, f"/queue/{item['id']}/claim", **sent)
        assert "already claimed by Ben as upsell" in page
        assert words.STATUSES["claimed"] in page
        assert f'data-address="/queue/{item["id"]}"' in page

    def test_a_sale_goes_through_everything_and_its_history_tells(
        self, company: Company, manager: Visitor, item: dict[str, Any]
    ) -> None:
        address = f"/queue/{item['id']}"
        manager.done(f"{address}/exclude", reason="a test")
        assert words.NOTICES["restored"] in manager.done(f"{address}/restore")
        manager.done(f"{address}/claim", **{"for": item["seller_id"], "claim_type": "upsell"})
        page = manager.done(f"{address}/release", reason="wrong seller")
        for text in (
            "a test",
            "wrong seller",
            *(words.HAPPENINGS[f"queue.{h}"] for h in ("excluded", "restored")),
        ):
            assert text in page

    @pytest.mark.parametrize("verb", ["exclude", "release"])
    def test_without_a_reason_nothing_is_done(
        self, company: Company, manager: Visitor, item: dict[str, Any], verb: str
    ) -> None:
        if verb == "release":
            claim(company, item)
        before = call(company, "GET", f"/api/queue/{item['id']}").json
        assert words.FIX_FIELDS in manager.refused(400, f"/queue/{item['id']}/{verb}", reason="  ")
        assert call(company, "GET", f"/api/queue/{item['id']}").json == before

    def test_why_an_item_was_set_aside_is_not_for_those_who_only_watch(
        self, company: Company, item: dict[str, Any]
    ) -> None:
        exclude(company, item)
        page = f"/queue/{item['id']}"
        assert "A test" in Visitor.of(company, "seller").shown(page)
        assert "A test" not in Visitor.of(company, "watcher").shown(page)
        assert "A test" not in Visitor.of(company, "watcher").shown("/queue?status=excluded")


class TestMenu:
    def test_what_waits_for_a_decision_is_counted_beside_its_entry(
        self, company: Company, queues: Sqs, manager: Visitor
    ) -> None:
        company.set(claim_approval=True)
        alike = {**ALIKE, "sell_price": 10, "seller_external_id": "anna"}
        first, _ = (enqueue(company, queues, sale(**alike))[0] for _ in range(2))
        claim(company, first)
        enqueue(company, queues, sale(product_sku="nothing"))
        waiting = re.compile(r'class="count">(\d+)<')
        assert waiting.findall(manager.shown("/me")) == ["1", "1"] * 2
        assert waiting.findall(Visitor.of(company, "admin").shown("/me")) == ["1", "1", "1"] * 2
        assert waiting.findall(Visitor.of(company, "seller").shown("/me")) == []
