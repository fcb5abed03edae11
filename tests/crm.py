"""A CRM: the calls that another company's system sends to the ingestion door."""

from typing import Any

from functions.ingestion.app import handler
from tests import doors
from tests.doors import Answer
from tests.factories import Company


def post(company: Company, body: object, **more: Any) -> Answer:
    return doors.http(handler, "POST", "/api/events", body, key=company.ingest_key, **more)


def post_batch(company: Company, *events: object) -> Answer:
    body = {"events": list(events)}
    return doors.http(handler, "POST", "/api/events/batch", body, key=company.ingest_key)


def get(company: Company, path: str, **more: Any) -> Answer:
    return doors.http(handler, "GET", path, key=company.ingest_key, **more)
