"""The published description of the API: an OpenAPI 3.1 document made of the route tables. `make openapi`
ships it in the layer. What a route takes and answers is what its types say; nothing is told twice."""

import inspect
import json
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_args, get_type_hints
from uuid import UUID

from pydantic import AliasChoices, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from functions.api import app as api
from functions.ingestion import app as ingestion
from infra import contract
from winroom import errors, rate_limit
from winroom.answers import API_VERSION, SESSION_COOKIE, Error, Page
from winroom.callers import Role
from winroom.errors import WinRoomError
from winroom.routes import Route
from winroom.validation import MOST_MONEY

Json = dict[str, Any]

ROUTES: Sequence[Route] = [*ingestion.ROUTES, *api.ROUTES]

_ROOT = Path(__file__).resolve().parent.parent
SHIPPED = _ROOT / "layers/winroom/winroom/openapi.json"
# What programs of others were written for.
BASELINE = _ROOT / "tests/contract/v1.json"

_WHO = {
    None: "anyone, without a key",
    Role.INGEST: "any API key, or a person who is at least manager",
    Role.DISPLAY: "a display, any person, or an API key of scope `full`",
    Role.WATCHER: "any person, or an API key of scope `full`",
    Role.SELLER: "a person who is at least seller, or an API key of scope `full`",
    Role.MANAGER: "a person who is at least manager, or an API key of scope `full`",
    Role.ADMIN: "a person who is admin",
}
_SECURITY_SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, `wr_live_...`, of scope `ingest`, which only sends events, or `full`.",
    },
    "session": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The token of a person who logged in; it lasts twelve hours at most.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The same token as browsers keep it. It changes things only from our own pages.",
    },
    "display": {"type": "http", "scheme": "bearer", "description": "The secret of a display's link."},
}
_HEADERS = {
    "X-Request-ID": "The request's id: yours if you sent a sane one, else ours.",
    "X-API-Version": "The version that answered.",
    "X-RateLimit-Limit": "How many requests a minute allows.",
    "X-RateLimit-Remaining": "How many of them are left.",
    "X-RateLimit-Reset": "When the next minute begins, in seconds since 1970.",
    "RateLimit-Policy": "The limit in the IETF's notation: its name, quota and window in seconds.",
    "RateLimit": "What is left of it, and for how many seconds.",
    "Retry-After": "Seconds: whoever waits so long is let in.",
    "WWW-Authenticate": "How to authenticate.",
    "Allow": "The methods that this path has.",
}
_ON_EVERY_ANSWER = ("X-Request-ID", "X-API-Version")
_ON_REFUSALS = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After",), 503: ("Retry-After",)}
_PARAMETERS = {
    "X-Request-ID": {
        "description": "Your name for the request, up to 128 printable characters. We answer and log it.",
        "schema": {"type": "string"},
    },
    "X-API-Version": {
        "description": "The version that your program was written for. Any but the current one is refused.",
        "schema": {"type": "string", "enum": [API_VERSION]},
    },
}
# How pydantic calls bounds of what a function of ours has validated first.
_BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
_AMOUNTS = {
    "gt": r"^\s*\+?(0*[1-9][0-9]{0,9}(\.[0-9]{1,2}0*)?|0+\.(0[1-9]|[1-9][0-9]?)0*)\s*$",
    "ge": r"^\s*\+?0*[0-9]{1,10}(\.[0-9]{1,2}0*)?\s*$",
}
# What parameters of these names are for, in every list.
_OF_LISTS = {
    "cursor": "The `nextCursor` of the page before, for the page that follows it.",
    "limit": "How many to list at most.",
}
# What fields of these names look like in examples, where their type does not say it.
_EXAMPLES = {
    "amount": "1250.00",
    "body": "sale_id,occurred_at,customer_name,sell_price,seller_external_id\n"
    "S-1001,2026-01-31T15:30:00Z,Ada Lovelace,1250.00,grace\n",
    "category": "office",
    "cost_price": "800.00",
    "current_password": "correct horse battery",
    "customer_name": "Ada Lovelace",
    "default_cost": "800.00",
    "display_name": "Grace Hopper",
    "event": {"product_sku": "DESK-1"},
    "email": "grace@acme.example",
    "name": "Acme",
    "new_password": "staple in the moonlight",
    "password": "correct horse battery",
    "reason": "The customer called again",
    "sale_id": "S-1001",
    "sell_price": "1250.00",
    "seller_external_id": "grace",
    "seller_id": "grace",
    "sku": "DESK-1",
    "tenant": "acme",
}
_EXAMPLES_OF_FORMATS = {
    "date-time": "2026-01-31T15:30:00Z",
    "uuid": "01985fa2-7c3e-7d51-9f0a-3a1b5c7d9e11",
}


def document(routes: Sequence[Route] = ROUTES) -> Json:
    """The OpenAPI document of these routes, in their order."""
    schemas, components = _schemas(routes)
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, components)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Win Room",
            "version": API_VERSION,
            "summary": "Takes sales in, lets sellers claim them, and shows every win live.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_tag(route) for route in routes)],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {_name(status): _refusal(status) for status in sorted(_errors())},
            "headers": {name: _header(name) for name in _HEADERS},
            "parameters": {n: {"name": n, "in": "header", **rest} for n, rest in _PARAMETERS.items()},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def written(document: Json) -> str:
    """The document as it is shipped."""
    return json.dumps(document, indent=1) + "\n"


def _operation(route: Route, schemas: Json, components: Json) -> Json:
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(route.endpoint.__doc__ or ""))
    operation: Json = {
        "operationId": operation_id(route),
        "tags": [_tag(route)],
        "summary": re.split(r"[.:;](?:\s|$)", text, maxsplit=1)[0],
        "description": f"{text}\n\nFor {_who(route)}.",
        "x-least-role": route.role.name.lower() if route.role is not None else "anyone",
        "security": [{scheme: []} for scheme in _security(route)],
        "parameters": [
            *_path_parameters(route),
            *_query_parameters(route, schemas),
            *map(_parameter, _PARAMETERS),
        ],
        "responses": _responses(route, schemas),
    }
    if "body" in route.takes:
        schema = schemas[f"{operation_id(route)}.body"]
        content = {"schema": schema, "example": _example("body", schema, components)}
        operation["requestBody"] = {
            "required": not route.is_body_optional,
            "content": {route.media_type: content},
        }
    return operation


def operation_id(route: Route) -> str:
    """`products_create`: the module of the endpoint, and its name."""
    return f"{_noun(route)}_{route.endpoint.__name__}"


def _noun(route: Route) -> str:
    return route.endpoint.__module__.removesuffix(".app").rpartition(".")[2]


def _tag(route: Route) -> str:
    return _noun(route).replace("_", " ").capitalize().replace("Api", "API")


def _who(route: Route) -> str:
    who = _WHO[route.role]
    return who.removesuffix(", or an API key of scope `full`") if route.is_personal else who


def _security(route: Route) -> list[str]:
    if route.role is None:
        return []
    people = ["session", "cookie"]
    if route.is_personal or route.role is Role.ADMIN:
        return people
    return ["key", *people, *(["display"] if route.role is Role.DISPLAY else [])]


def _path_parameters(route: Route) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", route.path):
        kind = {"type": "string", "format": "uuid"} if route.takes[name] is UUID else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": kind}


def _query_parameters(route: Route, schemas: Json) -> Iterator[Json]:
    model = schemas.get(f"{operation_id(route)}.query", {"properties": {}})
    for name, schema in model["properties"].items():
        # In an address everything is text: nothing there is null.
        options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
        rest = {
            keyword: value for keyword, value in schema.items() if keyword not in ("anyOf", "description")
        }
        yield {
            "name": name,
            "in": "query",
            "required": name in model.get("required", []),
            "description": schema.get("description", _OF_LISTS.get(name, "")),
            "schema": rest | ({"anyOf": options} if len(options) > 1 else (options or [{}])[0]),
        }


def _parameter(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _responses(route: Route, schemas: Json) -> Json:
    headers = [*_ON_EVERY_ANSWER, *(rate_limit.HEADERS if route.role is not None else ())]
    told = {"headers": _headers(headers)}
    if route.status != 204:
        media_type = "text/html" if answers_a_page(route) else "application/json"
        told["content"] = {
            media_type: {"schema": schemas.get(f"{operation_id(route)}.reply", {"type": "string"})}
        }
    answers = {status: {"description": _phrase(status), **told} for status in (route.status, *route.also)}
    refusals = {status: {"$ref": f"#/components/responses/{_name(status)}"} for status in _statuses(route)}
    return {str(status): answer for status, answer in sorted({**refusals, **answers}.items())}


def _statuses(route: Route) -> set[int]:
    """With which errors the route may answer."""
    statuses = {400, 500, 503, *(error.status for error in route.raises)}
    if route.role is not None:
        statuses |= {401, 403, 429}
    if "body" in route.takes:
        statuses |= {413, 415}
    if "{" in route.path:
        statuses.add(404)
    if route.can_conflict:
        statuses.add(409)
    return statuses


@cache
def _errors() -> dict[int, list[type[WinRoomError]]]:
    """What can go wrong, by status."""
    found: dict[int, list[type[WinRoomError]]] = {}
    for thing in vars(errors).values():
        if isinstance(thing, type) and issubclass(thing, WinRoomError):
            found.setdefault(thing.status, []).append(thing)
    return found


def _refusal(status: int) -> Json:
    examples = {
        error.code: {"value": {"error": error.__doc__, "code": error.code, "requestId": "crm-77"}}
        for error in _errors()[status]
    }
    content = {"schema": {"$ref": "#/components/schemas/Error"}, "examples": examples}
    # Those who need no key have no such limit: where they may be refused, it is for guessing.
    limits = {n: {**_header(n), "required": False} for n in rate_limit.HEADERS if status == 429}
    return {
        "description": _phrase(status),
        "headers": {**_headers([*_ON_EVERY_ANSWER, *_ON_REFUSALS.get(status, ())]), **limits},
        "content": {"application/json": content},
    }


def _phrase(status: int) -> str:
    # What was published stays: Python 3.13 calls it otherwise than those before.
    return "Request Entity Too Large" if status == 413 else HTTPStatus(status).phrase


def _name(status: int) -> str:
    return _phrase(status).title().replace(" ", "")


def _header(name: str) -> Json:
    number = name == "Retry-After" or name.startswith("X-RateLimit")
    return {
        "description": _HEADERS[name],
        "required": True,
        "schema": {"type": "integer" if number else "string"},
    }


def _headers(names: Sequence[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


class _Schemas(GenerateJsonSchema):
    """pydantic's schemas without titles, which repeat names, and with each name that a field goes by."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        return value

    def model_schema(self, schema: Any) -> Json:
        told = super().model_schema(schema)
        for field in schema["cls"].model_fields.values():
            if isinstance(field.validation_alias, AliasChoices):
                _tell_aliases(told, *map(str, field.validation_alias.choices))
        return told


def _tell_aliases(model: Json, name: str, *others: str) -> None:
    schema = model["properties"][name]
    model["required"].remove(name)
    model["anyOf"] = [{"required": [name]}]
    for other in others:
        model["properties"][other] = {"description": f"An older name of `{name}`, read where that is absent."}
        model["anyOf"].append({"required": [other], "properties": {other: schema}})


def _schemas(routes: Sequence[Route]) -> tuple[Json, Json]:
    """The schema of each body, query and reply, by operation and part; and what they refer to, by name."""
    inputs: list[Any] = [("error", "serialization", TypeAdapter(Error))]
    schemas: Json = {}
    for route in routes:
        hints = get_type_hints(route.endpoint, include_extras=True)
        if "query" in hints:
            query = TypeAdapter(hints["query"]).json_schema(schema_generator=_Schemas)
            schemas[f"{operation_id(route)}.query"] = _tidied(query)
        if "body" in hints:
            inputs.append((f"{operation_id(route)}.body", "validation", TypeAdapter(hints["body"])))
        if not answers_a_page(route):
            (shape,) = get_args(hints["return"])
            inputs.append((f"{operation_id(route)}.reply", "serialization", TypeAdapter(shape)))
    made, rest = TypeAdapter.json_schemas(
        inputs, ref_template="#/components/schemas/{model}", schema_generator=_Schemas
    )
    schemas |= {part: _tidied(schema) for (part, _), schema in made.items()}
    components = {name: _tidied(schema) for name, schema in sorted(rest["$defs"].items())}
    if homonyms := [name for name in components if "__" in name]:
        raise ValueError(f"two shapes share a name, call one of them otherwise: {homonyms}")
    return schemas, components


def answers_a_page(route: Route) -> bool:
    return get_type_hints(route.endpoint)["return"] is Page


def _tidied(schema: Any) -> Any:
    """The schema with what JSON Schema knows instead of pydantic's own keywords."""
    if isinstance(schema, list):
        return [_tidied(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "decimal_places" in schema:
        schema = _amount(schema)
    named = {_BOUNDS.get(keyword, keyword): part for keyword, part in schema.items()}
    tidy = {
        keyword: _tidied(part) for keyword, part in named.items() if keyword not in ("title", "properties")
    }
    if "properties" in schema:
        tidy["properties"] = {name: _tidied(part) for name, part in schema["properties"].items()}
    if tidy.get("default", 0) is None:
        del tidy["default"]
    if "anyOf" in tidy:
        nested = [option["anyOf"] if option.keys() == {"anyOf"} else [option] for option in tidy["anyOf"]]
        tidy["anyOf"] = [option for options in nested for option in options]
    return tidy


def _amount(schema: Json) -> Json:
    """Money as we take it: a number, or the same as a text."""
    bound = "gt" if "gt" in schema else "ge"
    low = "exclusiveMinimum" if bound == "gt" else "minimum"
    number = {"type": "number", low: schema[bound], "maximum": float(MOST_MONEY), "multipleOf": 0.01}
    told = {"description": schema["description"]} if "description" in schema else {}
    return {**told, "anyOf": [number, {"type": "string", "pattern": _AMOUNTS[bound]}]}


def _example(name: str, schema: Json, components: Json) -> Any:
    """A value that the schema allows."""
    if "$ref" in schema:
        return _example(name, components[schema["$ref"].rpartition("/")[2]], components)
    if "examples" in schema:
        return schema["examples"][0]
    if "properties" in schema:
        wanted = {*schema.get("required", []), *schema.get("anyOf", [{}])[0].get("required", [])}
        wanted = wanted or set(list(schema["properties"])[:1])
        fields = schema["properties"].items()
        return {
            n: _example(n, field, components) for n, field in fields if n in wanted or "examples" in field
        }
    if "anyOf" in schema:
        return _example(name, schema["anyOf"][0], components)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema.get("type") == "array":
        return [_example(name, schema.get("items", {}), components)]
    plain = {"boolean": True, "integer": schema.get("minimum", 1), "number": 1, "object": {}}
    return (
        _EXAMPLES.get(name)
        or _EXAMPLES_OF_FORMATS.get(schema.get("format", ""))
        or plain.get(schema.get("type", ""), "text")
    )


def main() -> None:
    """Ships the document, and renews the baseline unless that would break the programs of others."""
    made = document()
    broken = contract.breaks(json.loads(BASELINE.read_text(encoding="ascii")), made)
    if broken and "--break" not in sys.argv:
        sys.exit("\n".join([*broken, "This breaks programs of others. If it must be: BREAK=--break"]))
    _write(SHIPPED, made)
    _write(BASELINE, made)


def _write(file: Path, made: Json) -> None:
    file.write_text(written(made), encoding="ascii")
    sys.stdout.write(f"{file.relative_to(_ROOT)}\n")


if __name__ == "__main__":
    main()
