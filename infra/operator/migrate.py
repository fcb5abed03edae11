"""`winroom migrate`: the schema, up and down."""

import click

from infra.operator import screen, target
from winroom import schema


@click.command(
    epilog=screen.examples(
        "winroom migrate", "winroom migrate --status", "winroom migrate --rollback --to 0009_imports"
    )
)
@click.option("--to", help="The last migration to have, such as 0003_sales.")
@click.option("--rollback", is_flag=True, help="Take back what came after --to. Data is lost.")
@click.option("--status", is_flag=True, help="Only say what is applied.")
@screen.yes
@screen.as_json
def migrate(to: str | None, rollback: bool, status: bool, yes: bool, as_json: bool) -> None:
    """Bring the schema up to date, or to one migration. A rollback asks first."""
    if to is not None and to not in schema.known():
        raise click.UsageError(f"--to must be one of {', '.join(schema.known())}.")
    if rollback and to is None:
        raise click.UsageError("--rollback needs --to: say which migration is to stay.")
    url = target.current().owner_url
    with target.asking_the_database():
        if status:
            _show(schema.applied(url), as_json)
        elif rollback:
            screen.confirm(f"What came after {to} is deleted, with its data. Take it back?", yes)
            _tell("Taken back", schema.roll_back(url, to), as_json)
        else:
            _tell("Applied", schema.migrate(url, {}, to), as_json)


def _show(applied: set[str], as_json: bool) -> None:
    states = {m: "applied" if m in applied else "pending" for m in sorted(applied | set(schema.known()))}
    if as_json:
        screen.show_json(states)
        return
    for migration, state in states.items():
        click.echo(f"{state}  {migration}")


def _tell(what: str, migrations: list[str], as_json: bool) -> None:
    if as_json:
        screen.show_json({what.lower().replace(" ", "_"): migrations})
    else:
        click.echo(f"{what}: {', '.join(migrations)}" if migrations else "Nothing to do.")
