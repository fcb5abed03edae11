"""What those are called who did something: rows keep `user:` or `key:` and an id."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from uuid import UUID

from functions.dashboard import words
from winroom import api_keys, users
from winroom.db import Connection, Row
from winroom.errors import NotFound

# How each kind is found, and where its name stands.
_KINDS: dict[str, tuple[Callable[[Connection, UUID], Row], str]] = {
    "user": (users.find, "display_name"),
    "key": (api_keys.find, "name"),
}


def called(conn: Connection, actors: Iterable[str | None]) -> dict[str, str]:
    """Their names, by what rows keep of them; whoever is unknown is not there."""
    names = {"operator": words.OPERATOR}
    for actor in {actor for actor in actors if actor}:
        kind, _, actor_id = actor.partition(":")
        if kind in _KINDS:
            find, name = _KINDS[kind]
            with suppress(NotFound):
                names[actor] = find(conn, UUID(actor_id))[name]
    return names
