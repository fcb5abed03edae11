"""What would break the programs of others: the published description against the one they were written for.
What they send must still be taken, and what they are sent must be what they expect; additions are fine."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

Json = dict[str, Any]

_ROLES = ("anyone", "ingest", "display", "watcher", "seller", "manager", "admin")
_FLOORS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_CEILINGS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_EXACT = ("pattern", "format", "multipleOf")


def breaks(old: Json, new: Json) -> list[str]:
    """A sentence for each thing that whoever trusts the old document would stumble over in the new one."""
    return [
        f"{method.upper()} {path}: {broken}"
        for path, operations in old["paths"].items()
        for method, operation in operations.items()
        for broken in _in_operation(_Side(old, operation), new, new["paths"].get(path, {}).get(method))
    ]


@dataclass(frozen=True)
class _Side:
    """A part of a document, and the document that it refers to."""

    document: Json
    part: Any

    def __getitem__(self, key: Any) -> "_Side":
        return _Side(self.document, self.part[key]).resolved()

    def get(self, key: str, otherwise: Any) -> "_Side":
        return self[key] if key in self.part else _Side(self.document, otherwise)

    def resolved(self) -> "_Side":
        if not isinstance(self.part, dict) or "$ref" not in self.part:
            return self
        target: Any = self.document
        for step in self.part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return _Side(self.document, target).resolved()

    def options(self) -> list["_Side"]:
        """The schemas of which a value has to fit one, each whole."""
        rest = {key: value for key, value in self.part.items() if key != "anyOf"}
        return [_Side(self.document, _both(rest, option.part)) for option in self.each("anyOf")] or [self]

    def each(self, key: str) -> list["_Side"]:
        return [_Side(self.document, part).resolved() for part in self.part.get(key, [])]


def _both(schema: Json, option: Json) -> Json:
    required = {*schema.get("required", []), *option.get("required", [])}
    properties = schema.get("properties", {}) | option.get("properties", {})
    return {**schema, **option, "required": sorted(required), "properties": properties}


def _in_operation(old: _Side, document: Json, operation: Json | None) -> Iterator[str]:
    if operation is None:
        yield "is gone"
        return
    new = _Side(document, operation)
    if old.part["operationId"] != new.part["operationId"]:
        yield f"was called {old.part['operationId']}"
    if _ROLES.index(new.part["x-least-role"]) > _ROLES.index(old.part["x-least-role"]):
        yield f"needs more than the role {old.part['x-least-role']}"
    if taken := _schemes(new):
        yield from (f"no longer takes a {scheme}" for scheme in sorted(_schemes(old) - taken))
    yield from _in_parameters(old, new)
    yield from _in_body(old, new)
    for status in old.part["responses"]:
        if status not in new.part["responses"]:
            yield f"answers {status} no more"
            continue
        before, now = old["responses"][status], new["responses"][status]
        for header in before.part.get("headers", {}).keys() - now.part.get("headers", {}).keys():
            yield f"{status} comes without {header}"
        yield from _in_content(f"{status}: ", before, now, is_request=False)


def _schemes(operation: _Side) -> set[str]:
    """By what callers may show who they are; nothing where nobody asks."""
    return {scheme for alternative in operation.part.get("security", []) for scheme in alternative}


def _in_parameters(old: _Side, new: _Side) -> Iterator[str]:
    before, now = (
        {(p.part["in"], p.part["name"]): p for p in side.each("parameters")} for side in (old, new)
    )
    for key, parameter in now.items():
        place = f"{key[0]} parameter {key[1]}"
        if key in before:
            was_required = before[key].part.get("required")
            yield from _misfits(place, before[key]["schema"], parameter["schema"], is_request=True)
        else:
            was_required = False
        if parameter.part.get("required") and not was_required:
            yield f"{place} is required now"
    yield from (f"{where} parameter {name} is gone" for where, name in before.keys() - now.keys())


def _in_body(old: _Side, new: _Side) -> Iterator[str]:
    before, now = old.get("requestBody", {}), new.get("requestBody", {})
    if now.part.get("required") and not before.part.get("required"):
        yield "needs a body now"
    yield from _in_content("body: ", before, now, is_request=True)


def _in_content(place: str, old: _Side, new: _Side, *, is_request: bool) -> Iterator[str]:
    for media_type in old.part.get("content", {}):
        if media_type not in new.part.get("content", {}):
            yield f"{place}{media_type} is gone"
        else:
            before, now = (side["content"][media_type].get("schema", {}) for side in (old, new))
            yield from _misfits(place.rstrip(": "), before, now, is_request=is_request)


def _misfits(place: str, old: _Side, new: _Side, *, is_request: bool) -> Iterator[str]:
    """Where old requests are not taken by the new schema, or new answers not foreseen by the old one."""
    given, taken = (old, new) if is_request else (new, old)
    for option in given.options():
        tried = [list(_differences(place, option, other, is_request)) for other in taken.options()]
        if all(tried):
            # Of several alternatives the nearest is the one that was meant.
            yield from min(tried, key=len)


def _differences(place: str, given: _Side, taken: _Side, is_request: bool) -> Iterator[str]:
    a, b = given.part, taken.part
    types = [a.get("type"), b.get("type")]
    if types[1] and types[0] != types[1] and types != ["integer", "number"]:
        yield f"{place} changes its type"
        return
    values, foreseen = ([s["const"]] if "const" in s else s.get("enum") for s in (a, b))
    if foreseen is not None and (values is None or not all(value in foreseen for value in values)):
        yield f"{place} changes its values"
    for key in chain(_FLOORS, _CEILINGS, _EXACT):
        if key in b and not _within(key, a.get(key), b[key]):
            yield f"{place} changes its {key}"
    if is_request and a.get("default") != b.get("default"):
        yield f"{place} changes its default"
    yield from _in_object(place, given, taken, is_request)
    for key in ("items", "additionalProperties"):
        if isinstance(a.get(key), dict) and isinstance(b.get(key), dict):
            old, new = (given, taken) if is_request else (taken, given)
            yield from _misfits(f"{place}[]", old[key], new[key], is_request=is_request)


def _within(key: str, given: Any, bound: Any) -> bool:
    if key in _EXACT:
        return bool(given == bound)
    return given is not None and bool(given >= bound if key in _FLOORS else given <= bound)


def _in_object(place: str, given: _Side, taken: _Side, is_request: bool) -> Iterator[str]:
    old, new = (given, taken) if is_request else (taken, given)
    before, now = old.part.get("properties", {}), new.part.get("properties", {})
    for name in sorted(set(taken.part.get("required", [])) - set(given.part.get("required", []))):
        yield f"{place}.{name} {'is required now' if is_request else 'may be missing'}"
    for name in before:
        if name in now:
            inner = old["properties"][name], new["properties"][name]
            yield from _misfits(f"{place}.{name}", *inner, is_request=is_request)
        else:
            yield f"{place}.{name} is gone"
