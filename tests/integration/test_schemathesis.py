"""The description put to the test by a machine: requests that it allows and such that it forbids, one by one
and in chains, against the running doors and a real database. What fails comes with the curl that shows it."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from functions.api import app as api
from functions.api import health
from functions.ingestion import app as ingestion
from infra import openapi
from tests import doors
from tests.conftest import Size
from tests.factories import Company, Database
from winroom import web
from winroom.rate_limit import Bucket

pytestmark = [
    pytest.mark.fire,
    pytest.mark.usefixtures("queues", "quick_passwords", "patient", "past"),
]

# Operations with rules that no schema can tell: what it allows may be refused there, with 400.
BEYOND_SCHEMAS = {
    "failed_events_replay_many": "either ids or a filter",
    "imports_create": "a mapping names columns that the file has",
    "queue_claim": "an admin who sells nothing says whose win it is",
    "sales_create": "an id of its own, and a seller",
    "session_change_password": "the current password is right",
    "tenants_change": "the time zone exists, the limit is within the plan",
    "tenants_create": "the password is not easily guessed",
    "users_create": "the password is not easily guessed",
}
# What is deleted there stays to be seen, deactivated: old sales name it.
NEVER_GONE = ["products_show", "products_change", "products_deactivate"]

GENERATION = {"deterministic": True, "database": "none", "no-shrink": True}
SETTINGS: dict[str, Any] = {
    "seed": 1,
    "continue-on-failure": True,
    "cache": {"enabled": False},
    # The credentials in the curl lines die with the test's database.
    "output": {"sanitization": {"enabled": False}},
    "operations": [
        {
            "include-operation-id": list(BEYOND_SCHEMAS),
            "checks": {
                "positive_data_acceptance": {
                    "expected-statuses": ["2xx", "400", "401", "403", "404", "409", "429"]
                }
            },
        },
        {"include-operation-id": NEVER_GONE, "checks": {"use_after_free": {"enabled": False}}},
    ],
}


async def front(scope: Any, receive: Any, send: Any) -> None:
    """Both doors behind one address, as API Gateway has them."""
    if scope["type"] == "lifespan":
        for moment in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{moment}.complete"})
        return
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    event = doors.event(scope["method"], scope["path"], scope["query_string"].decode(), headers, body)
    door = ingestion.handler if scope["path"].startswith("/api/events") else api.handler
    answer = door(event, doors.context())
    told = [*answer["headers"].items(), *(("set-cookie", cookie) for cookie in answer["cookies"])]
    await send(
        {
            "type": "http.response.start",
            "status": answer["statusCode"],
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in told],
        }
    )
    await send({"type": "http.response.body", "body": answer["body"].encode()})


@pytest.fixture
def patient(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine asks more in a minute than a caller may, for longer than a heart may be silent."""
    database.execute("update wr.heartbeats set beat_at = now() + interval '1 hour'")
    monkeypatch.setattr(web.Call, "bucket", property(lambda _: Bucket("machine", 1_000_000)))
    monkeypatch.setattr(health, "_PATIENCE", 5.0)
    monkeypatch.setattr(health, "_last", None)


@pytest.fixture
def past() -> None:
    """Sales were made in the past, which a schema cannot tell."""
    first, last = datetime(1990, 1, 1), datetime(2026, 1, 1)
    moments = strategies.datetimes(first, last, timezones=strategies.just(UTC))
    schemathesis.openapi.format("date-time", moments.map(datetime.isoformat))


class Run:
    """A run of all checks: how often each status was answered, and what was not as described."""

    def __init__(self, size: Size, **settings: Any) -> None:
        requests = {"generation": GENERATION | {"max-examples": size(4, 6)}}
        chains = {"stateful": {"max-steps": 8, "generation": {"max-examples": size(20, 30)}}}
        config = SchemathesisConfig.from_dict({**SETTINGS, **requests, "phases": chains, **settings})
        self.schema: Any = schemathesis.openapi.from_dict(openapi.document(), config=config)
        self.schema.app = front
        self.statuses: Counter[int] = Counter()

    def leave_out(self, what: Callable[[Any], bool]) -> None:
        self.schema = self.schema.exclude(func=lambda context: what(context.operation))

    def complaints(self) -> str:
        return "\n\n".join(dict.fromkeys(self._complaints()))

    def _complaints(self) -> Iterator[str]:
        for event in from_schema(self.schema).execute():
            if isinstance(event, events.NonFatalError | events.FatalError):
                yield str(getattr(event, "info", event))
            if isinstance(event, events.ScenarioFinished):
                yield from self._failures(event)

    def _failures(self, event: events.ScenarioFinished) -> Iterator[str]:
        answers = (interaction.response for interaction in event.recorder.interactions.values())
        self.statuses.update(answer.status_code for answer in answers if answer)
        for checks in event.recorder.checks.values():
            for check in checks:
                if check.status is Status.FAILURE and check.failure_info:
                    found = check.failure_info
                    yield f"{event.label} {check.name}: {found.failure.message}\n{found.code_sample}"


def test_an_admin_finds_everything_as_described(company: Company, size: Size) -> None:
    run = Run(size)

    @run.schema.auth(retry_on=[401])
    class Login:
        """Logs in again where a session has ended: logging out is among the routes."""

        def get(self, case: Any, context: Any) -> str:
            return company.person("admin")[1]

        def set(self, case: Any, data: str, context: Any) -> None:
            case.headers = {**case.headers, "Authorization": f"Bearer {data}"}

    assert run.complaints() == ""
    # It came in, and not only to be refused.
    assert sum(run.statuses[status] for status in (200, 201, 202)) > 500


def test_a_key_that_sends_sales_finds_its_routes_as_described(company: Company, size: Size) -> None:
    run = Run(size, headers={"Authorization": f"Bearer {company.ingest_key}"})
    run.leave_out(lambda operation: not operation.path.startswith("/api/events"))
    assert run.complaints() == ""
    assert run.statuses[202] > 20


def test_anyone_finds_what_is_open_as_described(company: Company, size: Size) -> None:
    run = Run(size)
    run.leave_out(lambda operation: bool(operation.definition.raw["security"]))
    assert run.complaints() == ""
    assert run.statuses[200] > 20


def test_a_description_that_leaves_something_out_is_found(
    company: Company, size: Size, monkeypatch: pytest.MonkeyPatch
) -> None:
    lying = openapi.document()
    del lying["paths"]["/api/events/{event_id}"]["get"]["responses"]["404"]
    monkeypatch.setattr(openapi, "document", lambda: lying)
    run = Run(size, headers={"Authorization": f"Bearer {company.ingest_key}"})
    run.leave_out(lambda operation: operation.path != "/api/events/{event_id}")
    complaints = run.complaints()
    assert "status_code_conformance: Received: 404" in complaints
    assert "curl -X GET" in complaints
