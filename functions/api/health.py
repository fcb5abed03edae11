"""Whether we are well: for load balancers, monitors and people."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import Literal

from typing_extensions import TypedDict

from winroom import db, health, switches
from winroom.answers import Reply
from winroom.settings import settings
from winroom.web import Call

# Seconds. A monitor that asks every second must not become the load it watches.
_REMEMBERED_FOR = 5.0
_PATIENCE = 0.08
# A process that has just started connects first; it is no news of the database that this takes longer.
_PATIENCE_AT_FIRST = 1.0


class Alive(TypedDict):
    status: Literal["ok"]


class Health(TypedDict):
    status: Literal["healthy", "degraded"]
    version: str
    timestamp: datetime
    services: health.Services
    # What operators have paused for everybody: the parts may be well, and yet take or tell nothing.
    paused: list[switches.ForAll]


_last: tuple[float, Reply[Health]] | None = None
_pending: Future[health.Services] | None = None


def alive(call: Call) -> Reply[Alive]:
    """This process answers; nothing is touched."""
    return Reply({"status": "ok"})


def show(call: Call) -> Reply[Health]:
    """The database, and the two queues by the heartbeats that travel them; 503 where one is not well."""
    global _last
    if _last is None or time.time() - _last[0] > _REMEMBERED_FOR:
        _last = (time.time(), _examined())
    return _last[1]


def _examined() -> Reply[Health]:
    services = _services()
    healthy = set(services.values()) == {"healthy"}
    return Reply(
        {
            "status": "healthy" if healthy else "degraded",
            "version": settings().release,
            "timestamp": datetime.now(UTC),
            "services": services,
            "paused": switches.on_for_all(),
        },
        status=200 if healthy else 503,
    )


def _services() -> health.Services:
    """What the database says, if it says it in time; an answer that is late is not waited for twice."""
    global _pending
    patience = _PATIENCE if _pending else _PATIENCE_AT_FIRST
    if _pending is None or _pending.done():
        _pending = _thread().submit(_ask)
    try:
        return _pending.result(timeout=patience)
    except Exception:
        # Broken, or too late: while it is under way, the next caller waits for the same one.
        return health.UNREACHABLE


def _ask() -> health.Services:
    with db.open_session() as conn:
        switches.read(conn)
        return health.services(conn)


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1)
