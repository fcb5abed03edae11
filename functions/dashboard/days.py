"""Days that people choose in filters: those of the company's own calendar, from midnight to midnight."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from winroom import spreadsheets, tenants
from winroom.db import Connection

# The last day is meant to its end, where the API means a moment that no longer counts.
_ENDS = {"from": timedelta(0), "to": timedelta(days=1)}


def in_moments(conn: Connection, asked: Mapping[str, str]) -> dict[str, str]:
    """What is asked for, with the days in `from` and `to` as moments; what is no day stays as it is."""
    starts = {name: start for name, end in _ENDS.items() if (start := _midnight(asked.get(name, ""), end))}
    moments = tenants.in_utc(conn, list(starts.values())) if starts else []
    return {**asked, **{name: moment.isoformat() for name, moment in zip(starts, moments, strict=True)}}


def as_days(conn: Connection, asked: Mapping[str, str]) -> dict[str, str]:
    """What is asked for in `from` and `to`, for people to see: as days, where the moments are midnights."""
    return {name: _day(conn, asked.get(name, ""), end) for name, end in _ENDS.items()}


def _day(conn: Connection, text: str, later: timedelta) -> str:
    told = spreadsheets.moment(text)
    if told is None or told.tzinfo is None or not date.min.year < told.year < date.max.year:
        return text
    midnights = [datetime.combine(told.date() + timedelta(days=n), time.min) for n in (-1, 0, 1)]
    starts = dict(zip(tenants.in_utc(conn, midnights), midnights, strict=True))
    return (starts[told] - later).date().isoformat() if told in starts else text


def _midnight(text: str, later: timedelta) -> datetime | None:
    try:
        day = date.fromisoformat(text.strip()) + later
    except (ValueError, OverflowError):
        return None
    # In the company's time zone the first and the last year may be others, which no datetime holds.
    return datetime.combine(day, time.min) if date.min.year < day.year < date.max.year else None
