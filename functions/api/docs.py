"""The description of the API: for programs as it was generated, for people as a page. `make openapi` writes
what is shown here; nothing of it is decided here."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from winroom import errors
from winroom.answers import Page, Reply
from winroom.web import Call

Json = dict[str, Any]

_TEMPLATES = Path(__file__).parent / "templates"
_KINDS = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "object",
    "string": "text",
}
# What is about the API itself stands below what it is for.
_LAST = ("Health", "Docs")
# The end of the pattern of money as we answer it, and what a text that stands for none looks like.
_CENTS = r"\.[0-9]{2}$"
_BLANK = r"^\s*$"
_QUOTES = '"'
_FORMATS = {"date-time": "timestamp", "uuid": "UUID"}


@dataclass(frozen=True, slots=True)
class Field:
    """A row of a table: a parameter, or a field of a body by its path, such as `queue[].sale_id`."""

    name: str
    kind: str
    rule: str
    is_required: bool
    description: str


def document(call: Call) -> Reply[dict[str, Any]]:
    """This description, for programs."""
    return Reply(_document(), headers={"Cache-Control": "public, max-age=300"})


def page(call: Call) -> Page:
    """This description, for people."""
    return _page()


@cache
def _document() -> Json:
    shipped: Json = json.loads((resources.files("winroom") / "openapi.json").read_text(encoding="ascii"))
    return shipped


@cache
def _page() -> Page:
    # Imported here: a sale's request must not wait for what renders pages.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = lambda text: Markup(_with_code(text))  # noqa: S704 (our own texts)
    style = (_TEMPLATES / "docs.css").read_text(encoding="ascii")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return Page(
        environment.get_template("docs.html").render(
            style=Markup(style),  # noqa: S704 (our own texts)
            groups=_groups(),
            errors=_errors(),
        ),
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'",
    )


def _with_code(text: str) -> str:
    """Prose as HTML: what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _groups() -> dict[str, list[Json]]:
    """The routes as the page shows them, by tag."""
    tags = sorted((tag["name"] for tag in _document()["tags"]), key=lambda tag: tag in _LAST)
    groups: dict[str, list[Json]] = {tag: [] for tag in tags}
    for path, methods in _document()["paths"].items():
        for method, operation in methods.items():
            groups[operation["tags"][0]].append(_operation(method.upper(), path, operation))
    return groups


def _operation(method: str, path: str, operation: Json) -> Json:
    parameters = [_parameter(p) for p in operation["parameters"] if "$ref" not in p]
    body = operation.get("requestBody", {"content": {}})["content"]
    text, _, who = operation["description"].rpartition("\n\n")
    return {
        "id": operation["operationId"],
        "method": method,
        "path": path,
        "summary": operation["summary"],
        "paragraphs": [part for part in text.split("\n\n") if part != f"{operation['summary']}."],
        "who": who,
        "role": operation["x-least-role"],
        "parameters": parameters,
        "media_types": list(body),
        "about_body": [_resolved(content["schema"]).get("description", "") for content in body.values()],
        "body": [field for content in body.values() for field in _fields(content["schema"])],
        "curl": _curl(method, path, operation, body),
        "answers": [_answer(s, a) for s, a in operation["responses"].items() if "$ref" not in a],
        "errors": [status for status, answer in operation["responses"].items() if "$ref" in answer],
    }


def _parameter(parameter: Json) -> Field:
    kind = _kind(parameter["schema"]) + (", in the path" if parameter["in"] == "path" else "")
    described = parameter.get("description", "")
    return Field(parameter["name"], kind, _rule(parameter["schema"]), parameter["required"], described)


def _answer(status: str, answer: Json) -> Json:
    ((media_type, content),) = answer.get("content", {"": {"schema": {}}}).items()
    return {
        "status": status,
        "phrase": answer["description"],
        "media_type": media_type,
        "fields": list(_fields(content["schema"])),
    }


def _errors() -> list[Json]:
    """What every refusal means, by status."""
    statuses = {error.code: error.status for error in vars(errors).values() if hasattr(error, "status")}
    answers = _document()["components"]["responses"].values()
    told = [(answer, answer["content"]["application/json"]["examples"]) for answer in answers]
    return [
        {
            "status": statuses[next(iter(examples))],
            "phrase": answer["description"],
            "sentences": {code: example["value"]["error"] for code, example in examples.items()},
        }
        for answer, examples in told
    ]


def _fields(schema: Json, path: str = "") -> Iterator[Field]:
    """A row for each field, those within others and within lists included."""
    schema = _resolved(schema)
    required = {*schema.get("required", []), *schema.get("anyOf", [{}])[0].get("required", [])}
    only_there = {n: p for o in schema.get("anyOf", []) for n, p in o.get("properties", {}).items()}
    for name, part in schema.get("properties", {}).items():
        whole = f"{path}.{name}".lstrip(".")
        part = only_there.get(name, {}) | _resolved(part)
        yield Field(whole, _kind(part), _rule(part), name in required, part.get("description", ""))
        yield from _fields(part, whole)
    for inner in [schema["items"]] if "items" in schema else []:
        yield from _fields(inner, f"{path}[]")
    for option in schema.get("anyOf", []) if path else []:
        yield from _fields(option, path)


def _resolved(schema: Json) -> Json:
    if "$ref" not in schema:
        return schema
    named: Json = _document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return {**named, **{keyword: value for keyword, value in schema.items() if keyword != "$ref"}}


def _kind(schema: Json) -> str:
    """In a word or two, what a value is."""
    options = [_resolved(option) for option in _options(schema)]
    kinds = dict.fromkeys(_kind_of_one(option) for option in options if option.get("type") != "null")
    nullable = ["null"] if len(options) > 1 and {"type": "null"} in options else []
    return " or ".join([*kinds, *nullable]) or "anything"


def _options(schema: Json) -> list[Json]:
    """The alternatives of a value, but for the blank text that stands for none and the text of an amount."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("pattern") != _BLANK]
    is_amount = any("multipleOf" in option for option in options)
    return [option for option in options if not (is_amount and option.get("type") == "string")]


def _kind_of_one(schema: Json) -> str:
    if "multipleOf" in schema or schema.get("pattern", "").endswith(_CENTS):
        return "amount"
    if "items" in schema:
        return f"list of {_kind(_resolved(schema['items']))}"
    return _FORMATS.get(schema.get("format", "")) or _KINDS.get(schema.get("type", ""), "anything")


def _rule(schema: Json) -> str:
    """What a value has to keep to."""
    rules = [rule for option in _options(schema) for rule in _rules_of_one(_resolved(option))]
    if "default" in schema:
        rules.append(f"without it `{json.dumps(schema['default']).strip(_QUOTES)}`")
    return "; ".join(dict.fromkeys(rules))


def _rules_of_one(schema: Json) -> Iterator[str]:
    if values := [schema["const"]] if "const" in schema else schema.get("enum", []):
        yield ("always " if len(values) == 1 else "one of ") + ", ".join(f"`{value}`" for value in values)
    if "exclusiveMinimum" in schema:
        yield f"above {schema['exclusiveMinimum']:g}"
    elif "multipleOf" in schema:
        yield f"at least {schema['minimum']:g}"
    else:
        yield from _range("", schema.get("minimum"), schema.get("maximum"))
    yield from _range(" characters", schema.get("minLength"), schema.get("maxLength"))
    yield from _range(" items", schema.get("minItems"), schema.get("maxItems"))


def _range(unit: str, low: float | None, high: float | None) -> Iterator[str]:
    if low is not None and high is not None:
        yield f"{low:g} to {high:g}{unit}"
    elif low is not None:
        yield f"at least {low:g}{unit}"
    elif high is not None:
        yield f"at most {high:g}{unit}"


def _curl(method: str, path: str, operation: Json, body: Json) -> str:
    """A request that works when pasted, once the shell knows the address, the key and the ids."""
    address = re.sub(r"{(\w+)}", lambda found: f"${found[1].upper()}", path)
    lines = [
        f'curl "$WINROOM_URL{address}"' if method == "GET" else f'curl -X {method} "$WINROOM_URL{address}"'
    ]
    if operation["security"]:
        lines.append('-H "Authorization: Bearer $WINROOM_KEY"')
    for media_type, content in body.items():
        lines.append(f'-H "Content-Type: {media_type}"')
        example = content["example"]
        is_file = isinstance(example, str)
        lines.append("--data-binary @sales.csv" if is_file else f"-d '{json.dumps(example, indent=2)}'")
    return " \\\n  ".join(lines)
