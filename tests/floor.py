"""The sales floor: what people and keys do with the queue and its claims over HTTP."""

import hashlib
import secrets
from typing import Any
from uuid import UUID, uuid4

from functions.api.app import handler
from functions.ingestion.app import handler as ingestion
from functions.processor.app import handler as processor
from tests import doors
from tests.doors import Answer, Handler, Sqs
from tests.factories import Company
from winroom import displays, sessions

# Two sales alike in all that a fingerprint is made of.
ALIKE = {"occurred_at": "2026-01-01T00:00:00Z", "customer_name": "Ada"}


def call(
    company: Company,
    method: str,
    path: str,
    body: object = None,
    *,
    key: str | None = None,
    door: Handler = handler,
    **more: Any,
) -> Answer:
    """Asks with the company's full key, or with another credential."""
    return doors.http(door, method, path, body, key=key or company.full_key, **more)


def enqueue(company: Company, queues: Sqs, *sales: dict[str, Any]) -> list[dict[str, Any]]:
    """Puts sales into the queue; returns those that wait there, newest first."""
    for body in sales:
        doors.http(ingestion, "POST", "/api/events", body, key=company.ingest_key)
    while messages := queues.take("sales-events"):
        assert doors.sqs(processor, messages) == []
    queues.take("room.fifo")
    items: list[dict[str, Any]] = call(company, "GET", "/api/queue?limit=100").json["queue"]
    return items


def excluded(company: Company) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = call(company, "GET", "/api/queue?status=excluded").json["queue"]
    return items


def claim(
    company: Company, item: Any, seller: str | None = "anna", claim_type: str = "upsell", **more: Any
) -> Answer:
    body = {"seller_id": seller, "claim_type": claim_type}
    return call(company, "POST", f"/api/queue/{item['id']}/claim", body, **more)


def release(company: Company, item: Any, **more: Any) -> Answer:
    return call(company, "POST", f"/api/queue/{item['id']}/release", {"reason": "Called off"}, **more)


def exclude(company: Company, item: Any, **more: Any) -> Answer:
    return call(company, "POST", f"/api/queue/{item['id']}/exclude", {"reason": "A test"}, **more)


def restore(company: Company, item: Any, **more: Any) -> Answer:
    return call(company, "POST", f"/api/queue/{item['id']}/restore", {}, **more)


def approve(company: Company, claimed: Any, **more: Any) -> Answer:
    return call(company, "POST", f"/api/claims/{claimed['id']}/approve", **more)


def reject(company: Company, claimed: Any, **more: Any) -> Answer:
    return call(company, "POST", f"/api/claims/{claimed['id']}/reject", {"reason": "Not theirs"}, **more)


def told(company: Company) -> list[dict[str, Any]]:
    """The room's log, oldest first."""
    return [
        dict(row)
        for row in company.rows("select seq, type, sale_id, actor, payload from wr.events order by seq")
    ]


def all_unknown(company: Company, method: str, path: str, foreign: object, body: object = None) -> bool:
    """Whether another company's id, one of nobody's and what is no id at all get the same bytes: 404."""
    answers = [
        call(company, method, path.format(id=given), body, headers={"X-Request-ID": "same"})
        for given in (foreign, uuid4(), "no-id")
    ]
    return {a.status for a in answers} == {404} and len({a.raw for a in answers}) == 1


def display(company: Company) -> str:
    """The secret of a wallboard's link."""
    link = displays.PREFIX + secrets.token_urlsafe(24)
    company.database.execute(
        "insert into wr.displays (tenant_id, name, link_hash, created_by) values (%s, 'Wall', %s, 'test')",
        company.tenant_id,
        hashlib.sha256(link.encode()).digest(),
    )
    return link


def crowd(company: Company, size: int) -> list[str]:
    """So many sellers, each with a person: their tokens."""
    company.database.execute(
        "insert into wr.sellers (tenant_id, seller_id, display_name)"
        " select %s, 'seller-' || n, 'Seller ' || n from generate_series(1, %s) n",
        company.tenant_id,
        size,
    )
    people: list[UUID] = [
        row["user_id"]
        for row in company.database.execute(
            "insert into wr.users (tenant_id, email, display_name, role, seller_id, password_hash)"
            " select tenant_id, seller_id || '@example.com', display_name, 'seller', seller_id, 'none'"
            " from wr.sellers where tenant_id = %s and seller_id like 'seller-%%' returning user_id",
            company.tenant_id,
        )
    ]
    return [sessions.token(company.tenant_id, user_id, 0) for user_id in people]
