"""`winroom key`: API keys."""

import json

import click

from infra.operator.database import operator_session
from winroom import api_keys, tenants


@click.group("key")
def group() -> None:
    """API keys of a company."""


@group.command()
@click.argument("tenant")
@click.option("--name", default="Operator's key", show_default=True, help="To tell keys apart.")
@click.option(
    "--scope",
    type=click.Choice(["ingest", "full"]),
    default="ingest",
    show_default=True,
    help="ingest: send sales only; full: as a manager.",
)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def create(tenant: str, name: str, scope: api_keys.Scope, as_json: bool) -> None:
    """Create a key for the company with the slug TENANT; it is shown once."""
    with operator_session() as conn:
        found = tenants.find(conn, tenant)
        if found is None:
            raise click.ClickException(f"There is no company with the slug {tenant}.")
        key, row = api_keys.create(conn, found["tenant_id"], name, scope, "operator")
    made = {"api_key_id": str(row["id"]), "scope": scope, "api_key": key}
    click.echo(json.dumps(made, indent=2) if as_json else key)
