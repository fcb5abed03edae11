"""An endpoint of AWS on 127.0.0.1: takes requests and answers as a function of the test's says."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Asked:
    """Header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Told:
    """`error` is how AWS calls what went wrong."""

    status: int = 200
    body: bytes = b""
    error: str = ""


@contextmanager
def answering(answer: Callable[[Asked], Told | None]) -> Iterator[str]:
    """Its URL. Where the answer is None, it hangs up without one."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without it, headers and body go in two packets and wait for each other's acknowledgement.
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = answer(Asked(self.command, self.path, headers, body))
            if told is None:
                self.close_connection = True
                return
            self.send_response(told.status)
            if told.error:
                self.send_header("x-amzn-ErrorType", told.error)
            if told.status != 204:
                self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        do_DELETE = do_POST  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def handle(self) -> None:
            # Who stopped waiting for a slow answer has hung up.
            with suppress(ConnectionError):
                super().handle()

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # Many knock at once; of five waiting, the others would try again in a second.
        request_queue_size = 256

    server = Server((LOOPBACK, 0), Door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
