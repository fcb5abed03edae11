"""Signatures: what proves to AWS who sends a request, in Version 4. People wait for each of them."""

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, Self
from urllib.parse import quote


class Keys(NamedTuple):
    """A pair of keys, with the token that belongs to temporary ones."""

    access_key: str
    secret_key: str
    token: str | None

    def get_frozen_credentials(self) -> Self:
        """Keys that are given do not change."""
        return self


class Credentials(Protocol):
    """Keys that may renew themselves: ours, and botocore's."""

    def get_frozen_credentials(self) -> Any:
        """What has `access_key`, `secret_key` and `token`, for one signature."""


def sign(
    credentials: Credentials,
    scope: tuple[str, str],
    target: tuple[str, str, str],
    body: bytes,
    moment: str,
    more: Mapping[str, str],
) -> dict[str, str]:
    """The headers of a request without a query, among them those that prove who sends it.

    `scope` is region and service, `target` is method, host and encoded path, `moment` is the time as in
    20260102T030405Z; `more` are headers of the request itself, named in lower case.
    """
    (region, service), (method, host, path) = scope, target
    known = credentials.get_frozen_credentials()
    headers = {"host": host, "x-amz-date": moment, **more}
    if known.token:
        headers["x-amz-security-token"] = known.token
    headers = dict(sorted(headers.items()))
    signed = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    # Every service but S3 wants the encoded path encoded once more.
    path, digest = quote(path, safe="/~"), hashlib.sha256(body).hexdigest()
    request = "\n".join((method, path, "", lines, signed, digest))
    valid_for = f"{moment[:8]}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    key = _signing_key(known.secret_key, moment[:8], region, service)
    signature = _hmac(key, f"AWS4-HMAC-SHA256\n{moment}\n{valid_for}\n{hashed}").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={known.access_key}/{valid_for}, "
        f"SignedHeaders={signed}, Signature={signature}"
    )
    return headers


@lru_cache(maxsize=4)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
