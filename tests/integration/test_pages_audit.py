"""The page of the audit log, through the real handler."""

import pytest

from tests.factories import Company
from tests.visits import Visitor
from winroom import audit


def test_who_did_what_and_what_became_of_it(company: Company) -> None:
    admin = Visitor.of(company, "admin")
    Visitor(company.person("seller", "<u>anna")[1]).get("/approvals")
    answer = admin.get("/audit")
    assert "/approvals" in answer.raw
    assert "forbidden" in answer.raw
    assert "&lt;U&gt;Anna" in answer.raw
    assert "<U>Anna" not in answer.raw


def test_it_is_filtered_by_who_outcome_route_and_days(company: Company) -> None:
    user_id, token = company.person("seller")
    admin, seller = Visitor.of(company, "admin"), Visitor(token)
    seller.get("/approvals")
    seller.get("/queue")
    page = admin.shown(f"/audit?user_id={user_id}&api_key_id=&status=4xx&endpoint=&from=2020-01-01&to=")
    table = page.split("<tbody>")[1]
    assert "/approvals" in table
    assert "/queue" not in table
    assert "/queue" in admin.shown("/audit?endpoint=/queue").split("<tbody>")[1]
    assert "Nothing found" in admin.shown("/audit?to=2020-01-01")
    assert "418" in admin.shown("/audit?status=418")


def test_an_empty_page_that_is_not_the_last_leads_on(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = Visitor.of(company, "admin")
    for _ in range(3):
        admin.get("/queue")
    monkeypatch.setattr(audit, "LOOKED_AT", 2)
    page = admin.shown("/audit?endpoint=/nowhere")
    assert "There are older ones" in page
    assert 'href="?endpoint=%2Fnowhere&cursor=' in page


def test_a_status_that_is_none_is_refused(company: Company) -> None:
    refused = Visitor.of(company, "admin").get("/audit?status=fine")
    assert (refused.status, "such as 403" in refused.raw) == (400, True)
