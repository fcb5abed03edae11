"""Requests to SQS and to open sockets, signed here, over connections that are kept alive.
People wait for these. boto3's client costs several times the request itself, and so does reading an answer
with http.client, which takes its headers for an e-mail's."""

import asyncio
import random
import socket
import ssl
import time
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

from winroom.settings import settings
from winroom.signature import Credentials, Keys, sign

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
# Seconds, for connecting and for each part of an answer.
_PATIENCE = 1.0
# Seconds after which an idle connection is taken for dead: a thawed Lambda's is.
_STALE_AFTER = 20.0
# Bytes that are read at once, and those of the longest answer.
_PART, _LONGEST = 64 * 1024, 4 * 1024 * 1024


class Refused(Exception):
    """AWS did not do it. `status` is its HTTP status, or None when there was no answer."""

    def __init__(self, status: int | None, reason: str) -> None:
        self.status = status
        super().__init__(f"{status or 'no answer'}: {reason}")

    @property
    def can_pass(self) -> bool:
        """Whether another try may do it: throttling, 5xx, no answer."""
        return self.status is None or self.status == 429 or self.status >= 500


class Answer:
    """What a server answers, as it comes in. The parser calls the methods that are named `on_`."""

    def __init__(self) -> None:
        self.is_whole = False
        # Whether the connection may be used again.
        self.leaves_open = False
        self._body, self._reason, self._length = b"", "", 0
        self._parser = HttpResponseParser(self)

    def feed(self, part: bytes) -> None:
        """Takes what came in. Raises ConnectionError where nothing more does, or nothing that is HTTP."""
        self._length += len(part)
        if not part or self._length > _LONGEST:
            raise ConnectionError("the answer has no end" if part else "hung up")
        try:
            self._parser.feed_data(part)
        except HttpParserError as error:
            raise ConnectionError("the answer is not HTTP") from error

    def body(self) -> bytes:
        """Raises Refused for any status but a success."""
        status = self._parser.get_status_code()
        if status >= 300:
            raise Refused(status, self._reason)
        return self._body

    def on_status(self, phrase: bytes) -> None:
        self._reason = phrase.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-amzn-errortype":
            self._reason = value.decode()

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        # Before the answer there may be words that it is on its way.
        self.is_whole = self._parser.get_status_code() >= 200
        self.leaves_open = self._parser.should_keep_alive()


class _Closable(Protocol):
    def close(self) -> None: ...


Line = TypeVar("Line", bound=_Closable)


class _Endpoint(Generic[Line]):
    """One endpoint of one service, with its idle connections."""

    def __init__(self, url: str, service: str, attempts: int = 3, patience: float = _PATIENCE) -> None:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https"
        # One context for all connections: each would read the certificates again, which takes 40 ms.
        self._tls = ssl.create_default_context() if is_safe else None
        self._name, self._port = parts.hostname or "", parts.port or (443 if is_safe else 80)
        self._host, self._base, self._service = parts.netloc, parts.path, service
        self._attempts, self._patience = attempts, patience
        self._credentials, self._region = _identity()
        # When each was last used, and the connection; the freshest last.
        self._idle: list[tuple[float, Line]] = []

    def close(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            self._idle.pop()[1].close()

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The request as it is sent, signed for now."""
        path = self._base + path
        signed = sign(
            self._credentials,
            (self._region, self._service),
            (method, self._host, path),
            body,
            _moment(int(time.time())),
            headers,
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        return f"{method} {path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body

    def _kept(self) -> Line | None:
        """A connection that was used a moment ago."""
        try:
            used_at, line = self._idle.pop()
        except IndexError:
            return None
        if time.time() - used_at < _STALE_AFTER:
            return line
        line.close()
        return self._kept()

    def _keep(self, line: Line, answer: Answer) -> None:
        if answer.leaves_open:
            self._idle.append((time.time(), line))
        else:
            line.close()

    def _pause(self, refused: Refused, attempt: int) -> float:
        """Seconds until the next attempt. Raises what was refused when there is none."""
        if attempt == self._attempts or not refused.can_pass:
            raise refused
        return random.uniform(0, 0.2 * 2**attempt)  # noqa: S311 (a pause, no secret)


class Endpoint(_Endpoint[socket.socket]):
    """One whose answers are waited for. Threads may share it."""

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = _NO_HEADERS
    ) -> bytes:
        """Sends a request to an encoded path below the endpoint's; returns the answer's body.

        What can pass (throttling, 5xx, no answer) is tried again after growing pauses.
        Raises Refused.
        """
        attempt = 1
        while True:
            try:
                return self._exchange(self._request(method, path, body, headers))
            except Refused as refused:
                time.sleep(self._pause(refused, attempt))
            attempt += 1

    def _exchange(self, request: bytes) -> bytes:
        line, answer = self._kept(), Answer()
        try:
            line = line or self._connected()
            line.sendall(request)
            while not answer.is_whole:
                answer.feed(line.recv(_PART))
        except OSError as error:
            if line:
                line.close()
            raise Refused(None, repr(error)) from error
        self._keep(line, answer)
        return answer.body()

    def _connected(self) -> socket.socket:
        line = socket.create_connection((self._name, self._port), self._patience)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._tls.wrap_socket(line, server_hostname=self._name) if self._tls else line


class _Streams(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def close(self) -> None:
        # Saying goodbye over TLS would wait for one that does not answer.
        self.writer.transport.abort()


class AsyncEndpoint(_Endpoint[_Streams]):
    """The same on an event loop, for many requests at once. Its patience is for an exchange as a whole."""

    async def send(self, method: str, path: str, body: bytes = b"") -> bytes:
        """As Endpoint.send."""
        attempt = 1
        while True:
            try:
                return await self._exchange(self._request(method, path, body, _NO_HEADERS))
            except Refused as refused:
                await asyncio.sleep(self._pause(refused, attempt))
            attempt += 1

    async def _exchange(self, request: bytes) -> bytes:
        line, answer = self._kept(), Answer()
        try:
            async with asyncio.timeout(self._patience):
                line = line or await self._connected()
                line.writer.write(request)
                while not answer.is_whole:
                    answer.feed(await line.reader.read(_PART))
        except OSError as error:
            if line:
                line.close()
            raise Refused(None, repr(error)) from error
        self._keep(line, answer)
        return answer.body()

    async def _connected(self) -> _Streams:
        return _Streams(*await asyncio.open_connection(self._name, self._port, ssl=self._tls))


@lru_cache(maxsize=1)
def _moment(second: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


def _identity() -> tuple[Credentials, str]:
    """Who signs, and the region: as the environment says, which is where Lambda puts them; anywhere else, and
    where they renew themselves, as botocore finds them."""
    if (keys := settings().aws_keys) and (region := settings().aws_region):
        return Keys(*keys), region
    # Imported here: that takes longer than everything else that a function does before its first answer.
    from botocore.exceptions import NoCredentialsError
    from botocore.session import Session

    session = Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return credentials, session.get_config_variable("region")
