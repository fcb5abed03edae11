"""`make plans`: keeps how every statement runs with a million sales in the tables, for tests to compare with.
Where statements have changed it takes seconds. Where tables or indexes have, `--renew` makes the sales first,
which takes minutes, and keeps their statistics."""

import subprocess

import click

from infra.local import postgres
from tests import plans
from tests.benchmarks import dataset, workbench
from tests.factories import Database


@click.command()
@click.option("--renew", is_flag=True, help="Make a million sales, and keep their statistics first.")
def main(renew: bool) -> None:
    """Keep the plans of all statements, as those that tests compare with."""
    if renew:
        with workbench.database() as database:
            dataset.fill(database, workbench.say)
            plans.keep_statistics(statistics(database))
    with workbench.database() as database:
        plans.pretend(database)
        plans.keep(plans.shapes(database))


def statistics(database: Database) -> str:
    """What PostgreSQL knows of its tables: statements that tell another one."""
    dumped = subprocess.run(
        [postgres.binaries() / "pg_dump", "--statistics-only", "--schema=wr", database.superuser_url],
        check=True,
        capture_output=True,
        text=True,
    )
    # What begins so is for people, or for psql.
    return "\n".join(line for line in dumped.stdout.splitlines() if not line.startswith(("--", "\\")))


if __name__ == "__main__":
    main()
