"""Which database the commands work on: the one that the environment names, else the local stack's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from psycopg import IntegrityError, OperationalError

from infra.local import stack
from winroom.db import Connection, connect
from winroom.errors import WinRoomError


def owner_url() -> str:
    """Where migrations run: OWNER_DATABASE_URL, past any pooler."""
    return _url("OWNER_DATABASE_URL", "owner_database_url")


def operator_url() -> str:
    """Where everything else runs, as winroom_operator: OPERATOR_DATABASE_URL."""
    return _url("OPERATOR_DATABASE_URL", "operator_database_url")


@contextmanager
def operator_session() -> Iterator[Connection]:
    """One transaction that sees every tenant. What goes wrong is told in one line."""
    try:
        with connect(operator_url()) as conn:
            yield conn
    except OperationalError as error:
        raise click.ClickException(f"The database does not answer: {error}") from error
    except IntegrityError as error:
        raise click.ClickException(f"The database refuses that: {error.diag.message_primary}") from error
    except WinRoomError as error:
        raise click.ClickException(error.message) from error


def _url(variable: str, attribute: str) -> str:
    if url := os.environ.get(variable):
        return url
    running = stack.read()
    if running is None:
        raise click.ClickException(f"Set {variable}, or start the local stack with `winroom local up`.")
    return str(getattr(running, attribute))
