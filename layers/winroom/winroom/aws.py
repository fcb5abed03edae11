"""Requests to SQS and to open sockets, signed here, over connections that are kept alive.
boto3's client costs several times the request itself, and people wait for these."""

import hashlib
import hmac
import random
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
# Seconds, for connecting and for each part of an answer.
_PATIENCE = 1.0
# Seconds after which an idle connection is taken for dead: a thawed Lambda's is.
_STALE_AFTER = 20.0


class Refused(Exception):
    """AWS did not do it. `status` is its HTTP status, or None when there was no answer."""

    def __init__(self, status: int | None, reason: str) -> None:
        self.status = status
        super().__init__(f"{status or 'no answer'}: {reason}")


class Endpoint:
    """One endpoint of one service, with its idle connections. Threads may share it."""

    def __init__(self, url: str, service: str, attempts: int = 3, patience: float = _PATIENCE) -> None:
        parts = urlsplit(url)
        # One context for all connections: each would read the certificates again, which takes 40 ms.
        self._connect = (
            partial(HTTPSConnection, context=ssl.create_default_context())
            if parts.scheme == "https"
            else HTTPConnection
        )
        self._host, self._base, self._service = parts.netloc, parts.path, service
        self._attempts, self._patience = attempts, patience
        self._credentials, self._region = _identity()
        # When each was last used, and the connection; the freshest last.
        self._idle: list[tuple[float, HTTPConnection]] = []

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = _NO_HEADERS
    ) -> bytes:
        """Sends a request to an encoded path below the endpoint's; returns the answer's body.

        What can pass (throttling, 5xx, no answer) is tried again after growing pauses.
        Raises Refused.
        """
        for attempt in range(1, self._attempts):
            try:
                return self._send_once(method, self._base + path, body, headers)
            except Refused as refused:
                if refused.status is not None and refused.status != 429 and refused.status < 500:
                    raise
            time.sleep(random.uniform(0, 0.2 * 2**attempt))  # noqa: S311
        return self._send_once(method, self._base + path, body, headers)

    def close(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            self._idle.pop()[1].close()

    def _send_once(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        signed = sign(
            self._credentials,
            (self._region, self._service),
            (method, self._host, path),
            body,
            datetime.now(UTC),
            headers,
        )
        connection = self._connection()
        try:
            connection.request(method, path, body, signed)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise Refused(None, repr(error)) from error
        self._idle.append((time.time(), connection))
        if answer.status >= 300:
            raise Refused(answer.status, answer.getheader("x-amzn-errortype") or answer.reason)
        return content

    def _connection(self) -> HTTPConnection:
        try:
            used_at, connection = self._idle.pop()
        except IndexError:
            return self._connect(self._host, timeout=self._patience)
        if time.time() - used_at > _STALE_AFTER:
            # http.client opens it again.
            connection.close()
        return connection


def sign(
    credentials: "Credentials",
    scope: tuple[str, str],
    target: tuple[str, str, str],
    body: bytes,
    now: datetime,
    more: Mapping[str, str] = _NO_HEADERS,
) -> dict[str, str]:
    """The headers of a request without a query that prove who sends it: AWS Signature Version 4.

    `scope` is region and service, `target` is method, host and encoded path; `more` are headers of the
    request itself, named in lower case.
    """
    (region, service), (method, host, path) = scope, target
    known = credentials.get_frozen_credentials()
    moment = now.strftime("%Y%m%dT%H%M%SZ")
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


def _identity() -> tuple["Credentials", str]:
    """botocore's credentials, which renew themselves where they must, and the region."""
    # Imported here: who sends nothing needs none of it.
    from botocore.exceptions import NoCredentialsError
    from botocore.session import Session

    session = Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return credentials, session.get_config_variable("region")
