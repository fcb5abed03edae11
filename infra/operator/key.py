"""`winroom key`: API keys."""

from typing import Any

import click

from infra.operator import screen, target
from winroom import api_keys
from winroom.api_keys import NewApiKey, Rotation
from winroom.db import Row
from winroom.validation import check


@click.group("key")
def group() -> None:
    """API keys of a company."""


@group.command(
    epilog=screen.examples(
        "winroom key create acme --name HubSpot", "winroom key create acme --scope full --json"
    )
)
@click.argument("tenant")
@click.option("--name", default="Operator's key", show_default=True, help="To tell keys apart.")
@click.option(
    "--scope",
    type=click.Choice(["ingest", "full"]),
    default="ingest",
    show_default=True,
    help="ingest: send sales only; full: as a manager.",
)
@screen.as_json
def create(tenant: str, name: str, scope: api_keys.Scope, as_json: bool) -> None:
    """Create a key, which is shown once.

    TENANT is the slug or the id of its company.
    """
    with target.company_session(tenant) as (conn, caller):
        wanted = check(NewApiKey, {"name": name, "scope": scope})
        key, row = api_keys.create(conn, caller.tenant_id, wanted.name, wanted.scope, caller.name)
        target.note(conn, caller, "POST", "/api/api-keys", 201)
    if as_json:
        screen.show_json({"api_key_id": row["id"], "scope": scope, "api_key": key})
    else:
        screen.say(key)


@group.command("list", epilog=screen.examples("winroom key list acme"))
@click.argument("tenant")
@screen.as_json
def index(tenant: str, as_json: bool) -> None:
    """The keys of a company, those that still work first."""
    with target.company_session(tenant) as (conn, _):
        keys = _all(conn)
    if as_json:
        screen.show_json(keys)
    else:
        columns = (
            "id",
            "state",
            "name",
            "scope",
            "key_prefix",
            "created_by_name",
            "last_used_at",
            "revoked_at",
        )
        screen.show_rows(keys, columns, "No keys.")


@group.command(
    epilog=screen.examples(
        "winroom key revoke wr_live_AbCdEfGh",
        "winroom key revoke 0198c0de-0000-7000-8000-000000000000 --yes",
    )
)
@click.argument("key")
@screen.yes
@screen.as_json
def revoke(key: str, yes: bool, as_json: bool) -> None:
    """End a key everywhere within a minute.

    KEY is its id or how it begins, as `key list` shows it: a key that has leaked is found by itself.
    """
    found = _found(key)
    screen.confirm(f"{_called(found)}: whatever uses it stops. Revoke it?", yes)
    with target.operator_session() as conn:
        caller = target.entered(conn, found["tenant_id"])
        revoked = api_keys.revoke(conn, found["id"])
        target.note(conn, caller, "POST", "/api/api-keys/{api_key_id}/revoke")
    if as_json:
        screen.show_json(revoked)
    else:
        screen.say(f"{_called(found)} has ended, and opens nothing within a minute.")


@group.command(epilog=screen.examples("winroom key rotate wr_live_AbCdEfGh --overlap 1440"))
@click.argument("key")
@click.option(
    "--overlap",
    type=click.IntRange(0, 7 * 24 * 60),
    default=60,
    show_default=True,
    help="Minutes for which the old key goes on; 0 ends it at once, after a question.",
)
@screen.yes
@screen.as_json
def rotate(key: str, overlap: int, yes: bool, as_json: bool) -> None:
    """Replace a key with a new one, which is shown once.

    The new one has the same name and scope; the old one goes on for a while. KEY is its id or how it begins,
    as `key list` shows it.
    """
    found = _found(key)
    if overlap == 0:
        screen.confirm(f"{_called(found)} ends at once, and whatever uses it stops. Replace it?", yes)
    with target.operator_session() as conn:
        caller = target.entered(conn, found["tenant_id"])
        plain, row = api_keys.rotate(conn, caller, found["id"], Rotation(overlap_minutes=overlap))
        target.note(conn, caller, "POST", "/api/api-keys/{api_key_id}/rotate", 201)
    if as_json:
        screen.show_json({"api_key_id": row["id"], "scope": row["scope"], "api_key": plain})
    else:
        screen.say(plain)
        screen.note(f"{_called(found)} goes on for {overlap} minutes.")


def _all(conn: Any) -> list[Row]:
    keys: list[Row] = []
    while page := api_keys.page(conn, api_keys.Filter(cursor=keys[-1]["id"] if keys else None)):
        keys += page
    return keys


def _found(key: str) -> Row:
    with target.operator_session() as conn:
        return target.api_key(conn, key)


def _called(key: Row) -> str:
    return f'The key "{key["name"]}" of {key["slug"]} ({key["key_prefix"]}...)'
