"""`winroom reset`: an empty database with the schema of this release, as on the first day."""

import os
from typing import Any

import click
from psycopg.conninfo import conninfo_to_dict

from infra.local import deployment, stack
from infra.operator import screen, target
from winroom import schema


@click.command(
    short_help="Empty the database, as on the first day.",
    epilog=screen.examples(
        "winroom reset", "winroom --stack winroom-staging reset --yes-i-mean winroom-staging"
    ),
)
@click.option("--yes", is_flag=True, help="Do not ask, for scripts: on the local stack only.")
@click.option(
    "--yes-i-mean", "meant", metavar="NAME", help="The same anywhere: the stack's own name, spelled out."
)
@screen.as_json
def reset(yes: bool, meant: str | None, as_json: bool) -> None:
    """Delete every company with all that it has, and build the schema anew.

    The local stack gets a new demo company. Anywhere else the deployment must be named once more: the
    stack, or the database where OWNER_DATABASE_URL leads. Requests fail meanwhile, and the only way back is
    a backup.
    """
    chosen = target.current()
    url = chosen.owner_url
    name = _name(url)
    _confirm(name, yes, meant)
    with target.asking_the_database(), screen.working("Building the schema anew"):
        schema.erase(url)
        applied = schema.migrate(url, {})
    told: dict[str, Any] = {"reset": name or "local", "migrations": len(applied)}
    if name is None:
        renewed = stack.renew(stack.STATE, chosen.local())
        told |= {"tenant": renewed.tenant, "admin": renewed.admin, "api_key": renewed.api_key}
    if as_json:
        screen.show_json(told)
    else:
        screen.show_one(told)


def _name(url: str) -> str | None:
    """What must be spelled out; nothing for the local stack."""
    if os.environ.get("OWNER_DATABASE_URL"):
        return str(conninfo_to_dict(url).get("dbname") or "postgres")
    return target.current().stack


def _confirm(name: str | None, yes: bool, meant: str | None) -> None:
    question = "Every company, every sale, every key will be gone."
    if name is None and meant is None:
        screen.confirm(f"{question} Empty the local stack?", yes)
    else:
        screen.confirm_name(question, name or deployment.STACK, meant, "--yes-i-mean")
