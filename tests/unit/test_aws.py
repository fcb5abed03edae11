"""Requests signed by us: the same signature as botocore's, patience with what can pass, and answers in all
the ways that servers give them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from tests import gateway as edge
from tests.gateway import Gateway
from winroom import aws
from winroom.settings import settings
from winroom.signature import Keys, sign

MOMENT = "20260102T030405Z"
Endpoint = aws.Endpoint | aws.AsyncEndpoint
Connect = Callable[[str], tuple[Endpoint, Callable[..., bytes]]]


def lambdas(monkeypatch: pytest.MonkeyPatch, **less: None) -> None:
    """An environment as Lambda makes it, or one that lacks something."""
    full = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
    for name, value in {**full, "AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1", **less}.items():
        monkeypatch.delenv(name, raising=False)
        if value:
            monkeypatch.setenv(name, value)
    settings.cache_clear()


@pytest.fixture(params=[aws.Endpoint, aws.AsyncEndpoint], ids=["blocking", "on a loop"])
def connect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Makes an endpoint of either kind by its URL, and what sends to it and waits for the answer."""
    lambdas(monkeypatch)
    monkeypatch.setattr("random.uniform", lambda _least, _most: 0.0)
    with asyncio.Runner() as runner, ExitStack() as opened:

        def connect(url: str) -> tuple[Endpoint, Callable[..., bytes]]:
            endpoint: Endpoint = request.param(url, "execute-api", patience=0.5)
            opened.callback(endpoint.close)
            if isinstance(endpoint, aws.AsyncEndpoint):
                send = endpoint.send
                return endpoint, lambda *what: runner.run(send(*what))
            return endpoint, endpoint.send

        yield connect


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with edge.running() as running:
        yield running


@contextmanager
def answering(*parts: bytes) -> Iterator[tuple[str, list[object]]]:
    """The URL of a server that answers every request with the parts, one after another, and hangs up at an
    empty one; and its connections so far."""
    connections: list[object] = []

    class Door(StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            connections.append(self)
            while self.rfile.readline():
                while self.rfile.readline().strip():
                    pass
                for part in parts:
                    if not part:
                        return
                    self.wfile.write(part)

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", connections
        finally:
            server.shutdown()


@given(
    method=st.sampled_from(["POST", "DELETE"]),
    connection_id=st.text(st.sampled_from("abcXYZ019-_=%"), min_size=1),
    body=st.binary(),
    token=st.none() | st.text(st.sampled_from("abc/+="), min_size=1),
    more=st.sampled_from([{}, {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.X"}]),
)
def test_the_signature_is_botocores(
    method: str, connection_id: str, body: bytes, token: str | None, more: dict[str, str]
) -> None:
    credentials = Credentials("AKID", "secret", token)
    path = f"/ws/@connections/{quote(connection_id, safe='')}"
    theirs = AWSRequest(method, f"https://x.execute-api.eu-west-1.amazonaws.com{path}", data=body)
    theirs.context["timestamp"] = MOMENT
    signer = SigV4Auth(credentials, "execute-api", "eu-west-1")
    theirs.headers["X-Amz-Date"] = MOMENT
    for name, value in more.items():
        theirs.headers[name] = value
    if token:
        theirs.headers["X-Amz-Security-Token"] = token
    request = signer.canonical_request(theirs)
    expected = signer.signature(signer.string_to_sign(theirs, request), theirs)
    ours = sign(
        credentials,
        ("eu-west-1", "execute-api"),
        (method, "x.execute-api.eu-west-1.amazonaws.com", path),
        body,
        MOMENT,
        more,
    )
    assert ours["authorization"].endswith(f"Signature={expected}")
    assert ours.get("x-amz-security-token") == token


def test_credentials_that_ran_out_are_renewed_before_they_sign() -> None:
    until = datetime(2026, 1, 2, tzinfo=UTC)
    renewed = {
        "access_key": "NEW",
        "secret_key": "new",
        "token": "new",
        "expiry_time": "2100-01-01T00:00:00Z",
    }
    old = RefreshableCredentials("OLD", "old", "old", until, lambda: renewed, "test")

    def signed(credentials: Credentials) -> dict[str, str]:
        return sign(credentials, ("eu-west-1", "sqs"), ("POST", "x.example", "/"), b"", MOMENT, {})

    assert signed(old) == signed(Credentials("NEW", "new", "new"))


def test_the_time_of_a_request_is_the_worlds() -> None:
    assert aws._moment(int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp())) == MOMENT


@pytest.mark.parametrize("kind", ["throttled", "failing"])
def test_what_can_pass_is_tried_three_times(gateway: Gateway, connect: Connect, kind: str) -> None:
    _, send = connect(gateway.url)
    tries = getattr(gateway, kind)
    tries["a"] = 2
    send("POST", "/@connections/a", b"{}")
    assert gateway.take("a") == [{}]
    tries["a"] = 3
    with pytest.raises(aws.Refused, match="Exception") as refused:
        send("POST", "/@connections/a", b"{}")
    assert refused.value.status == {"throttled": 429, "failing": 500}[kind]
    assert tries["a"] == 0


def test_what_cannot_pass_is_not_tried_again(gateway: Gateway, connect: Connect) -> None:
    _, send = connect(gateway.url)
    gateway.gone.add("a")
    gateway.throttled["a"] = 1
    with pytest.raises(aws.Refused, match="410: GoneException") as refused:
        send("POST", "/@connections/a", b"{}")
    assert refused.value.status == 410


def test_no_answer_is_told_apart_from_a_refusal(connect: Connect) -> None:
    _, send = connect("http://127.0.0.1:9/ws")
    with pytest.raises(aws.Refused, match="no answer") as refused:
        send("POST", "/@connections/a", b"{}")
    assert refused.value.status is None


def test_an_idle_connection_is_used_again_and_an_old_one_is_not(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}") as (url, connections):
        endpoint, send = connect(url)
        assert [send("POST", "/"), send("POST", "/")] == [b"{}", b"{}"]
        assert len(connections) == 1
        monkeypatch.setattr(aws, "_STALE_AFTER", -1)
        send("POST", "/")
        assert len(connections) == 2
        assert len(endpoint._idle) == 1


@pytest.mark.parametrize(
    ("parts", "body"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 4\r\n\r\na", b"bcd"], b"abcd"),
        (
            [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab", b"\r\n2\r\ncd\r\n0\r\n\r\n"],
            b"abcd",
        ),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n", b"content-length: 1\r\n\r\na"], b"a"),
        ([b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nabcd", b""], b"abcd"),
    ],
    ids=["in pieces", "chunked", "without a body", "after a hint", "as the last one"],
)
def test_an_answer_is_read_as_it_comes(connect: Connect, parts: list[bytes], body: bytes) -> None:
    with answering(*parts) as (url, connections):
        _, send = connect(url)
        assert [send("POST", "/"), send("POST", "/")] == [body, body]
        assert len(connections) == (2 if b"" in parts else 1)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([b"SSH-2.0-OpenSSH\r\n"], "not HTTP"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab", b""], "hung up"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n" + b"a" * 99], "no end"),
        ([b"HTTP/1.1 200 OK\r\n"], "Timeout|timed out"),
    ],
    ids=["not HTTP", "broken off", "too long", "never whole"],
)
def test_what_is_no_answer_is_none(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, parts: list[bytes], reason: str
) -> None:
    monkeypatch.setattr(aws, "_LONGEST", 120)
    with answering(*parts) as (url, connections):
        endpoint, send = connect(url)
        with pytest.raises(aws.Refused, match=f"no answer: .*({reason})"):
            send("POST", "/")
        assert len(connections) == 3
        assert not endpoint._idle


@pytest.mark.parametrize(
    "missing", [{"AWS_ACCESS_KEY_ID": None}, {"AWS_DEFAULT_REGION": None, "AWS_REGION": None}]
)
def test_what_the_environment_does_not_say_is_known_to_botocore(
    monkeypatch: pytest.MonkeyPatch, missing: dict[str, None]
) -> None:
    lambdas(monkeypatch, **missing)
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda _: "found")
    monkeypatch.setattr("botocore.session.Session.get_config_variable", lambda _, name: f"the {name}")
    assert tuple(map(str, aws._identity())) == ("found", "the region")


def test_what_the_environment_says_needs_no_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    lambdas(monkeypatch)
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda _: 1 / 0)
    assert aws._identity() == (Keys("key", "secret", "token"), "us-east-1")


def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    lambdas(monkeypatch, AWS_ACCESS_KEY_ID=None)
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda _: None)
    with pytest.raises(NoCredentialsError):
        aws.Endpoint("https://x.example/ws", "execute-api")
