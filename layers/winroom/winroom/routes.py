"""Which path leads to which verb, and who may use it: the route table of a door."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from winroom.answers import Page, Reply
from winroom.callers import Role
from winroom.errors import WinRoomError

BODY_LIMIT = 100 * 1024
_ID = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One line of a door's route table: who may do what, and which verb does it.

    The endpoint is given the call and what its parameters name: `body` and `query`, parsed as the model
    they are annotated with (`body: str` is the text itself), `form` as it was filled in, and the ids of the
    path. Its docstring and the shape of its Reply are published in the OpenAPI document.
    """

    method: str
    path: str
    endpoint: Callable[..., Reply[Any] | Page]
    # None: anyone, without a key, a limit or an audit row.
    role: Role | None
    status: int = 200
    # Routes of the ingestion bucket count per tenant, the others per caller.
    is_ingestion: bool = False
    # Whether sales come in by it: refused while ingestion is paused.
    takes_sales: bool = False
    # For people alone: keys and displays have no password, and no seller of their own.
    is_personal: bool = False
    # Whether 409 is among its answers.
    can_conflict: bool = False
    # Refusals that do not follow from the above, such as those of a login.
    raises: tuple[type[WinRoomError], ...] = ()
    # Other statuses that come with the same shape.
    also: tuple[int, ...] = ()
    body_limit: int = BODY_LIMIT
    media_type: str = "application/json"
    # Without a body it is as with an empty one.
    is_body_optional: bool = False
    # The page with the form, drawn again where what was filled in is refused: another route's endpoint.
    again: Callable[..., Page] | None = None

    @property
    def takes(self) -> dict[str, Any]:
        """What the endpoint wants besides the call, by name."""
        return taken_by(self.endpoint)


def taken_by(endpoint: Callable[..., Any]) -> dict[str, Any]:
    """What an endpoint wants besides the call, by name."""
    return {n: t for n, t in endpoint.__annotations__.items() if n not in ("call", "return")}


class Table:
    """The routes of a door, found by path and method."""

    def __init__(self, routes: Iterable[Route]) -> None:
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            by_path.setdefault(route.path, {})[route.method] = route
        self._spelled_out = {path: methods for path, methods in by_path.items() if "{" not in path}
        self._patterns = [(_pattern(p, m), m) for p, m in by_path.items() if "{" in p]

    def at(self, path: str) -> tuple[Mapping[str, Route], dict[str, str]]:
        """The routes of a path by method, and the ids in it. No routes where the path is unknown."""
        # A path that is spelled out is nobody's id: it comes before patterns that would fit it.
        if path in self._spelled_out:
            return self._spelled_out[path], {}
        for pattern, methods in self._patterns:
            if found := pattern.fullmatch(path):
                return methods, found.groupdict()
        return {}, {}


def _pattern(path: str, methods: Mapping[str, Route]) -> re.Pattern[str]:
    """What the path looks like. An id that other systems give may hold slashes, and API Gateway hands us
    decoded paths: where one comes last, it is all the rest."""
    last = path.rpartition("/{")[2].removesuffix("}") if path.endswith("}") else ""
    is_text = any(route.takes.get(last) is str for route in methods.values())
    parts = _ID.split(path)
    pattern = "".join(
        f"(?P<{part}>{'.*' if is_text and part == last else '[^/]+'})" if n % 2 else re.escape(part)
        for n, part in enumerate(parts)
    )
    return re.compile(pattern, re.DOTALL)
