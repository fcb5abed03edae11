"""`winroom tenant export|delete`: a company leaves with all that is its own, and nothing of it stays."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import click
from psycopg import IsolationLevel
from psycopg.errors import DeadlockDetected
from rich.console import Console

from infra.operator import screen, takeout
from infra.operator.target import operator_session
from winroom import db, offboarding
from winroom.db import Connection, Row
from winroom.offboarding import Table

Result = TypeVar("Result")

# For people: what is piped elsewhere is the result alone.
_progress = Console(stderr=True)
# Seconds that a statement may take.
_PATIENCE = 1800

_place = click.Path(path_type=Path)


@click.command(epilog=screen.examples("winroom tenant export acme --to acme.zip"))
@click.argument("slug")
@click.option("--to", type=_place, required=True, help="A new folder, or a new file FILE.zip.")
@click.option("--json", "as_json", is_flag=True, help="Show the manifest.")
def export(slug: str, to: Path, as_json: bool) -> None:
    """Write all that belongs to the company SLUG to files.

    JSON lines of one snapshot, archives included, beside a README that explains each file and a manifest
    with counts and checksums. It names customers and colleagues: keep it as safe as the database. Hashes of
    passwords, keys, links and tickets are left out: they only open doors.
    """
    company = _found(slug)
    _must_be_new(to)
    manifest = _export(company, to)
    if as_json:
        screen.show_json(manifest)
    else:
        screen.say(f"{to} has {sum(file['rows'] for file in manifest['files']):,} rows of {slug}.")


@click.command(
    epilog=screen.examples(
        "winroom tenant delete acme --export acme.zip",
        "winroom tenant delete acme --without-export --confirm acme",
    )
)
@click.argument("slug")
@click.option("--export", "to", type=_place, help="Export it here first, once nobody changes it any more.")
@click.option("--without-export", is_flag=True, help="Its data is to be lost.")
@click.option("--confirm", metavar="SLUG", help="For scripts: the slug once more, which else is asked for.")
@screen.as_json
def delete(slug: str, to: Path | None, without_export: bool, confirm: str | None, as_json: bool) -> None:
    """Delete the company SLUG, and every row that belongs to it.

    It is stopped first: its keys, people and screens are let in no more, its sockets are closed. A minute
    later that has reached every process, and it is exported and deleted. What dies half-way is run again.
    """
    if (to is None) != without_export:
        raise click.UsageError("Say either where to --export it first, or --without-export.")
    company = _found(slug)
    if to and company["stage"] == "deleting":
        screen.note(f"Its deletion has begun, and what is left is not all of it: {to} is not written anew.")
        to = None
    if to:
        _must_be_new(to)
    screen.confirm_name(f"All of {slug} will be deleted for ever.", slug, confirm, "--confirm")
    _stop(company)
    if to:
        _export(company, to)
    _show(slug, _delete(company), as_json)


def _found(slug: str) -> Row:
    with operator_session() as conn:
        company = offboarding.find(conn, slug)
    if company is None:
        raise click.ClickException(f"There is no company with the slug {slug}.")
    return company


def _must_be_new(to: Path) -> None:
    if to.exists():
        raise click.UsageError(f"{to} exists already: name a new folder or file.")
    if not to.parent.is_dir():
        raise click.UsageError(f"{to.parent} is no folder: make it first.")


def _must_be_whole(conn: Connection, slug: str) -> None:
    """In the snapshot that is written: somebody else may delete the company at the same time."""
    company = offboarding.find(conn, slug)
    if company is None or company["stage"] == "deleting":
        raise click.ClickException(f"The deletion of {slug} has begun: what is left is not all of it.")


def _export(company: Row, to: Path) -> takeout.Manifest:
    try:
        with operator_session() as conn, _progress.status("Exporting", spinner="line") as status:
            conn.isolation_level, conn.read_only = IsolationLevel.REPEATABLE_READ, True
            _must_be_whole(conn, company["slug"])
            with db.patiently(conn, _PATIENCE):
                return takeout.write(conn, company, to, lambda table: status.update(f"Exporting {table}"))
    except OSError as error:
        raise click.ClickException(f"{to} cannot be written: {error}. Nothing is left of it.") from error


def _stop(company: Row) -> None:
    """Lets nobody in any more, and waits until that has reached every process. Whom somebody who is still
    inside lets in meanwhile is put out, and waited for, too."""
    while (remaining := offboarding.SETTLED_AFTER - _stopped_for(company)) > 0:
        with _progress.status(f"Nobody is let in any more; {remaining:.0f} s until everybody is out"):
            time.sleep(remaining)


def _stopped_for(company: Row) -> float:
    with operator_session() as conn:
        return offboarding.stop(conn, company["tenant_id"])


def _delete(company: Row) -> list[Row]:
    """Deletes every row; returns by table how many there were, and how many are left, which is none."""
    tenant_id = company["tenant_id"]
    with operator_session() as conn, db.patiently(conn, _PATIENCE):
        tables = offboarding.tables(conn)
        offboarding.begin(conn, tenant_id)
        conn.commit()
        deleted = Counter({t.name: _delete_all(conn, t, tenant_id) for t in offboarding.in_bulk(tables)})
        deleted.update(_until_done(conn, lambda: offboarding.delete_rest(conn, tables, tenant_id)))
        left = offboarding.counts(conn, tables, tenant_id)
        if any(left.values()):
            raise click.ClickException(f"Rows are left, somebody adds new ones: {left}. Run it again.")
    return [{"table": t.name, "deleted": deleted[t.name], "left": left[t.name]} for t in tables]


def _delete_all(conn: Connection, table: Table, tenant_id: UUID) -> int:
    """Deletes a table's rows, so many at once and committed; returns how many there were."""
    deleted = 0
    with _progress.status(f"Deleting {table.name}", spinner="line") as status:
        while gone := _until_done(conn, lambda: offboarding.delete_some(conn, table, tenant_id)):
            conn.commit()
            deleted += gone
            status.update(f"Deleting {table.name}: {deleted:,}")
    return deleted


def _until_done(conn: Connection, step: Callable[[], Result]) -> Result:
    """Takes a step of the deletion, anew where it had to give way: a sale that is still being worked may hold
    what it needs, and need what it holds."""
    while True:
        try:
            return step()
        except DeadlockDetected:
            conn.rollback()


def _show(slug: str, tables: list[Row], as_json: bool) -> None:
    if as_json:
        screen.show_json({"tenant": slug, "tables": tables})
        return
    screen.say(f"{'table':<22}{'deleted':>10}{'left':>6}")
    for row in tables:
        screen.say(f"{row['table']:<22}{row['deleted']:>10,}{row['left']:>6}")
    screen.say(f"Nothing is left of {slug}.")
