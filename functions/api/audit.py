"""The audit log over HTTP: who asked what of us, and what became of it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from typing_extensions import TypedDict

from winroom import audit
from winroom.answers import Reply
from winroom.audit import Filter
from winroom.db import Row
from winroom.web import Call

_KINDS: tuple[Literal["user", "key", "display"], ...] = ("user", "key", "display")


class Asker(TypedDict):
    """Who asked: a person, with name and email, a key or a display."""

    kind: Literal["user", "key", "display"]
    id: UUID
    name: str | None
    email: str | None


class AuditedRequest(TypedDict):
    id: UUID
    created_at: datetime
    # Null for what the operator of Win Room did.
    caller: Asker | None
    # The route's pattern, not the path with its ids.
    endpoint: str
    http_method: str
    status_code: int
    request_id: str
    request_ip: str | None
    user_agent: str | None
    response_time_ms: int | None
    # The `code` of a refusal.
    error_message: str | None
    # Refusals over the limit are one row a minute and caller, with their number.
    repeats: int


class AuditLog(TypedDict):
    audit: list[AuditedRequest]
    nextCursor: UUID | None


def index(call: Call, query: Filter) -> Reply[AuditLog]:
    """Requests, the newest first. A `user_id` or a `status` from 400 on finds its requests at once. Any other
    filter looks through five thousand requests a page, by default those of the last seven days: a page may be
    short, or empty, and still have a `nextCursor` to go on with."""
    with call.session() as conn:
        found, cursor = audit.page(conn, query)
    return Reply({"audit": [_shown(row) for row in found], "nextCursor": cursor})


def _shown(row: Row) -> dict[str, object]:
    shown = {name: row[name] for name in AuditedRequest.__annotations__ if name != "caller"}
    return shown | {"caller": _caller(row)}


def _caller(row: Row) -> Asker | None:
    ids = (row["user_id"], row["api_key_id"], row["display_id"])
    for kind, caller_id in zip(_KINDS, ids, strict=True):
        if caller_id:
            return {"kind": kind, "id": caller_id, "name": row["name"], "email": row["email"]}
    return None
