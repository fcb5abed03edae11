"""`winroom switch`: what operators pause on a bad day, without a deployment."""

import getpass
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.operator.database import operator_session
from winroom import api_keys, switches, tenants
from winroom.db import Connection, Row

# What stops, for whoever is about to throw it.
_STOPS = {
    "pause_ingestion": "New sales of all companies are refused until it is off; who sends them keeps them.",
    "pause_sign_up": "No company can sign up until it is off.",
    "pause_fan_out": "Pages and wallboards of all companies learn news only once a minute until it is off.",
    "pause_tenant": "{one} is shut out until it is off: its keys, its people, its wallboards.",
    "pause_key": "{one} is refused until it is off; who sends sales with it keeps them.",
}


class One(NamedTuple):
    """The company or key that a switch is thrown for."""

    id: UUID
    # What people call it.
    name: str


@click.group("switch")
def group() -> None:
    """Pause what must not go on now: for everybody, for one company, for one key.

    \b
    Examples:
      winroom switch list
      winroom switch on pause_tenant --tenant acme --reason "Their import loops"
      winroom switch off pause_tenant --tenant acme
    """


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def show(as_json: bool) -> None:
    """What is paused, what was, and who changed it last."""
    with operator_session() as conn:
        found = switches.page(conn)
    if as_json:
        click.echo(json.dumps(found, indent=2, default=_told))
    else:
        _draw(found)


def _turning(command: Callable[..., None]) -> Callable[..., None]:
    """What `on` and `off` are told."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="For scripts."),
        click.option("--by", default=lambda: _me(), show_default="who you are here", help="Who does it."),
        click.option("--reason", help="Why, for whoever looks at the list."),
        click.option("--key", help="Whose pause_key it is: the key's id, or how it begins."),
        click.option("--tenant", help="Whose pause_tenant it is: the company's slug."),
        click.argument("name", type=click.Choice(list(_STOPS))),
    ):
        command = option(command)
    return command


@group.command("on")
@_turning
@click.option("--yes", is_flag=True, help="Do not ask, for scripts.")
def turn_on(name: Any, tenant: str | None, key: str | None, yes: bool, **how: Any) -> None:
    """Pause something, until it is switched off again."""
    one = _one(name, tenant, key)
    if not yes:
        stops = _STOPS[name].format(one=one and one.name)
        click.confirm(f"{stops}\nGo on?", abort=True, err=True)
    _turn(name, one, True, **how)


@group.command("off")
@_turning
def turn_off(name: Any, tenant: str | None, key: str | None, **how: Any) -> None:
    """Let go on what is paused."""
    _turn(name, _one(name, tenant, key), False, **how)


def _turn(name: Any, one: One | None, on: bool, reason: str | None, by: str, as_json: bool) -> None:
    with operator_session() as conn:
        is_changed = switches.turn(conn, name, one and one.id, on=on, by=by, reason=reason)
    if as_json:
        click.echo(json.dumps({"name": name, "for": one and one.name, "is_on": on, "is_changed": is_changed}))
    elif is_changed:
        click.echo(f"{name} is {'on' if on else 'off'}. It takes effect everywhere within a minute.")
    else:
        click.echo(f"{name} {'is on already' if on else 'was not on'}: nothing was changed.")


def _one(name: str, tenant: str | None, key: str | None) -> One | None:
    """Whom the switch is for; the options must say it exactly where it is not for everybody."""
    for switch, option, given in (("pause_tenant", "--tenant", tenant), ("pause_key", "--key", key)):
        if name == switch and not given:
            raise click.UsageError(f"{name} needs {option}: say which one.")
        if name != switch and given:
            raise click.UsageError(f"{name} takes no {option}: {switch} does.")
    with operator_session() as conn:
        if tenant:
            return _company(conn, tenant)
        return _key(conn, key) if key else None


def _company(conn: Connection, slug: str) -> One:
    found = tenants.find(conn, slug)
    if found is None:
        raise click.ClickException(f"There is no company with the slug {slug}.")
    return One(found["tenant_id"], f"The company {found['slug']}")


def _key(conn: Connection, key: str) -> One:
    found = api_keys.whose(conn, key)
    if len(found) != 1:
        # What was typed may be a whole key: it is not repeated.
        raise click.ClickException(
            "More than one key begins like this: give its id." if found else "There is no such key."
        )
    return One(found[0]["id"], f'The key "{found[0]["name"]}" of {found[0]["slug"]}')


def _draw(found: Sequence[Row]) -> None:
    table = Table("switch", "for", "is", "since", "by", "why", box=None, pad_edge=False)
    for row in found:
        whom = " of ".join(filter(None, (row["key"], row["tenant"]))) or "everybody"
        since = row["changed_at"] and _told(row["changed_at"])
        state = "on" if row["is_on"] else "off"
        told = (row["name"], whom, state, since, row["changed_by"], row["reason"])
        table.add_row(*(escape(text or "-") for text in told))
    Console().print(table)


def _told(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise click.UsageError("Nobody knows who you are here: say it with --by.") from error
