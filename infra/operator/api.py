"""The deployment as its customers' programs reach it: over HTTP, with a key, waiting when asked to."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import click
import httpx

from infra.operator import screen, target
from winroom import api_keys
from winroom.db import Row

# Seconds. For so long it is tried; a minute's limit and a paused ingestion pass.
PATIENCE = 600.0
# So many sales are one request.
BATCH = 100

of_tenant = click.option(
    "--tenant",
    type=screen.FILLED,
    help="The company, for which a key is made and then revoked. Without it WINROOM_KEY is used, or the key "
    "of the local demo company.",
)


class Refused(Exception):
    """The API said no; `status` and `body` are what it answered."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status, self.body = status, body
        super().__init__(f"{complaint(body) or 'The API refuses that.'} ({status})")


class Api:
    """One company's key at one deployment."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, **query: Any) -> Any:
        """What it answers. Raises Refused."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: object) -> Any:
        """What it answers. Everything that is sent here may be sent twice. Raises Refused."""
        return self._ask("POST", path, json=body)

    def send(self, sales: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Up to BATCH sales, until they are durable: the verdict on each, in order."""
        results: list[dict[str, Any]] = self.post("/api/events/batch", {"events": sales})["results"]
        return results

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        """The answer, however often it says "later". Raises Refused, ClickException."""
        gives_up_at = time.monotonic() + PATIENCE
        while True:
            wait, why = 1, "no answer"
            try:
                answer = self._client.request(method, path, **more)
                if answer.status_code < 500 and answer.status_code != 429:
                    return _body(answer)
                asked = answer.headers.get("Retry-After", "")
                wait, why = int(asked) if asked.isdecimal() else 1, str(answer.status_code)
            except httpx.TransportError as error:
                why = str(error) or why
            if time.monotonic() + wait > gives_up_at:
                raise click.ClickException(
                    f"{self._client.base_url} is not there for us ({why}): try again later."
                )
            screen.note(f"Waiting {wait} s ({why}).")
            time.sleep(wait)


def complaint(answer: Mapping[str, Any]) -> str:
    """What an answer, or a verdict in one, says against it; nothing where all is well."""
    return target.in_words(answer.get("error", ""), answer.get("details", []))


def sendable(key: str) -> str:
    """The key as a header can carry it. What is wrong with it is said without repeating it."""
    key = key.strip()  # a line end behind it is the file's that it comes from
    if not key.isascii() or not key.isprintable():
        raise click.UsageError("The key has letters in it that no key has: copy it once more.")
    return key


def is_for_the_demo(tenant: str | None) -> bool:
    """Whether `of_company` leads to the local stack's demo company."""
    return not (tenant or os.environ.get("WINROOM_KEY"))


@contextmanager
def of_company(tenant: str | None, scope: api_keys.Scope) -> Iterator[Api]:
    """The API for a company: with a key that is made for this and revoked afterwards; without a `tenant` with
    WINROOM_KEY, else for the local stack's demo company."""
    if tenant:
        with _own_key(tenant, scope) as key, _opened(key) as api:
            yield api
        return
    key = os.environ.get("WINROOM_KEY") or _demo_key()
    with _opened(key) as api:
        yield api


def _demo_key() -> str:
    if target.current().stack or os.environ.get("WINROOM_URL"):
        raise click.UsageError("Say for which company: --tenant, or its key as WINROOM_KEY.")
    return target.current().local().api_key


@contextmanager
def _own_key(tenant: str, scope: api_keys.Scope) -> Iterator[str]:
    name = f"Operator's {click.get_current_context().command.name}"
    with target.company_session(tenant) as (conn, caller):
        key, row = api_keys.create(conn, caller.tenant_id, name, scope, caller.name)
        target.note(conn, caller, "POST", "/api/api-keys", 201)
    try:
        yield key
    finally:
        _revoke(caller.tenant_id, row)


def _revoke(tenant_id: UUID, key: Row) -> None:
    try:
        with target.operator_session() as conn:
            caller = target.entered(conn, tenant_id)
            api_keys.revoke(conn, key["id"])
            target.note(conn, caller, "POST", "/api/api-keys/{api_key_id}/revoke")
    except click.ClickException:
        screen.note(f"The key made for this is still live: end it with `winroom key revoke {key['id']}`.")
        raise


@contextmanager
def _opened(key: str) -> Iterator[Api]:
    headers = {"Authorization": f"Bearer {sendable(key)}", "User-Agent": "winroom"}
    with httpx.Client(base_url=target.current().http_url, headers=headers, timeout=30) as client:
        try:
            yield Api(client)
        except Refused as refused:
            raise click.ClickException(str(refused)) from refused


def _body(answer: httpx.Response) -> Any:
    try:
        body = answer.json()
    except ValueError:
        body = {"error": f"{answer.url} does not answer as Win Room does: is the address right?"}
        raise Refused(answer.status_code, body) from None
    if answer.is_error:
        raise Refused(answer.status_code, body)
    return body
