"""The leaderboard, one's own page, the form for a sale and the wallboard, as pages."""

import re
from typing import Any

import pytest

from functions.dashboard import words
from tests.doors import Answer, Sqs
from tests.factories import Company, sale
from tests.floor import approve, claim, display, enqueue, told
from tests.visits import Visitor

MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def manager(company: Company) -> Visitor:
    return Visitor.of(company, "manager")


@pytest.fixture
def wins(company: Company, queues: Sqs) -> list[dict[str, Any]]:
    """Anna won 1000 and 500, Ben 300; costs are half of it."""
    company.database.seller(company, "anna")
    company.database.seller(company, "ben")
    won = []
    for seller, price in (("anna", 1000), ("anna", 500), ("ben", 300)):
        body = sale(sell_price=price, cost_price=price / 2, customer_name=MARKUP, notes="secret note")
        (item,) = enqueue(company, queues, body)
        won.append(claim(company, item, seller).json["claim"])
    return won


class TestLeaderboard:
    def test_places_are_in_order_with_bars_and_what_they_are_made_of(
        self, manager: Visitor, wins: list[dict[str, Any]]
    ) -> None:
        page = manager.shown("/leaderboard?metric=revenue&period=today")
        assert re.findall(r'data-rank="(\d)"', page) == ["1", "2"]
        assert re.findall(r'<rect width="([\d.]+)" height="4"/></svg>', page) == ["100.0", "20.0"]
        assert page.index("Anna") < page.index("$1,500.00") < page.index("Ben") < page.index("$300.00")
        assert re.search(r'href="/claims\?state=approved&seller=anna&from=', page)

    def test_it_is_ranked_by_what_is_asked_for(self, manager: Visitor, wins: list[dict[str, Any]]) -> None:
        assert "2 wins" in manager.shown("/leaderboard?metric=wins")
        assert "$750.00" in manager.shown("/leaderboard?metric=margin")
        assert words.BOARD_EMPTY in manager.shown("/leaderboard?currency=TRY")

    def test_margins_are_no_metric_for_a_seller(self, company: Company, wins: list[dict[str, Any]]) -> None:
        seller = Visitor.of(company, "seller")
        assert 'value="margin"' not in seller.shown("/leaderboard")
        assert seller.get("/leaderboard?metric=margin").status == 403

    def test_ones_own_place_is_marked(self, company: Company, wins: list[dict[str, Any]]) -> None:
        ben = Visitor(company.person("seller", "ben")[1])
        assert re.findall(r'class="place( mine)?" id="place-(\w+)"', ben.shown("/leaderboard")) == [
            ("", "anna"),
            (" mine", "ben"),
        ]


class TestMe:
    def test_who_sells_sees_wins_money_streak_and_claims(
        self, company: Company, wins: list[dict[str, Any]]
    ) -> None:
        page = Visitor(company.person("seller", "anna")[1]).shown("/me")
        for text in ("2 wins", "$1,500.00", words.RANK_OF.format(rank=1, of=2), "2 wins in all"):
            assert text in page
        assert "$750.00" not in page
        assert len(re.findall(r'<rect class="floor"', page)) == 30

    def test_who_sells_nothing_is_told_what_would_stand_there(self, manager: Visitor) -> None:
        assert words.ME_NO_SELLER in manager.shown("/me")


class TestNewSale:
    def form(self, visitor: Visitor) -> dict[str, str]:
        """The form as it is drawn, with a sale filled in."""
        (drawn,) = re.findall(r'name="external_event_id" value="(manual-[^"]+)"', visitor.shown("/sales/new"))
        return {
            "external_event_id": drawn,
            "customer_name": "Ada",
            "sell_price": "99.50",
            "currency": "EUR",
            "seller_external_id": "Anna",
            "product_id": "",
        }

    def test_a_form_that_is_sent_twice_is_one_sale(
        self, company: Company, queues: Sqs, manager: Visitor
    ) -> None:
        form = self.form(manager)
        assert words.NOTICES["sale_entered"] in manager.done("/sales/new", **form)
        assert words.NOTICES["sale_known"] in manager.done("/sales/new", **form)
        (event,) = company.rows("select source, payload from wr.sales_events")
        assert (event["source"], event["payload"]["seller_external_id"]) == ("manual", "anna")
        assert len(queues.bodies("sales-events")) == 1

    def test_two_forms_are_two_sales(self, company: Company, queues: Sqs, manager: Visitor) -> None:
        for _ in range(2):
            manager.done("/sales/new", **self.form(manager))
        assert company.count("sales_events") == 2

    def test_a_negative_amount_is_told_beside_its_field_and_the_form_keeps_its_id(
        self, company: Company, queues: Sqs, manager: Visitor
    ) -> None:
        form = self.form(manager)
        page = manager.refused(400, "/sales/new", **{**form, "sell_price": "-5"})
        assert f'id="sell_price-problem">{words.PRICE} must be greater than 0' in page
        assert all(f'value="{form[name]}"' in page for name in ("external_event_id", "customer_name"))
        assert company.count("sales_events") == 0

    def test_a_seller_enters_sales_for_itself(self, company: Company, queues: Sqs) -> None:
        ben = Visitor(company.person("seller", "ben")[1])
        form = self.form(ben)
        assert 'name="seller_external_id"' not in ben.shown("/sales/new")
        ben.done("/sales/new", **{**form, "seller_external_id": ""})
        assert ben.post("/sales/new", **{**form, "external_event_id": "manual-2"}).status == 403
        assert company.count("sales_events") == 1


class TestWall:
    def at(self, link: str) -> Answer:
        return Visitor("").get(f"/wall/{link}")

    def test_it_shows_boards_wins_and_the_streak_but_neither_margin_nor_cost_nor_notes(
        self, company: Company, wins: list[dict[str, Any]]
    ) -> None:
        page = self.at(display(company))
        assert page.status == 200
        for text in ("Anna", "$1,500.00", "2 wins", words.NEWEST_WINS, "$1,000.00", "Ben", words.STREAK):
            assert text in page.raw
        for text in ("750.00", "500.00 margin", "secret note", words.MARGIN, MARKUP):
            assert text not in page.raw
        assert page.raw.count("<form") == 0

    def test_what_waits_for_approval_is_not_on_it(self, company: Company, queues: Sqs) -> None:
        company.set(claim_approval=True)
        (item,) = enqueue(company, queues, sale(sell_price=77))
        claimed = claim(company, item).json["claim"]
        link = display(company)
        assert "$77.00" not in self.at(link).raw
        approve(company, claimed)
        assert "$77.00" in self.at(link).raw
        assert [message["type"] for message in told(company)][-1] == "claim.approved"

    def test_another_companys_wins_are_not_on_it(
        self, company: Company, rival: Company, queues: Sqs, wins: list[dict[str, Any]]
    ) -> None:
        page = self.at(display(rival)).raw
        assert "Anna" not in page
        assert words.BOARD_EMPTY in page

    def test_a_link_that_has_ended_or_never_was_says_so_and_nothing_else(
        self, company: Company, wins: list[dict[str, Any]]
    ) -> None:
        link = display(company)
        company.database.execute("update wr.displays set revoked_at = now()")
        for gone in (link, "wr_wall_nobodys", company.full_key, company.person("admin")[1]):
            answer = self.at(gone)
            assert (answer.status, words.WALL_GONE in answer.raw) == (401, True)
            assert "Anna" not in answer.raw

    def test_a_person_who_is_logged_in_needs_the_link_as_well(self, manager: Visitor) -> None:
        assert manager.get("/wall/nothing").status == 401

    def test_a_link_opens_nothing_but_the_wall(self, company: Company) -> None:
        link = display(company)
        for path in ("/queue", "/me", "/leaderboard", "/claims"):
            assert Visitor("").get(path, key=link).status == 403

    def test_the_audit_log_knows_the_route_but_not_the_link(self, company: Company) -> None:
        link = display(company)
        self.at(link)
        (row,) = company.rows("select endpoint, display_id, to_jsonb(l)::text as all from wr.api_audit_log l")
        assert (row["endpoint"], row["display_id"] is not None) == ("/wall/{link}", True)
        assert link not in row["all"]
