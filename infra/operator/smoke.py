"""`winroom smoke`: after a deployment, one sale is followed from outside through all that it passes."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

import click
import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from infra.local import stack
from infra.operator import screen, target
from infra.operator.api import sendable
from winroom import ids

# Seconds within which a sale is to be seen, and after which nothing more is begun.
_SEEN_WITHIN, _OVER_AFTER = 5.0, 50.0
# A process that has just begun gives its database no time to answer, and remembers that for five seconds.
_WELL_WITHIN = 7.0
_SELLER = "winroom-smoke"
_COOKIE = "__Host-winroom"

Result = Literal["ok", "failed", "not checked"]


class Failed(Exception):
    """It did not go as it must; the message says how it went."""


class NotChecked(Exception):
    """It could not be tried; the message says why."""


@dataclass(frozen=True)
class Person:
    """Somebody who logs in."""

    tenant: str
    email: str
    password: str = field(repr=False)


@dataclass
class Visit:
    """One look at a deployment from outside, and the sale that it leaves there for a moment."""

    url: str
    key: str = field(repr=False)
    release: str | None
    person: Person | None
    resources: ExitStack
    event_id: str = ""
    queue_id: str = ""

    @cached_property
    def http(self) -> httpx.Client:
        return self.resources.enter_context(httpx.Client(base_url=self.url, timeout=10))

    @cached_property
    def socket(self) -> ClientConnection:
        ticket = self.ask("POST", "/api/realtime/ticket").json()
        address = f"{ticket['url']}?ticket={ticket['ticket']}"
        return self.resources.enter_context(connect(address, open_timeout=10))

    @cached_property
    def sale(self) -> dict[str, Any]:
        return {
            "sale_id": f"smoke-{ids.new()}",
            "occurred_at": datetime.now(UTC).isoformat(),
            "customer_name": "Smoke test",
            "sell_price": "0.01",
            "seller_external_id": _SELLER,
            "notes": "Sent by `winroom smoke`",
        }

    def ask(
        self, method: str, path: str, body: object = None, status: int = 200, **headers: str
    ) -> httpx.Response:
        """With the key, unless other headers are given. Raises Failed where the answer is another one."""
        headers = headers or {"Authorization": f"Bearer {self.key}"}
        answer = self.http.request(method, path, json=body, headers=headers)
        if answer.status_code != status:
            told = f"{method} {path} answered {answer.status_code} instead of {status}"
            raise Failed(f"{told}: {answer.text[:200]}")
        return answer

    def hear(self, message_type: str) -> dict[str, Any]:
        """The next message of a type that the socket is told; of the sale, where it is about sales."""
        ends = time.monotonic() + _SEEN_WITHIN
        while True:
            frame = json.loads(self.socket.recv(timeout=max(0.0, ends - time.monotonic())))
            for message in frame.get("messages", [frame]):
                about = message.get("data", {}).get("saleId")
                if message["type"] == message_type and about in (None, self.sale["sale_id"]):
                    return dict(message)


def _answers(visit: Visit) -> None:
    visit.ask("GET", "/health")


def _is_healthy(visit: Visit) -> str:
    ends = time.monotonic() + _WELL_WITHIN
    while True:
        answer = visit.http.get("/api/health")
        if answer.status_code == 200:
            return f"release {answer.json()['version'][:12]}"
        if time.monotonic() > ends:
            parts = answer.json()["services"].items()
            unwell = ", ".join(f"{name} is {state}" for name, state in parts if state != "healthy")
            raise Failed(f"{unwell}; it answered {answer.status_code}")
        time.sleep(1)


def _is_the_release(visit: Visit) -> None:
    if visit.release is None:
        raise NotChecked("say which with --release")
    version = visit.http.get("/api/health").json()["version"]
    if version != visit.release:
        raise Failed(f"it is {version}, not {visit.release}")


def _refuses_a_wrong_key(visit: Visit) -> None:
    visit.ask("POST", "/api/events", visit.sale, 401, Authorization="Bearer wr_live_of-nobody")


def _shows_the_login(visit: Visit) -> None:
    _is_page(visit.ask("GET", "/login", Accept="text/html"))


def _knows_the_key(visit: Visit) -> None:
    visit.ask("GET", "/api/events?limit=1")


def _key_is_full(visit: Visit) -> None:
    if visit.http.get("/api/tenant", headers={"Authorization": f"Bearer {visit.key}"}).status_code == 403:
        raise NotChecked("an `ingest` key only sends sales: give one of scope `full`")
    visit.ask("GET", "/api/tenant")


def _opens_a_socket(visit: Visit) -> None:
    visit.socket.send(json.dumps({"action": "resume", "after": None}))
    visit.hear("ready")


def _accepts_a_sale(visit: Visit) -> None:
    visit.event_id = visit.ask("POST", "/api/events", visit.sale, 202).json()["eventId"]


def _processes_it(visit: Visit) -> None:
    ends = time.monotonic() + _SEEN_WITHIN
    while True:
        event = visit.ask("GET", f"/api/events/{visit.event_id}").json()["event"]
        if event["status"] == "processed":
            visit.queue_id = event["queue_id"]
            return
        if event["status"] == "failed" or time.monotonic() > ends:
            raise Failed(f"{visit.sale['sale_id']} is {event['status']}: exclude it should it still come")
        time.sleep(0.2)


def _shows_it_live(visit: Visit) -> None:
    visit.hear("queue.created")


def _lists_it(visit: Visit) -> None:
    listed = visit.ask("GET", f"/api/queue?q={visit.sale['sale_id']}").json()["queue"]
    if [item["id"] for item in listed] != [visit.queue_id]:
        raise Failed(f"the queue does not list the item {visit.queue_id}")


def _tells_a_repetition(visit: Visit) -> None:
    _is_known(visit, visit.ask("POST", "/api/events", visit.sale, 202))


def _takes_manual_sales(visit: Visit) -> None:
    # The same sale, so that none is made: it went through the form's route all the same.
    _is_known(visit, visit.ask("POST", "/api/sales", visit.sale, 202))


def _shows_the_board(visit: Visit) -> None:
    visit.ask("GET", "/api/leaderboard")


def _shows_people_their_pages(visit: Visit) -> None:
    if visit.person is None:
        raise NotChecked("say who logs in with --email")
    session = visit.ask("POST", "/api/session", asdict(visit.person), 201, Accept="application/json")
    for path in ("/queue", "/leaderboard", "/sales/new"):
        _is_page(visit.ask("GET", path, Cookie=f"{_COOKIE}={session.json()['token']}"))


def _sets_it_aside(visit: Visit) -> str:
    visit.ask("POST", f"/api/queue/{visit.queue_id}/exclude", {"reason": "Smoke test"})
    visit.ask("PATCH", f"/api/sellers/{_SELLER}", {"is_active": False})
    return f"{visit.sale['sale_id']} is excluded and counts nowhere"


def _is_known(visit: Visit, answer: httpx.Response) -> None:
    if answer.json() != answer.json() | {"duplicate": True, "eventId": visit.event_id}:
        raise Failed(f"it was taken for another sale: {answer.text[:200]}")


def _is_page(answer: httpx.Response) -> None:
    if not answer.headers.get("content-type", "").startswith("text/html"):
        raise Failed(f"{answer.url.path} is no page: {answer.headers.get('content-type')}")


@dataclass(frozen=True)
class Step:
    """What is looked at, by its name for people, and the steps without which it cannot be."""

    name: str
    take: Callable[[Visit], str | None]
    needs: tuple[str, ...] = ()


STEPS = [
    Step("it answers", _answers),
    Step("every part is healthy", _is_healthy, ("it answers",)),
    Step("it is the release", _is_the_release, ("it answers",)),
    Step("a wrong key is refused", _refuses_a_wrong_key, ("it answers",)),
    Step("the login page loads", _shows_the_login, ("it answers",)),
    Step("the key is known", _knows_the_key, ("it answers",)),
    Step("the key is a full one", _key_is_full, ("the key is known",)),
    Step("a socket opens", _opens_a_socket, ("the key is a full one",)),
    Step("a sale is accepted", _accepts_a_sale, ("the key is known",)),
    Step("it is processed", _processes_it, ("a sale is accepted",)),
    Step("the socket shows it", _shows_it_live, ("a socket opens", "a sale is accepted")),
    Step("the queue lists it", _lists_it, ("the key is a full one", "it is processed")),
    Step("its repetition is told", _tells_a_repetition, ("a sale is accepted",)),
    Step("a sale by hand is taken", _takes_manual_sales, ("the key is a full one", "a sale is accepted")),
    Step("the leaderboard is there", _shows_the_board, ("the key is a full one",)),
    Step("people see their pages", _shows_people_their_pages, ("it answers",)),
    Step("the sale is set aside", _sets_it_aside, ("the key is a full one", "it is processed")),
]


@dataclass(frozen=True)
class Outcome:
    """What came of a step."""

    step: str
    result: Result
    seconds: float
    message: str

    def __str__(self) -> str:
        return f"{self.result:<12}{self.seconds:5.2f} s  {self.step:<26}{self.message}".rstrip()


@click.command(
    short_help="Follow one sale through a deployment.",
    epilog=screen.examples(
        "winroom smoke --url https://winroom.example --key wr_live_...",
        'winroom smoke --release "$(python -m infra.release)" --tenant acme --email ada@acme.example',
    ),
)
@click.option("--url", envvar="WINROOM_URL", help="Where it answers, if not where --stack does.")
@click.option(
    "--key",
    envvar="WINROOM_KEY",
    help="A key of scope `full`; an `ingest` key checks less, and its sale stays in the queue.",
)
@click.option("--release", help="The SHA-256 that it must run: `python -m infra.release`.")
@click.option("--tenant", type=screen.FILLED, help="The slug of the company that --email belongs to.")
@click.option("--email", help="Who logs in. The password is WINROOM_PASSWORD, or asked for.")
@screen.as_json
def smoke(
    url: str | None,
    key: str | None,
    release: str | None,
    tenant: str | None,
    email: str | None,
    as_json: bool,
) -> None:
    """Follow one sale through a deployment, within a minute: run it after every deployment.

    It sends a sale of 0.01 whose id begins with `smoke-` and excludes it in the end. A company of its own
    is the best place for it. What could not be checked is listed. Exit code 1 where something failed.
    """
    visit = _visit(url, key, release, tenant, email)
    with visit.resources:
        outcomes = []
        for outcome in _taken(visit):
            outcomes.append(outcome)
            if not as_json:
                screen.say(str(outcome))
    failed = [outcome for outcome in outcomes if outcome.result == "failed"]
    if as_json:
        told = {"ok": not failed, "url": visit.url, "steps": [asdict(outcome) for outcome in outcomes]}
        screen.show_json(told)
    if failed:
        raise SystemExit(1)


def _visit(
    url: str | None, key: str | None, release: str | None, tenant: str | None, email: str | None
) -> Visit:
    if bool(email) != bool(tenant):
        raise click.UsageError("--email and --tenant go together: who logs in, and to which company.")
    running = None if url or target.current().stack else stack.read()
    if running:
        # Its demo company, unless told otherwise.
        demo = Person(running.tenant, running.admin["email"], running.admin["password"])
        person = _person(tenant, email) or demo
        return Visit(running.http_url, sendable(key or running.api_key), release, person, ExitStack())
    url = url or target.current().http_url
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url is an address like https://winroom.example, not {url}.")
    if not key:
        raise click.UsageError("Give a key of a company there: --key, or WINROOM_KEY.")
    return Visit(url.rstrip("/"), sendable(key), release, _person(tenant, email), ExitStack())


def _person(tenant: str | None, email: str | None) -> Person | None:
    if not tenant or not email:
        return None
    password = os.environ.get("WINROOM_PASSWORD")
    return Person(tenant, email, password or click.prompt("Password", hide_input=True, err=True))


def _taken(visit: Visit) -> Iterator[Outcome]:
    """Takes one step after another; those whose ground is missing are told, not passed over."""
    ok: set[str] = set()
    ends = time.monotonic() + _OVER_AFTER
    for step in STEPS:
        began = time.monotonic()
        missing = [need for need in step.needs if need not in ok]
        try:
            if missing:
                raise NotChecked(f"without this it cannot be: {missing[0]}")
            if began > ends and step.take is not _sets_it_aside:
                raise Failed("the minute is over")
            message = step.take(visit) or ""
        except NotChecked as reason:
            yield Outcome(step.name, "not checked", _since(began), str(reason))
        except TimeoutError:
            yield Outcome(step.name, "failed", _since(began), f"nothing came within {_SEEN_WITHIN:.0f} s")
        except (Failed, httpx.HTTPError, WebSocketException, OSError, ValueError, KeyError) as error:
            yield Outcome(step.name, "failed", _since(began), f"{error}")
        else:
            ok.add(step.name)
            yield Outcome(step.name, "ok", _since(began), message)


def _since(began: float) -> float:
    return round(time.monotonic() - began, 2)
