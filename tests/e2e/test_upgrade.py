"""A release is deployed and taken back while companies work: no request fails, no sale is lost or doubled.

What runs is the release before. The next has one migration more, and another line in the layer: most of our
code is there, and SAM alone would leave it behind. The contract of schema and code is in test_upgrades.py.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from infra.local import deployment
from infra.local.stack import Stack
from infra.release import ROOT
from tests.conftest import STATE
from tests.e2e.conftest import Company, Room, new_company, wait_until
from tests.factories import sale
from winroom import board, schema
from winroom.db import connect

OLD, NEW = "Event received and queued for processing", "A changed line of the layer"

FOLLOWING = "9999_following"

# What backward compatible migrations do to tables that every sale passes.
UP = """
alter table wr.sales_events add column following text not null default 'none';
alter table wr.queue add column following integer check (following > 0);
create index queue_following on wr.queue (following);
alter table wr.claims alter column claimed_at set statistics 500;
create function wr.following() returns trigger language plpgsql as 'begin return null; end';
create trigger following after insert on wr.queue for each row execute function wr.following();
"""
DOWN = """
drop trigger following on wr.queue;
drop function wr.following();
alter table wr.claims alter column claimed_at set statistics -1;
alter table wr.queue drop column following;
alter table wr.sales_events drop column following;
"""


def test_a_release_is_deployed_and_taken_back_while_companies_work(stack: Stack, tmp_path: Path) -> None:
    following = NextRelease(stack, tmp_path)
    companies = [new_company(stack) for _ in range(2)]
    with ExitStack() as opened:
        rooms = [opened.enter_context(company.room()) for company in companies]
        with working(companies) as work:
            work.goes_on()
            following.deploy()
            work.goes_on()
            assert (work.told, following.is_migrated()) == (NEW, True)
            # Back: first the code, which then runs on the schema after its own, then the schema.
            deployment.deploy(STATE, stack.aws_endpoint_url, stack.owner_database_url, stack.ws_url)
            work.goes_on()
            assert (work.told, following.is_migrated()) == (OLD, True)
            for direction, is_migrated in (("back", False), ("forth", True), ("back", False)):
                following.migrate(direction)
                work.goes_on()
                assert following.is_migrated() == is_migrated
        assert work.failed == []
        for company, room in zip(companies, rooms, strict=True):
            adds_up(company, room, work)


def adds_up(company: Company, room: Room, work: "Work") -> None:
    """What was sold is in the queue, what was claimed is on the boards, and the room heard of all, once."""
    sold, claimed = sorted(work.sold[company.slug]), work.claimed[company.slug]
    wait_until(lambda: queued(company) == sold, timeout=180)
    assert company.rows("select count(*) as n from wr.claims") == [{"n": claimed}]
    with connect(company.stack.database_url) as conn:
        conn.execute("select wr.enter_tenant(%s)", [company.tenant_id])
        assert board.differences(conn) == []
    room.wait_until_seen(len(sold) + claimed)
    assert sorted(room.seen) == list(range(1, len(sold) + claimed + 1))


class NextRelease:
    """A checkout of its own, one line and one migration ahead."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack, self._state, self._checkout = stack, folder / "state", folder / "checkout"
        ours = shutil.ignore_patterns(".git", ".venv", ".winroom", ".aws-sam", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, self._checkout, ignore=ours)
        layer = self._checkout / "layers/winroom/winroom"
        words = layer / "copy.py"
        words.write_text(words.read_text().replace(OLD, NEW))
        (layer / f"migrations/{FOLLOWING}.sql").write_text(UP)
        (layer / f"migrations/{FOLLOWING}.rollback.sql").write_text(DOWN)
        self._state.mkdir()
        self._call("build", self._state)

    def deploy(self) -> None:
        stack = self._stack
        self._call("deploy", self._state, stack.aws_endpoint_url, stack.owner_database_url, stack.ws_url)

    def migrate(self, direction: str) -> None:
        """As an operator does by hand."""
        back = ["--rollback", "--to", schema.known()[-1], "--yes"] if direction == "back" else []
        self._run("from infra.operator.command import main; main()", "migrate", *back)

    def is_migrated(self) -> bool:
        return FOLLOWING in schema.applied(self._stack.owner_database_url)

    def _call(self, verb: str, state: Path, *arguments: str) -> None:
        code = f"import sys, pathlib as p; from infra.local.deployment import {verb};"
        self._run(f"{code} {verb}(p.Path(sys.argv[1]), *sys.argv[2:])", state, *arguments)

    def _run(self, code: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self._checkout,
            env={
                **os.environ,
                "PYTHONPATH": f"{self._checkout}:{self._checkout / 'layers/winroom'}",
                "OWNER_DATABASE_URL": self._stack.owner_database_url,
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


class Work:
    """What companies did, and what of it failed."""

    def __init__(self, companies: list[Company]) -> None:
        self.sold: dict[str, list[str]] = {company.slug: [] for company in companies}
        self.claimed = {company.slug: 0 for company in companies}
        self.failed: list[str] = []
        self.told = ""

    def go_on(self, company: Company) -> None:
        """Sells, reads, and claims what is there."""
        body = sale()
        self.told = self._ask(company, "POST", "/api/events", json=body).get("message", "")
        self.sold[company.slug].append(body["sale_id"])
        for item in self._ask(company, "GET", "/api/queue?limit=1").get("queue", []):
            claim = {"seller_id": "anna", "claim_type": "first_touch"}
            self._ask(company, "POST", f"/api/queue/{item['id']}/claim", json=claim)
            self.claimed[company.slug] += 1
        self._ask(company, "GET", "/api/leaderboard?period=today")

    def goes_on(self) -> None:
        """Returns when each company has sold and claimed something that it began to after now."""
        goal = {slug: claimed + 2 for slug, claimed in self.claimed.items()}

        def is_reached() -> bool:
            assert self.failed == []
            return all(self.claimed[slug] >= wanted for slug, wanted in goal.items())

        wait_until(is_reached, timeout=180)

    def _ask(self, company: Company, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            # Somebody who waits a minute for a cold start on a busy machine has not been failed.
            answer = company.call(method, path, timeout=120, **more)
            if answer.is_success:
                return dict(answer.json())
            self.failed.append(f"{method} {path}: {answer.status_code} {answer.text}")
        except httpx.HTTPError as error:
            self.failed.append(f"{method} {path}: {error!r}")
        return {}


@contextmanager
def working(companies: list[Company]) -> Iterator[Work]:
    """Everybody sells and claims, one thing after another, for the length of the block."""
    work, over = Work(companies), threading.Event()

    def go_on(company: Company) -> None:
        while not over.wait(0.1):
            work.go_on(company)

    with ThreadPoolExecutor(len(companies)) as threads:
        under_way = [threads.submit(go_on, company) for company in companies]
        try:
            yield work
        finally:
            over.set()
    for thread in under_way:
        thread.result()


def queued(company: Company) -> list[str]:
    return [row["sale_id"] for row in company.rows("select sale_id from wr.queue order by sale_id")]
