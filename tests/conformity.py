"""Every answer that a test gets is held against the published description, strictly: a status, a header or a
key that it lacks or adds is a mistake, in the route or in its shape."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs

from infra import openapi
from winroom import copy

Json = dict[str, Any]


class NotAsDescribed(AssertionError):
    """An answer is not what we publish of it."""


def check(method: str, path: str, status: int, headers: Mapping[str, str], raw: str) -> None:
    """Raises NotAsDescribed. `headers` in lower case; what no route answers is not judged."""
    operation = _published().operation(method, path)
    if operation is None or (status == 403 and copy.NOT_THROUGH_THE_EDGE in raw):
        return  # no route has said that
    name = f"{method} {path} ({operation['operationId']}) answered {status}"
    expected = _published().answer(operation, status)
    if expected is None:
        raise NotAsDescribed(
            f"{name}, its route describes only {', '.join(operation['responses'])}: see can_conflict, raises"
            f" and also of web.Route. It said: {raw}"
        )
    if missing := [header for header in expected.headers if header not in headers]:
        raise NotAsDescribed(f"{name} without the headers {', '.join(missing)}")
    media_type = headers.get("content-type", "").partition(";")[0]
    if media_type != expected.media_type:
        raise NotAsDescribed(
            f"{name} as {media_type or 'nothing'}, described is {expected.media_type or 'nothing'}"
        )
    for error in expected.validator.iter_errors(json.loads(raw)) if expected.validator else ():
        place = "".join(f"[{part!r}]" for part in error.instance_path) or "the body"
        raise NotAsDescribed(f"{name}, but {place} is not of its shape: {error.message}\n{raw}")


@dataclass(frozen=True)
class Expected:
    """An answer as described: the headers that it must have, and what its body is held against."""

    headers: list[str]
    media_type: str
    validator: Any


class Description:
    """An OpenAPI document to find operations in."""

    def __init__(self, document: Json) -> None:
        self._components = _closed(document["components"])
        self._paths = [
            (_pattern(path, operations), operations)
            for path, operations in sorted(document["paths"].items(), key=lambda item: "{" in item[0])
        ]
        self._known: dict[tuple[str, int], Expected] = {}

    def operation(self, method: str, path: str) -> Json | None:
        """Who answers. A path that is spelled out comes before patterns that would fit it."""
        for pattern, operations in self._paths:
            if pattern.fullmatch(path):
                found: Json | None = operations.get(method.lower())
                return found
        return None

    def answer(self, operation: Json, status: int) -> Expected | None:
        key = (operation["operationId"], status)
        if key not in self._known and str(status) in operation["responses"]:
            self._known[key] = self._compiled(operation["responses"][str(status)])
        return self._known.get(key)

    def _compiled(self, answer: Json) -> Expected:
        if "$ref" in answer:
            answer = self._components["responses"][answer["$ref"].rpartition("/")[2]]
        headers = [name.lower() for name, header in answer["headers"].items() if header.get("required", True)]
        for media_type, content in answer.get("content", {}).items():
            schema = {**_closed(content["schema"]), "components": {"schemas": self._components["schemas"]}}
            is_json = media_type == "application/json"
            validator = jsonschema_rs.validator_for(schema, validate_formats=True) if is_json else None
            return Expected(headers, media_type, validator)
        return Expected(headers, "", None)


def _pattern(path: str, operations: Json) -> re.Pattern[str]:
    """What the path's addresses look like; ids of other systems may hold slashes."""
    texts = {
        parameter["name"]
        for operation in operations.values()
        for parameter in operation["parameters"]
        if "format" not in parameter.get("schema", {"format": ""})
    }
    return re.compile(re.sub(r"{(\w+)}", lambda name: ".+" if name[1] in texts else "[^/]+", path), re.DOTALL)


@cache
def _published() -> Description:
    # The file, which a test compares with the routes: fifty threads at once would each describe these.
    return Description(json.loads(openapi.SHIPPED.read_text()))


def _closed(schema: Any) -> Any:
    """The schema without room for what it does not name: clients must bear additions, our tests must not."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    is_shape = schema.get("type") == "object" and "properties" in schema
    return {
        **({"additionalProperties": False} if is_shape else {}),
        **{k: _closed(v) for k, v in schema.items()},
    }
