"""`winroom tenant`: companies."""

import click
from rich.console import Console

from infra.operator import offboarding, screen, target, verify
from winroom import api_keys, failed_events, ids, passwords, plans, tenants, users
from winroom.sign_up import NewCompany
from winroom.validation import check


@click.group("tenant")
def group() -> None:
    """Companies that share this deployment."""


group.add_command(verify.recount)
group.add_command(offboarding.export)
group.add_command(offboarding.delete)


@group.command(epilog=screen.examples('winroom tenant create "Acme & Sons" --admin-email ada@acme.example'))
@click.argument("name")
@click.option("--slug", help="What the company logs in with; made from the name by default.")
@click.option(
    "--plan",
    type=click.Choice(list(plans.INGESTION_LIMITS)),
    default="free",
    show_default=True,
    help="How much it may send.",
)
@click.option("--admin-email", required=True, help="Who looks after the company's settings.")
@screen.as_json
def create(name: str, slug: str | None, plan: plans.Plan, admin_email: str, as_json: bool) -> None:
    """Create a company.

    Its first admin's password and its first key are shown once.
    """
    slug = slug or tenants.slug_of(name)
    if not slug:
        raise click.UsageError("No slug can be made of this name: give --slug.")
    admin = {"email": admin_email, "password": passwords.random()}
    tenant_id = ids.new()
    with target.operator_session() as conn:
        wanted = check(NewCompany, {"name": name, "slug": slug, **admin})
        slug = tenants.create(conn, tenant_id, wanted.slug or slug, wanted.name, plan)["slug"]
        users.create(conn, tenant_id, wanted.email, wanted.name, "admin", wanted.password)
        key, _ = api_keys.create(conn, tenant_id, "First key", "full", "operator")
        target.note(conn, target.entered(conn, tenant_id), "POST", "/api/tenants", 201)
    if as_json:
        screen.show_json({"tenant_id": tenant_id, "tenant": slug, "admin": admin, "api_key": key})
        return
    Console().print(f"Created [bold]{slug}[/] ({tenant_id}). Shown only now:")
    screen.say(f"  login    {admin['email']}  {admin['password']}\n  API key  {key}")


@group.command("list", epilog=screen.examples("winroom tenant list", "winroom tenant list --json"))
@screen.as_json
def index(as_json: bool) -> None:
    """All companies by their slugs."""
    with target.operator_session() as conn:
        found = tenants.every(conn)
    if as_json:
        screen.show_json(found)
    else:
        screen.show_rows(found, ("slug", "name", "plan", "created_at", "id"), "No companies.")


@group.command(epilog=screen.examples("winroom tenant show acme"))
@click.argument("tenant")
@screen.as_json
def show(tenant: str, as_json: bool) -> None:
    """One company by its slug or id.

    Its plan and limits, each setting as it takes effect, and how many of its events failed.
    """
    with target.company_session(tenant) as (conn, _):
        found = tenants.show(conn) | {"failed_events": failed_events.counts(conn)}
    if as_json:
        screen.show_json(found)
        return
    parts = {name: found.pop(name) for name in ("limits", "settings", "failed_events")}
    screen.show_one(found | {f"{part} {name}": v for part, of in parts.items() for name, v in of.items()})
