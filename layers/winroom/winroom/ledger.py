"""The books of a company: whether its rows agree with each other, and its boards with a recount. It only
reads. The session may be the operator's, who sees everybody's rows: every statement names the tenant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from winroom import board, queries
from winroom.db import Connection, Row, only

# Of one kind of fault, so many are named; the others are counted.
NAMED_AT_MOST = 20

_SQL = queries.load("ledger")

_RECOUNT = "Count the boards anew: `winroom tenant recount`."
_UNARCHIVE = (
    " What is in the archive returns first, for that holds nothing else: in one transaction"
    " `set local role winroom_app`, `select wr.enter_tenant('its tenant_id')`, `select wr.{}('its id')`."
)

# What is wrong with each row that a check finds, and what to do.
CHECKS: Mapping[str, tuple[str, str]] = {
    "sale_without_id": (
        "{place} has a sale without an id: {id}",
        "Find it in a backup, and give it the id it had.",
    ),
    "event_without_key": (
        "event {event_id} (sale {sale_id}) has no key: sent once more, the sale would count twice",
        "Insert its row of wr.sale_keys, with the event's ids and content_hash.",
    ),
    "key_without_event": (
        "sale {sale_id} is known as event {event_id}, which is nowhere (has an item: {has_item})",
        "Restore the event from a backup. Without one: leave the key of a sale that has an item, for that is"
        " complete; delete that of one that has none, and have it sent again.",
    ),
    "event_unlike_key": (
        "event {event_id} (sale {sale_id}) differs in ids or content from its key (sale {key_sale_id})",
        "Compare both with a backup. The key is what repetitions are compared with.",
    ),
    "event_twice": (
        "event {event_id} (sale {sale_id}) is in wr.sales_events and in its archive",
        "Delete it from the archive: the next retention archives it again.",
    ),
    "processed_without_item": (
        "event {event_id} (sale {sale_id}) of {place} is processed, but there is no queue item to be claimed",
        "Restore the item from a backup; where a claim of the sale is left, nothing else helps. Else,"
        " set the event's status to pending, processed_at to null, next_attempt_at to now(): it is processed"
        " anew." + _UNARCHIVE.format("unarchive_event"),
    ),
    "item_without_event": (
        "item {queue_id} (sale {sale_id}) belongs to event {event_id}, which is nowhere",
        "Restore the event from a backup; the item is complete in itself and may be worked meanwhile.",
    ),
    "item_of_unprocessed_event": (
        "item {queue_id} (sale {sale_id}) is there though event {event_id} is {status}",
        "Set the event's status to processed, its failure to null and its processed_at to now().",
    ),
    "item_unlike_event": (
        "item {queue_id} (sale {sale_id}) differs from its event {event_id} in {fields}",
        "Decide which is right. If the event is, set the item and its claim to what it says; if the item is,"
        " send the sale once more as the item says it, and accept that at /failed-events.",
    ),
    "item_twice": (
        "item {queue_id} (sale {sale_id}) is in wr.queue and in its archive",
        "Delete it from the archive: the next retention archives it again.",
    ),
    "failed_without_letter": (
        "event {event_id} (sale {sale_id}) has failed ({failure}), but no admin is shown it",
        "Insert its row of wr.sales_events_dlq: it can then be corrected and replayed.",
    ),
    "letter_without_event": (
        "failed event {dead_letter_id} (sale {sale_id}) is of event {event_id}, which is nowhere",
        "Restore the event from a backup; without one, discard it at /failed-events. If its key is without an"
        " event, too, only once that is deleted does the sale count when it is sent again.",
    ),
    "letter_of_living_event": (
        "failed event {dead_letter_id} (sale {sale_id}) is open though event {event_id} is {status}",
        "Discard it at /failed-events: there is nothing to replay.",
    ),
    "conflict_with_nothing": (
        "event {event_id} (sale {sale_id}) contradicts or corrects event {known_id}, which is nowhere",
        "Restore that event from a backup; until then this one cannot be accepted.",
    ),
    "unknown_seller": (
        "{place} names the seller {seller_id}, whom the company does not have"
        " ({number} rows, one is {example})",
        "Create the seller at /sellers.",
    ),
    "unknown_product": (
        "{place} names the product {product_id}, which the company does not have"
        " ({number} rows, one is {example})",
        "Restore the row of wr.products from a backup.",
    ),
    "claim_without_item": (
        "claim {claim_id} of {claimed_by} ({state}) is of sale {sale_id}, which is not in the queue",
        "Restore the item from a backup; boards count the claim as long as it is approved.",
    ),
    "claim_unlike_item": (
        "claim {claim_id} of {claimed_by} ({state}, {sell_price} {currency}) disagrees with the item of sale"
        " {sale_id} ({status}, seller {assigned_seller_id}, {item_price} {item_currency})",
        "Boards count the claim. Decide which is right, and release the claim or correct the sale.",
    ),
    "claimed_without_claim": (
        "item {queue_id} (sale {sale_id}) of {place} is claimed by {assigned_seller_id}, but has no claim",
        "Restore the claim from a backup. Without one, set the item's status to pending and its"
        " assigned_seller_id to null: it can then be claimed." + _UNARCHIVE.format("unarchive_item"),
    ),
    "room_missing": (
        "{slug} has no room: no sale can be processed",
        "Insert a row of wr.rooms with nothing but the tenant_id.",
    ),
    "room_ahead": (
        "the room is at {seq}, yet {posted_seq} was posted and {last_seq} is in its log",
        "Set seq of wr.rooms to the highest of the three.",
    ),
    "room_gap": (
        "the room's log has no messages {first_missing} to {last_missing}",
        "Clients read everything again when they meet a gap. Find out who deletes from wr.events.",
    ),
    "part_without_import": (
        "the part of import {import_id} that begins at row {first_row} waits, but the import does not go on",
        "Import the file again: rows that are known are skipped. Then delete the part from wr.import_parts.",
    ),
    "board_days": (
        "the board of {day} shows {seller_id} with {kept_wins} wins, {kept_revenue} {currency} and a margin"
        " of {kept_margin}; the claims say {counted_wins}, {counted_revenue} and {counted_margin}",
        _RECOUNT,
    ),
    "board_months": (
        "the board of the month {month} shows {seller_id} with {kept_wins} wins, {kept_revenue} {currency}"
        " and a margin of {kept_margin}; its days say {counted_wins}, {counted_revenue} and {counted_margin}",
        _RECOUNT,
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault: how often it was found, the first of them as rows and as sentences, what to do."""

    check: str
    total: int
    rows: list[Row]
    sentences: list[str]
    remedy: str


def companies(conn: Connection) -> list[str]:
    """The slugs of all companies: the operator's view."""
    return [row["slug"] for row in conn.execute(_SQL["companies"])]


def enter(conn: Connection, slug: str) -> UUID | None:
    """Opens the books of one company for the rest of the transaction, and returns its id; None where there is
    no such company."""
    found = conn.execute(_SQL["enter"], {"slug": slug}).fetchone()
    return found["tenant_id"] if found else None


def counts(conn: Connection) -> dict[str, int]:
    """How much there is of what; `open_dead_letters`, `pending_events` and `overdue_events` wait."""
    return only(conn.execute(_SQL["counts"]))


def faults(conn: Connection) -> Iterator[Fault]:
    """Each kind of fault that is there, none where all is well. Give it one snapshot: repeatable read."""
    conn.execute(_SQL["read_whole"])
    for check, (sentence, remedy) in CHECKS.items():
        rows = _look(conn, check)
        if rows:
            total = rows[0].get("total", len(rows))
            named = [{n: v for n, v in row.items() if n != "total"} for row in rows[:NAMED_AT_MOST]]
            yield Fault(check, total, named, [sentence.format_map(row) for row in named], remedy)


def _look(conn: Connection, check: str) -> list[Row]:
    match check:
        case "board_days":
            return board.differences(conn)
        case "board_months":
            return board.months_adrift(conn)
        case _:
            return conn.execute(_SQL[check], {"at_most": NAMED_AT_MOST}).fetchall()
