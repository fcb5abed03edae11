"""The operator looks after a company's keys and people: one company's, with a trace in its audit log."""

import json
from typing import Any

import pytest

from functions.api.app import handler as api
from functions.ingestion.app import handler as ingestion
from infra.operator import screen
from tests import doors
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.integration.conftest import Winroom
from tests.visits import Visitor
from winroom import callers

pytestmark = pytest.mark.usefixtures("quick_passwords")


def read(winroom: Winroom, *arguments: str) -> Any:
    told = winroom(*arguments, "--json")
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def opens(key: str) -> bool:
    """Whether the key is taken, a minute later."""
    callers.forget_all()
    return doors.http(ingestion, "GET", "/api/events", key=key).status == 200


def audited(company: Company) -> list[tuple[str, str, int, str]]:
    """What the operator left in the company's audit log."""
    rows = company.rows(
        "select http_method, endpoint, status_code, user_agent from wr.api_audit_log"
        " where api_key_id is null and user_id is null order by audit_id"
    )
    return [(r["http_method"], r["endpoint"], r["status_code"], r["user_agent"]) for r in rows]


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is somebody to answer questions."""
    monkeypatch.setattr(screen, "is_answered", lambda: True)


def test_companies_are_listed_and_shown(winroom: Winroom, company: Company, rival: Company) -> None:
    assert [one["slug"] for one in read(winroom, "tenant", "list")] == ["acme", "rival"]
    shown = read(winroom, "tenant", "show", "acme")
    assert shown["settings"]["time_zone"] == "UTC"
    assert shown["failed_events"]["unknown_product"] == 0
    assert read(winroom, "tenant", "show", str(company.tenant_id)) == shown
    for page in (winroom("tenant", "list"), winroom("tenant", "show", "acme")):
        assert str(company.tenant_id) in page.output  # whole, though nobody's terminal is so wide


@pytest.mark.parametrize(
    "command", [("key", "list"), ("user", "list"), ("tenant", "show"), ("key", "create")]
)
def test_a_company_that_does_not_exist_is_said_so(
    winroom: Winroom, company: Company, command: tuple[str, ...]
) -> None:
    refused = winroom(*command, "nobody")
    assert refused.exit_code == 1
    assert "There is no company nobody" in refused.stderr
    assert refused.stdout == ""


def test_a_slug_that_is_the_id_of_another_company_misleads_nobody(
    winroom: Winroom, company: Company, rival: Company
) -> None:
    # From before such slugs were refused.
    company.database.execute(
        "update wr.tenants set slug = %s where tenant_id = %s", str(company.tenant_id), rival.tenant_id
    )
    assert read(winroom, "tenant", "show", str(company.tenant_id))["slug"] == "acme"
    assert read(winroom, "key", "revoke", company.ingest_key, "--yes")["state"] == "revoked"
    assert winroom("key", "rotate", company.full_key).exit_code == 0
    assert len(audited(company)) == 2
    assert audited(rival) == []


def test_a_list_holds_one_companys_rows_and_no_others(
    winroom: Winroom, company: Company, rival: Company
) -> None:
    company.person("admin")
    rival.person("admin")
    assert {key["key_prefix"] for key in read(winroom, "key", "list", "acme")} == {
        key[:16] for key in (company.ingest_key, company.full_key)
    }
    (person,) = read(winroom, "user", "list", "rival")
    assert person["email"].endswith("@rival.example")


def test_a_leaked_key_is_found_by_itself_and_dies(winroom: Winroom, company: Company, rival: Company) -> None:
    assert opens(company.ingest_key)
    revoked = read(winroom, "key", "revoke", company.ingest_key, "--yes")
    assert revoked["state"] == "revoked"
    assert not opens(company.ingest_key)
    assert opens(company.full_key)
    assert opens(rival.ingest_key)
    assert audited(company) == [("POST", "/api/api-keys/{api_key_id}/revoke", 200, "winroom key revoke")]
    assert audited(rival) == []


def test_revoking_asks_first(winroom: Winroom, company: Company, somebody: None) -> None:
    kept = winroom("key", "revoke", company.ingest_key[:16], input="n\n")
    assert kept.exit_code == 1
    assert 'The key "CRM" of acme' in kept.stderr
    assert "Nothing was done" in kept.stderr
    assert opens(company.ingest_key)
    assert winroom("key", "revoke", company.ingest_key[:16], input="y\n").exit_code == 0
    assert not opens(company.ingest_key)


def test_where_nobody_can_answer_nothing_is_revoked(winroom: Winroom, company: Company) -> None:
    refused = winroom("key", "revoke", company.ingest_key[:16])
    assert refused.exit_code == 1
    assert "--yes" in refused.stderr
    assert opens(company.ingest_key)
    assert audited(company) == []


@pytest.mark.parametrize("key", ["wr_live_", "", "wr_live_12345678", "0198c0de-0000-7000-8000-000000000000"])
@pytest.mark.parametrize("command", ["revoke", "rotate"])
def test_a_key_that_does_not_exist_is_said_so(
    winroom: Winroom, company: Company, command: str, key: str
) -> None:
    refused = winroom("key", command, key, *(["--yes"] if command == "revoke" else []))
    assert refused.exit_code == 1
    assert "no such key" in refused.stderr


def test_what_was_typed_for_a_key_is_not_repeated(winroom: Winroom, company: Company) -> None:
    typed = "wr_live_01234567-a-secret-of-somebody-else"
    assert typed not in winroom("key", "revoke", typed, "--yes").output


def test_a_rotated_key_goes_on_beside_the_new_one(winroom: Winroom, company: Company, queues: Sqs) -> None:
    made = read(winroom, "key", "rotate", company.ingest_key[:16], "--overlap", "5")
    assert opens(company.ingest_key)
    answer = doors.http(ingestion, "POST", "/api/events", sale(), key=made["api_key"])
    assert answer.status == 202
    again = winroom("key", "rotate", company.ingest_key[:16])
    assert again.exit_code == 1
    assert "only a live key can be rotated" in again.stderr
    assert [row[1] for row in audited(company)] == ["/api/api-keys/{api_key_id}/rotate"]
    assert winroom("key", "rotate", company.full_key[:16]).stdout.startswith("wr_live_")


def test_a_key_that_is_replaced_without_an_overlap_ends_after_a_question(
    winroom: Winroom, company: Company, somebody: None
) -> None:
    kept = winroom("key", "rotate", company.ingest_key, "--overlap", "0", input="n\n")
    assert kept.exit_code == 1
    assert 'The key "CRM" of acme' in kept.stderr
    assert opens(company.ingest_key)
    assert winroom("key", "rotate", company.ingest_key, "--overlap", "0", "--yes").exit_code == 0
    assert not opens(company.ingest_key)


def test_a_made_person_logs_in_with_the_password_that_is_shown_once(
    winroom: Winroom, company: Company, rival: Company
) -> None:
    made = read(winroom, "user", "create", "acme", "Grace@acme.example", "--name", "Grace")
    assert (made["role"], made["seller_id"]) == ("seller", "grace@acme.example")
    login = {"tenant": "acme", "email": "grace@acme.example", "password": made["password"]}
    assert doors.http(api, "POST", "/api/session", login).status == 201
    assert rival.count("sellers") == 0
    assert audited(company) == [("POST", "/api/users", 201, "winroom user create")]


def test_whoever_is_given_a_new_password_is_logged_out_everywhere(
    winroom: Winroom, company: Company, rival: Company
) -> None:
    made = read(winroom, "user", "create", "acme", "ada@acme.example", "--role", "admin")
    namesake = read(winroom, "user", "create", "rival", "ada@acme.example", "--role", "admin")
    login = {"tenant": "acme", "email": "ada@acme.example", "password": made["password"]}
    token = doors.http(api, "POST", "/api/session", login).json["token"]
    email, password = winroom("user", "reset-password", "acme", "ADA@acme.example").stdout.split()
    assert email == "ada@acme.example"
    callers.forget_all()
    assert doors.http(api, "GET", "/api/session", key=token).status == 401
    assert doors.http(api, "POST", "/api/session", login | {"password": password}).status == 201
    of_rival = {"tenant": "rival", "email": "ada@acme.example", "password": namesake["password"]}
    assert doors.http(api, "POST", "/api/session", of_rival).status == 201


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("create", "acme", "no-email"), "email must be an email address"),
        (("create", "acme", "a@b.example", "--role", "manager", "--seller-id", "ghost"), "seller_id must be"),
        (("create", "acme", "a@b.example", "--name", "x" * 201), "display_name must be at most 200"),
        (("reset-password", "acme", "ghost@acme.example"), "acme has nobody with the email"),
    ],
)
def test_what_is_wrong_with_a_person_is_named(
    winroom: Winroom, company: Company, arguments: tuple[str, ...], why: str
) -> None:
    refused = winroom("user", *arguments)
    assert refused.exit_code == 1
    assert why in refused.stderr
    assert company.count("users") == 0
    assert audited(company) == []


def test_the_company_sees_what_the_operator_did(winroom: Winroom, company: Company) -> None:
    read(winroom, "key", "create", "acme", "--name", "Theirs")
    _, token = company.person("admin")
    (row,) = doors.http(api, "GET", "/api/audit?endpoint=/api/api-keys", key=token).json["audit"]
    assert (row["caller"], row["status_code"], row["user_agent"]) == (None, 201, "winroom key create")
    assert "Win Room's operator" in Visitor(token).shown("/audit?endpoint=/api/api-keys")


def test_letters_that_move_a_cursor_are_not_printed(winroom: Winroom, company: Company) -> None:
    company.database.execute("update wr.tenants set name = %s", "Acme\x1b[2J[red]")
    page = winroom("tenant", "list").output
    assert "\x1b" not in page
    assert "[red]" in page
    assert read(winroom, "tenant", "list")[0]["name"] == "Acme\x1b[2J[red]"


def test_of_a_company_without_anything_that_is_told(winroom: Winroom, database: Database) -> None:
    assert winroom("tenant", "list").output == "No companies.\n"
    database.company("acme")
    assert winroom("user", "list", "acme").output == "Nobody.\n"
    assert winroom("events", "pending").output == "Nothing is pending.\n"
    assert winroom("failed", "list").output == "Nothing has failed.\n"
