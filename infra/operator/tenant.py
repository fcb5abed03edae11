"""`winroom tenant`: companies."""

import json

import click
from rich.console import Console

from infra.operator import offboarding, verify
from infra.operator.database import operator_session
from winroom import api_keys, ids, passwords, plans, tenants, users


@click.group("tenant")
def group() -> None:
    """Companies that share this deployment."""


group.add_command(verify.recount)
group.add_command(offboarding.export)
group.add_command(offboarding.delete)


@group.command()
@click.argument("name")
@click.option("--slug", help="What the company logs in with; made from the name by default.")
@click.option("--plan", type=click.Choice(list(plans.INGESTION_LIMITS)), default="free", show_default=True)
@click.option("--admin-email", required=True, help="Who looks after the company's settings.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def create(name: str, slug: str | None, plan: plans.Plan, admin_email: str, as_json: bool) -> None:
    """Create a company with its first admin and its first key, both shown once."""
    slug = slug or tenants.slug_of(name)
    if not slug:
        raise click.UsageError("The name has no letters to make a slug of: give --slug.")
    password = passwords.random()
    tenant_id = ids.new()
    with operator_session() as conn:
        tenants.create(conn, tenant_id, slug, name, plan)
        users.create(conn, tenant_id, admin_email, name, "admin", password)
        key, _ = api_keys.create(conn, tenant_id, "First key", "full", "operator")
    made = {
        "tenant_id": str(tenant_id),
        "tenant": slug,
        "admin": {"email": admin_email, "password": password},
        "api_key": key,
    }
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    Console().print(f"Created [bold]{slug}[/] ({tenant_id}). Shown only now:")
    click.echo(f"  login    {admin_email}  {password}\n  API key  {key}")
