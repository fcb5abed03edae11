"""The API through its HTTP door."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.api.app import handler
from functions.ingestion.app import handler as ingestion
from functions.processor.app import handler as processor
from tests import doors
from tests.doors import Answer, Sqs
from tests.factories import Company, sale


def call(company: Company, method: str, path: str, body: object = None, **more: Any) -> Answer:
    return doors.http(handler, method, path, body, key=company.full_key, **more)


def test_of_two_claims_at_once_exactly_one_wins(company: Company, queues: Sqs) -> None:
    for seller in ("anna", "ben"):
        doors.http(
            ingestion,
            "POST",
            "/api/events",
            sale(seller_external_id=seller),
            key=company.ingest_key,
        )
    doors.sqs(processor, queues.take("sales-events"))
    (item, _) = call(company, "GET", "/api/queue").json["queue"]

    def claim(seller: str) -> Answer:
        return call(
            company,
            "POST",
            f"/api/queue/{item['id']}/claim",
            {"seller_id": seller, "claim_type": "upsell"},
        )

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(claim, ["anna", "ben"] * 10))
    assert {a.status for a in answers} == {200, 409}, answers[0].raw
    assert len({a.json["claim"]["claimed_by"] for a in answers if a.status == 200}) == 1


def test_products(company: Company) -> None:
    a = call(company, "POST", "/api/products", {"name": "Chair", "sku": "C", "default_cost": 5})
    assert a.status == 201, a.raw
    assert call(company, "POST", "/api/products", {"name": "Chair"}).status == 409
    print(call(company, "GET", "/api/products").raw)
    print(call(company, "POST", "/api/realtime/ticket").raw)
    h = doors.http(handler, "GET", "/api/health")
    assert h.status == 200, h.raw
    print(h.raw)
    print(doors.http(handler, "PUT", "/api/health"), doors.http(handler, "GET", "/nope"))
