"""Sale events: what other systems tell us, durable and told apart before anything else happens."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic.aliases import AliasChoices
from pydantic_core import PydanticCustomError

from winroom import copy, ids, queries
from winroom.db import Connection, Cursor, Row
from winroom.errors import NotFound
from winroom.validation import (
    BlankIsAbsent,
    Input,
    Money,
    Text100,
    Text255,
    Text500,
    Text2000,
    Timestamp,
)

Currency = Literal["USD", "EUR", "GBP", "TRY"]
Status = Literal["pending", "processed", "failed"]
Source = Literal["api", "manual", "import"]

_SQL = queries.load("sales")
_CLOCKS_DIFFER_BY = timedelta(minutes=5)


def _in_utc(moment: datetime) -> datetime:
    if moment > datetime.now(UTC) + _CLOCKS_DIFFER_BY:
        raise PydanticCustomError("future", "")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("out_of_range", "") from None


def _lowered(text: str) -> str:
    lowered = text.lower()
    # A few letters become two when lowered.
    if len(lowered) > 255:
        raise PydanticCustomError("string_too_long", "", {"max_length": 255})
    return lowered


class SaleEvent(Input):
    """One sale as another system reports it, normalised: UTC, two decimals, seller in lower case."""

    sale_id: Text255
    occurred_at: Annotated[Timestamp, AfterValidator(_in_utc)]
    customer_name: Text500
    sell_price: Annotated[Money, Field(gt=0, validation_alias=AliasChoices("sell_price", "amount"))]
    cost_price: Annotated[Money, Field(ge=0)] | None = None
    currency: Currency = "USD"
    seller_external_id: Annotated[Text255, AfterValidator(_lowered)]
    product_id: Annotated[UUID | None, BlankIsAbsent] = None
    product_sku: Annotated[Text100 | None, BlankIsAbsent] = None
    external_event_id: Annotated[Text255 | None, BlankIsAbsent] = None
    category: Annotated[Text100 | None, BlankIsAbsent] = None
    notes: Annotated[Text2000 | None, BlankIsAbsent] = None

    def content_hash(self) -> bytes:
        """What makes the sale what it is. A new optional field leaves the hashes of older sales alone."""
        content = self.model_dump_json(exclude_none=True, exclude={"external_event_id"})
        return hashlib.sha256(content.encode()).digest()

    def fingerprint(self) -> bytes:
        """The same for sales that look alike though their ids differ."""
        alike = (
            self.seller_external_id,
            self.occurred_at.isoformat(),
            str(self.sell_price),
            self.currency,
            self.customer_name.casefold(),
        )
        return hashlib.sha256("\x1f".join(alike).encode()).digest()


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one sale event of a request."""

    event_id: UUID
    status: Status = "pending"
    # Already known: nothing new was written.
    is_duplicate: bool = False
    # The id was taken by other content: the body is kept as a failed event, beside `event_id`.
    is_conflict: bool = False

    @property
    def is_new(self) -> bool:
        return not self.is_duplicate and not self.is_conflict


def record(
    conn: Connection,
    events: Sequence[SaleEvent],
    event_ids: Sequence[UUID],
    source: Source = "api",
) -> Cursor:
    """Makes the events durable whose ids nobody has taken; yields their `event_id`s. Sends only.

    What it does not yield is repeated or contradicted: `compare` says which, in a later transaction, for
    only that one sees what a concurrent request has written.
    """
    values = _arrays(events, event_ids, source)
    values["seller_ids"] = [event.seller_external_id for event in events]
    return conn.execute(_SQL["record"], values)


def compare(
    conn: Connection,
    events: Sequence[SaleEvent],
    event_ids: Sequence[UUID],
    source: Source = "api",
) -> list[Received]:
    """What the events that `record` did not take repeat or contradict, in order; keeps contradictions."""
    values = {**_arrays(events, event_ids, source), "conflict": copy.KEY_CONFLICT}
    return [Received(**row) for row in conn.execute(_SQL["compare"], values)]


def _arrays(events: Sequence[SaleEvent], event_ids: Sequence[UUID], source: Source) -> dict[str, object]:
    return {
        "event_ids": list(event_ids),
        "sale_ids": [event.sale_id for event in events],
        "external_event_ids": [event.external_event_id for event in events],
        "content_hashes": [event.content_hash() for event in events],
        "fingerprints": [event.fingerprint() for event in events],
        "payloads": [event.model_dump_json(exclude_none=True) for event in events],
        "source": source,
    }


def find(conn: Connection, event_id: UUID) -> Row:
    """The fate of an event, archived ones included. Raises NotFound."""
    row = conn.execute(_SQL["find"], {"event_id": event_id}).fetchone()
    if row is None:
        raise NotFound
    return row


def page(
    conn: Connection,
    status: Status | None,
    since: datetime | None,
    before: UUID | None,
    limit: int,
) -> list[Row]:
    """Events newest first, `limit` at most, older than `before`. Archived ones are found by id only."""
    return conn.execute(
        _SQL["page_of_status"] if status else _SQL["page"],
        {
            "status": status,
            "since": since,
            # Ids are time-ordered, and an index: the clocks that made them differ by less than a minute.
            "since_id": since and ids.first_of(since - timedelta(minutes=1)),
            "before": before,
            "limit": limit,
        },
    ).fetchall()


def postpone(conn: Connection, event_id: UUID, error: str, *, at_once: bool = False) -> Cursor:
    """Records a failure that can pass: due again in 1, 5, 15 minutes (or at once), failed the fourth time.

    Yields a row with the new status, none where the event was not pending. Sends only.
    """
    values = {"event_id": event_id, "error": error, "at_once": at_once}
    return conn.execute(_SQL["postpone"], values)


def quarantine(conn: Connection, event_id: UUID, error: str) -> None:
    """Records a failure that no retry can help. Sends only."""
    conn.execute(_SQL["quarantine"], {"event_id": event_id, "error": error})


def record_lost(conn: Connection, event_id: UUID, message: str) -> None:
    """Keeps a message whose event is nowhere, once. Sends only."""
    values = {"event_id": event_id, "payload": message, "error": copy.LOST_EVENT}
    conn.execute(_SQL["record_lost"], values)
