"""The deployment's one address on this machine: HTTP, handed to the real Lambda handlers, and a processor
that works at once what ingestion has sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from functions.api.app import handler as api
from functions.ingestion.app import handler as ingestion
from functions.processor.app import handler as processor
from tests import doors
from tests.doors import Answer, Sqs


class Origin:
    """What is answered instead of our own answers, first things first."""

    def __init__(self, queues: Sqs) -> None:
        self.url = ""
        # Status and Retry-After; none where it is answered as it should be.
        self.instead: list[tuple[int, str] | None] = []
        self._queues = queues
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, body: bytes | None, key: str | None) -> Answer:
        with self._lock:  # as one Lambda would: one after another
            if self.instead and (told := self.instead.pop(0)):
                status, wait = told
                return Answer(status, {"retry-after": wait}, "{}")
            handler = ingestion if path.startswith("/api/events") else api
            answer = doors.http(handler, method, path, body, key=key)
            if sent := self._queues.take("sales-events"):
                doors.sqs(processor, sent)
            return answer


@contextmanager
def running(queues: Sqs) -> Iterator[Origin]:
    origin = Origin(queues)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else None
            key = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
            answer = origin.answer(self.command, self.path, body, key)
            content = answer.raw.encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield origin
    finally:
        server.shutdown()
        server.server_close()
