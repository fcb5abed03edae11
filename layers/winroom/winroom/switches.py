"""Switches: what operators turn off for everybody while something is wrong."""

from typing import Literal

from winroom import queries
from winroom.db import Connection

Name = Literal["pause_sign_up"]

_SQL = queries.load("switches")


def is_on(conn: Connection, name: Name) -> bool:
    """Whether somebody has thrown the switch. Needs no tenant entered."""
    return conn.execute(_SQL["find_on"], {"name": name}).fetchone() is not None
