"""Health: heartbeats that travel the real queues prove the functions behind them."""

from typing import Literal

from typing_extensions import TypedDict

from winroom import queries
from winroom.db import Connection, Row, only

State = Literal["healthy", "unhealthy", "unknown"]
Component = Literal["processor", "socket"]


class Services(TypedDict):
    """What /api/health tells of each part."""

    database: State
    processor: State
    socket: State


# Without the database nobody knows when a heart last beat.
UNREACHABLE: Services = {"database": "unhealthy", "processor": "unknown", "socket": "unknown"}

_SQL = queries.load("health")


def beat(conn: Connection, component: Component) -> None:
    """Notes that a heartbeat arrived. Needs no tenant entered. Sends only."""
    conn.execute(_SQL["beat"], {"component": component})


def overview(conn: Connection) -> Row:
    """Over all companies: `companies`, `pending` and `overdue` events, open `failed` ones, `sockets`; and
    `heartbeats`, the seconds since the last one by component. The operator's view."""
    beats = {row["component"]: row["seconds_ago"] for row in conn.execute(_SQL["beats"])}
    return {**only(conn.execute(_SQL["overview"])), "heartbeats": beats}


def services(conn: Connection) -> Services:
    """The state of each part; a heart that is silent for three minutes is unhealthy."""
    beating = {row["component"]: row["is_beating"] for row in conn.execute(_SQL["beating"]).fetchall()}
    return {
        "database": "healthy",
        "processor": "healthy" if beating.get("processor") else "unhealthy",
        "socket": "healthy" if beating.get("socket") else "unhealthy",
    }
