"""API keys over HTTP, for admins: shown once, rotated with an overlap, revoked within a minute."""

from datetime import datetime
from uuid import UUID

from typing_extensions import TypedDict

from winroom import api_keys
from winroom.answers import Reply, next_cursor
from winroom.api_keys import Filter, NewApiKey, Rotation, Scope, State
from winroom.web import Call


class ApiKey(TypedDict):
    id: UUID
    name: str
    scope: Scope
    key_prefix: str
    created_by: str
    created_by_name: str
    created_at: datetime
    last_used_at: datetime | None
    # In the future for a key that is being rotated.
    revoked_at: datetime | None
    state: State


class ApiKeyInPlain(ApiKey):
    # Never shown again.
    key: str


class ApiKeys(TypedDict):
    api_keys: list[ApiKey]
    nextCursor: UUID | None


def index(call: Call, query: Filter) -> Reply[ApiKeys]:
    """The company's keys, those that still work first. A key itself is never shown again: `key_prefix`
    tells which is which, `last_used_at` (to the minute) whether anybody needs it."""
    with call.session() as conn:
        found = api_keys.page(conn, query)
    return Reply({"api_keys": found, "nextCursor": next_cursor(found, query.limit)})


def create(call: Call, body: NewApiKey) -> Reply[ApiKeyInPlain]:
    """Makes a key and shows it this once, as `key`. An `ingest` key only sends sales and asks what became
    of them; a `full` key may do what a manager may. A company has at most 100 that work."""
    with call.session() as conn:
        key, row = api_keys.create(conn, call.caller.tenant_id, body.name, body.scope, call.caller.name)
    return Reply({**row, "key": key})


def revoke(call: Call, api_key_id: UUID) -> Reply[ApiKey]:
    """Ends a key, also one that was to end later: within a minute it opens nothing, and its sockets are
    closed. A key that has ended stays as it is."""
    with call.session() as conn:
        return Reply(api_keys.revoke(conn, api_key_id))


def rotate(call: Call, api_key_id: UUID, body: Rotation) -> Reply[ApiKeyInPlain]:
    """Makes a key of the same name and scope and shows it this once, as `key`. The old one goes on for
    `overlap_minutes` (60, unless told otherwise), so that nothing is refused while the new one is put in."""
    with call.session() as conn:
        key, row = api_keys.rotate(conn, call.caller, api_key_id, body)
    return Reply({**row, "key": key})
