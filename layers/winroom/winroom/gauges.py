"""Gauges: what the operator watches across tenants. Only winroom_jobs may read them."""

from datetime import UTC, datetime, time, timedelta

from winroom import ids, queries
from winroom.db import Connection, Row, only

_SQL = queries.load("gauges")


def read(conn: Connection) -> dict[str, float]:
    """The gauges of this moment, named like the metrics of telemetry.py. Counts end at 100,000: by then
    nobody needs to know exactly."""
    return {name: float(value) for name, value in only(conn.execute(_SQL["read"])).items()}


def of_yesterday(conn: Connection) -> Row:
    """What the last whole `day` (UTC) brought: `companies` that took part, sales `received`, how many of them
    are `processed` or `failed` by now, and `requests` of known callers, `refused` (4xx) and `errors` (5xx).
    """
    until = datetime.combine(datetime.now(UTC), time(), UTC)
    since = until - timedelta(days=1)
    # Ids of events are time-ordered, and an index; clocks differ, so what a range of them holds is looked at.
    late = until + timedelta(minutes=2)
    values = {"since": since, "until": until, "since_id": ids.first_of(since), "until_id": ids.first_of(late)}
    return {"day": since.date(), **only(conn.execute(_SQL["of_day"], values))}
