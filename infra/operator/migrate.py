"""`winroom migrate`: the schema, up and down."""

import click
from psycopg import Error as PsycopgError

from infra.operator.database import owner_url
from winroom import schema
from winroom.errors import WinRoomError


@click.command()
@click.option("--to", help="The last migration to have, such as 0003_sales.")
@click.option("--rollback", is_flag=True, help="Take back what came after --to. Data is lost.")
@click.option("--status", is_flag=True, help="Only say what is applied.")
def migrate(to: str | None, rollback: bool, status: bool) -> None:
    """Bring the schema up to date, or to one migration."""
    if to is not None and to not in schema.known():
        raise click.UsageError(f"--to must be one of {', '.join(schema.known())}.")
    if rollback and to is None:
        raise click.UsageError("--rollback needs --to: say which migration is to stay.")
    try:
        if status:
            _show(schema.applied(owner_url()))
        elif rollback:
            _tell("Taken back", schema.roll_back(owner_url(), to))
        else:
            _tell("Applied", schema.migrate(owner_url(), {}, to))
    except PsycopgError as error:
        raise click.ClickException(f"The database says: {error}") from error
    except WinRoomError as error:
        raise click.ClickException(error.message) from error


def _show(applied: set[str]) -> None:
    for migration in sorted(applied | set(schema.known())):
        click.echo(f"{'applied' if migration in applied else 'pending'}  {migration}")


def _tell(what: str, migrations: list[str]) -> None:
    click.echo(f"{what}: {', '.join(migrations)}" if migrations else "Nothing to do.")
