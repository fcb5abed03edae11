"""A request as API Gateway hands it over: the event of an HTTP API, payload format 2.0."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """What somebody asks of us. Header names are in lower case; `peer` is the address of who speaks to API
    Gateway."""

    method: str
    # With percent signs resolved.
    path: str
    query_string: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes
    peer: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        http = event["requestContext"]["http"]
        body = event.get("body") or ""
        headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
        # API Gateway takes cookies out of the headers; who plays it here leaves them in.
        cookies = event.get("cookies") or headers.get("cookie", "").split(";")
        return cls(
            method=http["method"],
            path=http["path"],
            query_string=event.get("rawQueryString", ""),
            headers=headers,
            cookies=dict(_cookie(cookie) for cookie in cookies if cookie),
            body=b64decode(body) if event.get("isBase64Encoded") else body.encode(),
            peer=http["sourceIp"],
        )

    @cached_property
    def query(self) -> dict[str, str]:
        """What is asked for behind the question mark; of a name that comes twice the last."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))


def _cookie(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()
