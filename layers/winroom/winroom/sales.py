"""Sale events: what other systems tell us, durable and told apart before anything else happens."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypedDict
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.aliases import AliasChoices
from pydantic_core import PydanticCustomError

from winroom import copy, ids, queries
from winroom.callers import Caller, Role
from winroom.db import Connection, Cursor, Row
from winroom.errors import FieldProblem, Forbidden, Invalid, NotFound
from winroom.sellers import SellerId
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


class SaleRow(TypedDict):
    """What `record` and `compare` write; bytes in hexadecimal digits."""

    event_id: str
    sale_id: str
    external_event_id: str | None
    seller_id: str | None
    content_hash: str
    fingerprint: str
    payload: str


class SaleEvent(Input):
    """One sale as another system reports it, normalised: UTC, two decimals, seller in lower case."""

    sale_id: Annotated[
        Text255,
        Field(description="Your id of the sale, the same each time you send it."),
    ]
    occurred_at: Annotated[
        Timestamp,
        AfterValidator(_in_utc),
        Field(description="ISO 8601 with an offset, at most 5 minutes in the future."),
    ]
    customer_name: Text500
    sell_price: Annotated[
        Money,
        Field(
            gt=0,
            validation_alias=AliasChoices("sell_price", "amount"),
            description="A number, or the same as a string; at most two decimals.",
        ),
    ]
    cost_price: Annotated[
        Annotated[Money, Field(ge=0)] | None,
        Field(description="Without it, the product's default cost is taken."),
    ] = None
    currency: Currency = "USD"
    seller_external_id: Annotated[
        SellerId,
        Field(description="In lower case from here on. A seller that we do not know is created."),
    ]
    product_id: Annotated[
        UUID | None,
        BlankIsAbsent,
        Field(description="With a product that we do not know, the sale waits to be corrected."),
    ] = None
    product_sku: Annotated[
        Text100 | None,
        BlankIsAbsent,
        Field(description="Names the product instead of its id."),
    ] = None
    external_event_id: Annotated[
        Text255 | None,
        BlankIsAbsent,
        Field(description="Your idempotency key, if the sale's id alone is not one."),
    ] = None
    category: Annotated[Text100 | None, BlankIsAbsent] = None
    notes: Annotated[Text2000 | None, BlankIsAbsent] = None

    @property
    def named_product(self) -> str | None:
        """The product that it names; an id goes before a SKU."""
        return str(self.product_id) if self.product_id else self.product_sku

    def row(self, event_id: UUID) -> SaleRow:
        return {
            "event_id": str(event_id),
            "sale_id": self.sale_id,
            "external_event_id": self.external_event_id,
            "seller_id": self.seller_external_id,
            "content_hash": self.content_hash().hex(),
            "fingerprint": self.fingerprint().hex(),
            "payload": self.model_dump_json(exclude_none=True),
        }

    def content_hash(self) -> bytes:
        """What makes the sale what it is. A new optional field leaves the hashes of older sales alone."""
        return self._hash_without("external_event_id")

    def _hash_without(self, *fields: str) -> bytes:
        content = self.model_dump_json(exclude_none=True, exclude=set(fields))
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


def _either(*fields: str) -> dict[str, Any]:
    """In the words of JSON Schema: one of the fields must be there, and not blank."""
    text = {"type": "string", "pattern": r"\S"}
    return {"anyOf": [{"required": [field], "properties": {field: text}} for field in fields]}


class ManualSale(SaleEvent):
    """A sale as a person enters it: what is left out, or left blank, is known without being told."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_either("sale_id", "external_event_id")]})

    sale_id: Annotated[
        Text255 | None,
        BlankIsAbsent,
        Field(description="Without it, the external_event_id is the sale's id."),
    ] = None  # type: ignore[assignment]
    occurred_at: Annotated[
        Timestamp,
        AfterValidator(_in_utc),
        BlankIsAbsent,
        Field(description="ISO 8601 with an offset. Now, if left out."),
    ] = Field(default_factory=lambda: datetime.now(UTC))
    seller_external_id: Annotated[
        SellerId | None,
        BlankIsAbsent,
        Field(description="Without it, the seller whom you act for."),
    ] = None  # type: ignore[assignment]
    external_event_id: Annotated[
        Text255 | None,
        BlankIsAbsent,
        Field(
            description="Made once for each form, so that a double click is one sale.",
            examples=["manual-01985fa2-7c3e-7d51-9f0a-3a1b5c7d9e11"],
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _a_blank_moment_is_now(cls, values: dict[str, Any]) -> dict[str, Any]:
        moment = values.get("occurred_at")
        is_blank = isinstance(moment, str) and not moment.strip()
        return {n: v for n, v in values.items() if n != "occurred_at"} if is_blank else values

    def entered_by(self, caller: Caller) -> Self:
        """The sale with its id and seller. Raises Forbidden for a seller who enters it for another, and
        Invalid where the id or the seller is left out and there is none to take."""
        sale_id = self.sale_id or self.external_event_id
        seller = self.seller_external_id or caller.seller_id
        problems: list[FieldProblem] = []
        if not sale_id:
            problems.append({"field": "external_event_id", "message": copy.MANUAL_WITHOUT_ID})
        if not seller:
            problems.append({"field": "seller_external_id", "message": copy.MANUAL_WITHOUT_SELLER})
        if caller.role is Role.SELLER and seller and seller != caller.seller_id:
            raise Forbidden(copy.MANUAL_FOR_ANOTHER)
        if problems:
            raise Invalid(details=problems)
        return self.model_copy(update={"sale_id": sale_id, "seller_external_id": seller})

    def content_hash(self) -> bytes:
        if "occurred_at" in self.model_fields_set:
            return super().content_hash()
        # The moment of a click is no content: a double click is one sale.
        return self._hash_without("external_event_id", "occurred_at")


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one sale event of a request."""

    event_id: UUID
    status: Status = "pending"
    # Already known: nothing new was written.
    is_duplicate: bool = False
    # The id was taken by other content: the body is kept as a failed event, beside `event_id`.
    is_conflict: bool = False
    # Nobody could be asked whether the id was taken: the event waits in the queue, whole.
    is_unrecorded: bool = False

    @property
    def is_new(self) -> bool:
        return not self.is_duplicate and not self.is_conflict


def record(conn: Connection, events: str, source: Source) -> Cursor:
    """Makes the events durable whose ids nobody has taken, of those that `rows` wrote; yields their
    `event_id`s. Sends only.

    What it does not yield is repeated or contradicted: `compare` says which, in a later statement, for
    only that one sees what a concurrent request has written.
    """
    return conn.execute(_SQL["record"], {"events": events, "source": source})


def compare(conn: Connection, events: str, source: Source) -> list[Received]:
    """What the events that `record` did not take repeat or contradict, in order; keeps contradictions."""
    values = {"events": events, "source": source, "conflict": copy.KEY_CONFLICT}
    return [Received(**row) for row in conn.execute(_SQL["compare"], values)]


def rows(events: Mapping[UUID, SaleEvent]) -> str:
    """Events under their ids as the database takes them, one JSON array: seven arrays, one for each column,
    take five times as long to write."""
    return json.dumps([event.row(event_id) for event_id, event in events.items()])


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
    """Events newest first, `limit` at most, older than `before`, archived ones included."""
    return conn.execute(
        _SQL["page_of_status" if status in ("pending", "failed") else "page"],
        {
            "status": status,
            "since": since,
            # Ids are time-ordered, and an index.
            "since_id": since and ids.first_of(since),
            "before": before,
            "limit": limit,
        },
    ).fetchall()


def whose(conn: Connection, event_id: UUID) -> Row | None:
    """`tenant_id` and `slug` of an event's company: the operator's view, across tenants."""
    return conn.execute(_SQL["whose"], {"event_id": event_id}).fetchone()


def waiting(conn: Connection, tenant_id: UUID | None, limit: int) -> list[Row]:
    """Pending events of one company, or of all, by when they are due: the operator's view."""
    return conn.execute(_SQL["waiting"], {"tenant_id": tenant_id, "limit": limit}).fetchall()


def postpone(conn: Connection, event_id: UUID, error: str, *, at_once: bool = False) -> Cursor:
    """Records a failure that can pass: due again in 1, 5, 15 minutes (or at once), failed the fourth time.

    Yields a row with the new `status` and the `sale_id`, none where the event was not pending. Sends only.
    """
    values = {"event_id": event_id, "error": error, "at_once": at_once}
    return conn.execute(_SQL["postpone"], values)


def quarantine(conn: Connection, event_id: UUID, error: str) -> Cursor:
    """Records a failure that no retry can help; yields the same as `postpone`. Sends only."""
    return conn.execute(_SQL["quarantine"], {"event_id": event_id, "error": error})


def record_lost(
    conn: Connection, event_id: UUID, payload: str, error: str = copy.LOST_EVENT, sale_id: str | None = None
) -> Cursor:
    """Keeps what is known of an event that is nowhere, its message or content, and why; yields a row if it
    was the first time. Sends only."""
    values = {"event_id": event_id, "sale_id": sale_id, "payload": payload, "error": error}
    return conn.execute(_SQL["record_lost"], values)
