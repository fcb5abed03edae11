"""The doors as AWS opens them: real API Gateway and SQS events, given to the real Lambda handlers."""

import base64
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from threading import Lock
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from tests import conformity

Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    raw: str
    cookies: Sequence[str] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def context() -> Any:
    """What Lambda tells a handler about the invocation."""
    return SimpleNamespace(
        aws_request_id=str(uuid.uuid4()),
        function_name="test",
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:test:live",
        memory_limit_in_mb=256,
        get_remaining_time_in_millis=lambda: 30_000,
    )


def http(
    handler: Handler,
    method: str,
    path: str,
    body: object = None,
    *,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    source_ip: str = "203.0.113.7",
) -> Answer:
    """Sends a request as API Gateway's HTTP API does (payload format 2.0). A body that is bytes goes as
    it is, anything else as JSON."""
    raw_path, _, query = path.partition("?")
    sent = {"content-type": "application/json", "user-agent": "pytest"}
    if key is not None:
        sent["authorization"] = f"Bearer {key}"
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    answer = handler(event(method, unquote(raw_path), query, sent, content, source_ip), context())
    received = {name.lower(): value for name, value in answer["headers"].items()}
    conformity.check(method, unquote(raw_path), answer["statusCode"], received, answer["body"])
    return Answer(answer["statusCode"], received, answer["body"], answer.get("cookies") or [])


def event(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes | None,
    source_ip: str = "203.0.113.7",
) -> dict[str, Any]:
    """A request as API Gateway's HTTP API hands it over; the path is decoded."""
    sent = {name.lower(): value for name, value in headers.items()}
    cookies = sent.pop("cookie", "")
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "ANY /api/{proxy+}",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": cookies.split("; ") if cookies else [],
        "headers": sent,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source_ip,
                "userAgent": sent.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "ANY /api/{proxy+}",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if body is not None:
        made["body"], made["isBase64Encoded"] = base64.b64encode(body).decode(), True
    return made


def sqs(handler: Handler, bodies: Iterable[str], receive_counts: Sequence[int] = ()) -> list[int]:
    """Delivers a batch of SQS messages; returns the positions of those that are to come back."""
    counts = chain(receive_counts, repeat(1))
    records = [record(str(n), f"handle-{n}", body, next(counts)) for n, body in enumerate(bodies)]
    answer = handler({"Records": records}, context())
    return [int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def record(message_id: str, receipt: str, body: str, receive_count: int) -> dict[str, Any]:
    """A message as Lambda hands it over."""
    return {
        "messageId": message_id,
        "receiptHandle": receipt,
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(receive_count),
            "SentTimestamp": "1767225600000",
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:sales-events",
        "awsRegion": "us-east-1",
    }


class Sqs:
    """The edge of AWS: takes messages as SQS does and keeps them; can be told to be down."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.is_down = False
        self._lock = Lock()

    def ask(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        entries = request["Entries"]
        assert 1 <= len(entries) <= 10
        assert len({entry["Id"] for entry in entries}) == len(entries)
        if self.is_down:
            raise ConnectionError("SQS is down")
        if action == "SendMessageBatch":
            with self._lock:
                self.sent += [{"QueueUrl": request["QueueUrl"], **entry} for entry in entries]
        return {"Successful": [{"Id": entry["Id"]} for entry in entries]}

    def bodies(self, queue: str) -> list[str]:
        return [m["MessageBody"] for m in self.sent if m["QueueUrl"].endswith(queue)]

    def take(self, queue: str) -> list[str]:
        """What waits in a queue, which then is empty."""
        with self._lock:
            bodies = self.bodies(queue)
            self.sent = [m for m in self.sent if not m["QueueUrl"].endswith(queue)]
        return bodies

    def work(self, queue: str, handler: Handler) -> None:
        """Has its function work what waits, in batches; what comes back waits again."""
        waiting = self.take(queue)
        for start in range(0, len(waiting), 10):
            batch = waiting[start : start + 10]
            returned = [{"QueueUrl": queue, "MessageBody": batch[n]} for n in sqs(handler, batch)]
            with self._lock:
                self.sent += returned
