"""Input at the border: JSON to a frozen model, or an error that names every wrong field."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, PydanticCustomError, from_json

from winroom import copy
from winroom.errors import FieldProblem, Invalid

_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# What numeric(12, 2) holds.
MOST_MONEY = Decimal("9999999999.99")
# Deliverable addresses, not all that a standard would allow: no quotes, no comments, no bare hosts.
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = rf"(?=.{{1,254}}$)(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@({_LABEL}\.)+{_LABEL}"


class Input(BaseModel):
    """What arrives from outside: unknown fields are ignored, texts are trimmed, nothing changes after."""

    # Built on first use: a function that is woken needs one model of many.
    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True, defer_build=True)


Model = TypeVar("Model", bound=Input)


class Published:
    """What the API's description says of a value besides what pydantic knows: what the function beside it
    checks. Without one, callers learn of its rule by being refused."""

    def __init__(self, **says: Any) -> None:
        self.says = says

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, describe: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**describe(schema), **self.says}


@dataclass(frozen=True)
class _OrBlank(BeforeValidator):
    """A validator that takes blank texts, too, and says so."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, describe: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        published = describe(schema)
        return {"anyOf": [*published.get("anyOf", [published]), {"type": "string", "pattern": r"^\s*$"}]}


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
    if amount < 0:
        return amount  # no amount of ours may be: the field's own bound says so, and rounding could fail
    return amount.quantize(Decimal("0.01")) + 0  # a zero has no sign


def _iso_8601(value: object) -> object:
    # A bare number, also one in quotes, would be taken for seconds since 1970.
    if not isinstance(value, str) or value[4:5] != "-":
        raise PydanticCustomError("timestamp", "")
    return value


def _number(value: object) -> object:
    # True is an int to Python, and "5" would be one to pydantic. 5.0 is 5, as JSON has it.
    if isinstance(value, bool | str):
        raise PydanticCustomError("int_type", "")
    return value


def _email(text: str) -> str:
    if not re.fullmatch(_EMAIL, text):
        raise PydanticCustomError("email", "")
    return text.lower()


def _absent_if_blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


_NOT_BLANK = Published(pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
Text100 = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_storable), _NOT_BLANK]
Text200 = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_storable), _NOT_BLANK]
Text255 = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_storable), _NOT_BLANK]
Text500 = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_storable), _NOT_BLANK]
Text2000 = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_storable), _NOT_BLANK]
Email = Annotated[str, AfterValidator(_email), Published(pattern=f"^{_EMAIL}$")]
# In JSON; in a query everything is text.
WholeNumber = Annotated[int, BeforeValidator(_number)]
YesOrNo = Annotated[bool, Field(strict=True)]
# Before an optional text: forms send "" for what was left empty.
BlankIsAbsent = _OrBlank(_absent_if_blank)
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
