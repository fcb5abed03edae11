"""Ids: UUID version 7, time-ordered, for rows that are named before they are written."""

import os
import time
from datetime import datetime
from uuid import UUID


def new() -> UUID:
    """A new id. Its 74 random bits come from the operating system: a restored process must not repeat."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return UUID(int=value)


def first_of(moment: datetime) -> UUID:
    """The smallest id of what was written at that moment or later: the clocks that make ids and those that
    note times differ by less than a minute."""
    milliseconds = int(moment.timestamp() * 1000) - 60_000
    return UUID(int=max(0, milliseconds) << 80)
