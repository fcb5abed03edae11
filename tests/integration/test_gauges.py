"""What is read across companies for the operator: quick whatever the tables hold, and for the jobs alone."""

import re
import time
from typing import Any, LiteralString
from urllib.parse import parse_qs

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from functions.maintenance.app import handler
from tests import crm, doors
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.integration.test_statements import fill
from tests.plans import read_through
from winroom import aws, gauges
from winroom.settings import settings

TOPIC = "arn:aws:sns:us-east-1:123456789012:winroom-info"


@pytest.fixture
def notices(environment: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What SNS was asked for, by an operator who wants to know."""
    sent: list[dict[str, str]] = []

    def send(endpoint: aws.Endpoint, method: str, path: str, body: bytes, headers: Any) -> bytes:
        sent.append({name: value for name, (value,) in parse_qs(body.decode(), strict_parsing=True).items()})
        return b""

    environment.setattr(aws.Endpoint, "send", send)
    environment.setenv("INFO_TOPIC_ARN", TOPIC)
    environment.setenv("NOTICES_URL", "https://sns.us-east-1.amazonaws.com")
    settings.cache_clear()
    return sent


def a_day_ago(database: Database) -> None:
    """All that was received, and asked, happened 24 hours before."""
    database.execute("update wr.sales_events set created_at = created_at - interval '24 hours'")
    database.execute("update wr.api_audit_log set created_at = created_at - interval '24 hours'")


def ids_of_yesterday(patch: pytest.MonkeyPatch) -> None:
    """Events are made with the clock of a day ago."""
    now = time.time_ns
    patch.setattr(time, "time_ns", lambda: now() - 24 * 3600 * 10**9)


def test_yesterday_is_summed_up_in_one_message(
    company: Company,
    rival: Company,
    queues: Sqs,
    notices: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        ids_of_yesterday(patch)
        known = sale()
        for body in (known, sale(), sale(), {**known, "customer_name": "Another"}, {"sale_id": "bad"}):
            crm.post(company, body)
        crm.post(rival, sale())
    company.database.execute("update wr.sales_events set status = 'processed' where status = 'pending'")
    a_day_ago(company.database)
    # Today is another day.
    crm.post(company, sale())
    handler({"job": "summary"}, doors.context())
    (notice,) = notices
    assert (notice["Action"], notice["TopicArn"]) == ("Publish", TOPIC)
    assert re.fullmatch(r"Win Room on \d{4}-\d\d-\d\d: 4 sales, 0 errors", notice["Subject"])
    numbers = [int(found) for found in re.findall(r" (\d+)$", notice["Message"], re.MULTILINE)]
    assert "(UTC), 2 companies" in notice["Message"]
    # Received, processed, failed (the contradiction); requests, refused, errors.
    assert numbers == [5, 4, 1, 6, 2, 0]


def test_a_quiet_day_has_a_summary_too(company: Company, notices: list[dict[str, str]]) -> None:
    handler({"job": "summary"}, doors.context())
    assert "0 companies" in notices[0]["Message"]


def test_where_nobody_wants_to_know_the_summary_is_logged(
    company: Company, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("INFO_TOPIC_ARN", "")
    settings.cache_clear()
    handler({"job": "summary"}, doors.context())
    assert '"received":0' in capsys.readouterr().out


def test_a_summary_that_nobody_took_is_a_failure(
    company: Company, notices: list[dict[str, str]], environment: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise aws.Refused(403, "AuthorizationError")

    environment.setattr(aws.Endpoint, "send", refuse)
    with pytest.raises(ExceptionGroup):
        handler({"job": "summary"}, doors.context())


@pytest.mark.parametrize("statement", gauges._SQL.values(), ids=gauges._SQL)
def test_only_the_jobs_role_may_ask(company: Company, statement: LiteralString) -> None:
    with pytest.raises(InsufficientPrivilege):
        company.rows(re.sub(r"%\(\w+\)s", "null", statement))


@pytest.mark.parametrize("name", ["gauges", "totals"])
def test_no_table_is_read_from_end_to_end(
    database: Database, company: Company, rival: Company, name: str
) -> None:
    fill(database, [company, rival])
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        conn.execute("vacuum analyze wr.sales_events, wr.sales_events_dlq, wr.api_audit_log")
        found = conn.execute("select prosrc from pg_proc where proname = %s", [name]).fetchone()
        assert found is not None
        body: LiteralString = re.sub(r"in_(\w+)", r"%(\1)s", found[0])
        conn.execute("set role winroom_resolver")
        assert read_through(conn, body) == set()
