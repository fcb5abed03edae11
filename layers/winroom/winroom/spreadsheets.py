"""Files of sales as other systems export them: CSV text to lines that name our fields. Knows no database."""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, NamedTuple

from pydantic import Field
from pydantic_core import from_json

from winroom import copy
from winroom.errors import FieldProblem, Invalid
from winroom.sales import Currency, SaleEvent
from winroom.validation import BlankIsAbsent, Input, Text100, Text255, Text2000

MOST_ROWS = 50_000
MOST_COLUMNS = 200

_DELIMITERS = (",", ";", "\t")
_FIELDS = tuple(SaleEvent.model_fields)
# Without a sale_id, a row's own content names the sale.
_REQUIRED = [f for f, info in SaleEvent.model_fields.items() if info.is_required() and f != "sale_id"]
# What a row without an id is known by.
_IDENTITY = [*_REQUIRED, "currency"]
# What version 1.0 called them; they stand back behind a column of the field's own name.
_ALIASES = {"subscription_id": "sale_id", "amount": "sell_price", "created_at": "occurred_at"}


class Reading(Input):
    """How to read a file of sales."""

    mapping: Annotated[
        Text2000 | None,
        BlankIsAbsent,
        Field(
            description="Which column is which field, where the names differ: `their_column:our_field` pairs "
            "with commas in between, or a JSON object of them.",
            examples=["Invoice:sale_id,Client:customer_name"],
        ),
    ] = None
    default_seller: Annotated[
        Text255 | None, BlankIsAbsent, Field(description="Whose sale it is where the row does not say.")
    ] = None
    default_currency: Annotated[
        Currency | None, BlankIsAbsent, Field(description="The currency of rows that name none.")
    ] = None
    time_zone: Annotated[
        Text100 | None,
        BlankIsAbsent,
        Field(
            description="Where times without an offset are told, such as Europe/Istanbul. Your company's "
            "zone, if left out."
        ),
    ] = None


class Line(NamedTuple):
    """A row that is not blank."""

    # As a spreadsheet counts: the header is row 1.
    row: int
    # By the name of our field; what is blank is not there.
    values: dict[str, str]
    # What is wrong with the row as a whole.
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """What a file says."""

    lines: list[Line]
    # Our field for each column that was understood.
    mapping: dict[str, str]
    ignored_columns: list[str]


def read(text: str, how: Reading) -> Spreadsheet:
    """The lines of a CSV file, each with a sale_id. Raises Invalid for a file that cannot be read as one."""
    rows = _rows(text, _delimiter(text))
    columns = next(rows, (1, []))[1]
    if not columns:
        raise Invalid(copy.IMPORT_EMPTY)
    fields = _understood(columns, how)
    defaults = _defaults(how)
    names = Counter[str]()
    lines: list[Line] = []
    for number, cells in rows:
        if len(lines) == MOST_ROWS:
            raise Invalid(copy.IMPORT_TOO_MANY_ROWS.format(most=f"{MOST_ROWS:,}"))
        values = {fields[n]: cell for n, cell in enumerate(cells) if cell and n in fields}
        if "sale_id" not in values:
            values["sale_id"] = _sale_id(values, names)
        lines.append(Line(number, defaults | values, _too_long(cells, columns) or _unreadable(cells)))
    if not lines:
        raise Invalid(copy.IMPORT_NO_ROWS)
    ignored = [_sayable(column) for n, column in enumerate(columns) if n not in fields and column]
    return Spreadsheet(lines, {columns[n]: field for n, field in fields.items()}, ignored)


def moment(text: str) -> datetime | None:
    """A time as ISO 8601 and PostgreSQL's COPY write it: in UTC, or without an offset where it has none.
    None for anything else."""
    # Digits alone might as well be seconds since 1970.
    if text[4:5] != "-":
        return None
    try:
        told = datetime.fromisoformat(text)
        if told.tzinfo:
            return told.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # A time zone may carry others beyond what a datetime holds.
    return told if MINYEAR < told.year < MAXYEAR else None


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with their numbers."""
    number = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for number, cells in enumerate(reader, 1):
            trimmed = [cell.strip() for cell in cells]
            if any(trimmed):
                yield number, trimmed
    except csv.Error as error:
        raise Invalid(copy.IMPORT_BROKEN.format(row=number + 1, reason=error)) from error


def _delimiter(text: str) -> str:
    """The one that makes the most columns of the header."""
    return max(_DELIMITERS, key=lambda delimiter: _width(text, delimiter))


def _width(text: str, delimiter: str) -> int:
    try:
        return len(next(_rows(text, delimiter), (1, []))[1])
    except Invalid:
        return 0


def _understood(columns: Sequence[str], how: Reading) -> dict[int, str]:
    """Our field for each column that is one, by position. Raises Invalid where one is missing or doubled."""
    if len(columns) > MOST_COLUMNS:
        raise Invalid(copy.IMPORT_TOO_MANY_COLUMNS.format(most=MOST_COLUMNS))
    names = [column.casefold() for column in columns]
    for name, times in Counter(filter(None, names)).items():
        if times > 1:
            raise Invalid(copy.IMPORT_SAME_COLUMNS.format(column=columns[names.index(name)]))
    fields = _fields(names, _mapping(how.mapping, names))
    if not fields:
        raise Invalid(copy.IMPORT_NO_HEADER)
    given = {*fields.values(), *_defaults(how)}
    if problems := [_missing(field) for field in _REQUIRED if field not in given]:
        raise Invalid(details=problems)
    return fields


def _fields(names: Sequence[str], mapping: Mapping[str, str]) -> dict[int, str]:
    """As the mapping says, else by the column's own name, else by an alias of what is not there yet."""
    fields: dict[int, str] = {}
    for known in (mapping, {field: field for field in _FIELDS}, _ALIASES):
        for position, name in enumerate(names):
            field = known.get(name)
            if field and position not in fields and field not in fields.values():
                fields[position] = field
    return fields


def _mapping(text: str | None, names: Sequence[str]) -> dict[str, str]:
    """The mapping that the caller gave, by the columns' folded names. Raises Invalid."""
    mapping: dict[str, str] = {}
    for column, field in _pairs(text):
        if field not in _FIELDS:
            raise _bad_mapping(copy.IMPORT_UNKNOWN_FIELD.format(field=field, fields=", ".join(_FIELDS)))
        if field in mapping.values():
            raise _bad_mapping(copy.IMPORT_MAPPED_TWICE.format(field=field))
        if column.casefold() not in names:
            raise _bad_mapping(copy.IMPORT_UNKNOWN_COLUMN.format(column=column))
        mapping[column.casefold()] = field
    return mapping


def _pairs(text: str | None) -> list[tuple[str, str]]:
    if not text:
        return []
    try:
        pairs = list(from_json(text).items()) if text.startswith("{") else _split(text)
        return [(column.strip(), field.strip()) for column, field in pairs]
    except (ValueError, AttributeError) as error:
        raise _bad_mapping(copy.IMPORT_BAD_MAPPING) from error


def _split(text: str) -> list[tuple[str, str]]:
    # A column may hold a colon, our fields do not.
    found = [pair.rpartition(":") for pair in text.split(",")]
    return [(column, field) for column, _, field in found]


def _bad_mapping(message: str) -> Invalid:
    return Invalid(details=[{"field": "mapping", "message": message}])


def _missing(field: str) -> FieldProblem:
    message = copy.IMPORT_NO_SELLER if field == "seller_external_id" else copy.IMPORT_NO_COLUMN
    return {"field": field, "message": message.format(field=field)}


def _defaults(how: Reading) -> dict[str, str]:
    given = {"seller_external_id": how.default_seller, "currency": how.default_currency}
    return {field: value for field, value in given.items() if value}


def _sale_id(values: Mapping[str, str], names: Counter[str]) -> str:
    """The same for the same row of whatever file, and another for its second, third appearance in one.

    Neither defaults nor optional columns are part of it: the same file with others is a contradiction, not
    a second sale.
    """
    content = json.dumps([values.get(field) for field in _IDENTITY])
    name = hashlib.sha256(content.encode()).hexdigest()[:32]
    names[name] += 1
    return f"import-{name}-{names[name]}"


def _unreadable(cells: Sequence[str]) -> str | None:
    # What a gateway, or a spreadsheet before it, puts in place of a letter that it could not read.
    return copy.IMPORT_LETTER_LOST if any("\ufffd" in cell for cell in cells) else None


def _too_long(cells: Sequence[str], columns: Sequence[str]) -> str | None:
    if not any(cells[len(columns) :]):
        return None
    return copy.IMPORT_ROW_TOO_LONG.format(cells=len(cells), columns=len(columns))


def _sayable(column: str) -> str:
    return column.replace("\0", "")[:255]
