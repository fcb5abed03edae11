"""`winroom user`: people of a company. Passwords are made here and shown once, never typed."""

from typing import get_args

import click

from infra.operator import screen, target
from winroom import users
from winroom.db import Row
from winroom.errors import NotFound
from winroom.users import NewUser
from winroom.validation import check


@click.group("user")
def group() -> None:
    """People of a company."""


@group.command(
    epilog=screen.examples("winroom user create acme ada@acme.example --name 'Ada Lovelace' --role manager")
)
@click.argument("tenant")
@click.argument("email")
@click.option("--name", help="What colleagues read; the email by default.")
@click.option(
    "--role",
    type=click.Choice(get_args(users.Role)),
    default="seller",
    show_default=True,
    help="What they may do.",
)
@click.option("--seller-id", help="Whom they act for; a seller's own email by default.")
@screen.as_json
def create(
    tenant: str, email: str, name: str | None, role: users.Role, seller_id: str | None, as_json: bool
) -> None:
    """Add a person to a company.

    TENANT is its slug or id. The password is made here and shown once.
    """
    with target.company_session(tenant) as (conn, caller):
        values = {"email": email, "display_name": name or email, "role": role, "seller_id": seller_id}
        added = users.add(conn, caller.tenant_id, check(NewUser, values))
        target.note(conn, caller, "POST", "/api/users", 201)
    _show_password(added, as_json)


@group.command("list", epilog=screen.examples("winroom user list acme"))
@click.argument("tenant")
@screen.as_json
def index(tenant: str, as_json: bool) -> None:
    """The people of a company, first come first."""
    found: list[Row] = []
    with target.company_session(tenant) as (conn, _):
        while page := users.page(conn, users.Filter(cursor=found[-1]["id"] if found else None)):
            found += page
    if as_json:
        screen.show_json(found)
    else:
        columns = ("email", "display_name", "role", "seller_id", "disabled_at", "created_at", "id")
        screen.show_rows(found, columns, "Nobody.")


@group.command("reset-password", epilog=screen.examples("winroom user reset-password acme ada@acme.example"))
@click.argument("tenant")
@click.argument("email")
@screen.as_json
def reset_password(tenant: str, email: str, as_json: bool) -> None:
    """Give a person a new password, which is shown once.

    They are logged out everywhere within a minute.
    """
    with target.company_session(tenant) as (conn, caller):
        try:
            found = users.of_email(conn, email)
        except NotFound:
            raise click.ClickException(f"{tenant} has nobody with the email {email}.") from None
        changed = users.reset_password(conn, found["id"])
        target.note(conn, caller, "POST", "/api/users/{user_id}/reset-password")
    _show_password(changed, as_json)


def _show_password(user: Row, as_json: bool) -> None:
    if as_json:
        screen.show_json(user)
    else:
        screen.say(f"{user['email']}  {user['password']}")
