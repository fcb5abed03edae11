"""The audit log: one row for every authenticated request, also a refused one. Never a key or a payload."""

from dataclasses import dataclass
from uuid import UUID

from winroom import queries
from winroom.callers import Caller
from winroom.db import Connection

_SQL = queries.load("audit")


@dataclass(frozen=True, slots=True)
class Entry:
    """A request as the log keeps it. `endpoint` is the route's pattern, not the path with its ids."""

    caller: Caller
    endpoint: str
    http_method: str
    request_id: str
    request_ip: str | None
    user_agent: str | None
    response_time_ms: int
    audit_id: UUID


def note(conn: Connection, entry: Entry, status: int, error: str | None = None) -> None:
    """Writes the row. Sends only."""
    conn.execute(_SQL["note"], {**_values(entry), "status_code": status, "error_message": error})


def correct(conn: Connection, entry: Entry, status: int, error: str) -> None:
    """Corrects the status of a row that was written before the outcome was known. Sends only."""
    values = {"audit_id": entry.audit_id, "status_code": status, "error_message": error}
    conn.execute(_SQL["correct"], values)


def note_flood(conn: Connection, entry: Entry, error: str) -> None:
    """Counts a refusal over the limit: one row a minute and caller."""
    conn.execute(_SQL["note_flood"], {**_values(entry), "error_message": error})


def _values(entry: Entry) -> dict[str, object]:
    return {
        "audit_id": entry.audit_id,
        "api_key_id": entry.caller.api_key_id,
        "user_id": entry.caller.user_id,
        "display_id": entry.caller.display_id,
        "flood_caller": entry.caller.name,
        "endpoint": entry.endpoint,
        "http_method": entry.http_method,
        "request_id": entry.request_id,
        "request_ip": entry.request_ip,
        "user_agent": entry.user_agent,
        "response_time_ms": entry.response_time_ms,
    }
