"""Requests signed by us: the same signature as botocore's, and patience with what can pass."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from tests import gateway as edge
from tests.gateway import Gateway
from winroom import aws

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr("time.sleep", lambda _: None)
    with edge.running() as running:
        yield running


@pytest.fixture
def endpoint(gateway: Gateway) -> Iterator[aws.Endpoint]:
    endpoint = aws.Endpoint(gateway.url, "execute-api")
    yield endpoint
    endpoint.close()


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
    theirs.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    signer = SigV4Auth(credentials, "execute-api", "eu-west-1")
    theirs.headers["X-Amz-Date"] = theirs.context["timestamp"]
    for name, value in more.items():
        theirs.headers[name] = value
    if token:
        theirs.headers["X-Amz-Security-Token"] = token
    request = signer.canonical_request(theirs)
    expected = signer.signature(signer.string_to_sign(theirs, request), theirs)
    ours = aws.sign(
        credentials,
        ("eu-west-1", "execute-api"),
        (method, "x.execute-api.eu-west-1.amazonaws.com", path),
        body,
        NOW,
        more,
    )
    assert ours["authorization"].endswith(f"Signature={expected}")
    assert ours.get("x-amz-security-token") == token


@pytest.mark.parametrize("kind", ["throttled", "failing"])
def test_what_can_pass_is_tried_three_times(gateway: Gateway, endpoint: aws.Endpoint, kind: str) -> None:
    tries = getattr(gateway, kind)
    tries["a"] = 2
    endpoint.send("POST", "/@connections/a", b"{}")
    assert gateway.take("a") == [{}]
    tries["a"] = 3
    with pytest.raises(aws.Refused, match="Exception") as refused:
        endpoint.send("POST", "/@connections/a", b"{}")
    assert refused.value.status == {"throttled": 429, "failing": 500}[kind]
    assert tries["a"] == 0


def test_what_cannot_pass_is_not_tried_again(gateway: Gateway, endpoint: aws.Endpoint) -> None:
    gateway.gone.add("a")
    gateway.throttled["a"] = 1
    with pytest.raises(aws.Refused, match="410: GoneException") as refused:
        endpoint.send("POST", "/@connections/a", b"{}")
    assert refused.value.status == 410


def test_no_answer_is_told_apart_from_a_refusal(gateway: Gateway) -> None:
    endpoint = aws.Endpoint("http://127.0.0.1:9/ws", "execute-api")
    with pytest.raises(aws.Refused, match="no answer") as refused:
        endpoint.send("POST", "/@connections/a", b"{}")
    assert refused.value.status is None


def test_an_idle_connection_is_used_again_and_an_old_one_is_not(
    gateway: Gateway, endpoint: aws.Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.send("POST", "/@connections/a", b"{}")
    first = endpoint._idle[0][1].sock
    endpoint.send("POST", "/@connections/a", b"{}")
    assert endpoint._idle[0][1].sock is first
    monkeypatch.setattr(aws, "_STALE_AFTER", -1)
    endpoint.send("POST", "/@connections/a", b"{}")
    assert len(endpoint._idle) == 1
    assert endpoint._idle[0][1].sock is not first


def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda _: None)
    with pytest.raises(NoCredentialsError):
        aws.Endpoint("https://x.example/ws", "execute-api")
