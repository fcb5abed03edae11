"""Sellers: whose sales they are and who claims them. They come into being by hand or by their first sale,
and none is ever deleted: boards and history name them."""

from typing import Annotated, Literal

from psycopg.types.json import Jsonb
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from winroom import copy, queries
from winroom.db import Connection, Row
from winroom.errors import Conflict, NotFound
from winroom.validation import BlankIsAbsent, Email, Input, Text255

_SQL = queries.load("sellers")
_IS_ACTIVE = {"true": True, "false": False, "all": None}


def _lowered(text: str) -> str:
    lowered = text.lower()
    # A few letters become two when lowered.
    if len(lowered) > 255:
        raise PydanticCustomError("string_too_long", "", {"max_length": 255})
    return lowered


# However another system writes it, it is the same seller.
SellerId = Annotated[Text255, AfterValidator(_lowered)]


class NewSeller(Input):
    """A seller as it is created; the id is the one that sales will name."""

    seller_id: SellerId
    display_name: Text255
    email: Annotated[Email | None, BlankIsAbsent] = None


class SellerChanges(Input):
    """What of a seller changes: only what is given; null clears the email."""

    # Their defaults are never read.
    display_name: Text255 = Field(default_factory=str)
    email: Annotated[Email | None, BlankIsAbsent] = None
    is_active: bool = Field(default_factory=bool, strict=True)


class Filter(Input):
    """Which sellers to list; `q` is the start of a name, `cursor` the last seller of the page before."""

    active: Literal["true", "false", "all"] = "true"
    q: Annotated[Text255 | None, BlankIsAbsent] = None
    cursor: Annotated[SellerId | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 100


def create(conn: Connection, seller: NewSeller) -> Row:
    """Adds a seller. Raises Conflict where the id is taken."""
    row = conn.execute(_SQL["create"], seller.model_dump()).fetchone()
    if row is None:
        raise Conflict(copy.SELLER_TAKEN.format(seller_id=seller.seller_id))
    return row


def find(conn: Connection, seller_id: str) -> Row:
    """A seller, active or not, however the id is written. Raises NotFound."""
    row = conn.execute(_SQL["find"], {"seller_id": _as_kept(seller_id)}).fetchone()
    if row is None:
        raise NotFound
    return row


def page(conn: Connection, wanted: Filter) -> list[Row]:
    """Sellers by name, `wanted.limit` at most."""
    values = {
        "is_active": _IS_ACTIVE[wanted.active],
        "q": wanted.q or "",
        "cursor": wanted.cursor,
        "limit": wanted.limit,
    }
    return conn.execute(_SQL["page"], values).fetchall()


def change(conn: Connection, seller_id: str, changes: SellerChanges) -> Row:
    """Changes a seller. Raises NotFound."""
    given = Jsonb(changes.model_dump(mode="json", exclude_unset=True))
    values = {"seller_id": _as_kept(seller_id), "changes": given}
    row = conn.execute(_SQL["change"], values).fetchone()
    if row is None:
        raise NotFound
    return row


def _as_kept(seller_id: str) -> str:
    return seller_id.strip().lower()
