"""Products: named once in a company, deactivated instead of deleted, costs for managers' eyes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from functions.api.app import handler
from functions.ingestion.app import handler as ingestion
from functions.processor.app import handler as processor
from tests import doors
from tests.doors import Answer, Sqs
from tests.factories import Company, sale


def call(company: Company, method: str, path: str = "", body: object = None, **more: Any) -> Answer:
    key = more.pop("key", company.full_key)
    return doors.http(handler, method, f"/api/products{path}", body, key=key, **more)


def made(company: Company, name: str, **more: Any) -> dict[str, Any]:
    answer = call(company, "POST", body={"name": name, **more})
    assert answer.status == 201, answer.raw
    product: dict[str, Any] = answer.json
    return product


def names(company: Company, query: str = "") -> list[str]:
    answer = call(company, "GET", query)
    assert answer.status == 200, answer.raw
    return [product["name"] for product in answer.json["products"]]


def sold(company: Company, queues: Sqs, **body: Any) -> dict[str, Any]:
    """The queue item that a sale has become."""
    sent = sale(**body)
    assert doors.http(ingestion, "POST", "/api/events", sent, key=company.ingest_key).status == 202
    assert doors.sqs(processor, queues.take("sales-events")) == []
    (item,) = company.rows("select * from wr.queue where sale_id = %s", sent["sale_id"])
    return item


class TestMaking:
    def test_a_product_is_created_read_and_listed_by_name(self, company: Company, rival: Company) -> None:
        desk = made(company, " Desk ", category="office")
        chair = made(company, "Chair", default_cost=80, sku="C-1")
        assert (desk["name"], desk["sku"], desk["default_cost"]) == ("Desk", None, None)
        assert (chair["default_cost"], chair["is_active"]) == ("80.00", True)
        assert call(company, "GET", f"/{chair['id']}").json == chair
        listed = call(company, "GET").json
        assert listed == {"products": [chair, desk], "nextCursor": None}
        assert names(rival) == []

    def test_names_in_upper_or_lower_case_and_skus_are_unique_in_a_company(
        self, company: Company, rival: Company
    ) -> None:
        made(company, "Chair", sku="C")
        made(rival, "Chair", sku="C")
        same_name = call(company, "POST", body={"name": "CHAIR"})
        same_sku = call(company, "POST", body={"name": "Stool", "sku": "C"})
        assert (same_name.status, same_sku.status) == (409, 409)
        assert "name" in same_name.json["error"]
        assert "SKU" in same_sku.json["error"]
        assert made(company, "Stool", sku="c")["sku"] == "c"

    def test_of_many_at_once_one_gets_the_name(self, company: Company) -> None:
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: call(company, "POST", body={"name": "Desk"}), range(8)))
        assert sorted(a.status for a in answers) == [201] + [409] * 7
        assert company.count("products") == 1

    def test_blank_is_absent(self, company: Company) -> None:
        desk = made(company, "Desk", sku="", category=" ")
        assert (desk["sku"], desk["category"]) == (None, None)
        made(company, "Chair", sku="")

    def test_a_name_may_be_anything_that_people_type(self, company: Company) -> None:
        strange = ["<script>alert(1)</script>", "\U0001f680", "100%_'; drop table", "x" * 255, "\U0010ffff"]
        for name in strange:
            product = made(company, name)
            assert call(company, "GET", f"/{product['id']}").json["name"] == name

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "name"),
            ({"name": ""}, "name"),
            ({"name": None}, "name"),
            ({"name": "a\0b"}, "name"),
            ({"name": "x" * 256}, "name"),
            ({"name": "x", "default_cost": -1}, "default_cost"),
            ({"name": "x", "default_cost": []}, "default_cost"),
            ({"name": "x", "default_cost": "1.234"}, "default_cost"),
            ({"name": "x", "default_cost": 10**10}, "default_cost"),
            ({"name": "x", "sku": "s" * 101}, "sku"),
            ({"name": "x", "category": 7}, "category"),
        ],
    )
    def test_a_wrong_field_is_named(self, company: Company, body: dict[str, Any], field: str) -> None:
        answer = call(company, "POST", body=body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)
        assert company.count("products") == 0


class TestList:
    def test_it_is_searched_by_the_start_of_a_name_in_either_case(self, company: Company) -> None:
        for name in ("Desk", "DESK lamp", "Standing desk", "100% wool", "\u0130pek"):
            made(company, name)
        assert names(company, "?q=desk") == ["Desk", "DESK lamp"]
        assert names(company, "?q=Desk%20L") == ["DESK lamp"]
        assert names(company, f"?q={quote(chr(0x130))}") == ["\u0130pek"]
        assert names(company, "?q=100%25") == ["100% wool"]
        assert names(company, "?q=%25") == names(company, "?q=_") == []
        assert len(names(company, "?q=")) == 5

    def test_the_deactivated_are_listed_where_they_are_asked_for(self, company: Company) -> None:
        made(company, "Kept")
        call(company, "DELETE", f"/{made(company, 'Gone')['id']}")
        assert names(company) == names(company, "?active=true") == ["Kept"]
        assert names(company, "?active=false") == ["Gone"]
        assert names(company, "?active=all") == ["Gone", "Kept"]
        assert names(company, "?active=all&q=g") == ["Gone"]

    def test_it_comes_in_pages(self, company: Company) -> None:
        for name in ("c", "A", "b", "D", "e"):
            made(company, name)
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = call(company, "GET", f"?limit=2&cursor={cursor}").json
            seen += [product["name"] for product in page["products"]]
            cursor = page["nextCursor"]
        assert seen == ["A", "b", "c", "D", "e"]

    def test_a_page_goes_on_after_a_product_that_was_deactivated_meanwhile(self, company: Company) -> None:
        products = [made(company, name) for name in "abc"]
        call(company, "DELETE", f"/{products[0]['id']}")
        assert names(company, f"?cursor={products[0]['id']}") == ["b", "c"]

    def test_a_cursor_of_another_company_is_as_unknown_as_any(self, company: Company, rival: Company) -> None:
        made(company, "Desk")
        foreign = made(rival, "Chair")["id"]
        answers = [call(company, "GET", f"?cursor={cursor}") for cursor in (foreign, uuid4())]
        assert [a.json for a in answers] == [{"products": [], "nextCursor": None}] * 2

    @pytest.mark.parametrize(
        "query", ["active=yes", "active=", "limit=0", "limit=101", "limit=x", "cursor=x", "q=%00"]
    )
    def test_a_wrong_parameter_is_named(self, company: Company, query: str) -> None:
        answer = call(company, "GET", f"?{query}")
        assert (answer.status, answer.json["details"][0]["field"]) == (400, query.partition("=")[0])


class TestChanging:
    def test_only_what_is_given_changes_and_null_clears(self, company: Company) -> None:
        desk = made(company, "Desk", sku="D", default_cost=80, category="office")
        path = f"/{desk['id']}"
        assert call(company, "PATCH", path, {}).json == desk
        assert call(company, "PATCH", path, {"default_cost": "99.9"}).json == {
            **desk,
            "default_cost": "99.90",
        }
        cleared = call(company, "PATCH", path, {"sku": None, "default_cost": None, "category": ""}).json
        assert cleared == {**desk, "sku": None, "default_cost": None, "category": None}
        renamed = call(company, "PATCH", path, {"name": "DESK", "is_active": False, "id": str(uuid4())}).json
        assert renamed == {**cleared, "name": "DESK", "is_active": False}
        assert call(company, "GET", path).json == renamed

    def test_two_changes_at_once_are_both_kept(self, company: Company) -> None:
        desk = made(company, "Desk")
        changes: list[dict[str, Any]] = [{"sku": "D"}, {"default_cost": 5}, {"category": "c"}, {"name": "N"}]
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda body: call(company, "PATCH", f"/{desk['id']}", body), changes))
        found = call(company, "GET", f"/{desk['id']}").json
        assert (found["sku"], found["default_cost"], found["category"], found["name"]) == (
            "D",
            "5.00",
            "c",
            "N",
        )

    def test_a_taken_name_or_sku_changes_nothing(self, company: Company) -> None:
        made(company, "Chair", sku="C")
        desk = made(company, "Desk")
        for taken in ({"name": "chair"}, {"sku": "C"}):
            assert call(company, "PATCH", f"/{desk['id']}", {**taken, "category": "x"}).status == 409
        assert call(company, "GET", f"/{desk['id']}").json == desk

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": None}, "name"),
            ({"name": " "}, "name"),
            ({"is_active": None}, "is_active"),
            ({"is_active": "yes"}, "is_active"),
            ({"default_cost": -1}, "default_cost"),
            ({"sku": "\0"}, "sku"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_changes(
        self, company: Company, body: dict[str, Any], field: str
    ) -> None:
        desk = made(company, "Desk")
        answer = call(company, "PATCH", f"/{desk['id']}", {"category": "x", **body})
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)
        assert call(company, "GET", f"/{desk['id']}").json == desk

    def test_a_new_cost_is_for_sales_to_come(self, company: Company, queues: Sqs) -> None:
        desk = made(company, "Desk", sku="D", default_cost=40)
        before = sold(company, queues, product_sku="D")
        call(company, "PATCH", f"/{desk['id']}", {"default_cost": 60})
        after = sold(company, queues, product_sku="D")
        costs = company.rows("select cost_price from wr.queue order by queue_id")
        assert [str(row["cost_price"]) for row in costs] == ["40.00", "60.00"]
        assert (str(before["margin_amount"]), str(after["margin_amount"])) == ("60.00", "40.00")


class TestDeactivating:
    def test_it_stays_in_the_queue_and_comes_back(self, company: Company, queues: Sqs) -> None:
        desk = made(company, "Desk", sku="D")
        sold(company, queues, product_sku="D")
        first, again = (call(company, "DELETE", f"/{desk['id']}") for _ in range(2))
        assert (first.status, again.status) == (200, 200)
        assert first.json == again.json == {**desk, "is_active": False}
        (item,) = doors.http(handler, "GET", "/api/queue", key=company.full_key).json["queue"]
        assert item["product_name"] == "Desk"
        assert call(company, "PATCH", f"/{desk['id']}", {"is_active": True}).json == desk

    def test_a_sale_of_it_is_still_a_sale(self, company: Company, queues: Sqs) -> None:
        desk = made(company, "Desk", sku="D", default_cost=40)
        call(company, "DELETE", f"/{desk['id']}")
        for naming in ({"product_sku": "D"}, {"product_id": desk["id"]}):
            item = sold(company, queues, **naming)
            assert (str(item["product_id"]), str(item["cost_price"])) == (desk["id"], "40.00")

    def test_its_name_stays_taken(self, company: Company) -> None:
        call(company, "DELETE", f"/{made(company, 'Desk')['id']}")
        answer = call(company, "POST", body={"name": "desk"})
        assert (answer.status, "deactivated" in answer.json["error"]) == (409, True)


class TestWhoMay:
    @pytest.mark.parametrize("role", ["watcher", "seller"])
    def test_who_only_reads_is_not_told_costs_and_changes_nothing(self, company: Company, role: str) -> None:
        desk = made(company, "Desk", default_cost=80)
        _, token = company.person(role)
        shown = {name: value for name, value in desk.items() if name != "default_cost"}
        assert call(company, "GET", f"/{desk['id']}", key=token).json == shown
        assert call(company, "GET", key=token).json["products"] == [shown]
        for method, path in (("POST", ""), ("PATCH", f"/{desk['id']}"), ("DELETE", f"/{desk['id']}")):
            assert call(company, method, path, {"name": "Mine"}, key=token).status == 403
        assert call(company, "GET").json["products"] == [desk]

    def test_where_the_company_shares_margins_costs_are_shown(self, company: Company) -> None:
        company.set(share_margin=True)
        desk = made(company, "Desk", default_cost=80)
        _, token = company.person("watcher")
        assert call(company, "GET", f"/{desk['id']}", key=token).json == desk

    def test_a_key_that_only_sends_reads_nothing(self, company: Company) -> None:
        assert call(company, "GET", key=company.ingest_key).status == 403

    def test_another_companys_product_is_as_unknown_as_any(self, company: Company, rival: Company) -> None:
        foreign = made(rival, "Desk")
        for method in ("GET", "PATCH", "DELETE"):
            answers = [
                call(company, method, f"/{target}", {"name": "x"}, headers={"X-Request-ID": "same"})
                for target in (foreign["id"], uuid4(), "no-id")
            ]
            assert {a.status for a in answers} == {404}
            assert len({a.raw for a in answers}) == 1
        assert call(rival, "GET", f"/{foreign['id']}").json == foreign
