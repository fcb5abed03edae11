"""`winroom verify`: whether every company's rows agree with each other, and its boards with a recount."""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import click
from psycopg import IsolationLevel

from infra.operator import screen
from infra.operator.target import company_session, operator_session
from winroom import db, ledger, tenants

# Seconds that a statement may take.
_PATIENCE = 1800

Report = dict[str, Any]


@click.command(
    short_help="Look for what cannot be, such as lost sales.",
    epilog=screen.examples("winroom verify", "winroom verify --tenant acme --json"),
)
@click.option("--tenant", "slug", type=screen.FILLED, help="The slug of one company; all by default.")
@screen.as_json
def verify(slug: str | None, as_json: bool) -> None:
    """Look for what cannot be: sales that are lost, claims without a sale, boards that miscount.

    Reads only, each company in one snapshot, also while sales come in: what is under way is no fault.
    Exit code 1 where something is wrong.
    """
    reports = []
    for report in _reports(slug):
        reports.append(report)
        if not as_json:
            _show(report)
    is_well = not any(report["faults"] for report in reports)
    if as_json:
        screen.show_json({"ok": is_well, "tenants": reports})
    if not is_well:
        raise SystemExit(1)


@click.command(epilog=screen.examples("winroom tenant recount acme"))
@click.argument("tenant")
@screen.as_json
def recount(tenant: str, as_json: bool) -> None:
    """Count the boards of a company anew.

    From its approved claims; new ones wait meanwhile. TENANT is its slug or id.
    """
    with company_session(tenant) as (conn, _), db.patiently(conn, _PATIENCE):
        tenants.recount(conn)
    if as_json:
        screen.show_json({"tenant": tenant, "is_recounted": True})
    else:
        screen.say(f"The boards of {tenant} show what its claims say.")


def _reports(slug: str | None) -> Iterator[Report]:
    with operator_session() as conn:
        companies = [slug] if slug else ledger.companies(conn)
    for number, company in enumerate(companies, 1):
        with screen.working(f"{company} ({number} of {len(companies)})"):
            report = _report(company)
        if report:
            yield report
        elif slug:
            raise _unknown(slug)


def _report(slug: str) -> Report | None:
    """What one snapshot of a company says; None where there is no such company, or no longer."""
    began = time.monotonic()
    with operator_session() as conn:
        conn.isolation_level, conn.read_only = IsolationLevel.REPEATABLE_READ, True
        tenant_id = ledger.enter(conn, slug)
        if tenant_id is None:
            return None
        with db.patiently(conn, _PATIENCE):
            counts, faults = ledger.counts(conn), [dataclasses.asdict(f) for f in ledger.faults(conn)]
    seconds = round(time.monotonic() - began, 1)
    return {"tenant": slug, "tenant_id": tenant_id, "seconds": seconds, "counts": counts, "faults": faults}


def _show(report: Report) -> None:
    slug = report["tenant"]
    screen.say(f"{'WRONG' if report['faults'] else 'ok':<6}{slug}  {report['seconds']} s")
    counts = (f"{name.replace('_', ' ')} {number:,}" for name, number in report["counts"].items())
    screen.say(f"      {', '.join(counts)}")
    for fault in report["faults"]:
        for sentence in fault["sentences"]:
            screen.say(f"      {slug}: {sentence}.")
        if (more := fault["total"] - len(fault["sentences"])) > 0:
            screen.say(f"      {slug}: and {more:,} more of these.")
        screen.say(f"      -> {fault['remedy']}")


def _unknown(slug: str) -> click.ClickException:
    return click.ClickException(f"There is no company with the slug {slug}.")
