"""The audit log: one row for every authenticated request, also a refused one. Never a key or a payload."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from winroom import queries
from winroom.callers import Caller
from winroom.db import Connection, Row
from winroom.validation import BlankIsAbsent, Input, Published, Text255, Timestamp

Method = Literal["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"]

# A search that no index serves looks at so many requests and no more, the newest of the last days first:
# an index for it would be written with every sale that comes in.
LOOKED_AT = 5_000
_SEARCHED_BACK = timedelta(days=7)
_FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
_STATUS = r"^[1-5]([0-9]{2}|xx)$"

_SQL = queries.load("audit")


def _status(text: str) -> str:
    if not re.match(_STATUS, text):
        raise PydanticCustomError("status_code", "")
    return text


class Filter(Input):
    """Which requests to list: of those from `from` on and before `to`; `status` is one, such as 403, or a
    class, such as 4xx; `endpoint` is the pattern of a route, such as /api/queue/{queue_id}/claim."""

    since: Annotated[Timestamp | None, BlankIsAbsent] = Field(None, alias="from")
    until: Annotated[Timestamp | None, BlankIsAbsent] = Field(None, alias="to")
    status: Annotated[
        Annotated[str, AfterValidator(_status), Published(pattern=_STATUS)] | None, BlankIsAbsent
    ] = None
    method: Annotated[Method | None, BlankIsAbsent] = None
    endpoint: Annotated[Text255 | None, BlankIsAbsent] = None
    user_id: Annotated[UUID | None, BlankIsAbsent] = None
    api_key_id: Annotated[UUID | None, BlankIsAbsent] = None
    request_id: Annotated[Text255 | None, BlankIsAbsent] = None
    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50

    @property
    def statuses(self) -> tuple[int, int] | tuple[None, None]:
        """The least and the most of the statuses that are asked for."""
        if self.status is None:
            return None, None
        return int(self.status.replace("x", "0")), int(self.status.replace("x", "9"))

    @property
    def search(self) -> Literal["user", "refused", "clock"]:
        """Which index serves it."""
        if self.user_id:
            return "user"
        return "refused" if (self.statuses[0] or 0) >= 400 else "clock"

    @property
    def is_sifted(self) -> bool:
        """Whether what that index yields is still to be looked through."""
        others = (self.api_key_id, self.method, self.endpoint, self.request_id)
        return any(others) or (self.status is not None and self.search != "refused")

    @property
    def earliest(self) -> datetime | None:
        """From when on it looks."""
        if self.since or self.search != "clock" or not self.is_sifted:
            return self.since
        return max(self.until or datetime.now(UTC), _FIRST_MOMENT) - _SEARCHED_BACK


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
    values = {**_values(entry), "status_code": status, "error_message": error}
    conn.execute(_SQL["note"], values)


def row(entry: Entry, status: int) -> str:
    """What `note` writes, for statements that write more than the row: a JSON object."""
    return json.dumps({**_values(entry), "status_code": status}, default=str)


def note_row(conn: Connection, written: str, at: datetime) -> None:
    """Writes what `row` made of a request of that moment. Sends only."""
    conn.execute(_SQL["note_row"], {"request": written, "at": at})


def note_failed_login(conn: Connection, entry: Entry) -> None:
    """Writes the row of a login that failed; where there is no such person it does nothing. Sends only."""
    conn.execute(_SQL["note_failed_login"], {**_values(entry), "error_message": "unauthenticated"})


def correct(conn: Connection, entry: Entry, status: int, error: str) -> None:
    """Corrects the status of a row that was written before the outcome was known. Sends only."""
    values = {"audit_id": entry.audit_id, "status_code": status, "error_message": error}
    conn.execute(_SQL["correct"], values)


def note_flood(conn: Connection, entry: Entry, error: str) -> None:
    """Counts a refusal over the limit: one row a minute and caller."""
    conn.execute(_SQL["note_flood"], {**_values(entry), "error_message": error})


def page(conn: Connection, wanted: Filter) -> tuple[list[Row], UUID | None]:
    """Requests newest first, `wanted.limit` at most, and where to look on; None where nothing is left.

    A search that no index serves looks at LOOKED_AT requests: a page may hold fewer than there are, or none.
    """
    at_most = LOOKED_AT if wanted.is_sifted else wanted.limit
    least, most = wanted.statuses
    values = wanted.model_dump() | {
        "since": wanted.earliest,
        "search": wanted.search,
        "least_status": least,
        "most_status": most,
        "at_most": at_most,
    }
    found = conn.execute(_SQL["page"], values).fetchall()
    rows = [row for row in found if row["id"]]
    if len(rows) == wanted.limit:
        return rows, rows[-1]["id"]
    return rows, found[0]["last_id"] if found[0]["examined"] == at_most else None


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
