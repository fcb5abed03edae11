"""Input at the border: JSON to a frozen model, or an error that names every wrong field."""

import re
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import PydanticCustomError, from_json

from winroom import copy
from winroom.errors import FieldProblem, Invalid

_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# What numeric(12, 2) holds.
MOST_MONEY = Decimal("9999999999.99")


class Input(BaseModel):
    """What arrives from outside: unknown fields are ignored, texts are trimmed, nothing changes after."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)


Model = TypeVar("Model", bound=Input)


def _storable(text: str) -> str:
    # PostgreSQL cannot hold it, and nobody types it.
    if "\0" in text:
        raise PydanticCustomError("nul", "")
    return text


def _number_or_text(value: object) -> object:
    # True is an int to Python, and one dollar to a careless parser.
    if isinstance(value, bool):
        raise PydanticCustomError("decimal_type", "")
    # Decimal would take "1_000" and the digits of every script.
    if isinstance(value, str) and not _PLAIN_NUMBER.fullmatch(value.strip()):
        raise PydanticCustomError("decimal_parsing", "")
    return value


def _to_cents(amount: Decimal) -> Decimal:
    if amount > MOST_MONEY:
        raise PydanticCustomError("too_much", "", {"most": str(MOST_MONEY)})
    return amount.quantize(Decimal("0.01")) + 0  # a zero has no sign


def _iso_8601(value: object) -> object:
    # A bare number, also one in quotes, would be taken for seconds since 1970.
    if not isinstance(value, str) or value[4:5] != "-":
        raise PydanticCustomError("timestamp", "")
    return value


def _absent_if_blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


Text100 = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_storable)]
Text255 = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_storable)]
Text500 = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_storable)]
Text2000 = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_storable)]
# Before an optional text: forms send "" for what was left empty.
BlankIsAbsent = BeforeValidator(_absent_if_blank)
Money = Annotated[
    Decimal,
    BeforeValidator(_number_or_text),
    Field(decimal_places=2),
    AfterValidator(_to_cents),
]
Timestamp = Annotated[AwareDatetime, BeforeValidator(_iso_8601)]
# Money as we answer it.
MoneyText = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2}$")]


def parse_json(body: bytes) -> Any:
    """The body as Python values. Raises Invalid for anything that is not strict JSON in UTF-8."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Invalid(copy.NOT_JSON.format(reason=error)) from error


def check(model: type[Model], values: object) -> Model:
    """`values` as a model. Raises Invalid with one problem for each wrong field."""
    if not isinstance(values, dict):
        raise Invalid(copy.NOT_AN_OBJECT)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid(details=_problems(error)) from error


def _problems(error: ValidationError) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    for wrong in error.errors(include_url=False, include_input=False):
        field = ".".join(str(part) for part in wrong["loc"])
        template = copy.PROBLEMS.get(wrong["type"], copy.PROBLEM_OTHERWISE)
        problems.append({"field": field, "message": template.format(field=field, **wrong.get("ctx", {}))})
    return problems
