"""`winroom events`: sale events and what became of them."""

from uuid import UUID

import click

from infra.operator import screen, target
from winroom import sales


@click.group("events")
def group() -> None:
    """Sale events, and what became of them."""


@group.command(epilog=screen.examples("winroom events show 0198c0de-0000-7000-8000-000000000000"))
@click.argument("event_id", type=click.UUID)
@screen.as_json
def show(event_id: UUID, as_json: bool) -> None:
    """What became of one event, of whatever company."""
    with target.operator_session() as conn:
        company = sales.whose(conn, event_id)
        if company is None:
            raise click.ClickException(f"There is no event {event_id}.")
        target.entered(conn, company["tenant_id"])
        found = {"tenant": company["slug"], **sales.find(conn, event_id)}
    if as_json:
        screen.show_json(found)
    else:
        screen.show_one(found)


@group.command(epilog=screen.examples("winroom events pending", "winroom events pending --tenant acme"))
@click.option("--tenant", type=screen.FILLED, help="Of one company only.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many at most."
)
@screen.as_json
def pending(tenant: str | None, limit: int, as_json: bool) -> None:
    """Events that wait to be processed, by when they are due.

    What is due for long has a problem; `winroom status` tells more.
    """
    with target.operator_session() as conn:
        found = sales.waiting(conn, target.company(conn, tenant) if tenant else None, limit)
    if as_json:
        screen.show_json(found)
    else:
        columns = (
            "tenant",
            "event_id",
            "sale_id",
            "attempts",
            "next_attempt_at",
            "created_at",
            "error_message",
        )
        screen.show_rows(found, columns, "Nothing is pending.")
