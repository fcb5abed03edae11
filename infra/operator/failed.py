"""`winroom failed`: what could not become a sale, over all companies."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import get_args
from uuid import UUID

import click

from infra.operator import screen, target
from winroom import copy, failed_events, tenants
from winroom.db import Row
from winroom.errors import Invalid
from winroom.failed_events import Discard, Filter, Reason, Selection
from winroom.messages import SaleEventReceived
from winroom.validation import check

# A company's id and slug, and what of its failed events to replay.
_Part = tuple[UUID, str, Selection]
# What became of each, and what the processor is to be sent.
_Done = tuple[list[Row], list[SaleEventReceived]]

_COLUMNS = ("tenant", "id", "sale_id", "reason", "outcome", "message")


def _moment(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    try:
        return check(Filter, {"since": value}).since
    except Invalid as error:
        raise click.BadParameter(error.details[0]["message"]) from error


of_tenant = click.option("--tenant", type=screen.FILLED, help="Of one company only.")
of_reason = click.option(
    "--reason", type=click.Choice(get_args(Reason)), help="That failed for this reason only."
)
since = click.option("--since", callback=_moment, help="From then on, such as 2026-01-31T15:30:00Z.")


@click.group("failed")
def group() -> None:
    """Sale events that failed and wait for somebody."""


@group.command(
    "list", epilog=screen.examples("winroom failed list", "winroom failed list --reason lost --json")
)
@of_tenant
@of_reason
@since
@click.option("--resolved", is_flag=True, help="Those that were settled.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many at most."
)
@screen.as_json
def index(
    tenant: str | None,
    reason: Reason | None,
    since: datetime | None,
    resolved: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Failed events, the newest first."""
    # Made without the check of the API's own limit: an operator's list may be longer.
    wanted = Filter.model_construct(reason=reason, since=since, resolved=resolved, limit=limit)
    with target.operator_session() as conn:
        found = failed_events.everywhere(conn, wanted, target.company(conn, tenant) if tenant else None)
    if as_json:
        screen.show_json(found)
        return
    settled = ("resolution", "resolved_by") if resolved else ()
    columns = ("tenant", "id", "sale_id", "reason", "failed_at", *settled, "last_error")
    screen.show_rows(found, columns, "Nothing is settled." if resolved else "Nothing has failed.")


@group.command(epilog=screen.examples("winroom failed show 0198c0de-0000-7000-8000-000000000000"))
@click.argument("failed_event_id", type=click.UUID)
@screen.as_json
def show(failed_event_id: UUID, as_json: bool) -> None:
    """One failed event, why it failed and its content.

    For a conflict, also how it differs from the sale that it contradicts.
    """
    with target.operator_session() as conn:
        company = failed_events.whose(conn, [failed_event_id])
        if not company:
            raise click.ClickException(copy.NO_SUCH_FAILED_EVENT)
        target.entered(conn, company[0]["tenant_id"])
        found = {"tenant": company[0]["slug"], **failed_events.find(conn, failed_event_id)}
    if as_json:
        screen.show_json(found)
    else:
        screen.show_one(found)


@group.command(
    epilog=screen.examples(
        "winroom failed replay 0198c0de-0000-7000-8000-000000000000",
        "winroom failed replay --tenant acme --reason unknown_product --dry-run",
        "winroom failed replay --all",
    )
)
@click.argument("ids", type=click.UUID, nargs=-1)
@of_tenant
@of_reason
@since
@click.option("--all", "everything", is_flag=True, help="Whatever is open, of all companies.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of them.")
@screen.yes
@screen.as_json
def replay(
    ids: tuple[UUID, ...],
    tenant: str | None,
    reason: Reason | None,
    since: datetime | None,
    everything: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Let failed events begin anew.

    Those with IDS, or all that the options choose. What would fail again stays as it is, and so does a
    conflict, unless it is named alone: it then replaces the content of the sale that it contradicts. Exit
    code 1 if anything was not replayed.
    """
    chosen = bool(tenant or reason or since or everything)
    if bool(ids) == chosen:
        raise click.UsageError("Say which: either IDS, or --tenant, --reason, --since or --all.")
    found = _found(ids)
    if len(ids) == len(found) == 1 and found[0]["reason"] == "conflict" and not dry_run:
        results, due = _accept(found[0], yes)
    elif ids:
        results, due = _replay_all(_named(found, dry_run))
    else:
        results, due = _replay_all(_chosen(tenant, Selection(reason=reason, since=since, dry_run=dry_run)))
    results += _unknown(ids, found)
    sent = bool(due) and _send(due)
    if as_json:
        screen.show_json({"dry_run": dry_run, "sent": sent, "results": results})
    else:
        screen.show_rows(results, _COLUMNS, "Nothing has failed.")
    if due and not sent:
        screen.note("Not all reached the queue: the sweeper sends them to the processor within a minute.")
    _end(results, "replayed")


@group.command(
    epilog=screen.examples('winroom failed discard 0198c0de-0000-7000-8000-000000000000 --because "A test"')
)
@click.argument("ids", type=click.UUID, nargs=-1, required=True)
@click.option("--because", required=True, help="Why they are no sales, for those who ask later.")
@screen.yes
@screen.as_json
def discard(ids: tuple[UUID, ...], because: str, yes: bool, as_json: bool) -> None:
    """Settle failed events that are no sales.

    They can never be replayed. Exit code 1 if any was refused.
    """
    with target.asking_the_database():
        why = check(Discard, {"reason": because})
    found = _found(ids)
    if found:
        screen.confirm(f"They can never be replayed then. Discard {len(found)} failed events?", yes)
    results = [_discard(letter, why) for letter in found] + _unknown(ids, found)
    if as_json:
        screen.show_json({"results": results})
    else:
        screen.show_rows(results, _COLUMNS, "")
    _end(results, "discarded")


def _named(found: Sequence[Row], dry_run: bool) -> list[_Part]:
    """What is to be replayed of each company, as much at once as a transaction takes."""
    parts: list[_Part] = []
    for slug, letters in groupby(found, lambda letter: letter["slug"]):
        mine = list(letters)
        for start in range(0, len(mine), failed_events.AT_ONCE):
            ids = [letter["id"] for letter in mine[start : start + failed_events.AT_ONCE]]
            parts.append((mine[0]["tenant_id"], slug, Selection(ids=ids, dry_run=dry_run)))
    return parts


def _chosen(tenant: str | None, wanted: Selection) -> list[_Part]:
    with target.operator_session() as conn:
        only = tenant and target.company(conn, tenant)
        return [(one["id"], one["slug"], wanted) for one in tenants.every(conn) if only in (None, one["id"])]


def _replay_all(parts: Sequence[_Part]) -> _Done:
    results, due = list[Row](), list[SaleEventReceived]()
    with screen.progress("Replaying", len(parts)) as advance:
        for tenant_id, slug, wanted in parts:
            for replayed in _rounds(tenant_id, wanted):
                results += [{"tenant": slug, **result} for result in replayed.results]
                due += _due(tenant_id, replayed.due)
            advance(1)
    return results, due


def _rounds(tenant_id: UUID, wanted: Selection) -> Iterator[failed_events.Replayed]:
    """As many transactions as it takes."""
    while True:
        with target.operator_session() as conn:
            caller = target.entered(conn, tenant_id)
            replayed = failed_events.replay_many(conn, caller, wanted)
            if replayed.due:
                target.note(conn, caller, "POST", "/api/failed-events/replay")
        yield replayed
        if replayed.next_cursor is None:
            return
        wanted = wanted.model_copy(update={"cursor": replayed.next_cursor})


def _accept(letter: Row, yes: bool) -> _Done:
    """A conflict that is named alone is a decision: the sale takes its content."""
    screen.confirm(
        f"It contradicts a sale of {letter['slug']}: {letter['sale_id']} takes its content, on the boards as "
        f"well. Accept it?",
        yes,
    )
    with target.operator_session() as conn:
        caller = target.entered(conn, letter["tenant_id"])
        # Screens that are open follow with the next sweep, if nothing else wakes them.
        effects = failed_events.replay(conn, caller, letter["id"], None)
        target.note(conn, caller, "POST", "/api/failed-events/{failed_event_id}/replay")
    return [_result(letter, "replayed")], _due(letter["tenant_id"], effects.due)


def _discard(letter: Row, why: Discard) -> Row:
    try:
        with target.operator_session() as conn:
            caller = target.entered(conn, letter["tenant_id"])
            failed_events.discard(conn, caller, letter["id"], why)
            target.note(conn, caller, "POST", "/api/failed-events/{failed_event_id}/discard")
    except click.ClickException as error:
        return _result(letter, "refused", error.message)
    return _result(letter, "discarded")


def _found(ids: Sequence[UUID]) -> list[Row]:
    """Those that there are, company by company."""
    if not ids:
        return []
    with target.operator_session() as conn:
        return failed_events.whose(conn, ids)


def _send(due: Sequence[SaleEventReceived]) -> bool:
    """Hands events to the processor, where its queue is at hand; the sweeper sends what is not sent here."""
    deployment = target.current()
    if deployment.has_foreign_database:
        return False
    try:
        url = deployment.output("SalesEventsQueueUrl")
        with target.asking_aws(), screen.progress("Sending", len(due)) as advance:
            queue = deployment.client("sqs")
            for start in range(0, len(due), 10):
                entries = [
                    {"Id": str(n), "MessageBody": event.body(), "MessageGroupId": str(event.tenant_id)}
                    for n, event in enumerate(due[start : start + 10])
                ]
                if queue.send_message_batch(QueueUrl=url, Entries=entries).get("Failed"):
                    return False
                advance(len(entries))
    except click.ClickException:
        return False
    return True


def _due(tenant_id: UUID, event_ids: Iterable[UUID]) -> list[SaleEventReceived]:
    now = datetime.now(UTC)
    return [SaleEventReceived(event_id, tenant_id, now) for event_id in event_ids]


def _unknown(ids: Iterable[UUID], found: Iterable[Row]) -> list[Row]:
    strangers = sorted(set(ids) - {letter["id"] for letter in found})
    blank = dict.fromkeys(("slug", "sale_id", "reason"))
    return [_result({**blank, "id": one}, "unknown", copy.NO_SUCH_FAILED_EVENT) for one in strangers]


def _result(letter: Row, outcome: str, message: str | None = None) -> Row:
    told = {name: letter[name] for name in ("id", "sale_id", "reason")}
    return {"tenant": letter["slug"], **told, "outcome": outcome, "message": message}


def _end(results: Iterable[Row], well: str) -> None:
    if any(result["outcome"] != well for result in results):
        click.get_current_context().exit(1)
