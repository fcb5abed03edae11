"""What doors answer, and how API Gateway is told: JSON for programs, pages for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, NotRequired, TypeVar

from pydantic_core import to_json
from typing_extensions import TypedDict

from winroom import edge
from winroom.db import Row
from winroom.errors import FieldProblem
from winroom.settings import settings

Shape = TypeVar("Shape")
# What a Lambda handler returns to API Gateway.
Answer = dict[str, Any]

API_VERSION = "1"
# Bound to this host, sent over TLS only, out of reach of scripts.
SESSION_COOKIE = "__Host-winroom"

_OF_JSON = MappingProxyType({"cache-control": "no-store", "x-content-type-options": "nosniff"})
_OF_PAGES = MappingProxyType(
    {
        "cache-control": "no-store",
        # A page that opens one of ours in a window of its own learns nothing of it.
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "same-origin",
        "strict-transport-security": "max-age=31536000",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
)


@dataclass(frozen=True, slots=True)
class Reply(Generic[Shape]):
    """What a door answers: a body that becomes JSON, of the published `Shape`, with the route's status or
    its own. Money and times become texts."""

    body: Mapping[str, Any]
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of HTML, or something that belongs to one; it may load nothing but what its policy names."""

    html: str
    policy: str = "default-src 'none'"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "text/html"


class Error(TypedDict):
    """Every error looks like this. `error` is a sentence for people, `code` is for programs; `details`
    names each invalid field; `requestId` finds the request in our logs."""

    error: str
    code: str
    details: NotRequired[list[FieldProblem]]
    # Seconds: whoever waits so long is let in.
    retryAfter: NotRequired[int]
    requestId: str


def session_cookie(token: str, valid_for: int) -> dict[str, str]:
    """The header that gives a browser a session for so many seconds; for none at all takes it away."""
    attributes = f"HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age={valid_for}"
    return {"Set-Cookie": f"{SESSION_COOKIE}={token}; {attributes}"}


def next_cursor(rows: Sequence[Row], limit: int, key: str = "id") -> Any:
    """Where the next page begins: after the last row of a full one; None where there is no more."""
    return rows[-1][key] if len(rows) == limit else None


def identity(request_id: str) -> dict[str, str]:
    """What every answer says of itself."""
    return {"X-Request-ID": request_id, "X-API-Version": API_VERSION, edge.RELEASE: settings().release}


def rendered(reply: Reply[Any] | Page, status: int, headers: Mapping[str, str]) -> Answer:
    """The answer as API Gateway takes it; of a header that is told twice, the reply's own."""
    if isinstance(reply, Reply):
        body = to_json(reply.body).decode()
        own = {**_OF_JSON, "content-type": "application/json"}
    else:
        body = reply.html
        own = {**_OF_PAGES, "content-security-policy": reply.policy, "content-type": _content_type(reply)}
    told = own | {name.lower(): value for name, value in {**headers, **reply.headers}.items()}
    cookies = [told.pop("set-cookie")] if "set-cookie" in told else []
    return {
        "statusCode": status,
        "headers": told,
        "cookies": cookies,
        "body": body,
        "isBase64Encoded": False,
    }


def _content_type(page: Page) -> str:
    is_text = page.media_type.startswith("text/")
    return f"{page.media_type}; charset=utf-8" if is_text else page.media_type
