"""Switches thrown under the running stack, by the command that operators type: each closes its door and no
other, and what was refused or not told is neither lost nor doubled when they are off again."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local import deployment
from infra.local.stack import Stack
from tests.e2e.conftest import Company, Room, new_company, wait_until
from tests.factories import sale
from winroom import api_keys, copy
from winroom.db import connect

WINROOM = Path(sys.executable).with_name("winroom")
Switch = Callable[..., None]


def winroom(stack: Stack, *arguments: str) -> str:
    done = subprocess.run(
        [WINROOM, "switch", *arguments],
        env={**os.environ, "OPERATOR_DATABASE_URL": stack.operator_database_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def switch(stack: Stack) -> Iterator[Switch]:
    """Throws switches, all at once, or takes them back; none stays thrown."""
    thrown: set[tuple[str, ...]] = set()

    def turn(to: str, *those: tuple[str, ...]) -> None:
        thrown.update(those)
        more = ("--yes", "--reason", "a test") if to == "on" else ()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one: winroom(stack, to, *one, *more), those))
        if to == "off":
            thrown.difference_update(those)

    yield turn
    turn("off", *thrown)


def sign_up(stack: Stack) -> httpx.Response:
    body = {"name": "Late Ltd", "email": "ada@late.example", "password": "correct horse battery"}
    return httpx.post(f"{stack.http_url}/api/tenants", json=body, timeout=30)


def another_key(company: Company) -> tuple[str, Company]:
    """How a new key begins, and the company as it comes with that key."""
    with connect(company.stack.operator_database_url) as conn:
        key, row = api_keys.create(conn, company.tenant_id, "Another", "full", "test")
    return row["key_prefix"], replace(company, key=key)


def sweep(stack: Stack) -> None:
    """What the clock does every minute, until its heartbeat has been through the fan-out, which learns by it
    how the switches stand."""

    def beat_at() -> object:
        with connect(stack.operator_database_url) as conn:
            return conn.execute("select beat_at from wr.heartbeats where component = 'socket'").fetchone()

    before = beat_at()
    deployment.describe(stack.aws_endpoint_url).invoke("MaintenanceFunction", b'{"job": "sweep"}')
    wait_until(lambda: beat_at() != before, timeout=15)


def is_told(stack: Stack, room: Room) -> bool:
    """Whether the claim has arrived, at the latest with a sweep after ten seconds."""
    sweep(stack)
    with suppress(TimeoutError):
        room.receive(timeout=1)
    return knows_of_the_claim(room)


def knows_of_the_claim(room: Room) -> bool:
    return "queue.claimed" in {message["type"] for message in room.seen.values()}


def told(answer: httpx.Response) -> tuple[int, Any, Any]:
    return answer.status_code, answer.headers.get("Retry-After"), answer.json().get("error")


def paused(says: str) -> tuple[int, str, str]:
    return 503, "300", says


def test_each_switch_closes_its_door_until_it_is_off_and_nothing_is_lost(
    stack: Stack, company: Company, switch: Switch
) -> None:
    shut, sender, (prefix, with_another_key) = new_company(stack), new_company(stack), another_key(company)
    before, refused = sale(), sale()
    company.sell(before)
    wait_until(lambda: company.call("GET", "/api/queue").json()["queue"] != [])
    (item,) = company.call("GET", "/api/queue").json()["queue"]
    with company.room() as room:
        those = [
            ("pause_ingestion",),
            ("pause_sign_up",),
            ("pause_fan_out",),
            ("pause_tenant", "--tenant", shut.slug),
            ("pause_key", "--key", prefix),
        ]
        switch("on", *those)
        listed = json.loads(winroom(stack, "list", "--json"))
        assert [one["reason"] for one in listed if one["is_on"]] == ["a test"] * len(those)
        # Whoever was not remembered is told at once, as everybody is within a minute.
        assert told(sender.post(refused)) == paused(copy.INGESTION_PAUSED)
        assert told(sign_up(stack)) == paused(copy.SIGN_UP_PAUSED)
        assert told(shut.call("GET", "/api/queue")) == paused(copy.COMPANY_PAUSED)
        assert told(shut.call("POST", "/api/realtime/ticket")) == paused(copy.COMPANY_PAUSED)
        assert told(with_another_key.call("GET", "/api/queue")) == paused(copy.KEY_PAUSED)
        assert company.call("GET", "/api/queue").status_code == 200
        sweep(stack)
        claim = {"seller_id": "anna", "claim_type": "upsell"}
        claimed = company.call("POST", f"/api/queue/{item['id']}/claim", json=claim)
        assert claimed.status_code == 200, claimed.text
        with suppress(TimeoutError):
            while True:
                room.receive(timeout=5)
        assert not knows_of_the_claim(room)
        health = httpx.get(f"{stack.http_url}/api/health", timeout=30).json()
        assert health["paused"] == ["pause_ingestion", "pause_sign_up", "pause_fan_out"]

        switch("off", *those)
        with connect(stack.operator_database_url) as conn:
            conn.execute("delete from wr.login_attempts")  # this machine may have signed up often
        assert sign_up(stack).status_code == 201
        wait_until(lambda: is_told(stack, room))
        # Each waits for what it was told a minute ago to be forgotten.
        wait_until(lambda: sender.post(refused).status_code == 202, timeout=65)
        wait_until(lambda: shut.call("GET", "/api/queue").status_code == 200, timeout=65)
        wait_until(lambda: with_another_key.call("GET", "/api/queue").status_code == 200, timeout=65)
    assert sender.post(refused).json()["duplicate"] is True
    wait_until(lambda: sender.rows("select count(*) as n from wr.queue") == [{"n": 1}])
