"""`winroom switch`: what operators pause on a bad day, without a deployment."""

import getpass
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import click

from infra.operator import screen, target
from winroom import switches

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
    """Pause what must not go on now.

    For everybody, for one company, for one key.
    """


@group.command("list", epilog=screen.examples("winroom switch list"))
@screen.as_json
def index(as_json: bool) -> None:
    """What is paused, what was, and who changed it last."""
    with target.operator_session() as conn:
        found = switches.page(conn)
    if as_json:
        screen.show_json(found)
        return
    for row in found:
        row["for"] = " of ".join(filter(None, (row["key"], row["tenant"]))) or "everybody"
    screen.show_rows(found, ("name", "for", "is_on", "changed_at", "changed_by", "reason"), "No switches.")


def _turning(command: Callable[..., None]) -> Callable[..., None]:
    """What `on` and `off` are told."""
    for option in (
        screen.as_json,
        click.option("--by", default=lambda: _me(), show_default="who you are here", help="Who does it."),
        click.option("--reason", help="Why, for whoever looks at the list."),
        click.option("--key", help="Whose pause_key it is: the key's id, or how it begins."),
        click.option("--tenant", type=screen.FILLED, help="Whose pause_tenant it is: slug or id."),
        click.argument("name", type=click.Choice(list(_STOPS))),
    ):
        command = option(command)
    return command


@group.command(
    "on",
    epilog=screen.examples(
        "winroom switch on pause_ingestion --reason 'The database moves'",
        "winroom switch on pause_tenant --tenant acme --reason 'Their import loops' --yes",
    ),
)
@_turning
@screen.yes
def turn_on(name: Any, tenant: str | None, key: str | None, yes: bool, **how: Any) -> None:
    """Pause something, until it is switched off again."""
    one = _one(name, tenant, key)
    screen.confirm(f"{_STOPS[name].format(one=one and one.name)}\nGo on?", yes)
    _turn(name, one, True, **how)


@group.command("off", epilog=screen.examples("winroom switch off pause_tenant --tenant acme"))
@_turning
def turn_off(name: Any, tenant: str | None, key: str | None, **how: Any) -> None:
    """Let go on what is paused."""
    _turn(name, _one(name, tenant, key), False, **how)


def _turn(name: Any, one: One | None, on: bool, reason: str | None, by: str, as_json: bool) -> None:
    with target.operator_session() as conn:
        is_changed = switches.turn(conn, name, one and one.id, on=on, by=by, reason=reason)
    if as_json:
        screen.show_json({"name": name, "for": one and one.name, "is_on": on, "is_changed": is_changed})
    elif is_changed:
        screen.say(f"{name} is {'on' if on else 'off'}. It takes effect everywhere within a minute.")
    else:
        screen.say(f"{name} {'is on already' if on else 'was not on'}: nothing was changed.")


def _one(name: str, tenant: str | None, key: str | None) -> One | None:
    """Whom the switch is for; the options must say it exactly where it is not for everybody."""
    for switch, option, given in (("pause_tenant", "--tenant", tenant), ("pause_key", "--key", key)):
        if name == switch and not given:
            raise click.UsageError(f"{name} needs {option}: say which one.")
        if name != switch and given:
            raise click.UsageError(f"{name} takes no {option}: {switch} does.")
    with target.operator_session() as conn:
        if tenant:
            return One(target.company(conn, tenant), f"The company {tenant}")
        if not key:
            return None
        found = target.api_key(conn, key)
        return One(found["id"], f'The key "{found["name"]}" of {found["slug"]}')


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise click.UsageError("Nobody knows who you are here: say it with --by.") from error
