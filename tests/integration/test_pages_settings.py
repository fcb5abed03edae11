"""The company's settings on a page: what is other than before is changed, and nothing else."""

from typing import Any

import pytest

from functions.dashboard import words
from tests.factories import Company, Database
from tests.visits import Visitor
from winroom import copy

MARKUP = "<script>alert(1)</script>"
# The form of a company that has changed nothing yet.
FORM = {
    "name": "Acme",
    "home_currency": "USD",
    "time_zone": "UTC",
    "suspect_duplicates": "true",
    "ingestion_per_minute": "10000",
}


@pytest.fixture
def admin(company: Company) -> Visitor:
    return Visitor.of(company)


def settings(company: Company) -> dict[str, Any]:
    (tenant,) = company.database.execute(
        "select settings from wr.tenants where tenant_id = %s", company.tenant_id
    )
    found: dict[str, Any] = tenant["settings"]
    return found


def test_the_page_shows_the_company_its_plan_and_its_limits(admin: Visitor) -> None:
    page = admin.shown("/settings")
    assert "<code>acme</code>" in page
    assert words.PLANS["enterprise"] in page
    assert "10,000" in page
    assert 'name="suspect_duplicates" type="checkbox" value="true" checked' in page
    assert 'name="claim_approval" type="checkbox" value="true" aria' in page
    assert '<option value="Europe/Istanbul">' in page


def test_what_differs_is_changed_and_nothing_else(company: Company, admin: Visitor) -> None:
    admin.done("/settings", **FORM)
    assert settings(company) == {}
    changed = {**FORM, "name": "Acme & Sons", "time_zone": "europe/istanbul", "claim_approval": "true"}
    del changed["suspect_duplicates"]
    page = admin.done("/settings", **changed)
    assert words.NOTICES["settings_saved"] in page
    assert 'value="Acme & Sons"' in page
    assert 'value="Europe/Istanbul"' in page
    assert settings(company) == {
        "time_zone": "Europe/Istanbul",
        "claim_approval": True,
        "suspect_duplicates": False,
    }


def test_a_limit_is_lowered_and_given_back(company: Company, admin: Visitor) -> None:
    admin.done("/settings", **{**FORM, "ingestion_per_minute": " 5000 "})
    assert settings(company) == {"ingestion_per_minute": 5000}
    admin.done("/settings", **{**FORM, "ingestion_per_minute": ""})
    assert settings(company) == {}


def test_a_limit_that_is_only_repeated_grows_with_the_plan(database: Database, company: Company) -> None:
    small = database.company("small", plan="free")
    admin = Visitor.of(small)
    admin.done("/settings", **{**FORM, "name": "Small & Co", "ingestion_per_minute": "100"})
    database.execute("update wr.tenants set plan = 'pro' where tenant_id = %s", small.tenant_id)
    assert 'value="1000"' in admin.shown("/settings")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", " ", f"{words.NAME} must not be empty"),
        ("time_zone", "Mars/Base", copy.UNKNOWN_TIME_ZONE.format(field=words.TIME_ZONE)),
        ("ingestion_per_minute", "many", f"{words.INGESTION_PER_MINUTE} must be a whole number"),
        ("ingestion_per_minute", "0", f"{words.INGESTION_PER_MINUTE} must be at least 1"),
        (
            "ingestion_per_minute",
            "10001",
            copy.BEYOND_PLAN.format(field=words.INGESTION_PER_MINUTE, most=10000),
        ),
        ("home_currency", "XAU", f"{words.HOME_CURRENCY} must be one of"),
    ],
)
def test_a_refused_form_says_what_is_wrong_beside_its_field_and_keeps_the_rest(
    company: Company, admin: Visitor, field: str, value: str, sentence: str
) -> None:
    given = {**FORM, "name": "Other", "share_margin": "true", field: value}
    del given["suspect_duplicates"]
    page = admin.refused(400, "/settings", **given)
    assert f'id="{field}-problem">{sentence}' in page
    assert 'name="share_margin" type="checkbox" value="true" checked' in page
    assert 'name="suspect_duplicates" type="checkbox" value="true" aria' in page
    assert settings(company) == {}


def test_markup_stays_text(admin: Visitor) -> None:
    assert MARKUP in admin.done("/settings", **{**FORM, "name": MARKUP})
    assert MARKUP not in admin.get("/settings").raw
    assert MARKUP not in admin.post("/settings", **{**FORM, "time_zone": MARKUP}).raw


def test_only_admins_change_them(company: Company) -> None:
    manager = Visitor.of(company, "manager")
    assert manager.get("/settings").status == 403
    manager.refused(403, "/settings", **{**FORM, "share_margin": "true"})
    assert settings(company) == {}
