"""Sellers: made by hand or by their first sale, deactivated instead of deleted."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from functions.api.app import handler
from functions.ingestion.app import handler as ingestion
from functions.processor.app import handler as processor
from tests import doors
from tests.doors import Answer, Sqs
from tests.factories import Company, sale


def call(company: Company, method: str, path: str = "", body: object = None, **more: Any) -> Answer:
    key = more.pop("key", company.full_key)
    return doors.http(handler, method, f"/api/sellers{path}", body, key=key, **more)


def made(company: Company, seller_id: str, display_name: str = "Grace", **more: Any) -> dict[str, Any]:
    answer = call(company, "POST", body={"seller_id": seller_id, "display_name": display_name, **more})
    assert answer.status == 201, answer.raw
    seller: dict[str, Any] = answer.json
    return seller


def ids(company: Company, query: str = "") -> list[str]:
    answer = call(company, "GET", query)
    assert answer.status == 200, answer.raw
    return [seller["seller_id"] for seller in answer.json["sellers"]]


def sell(company: Company, queues: Sqs, seller: str) -> None:
    body = sale(seller_external_id=seller)
    assert doors.http(ingestion, "POST", "/api/events", body, key=company.ingest_key).status == 202
    assert doors.sqs(processor, queues.take("sales-events")) == []


class TestMaking:
    def test_a_seller_is_created_under_the_id_that_sales_name(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        grace = made(company, " Grace@ACME.example ", "Grace Hopper", email="grace@acme.example")
        assert (grace["seller_id"], grace["display_name"]) == ("grace@acme.example", "Grace Hopper")
        assert (grace["email"], grace["is_active"]) == ("grace@acme.example", True)
        sell(company, queues, "GRACE@acme.example")
        assert call(company, "GET").json == {"sellers": [grace], "nextCursor": None}
        assert call(company, "GET", "/Grace@Acme.example").json == grace
        assert ids(rival) == []

    def test_a_sale_makes_a_seller_who_can_be_named_afterwards(self, company: Company, queues: Sqs) -> None:
        sell(company, queues, "Ben")
        assert call(company, "GET", "/ben").json["display_name"] == "ben"
        taken = call(company, "POST", body={"seller_id": "BEN", "display_name": "Ben"})
        assert (taken.status, "change that one" in taken.json["error"]) == (409, True)
        named = call(company, "PATCH", "/ben", {"display_name": "Ben B.", "email": "ben@acme.example"})
        assert named.status == 200
        assert (named.json["display_name"], named.json["email"]) == ("Ben B.", "ben@acme.example")

    def test_each_company_has_its_own(self, company: Company, rival: Company) -> None:
        made(company, "anna", "Anna of Acme")
        made(rival, "anna", "Anna of Rival")
        assert call(company, "GET", "/anna").json["display_name"] == "Anna of Acme"

    def test_of_many_at_once_one_gets_the_id(self, company: Company) -> None:
        body = {"seller_id": "anna", "display_name": "Anna"}
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: call(company, "POST", body=body), range(8)))
        assert sorted(a.status for a in answers) == [201] + [409] * 7

    @pytest.mark.parametrize(
        "seller_id",
        ["EMEA/north/7", "/", "a b", "100%", "a?b#c", "\U0001f680", "<b>", "x" * 255, "..", "\u0130"],
    )
    def test_an_id_may_be_whatever_another_system_uses(self, company: Company, seller_id: str) -> None:
        seller = made(company, seller_id)
        assert seller["seller_id"] == seller_id.lower()
        path = f"/{quote(seller_id, safe='')}"
        assert call(company, "GET", path).json == seller
        assert call(company, "PATCH", path, {"is_active": False}).json == {**seller, "is_active": False}

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"display_name": "x"}, "seller_id"),
            ({"seller_id": " ", "display_name": "x"}, "seller_id"),
            ({"seller_id": "a\0b", "display_name": "x"}, "seller_id"),
            ({"seller_id": "x" * 256, "display_name": "x"}, "seller_id"),
            ({"seller_id": "\u0130" * 200, "display_name": "x"}, "seller_id"),
            ({"seller_id": 7, "display_name": "x"}, "seller_id"),
            ({"seller_id": "anna"}, "display_name"),
            ({"seller_id": "anna", "display_name": ""}, "display_name"),
            ({"seller_id": "anna", "display_name": "x" * 256}, "display_name"),
            ({"seller_id": "anna", "display_name": "x", "email": "anna"}, "email"),
            ({"seller_id": "anna", "display_name": "x", "email": "a\0@b.example"}, "email"),
        ],
    )
    def test_a_wrong_field_is_named(self, company: Company, body: dict[str, Any], field: str) -> None:
        answer = call(company, "POST", body=body)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)
        assert company.count("sellers") == 0


class TestList:
    def test_it_is_searched_by_the_start_of_a_name_in_either_case(self, company: Company) -> None:
        for seller_id, name in (("1", "Grace Hopper"), ("2", "GRAHAM"), ("3", "Ada"), ("4", "100%")):
            made(company, seller_id, name)
        assert ids(company) == ["4", "3", "1", "2"]
        assert ids(company, "?q=gra") == ["1", "2"]
        assert ids(company, "?q=Grace%20h") == ["1"]
        assert ids(company, "?q=100%25") == ["4"]
        assert ids(company, "?q=%25") == ids(company, "?q=_") == []

    def test_those_who_left_are_listed_where_they_are_asked_for(self, company: Company) -> None:
        made(company, "kept")
        made(company, "gone")
        call(company, "PATCH", "/gone", {"is_active": False})
        assert ids(company) == ids(company, "?active=true") == ["kept"]
        assert ids(company, "?active=false") == ["gone"]
        assert sorted(ids(company, "?active=all")) == ["gone", "kept"]

    def test_it_comes_in_pages_namesakes_included(self, company: Company) -> None:
        for seller_id in ("c", "a/b", "b", "d"):
            made(company, seller_id, "Grace")
        made(company, "z", "Ada")
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = call(company, "GET", f"?limit=2&cursor={quote(cursor, safe='')}").json
            seen += [seller["seller_id"] for seller in page["sellers"]]
            cursor = page["nextCursor"]
        assert seen == ["z", "a/b", "b", "c", "d"]

    def test_a_cursor_of_another_company_is_as_unknown_as_any(self, company: Company, rival: Company) -> None:
        made(company, "zoe", "Zoe")
        made(rival, "anna", "Anna")
        answers = [call(company, "GET", f"?cursor={cursor}") for cursor in ("anna", "nobody")]
        assert [a.json for a in answers] == [{"sellers": [], "nextCursor": None}] * 2

    @pytest.mark.parametrize("query", ["active=yes", "limit=0", "limit=101", "cursor=%00", "q=%00"])
    def test_a_wrong_parameter_is_named(self, company: Company, query: str) -> None:
        answer = call(company, "GET", f"?{query}")
        assert (answer.status, answer.json["details"][0]["field"]) == (400, query.partition("=")[0])


class TestChanging:
    def test_only_what_is_given_changes_and_null_clears(self, company: Company) -> None:
        grace = made(company, "grace", "Grace", email="grace@acme.example")
        assert call(company, "PATCH", "/grace", {}).json == grace
        assert call(company, "PATCH", "/Grace", {"display_name": "G."}).json == {
            **grace,
            "display_name": "G.",
        }
        assert call(company, "PATCH", "/grace", {"email": None}).json["email"] is None
        assert call(company, "PATCH", "/grace", {"seller_id": "ada"}).json["seller_id"] == "grace"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"display_name": None}, "display_name"),
            ({"display_name": " "}, "display_name"),
            ({"email": "x"}, "email"),
            ({"is_active": None}, "is_active"),
            ({"is_active": 1}, "is_active"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_changes(
        self, company: Company, body: dict[str, Any], field: str
    ) -> None:
        grace = made(company, "grace")
        answer = call(company, "PATCH", "/grace", {"email": "new@acme.example", **body})
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)
        assert call(company, "GET", "/grace").json == grace

    def test_who_left_claims_nothing_but_sales_still_come_in(self, company: Company, queues: Sqs) -> None:
        made(company, "grace")
        sell(company, queues, "grace")
        call(company, "PATCH", "/grace", {"is_active": False})
        sell(company, queues, "grace")
        items = doors.http(handler, "GET", "/api/queue?seller=grace", key=company.full_key).json["queue"]
        assert len(items) == 2
        claim = {"seller_id": "grace", "claim_type": "upsell"}
        path = f"/api/queue/{items[0]['id']}/claim"
        refused = doors.http(handler, "POST", path, claim, key=company.full_key)
        assert (refused.status, refused.json["details"][0]["field"]) == (400, "seller_id")
        assert call(company, "GET", "/grace").json["is_active"] is False
        call(company, "PATCH", "/grace", {"is_active": True})
        assert doors.http(handler, "POST", path, claim, key=company.full_key).status == 200

    def test_who_left_can_still_log_in_until_the_person_is_disabled(self, company: Company) -> None:
        _, token = company.person("seller", "grace")
        call(company, "PATCH", "/grace", {"is_active": False})
        assert call(company, "GET", "/grace", key=token).json["is_active"] is False


class TestWhoMay:
    @pytest.mark.parametrize("role", ["watcher", "seller"])
    def test_who_only_reads_changes_nothing(self, company: Company, role: str) -> None:
        grace = made(company, "grace")
        _, token = company.person(role)
        assert call(company, "GET", "/grace", key=token).json == grace
        body = {"seller_id": "mine", "display_name": "Mine"}
        for method, path in (("POST", ""), ("PATCH", "/grace")):
            assert call(company, method, path, body, key=token).status == 403
        assert call(company, "GET").json["sellers"] == [grace]

    def test_a_key_that_only_sends_reads_nothing(self, company: Company) -> None:
        assert call(company, "GET", key=company.ingest_key).status == 403

    def test_another_companys_seller_is_as_unknown_as_any(self, company: Company, rival: Company) -> None:
        foreign = made(rival, "rita")
        for method in ("GET", "PATCH"):
            answers = [
                call(company, method, f"/{target}", {"is_active": False}, headers={"X-Request-ID": "same"})
                for target in ("rita", "nobody", "%00", "x" * 300, "")
            ]
            assert {a.status for a in answers} == {404}
            assert len({a.raw for a in answers}) == 1
        assert call(rival, "GET", "/rita").json == foreign
