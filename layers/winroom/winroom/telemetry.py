"""What the operator sees: one JSON logger per process, and the line that every invocation leaves.
Never logged: keys, tickets, tokens, passwords, payloads."""

import logging
import sys
import time
from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

Event = TypeVar("Event")
Answer = TypeVar("Answer")


@cache
def logger() -> "Logger":
    """The process's logger; its service's name and level come from Powertools' own variables."""
    # Imported here: importing a module reads no environment, and Powertools reads plenty.
    from aws_lambda_powertools import Logger

    # What psycopg warns of, it also raises; its own lines name users and databases.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    return Logger(logger_handler=_STDOUT, utc=True)


def door(handler: Callable[[Event, Any], Answer]) -> Callable[[Event, Any], Answer]:
    """Decorates a Lambda handler: one info line with the duration, or one error with its trace.

    Keys that a handler appends to the logger (`logger().append_keys(tenant_id=...)`) are on that
    line too, and are gone at the next invocation.
    """

    @wraps(handler)
    def watched(event: Event, context: Any) -> Answer:
        log = logger()
        log.clear_state()
        log.append_keys(function_request_id=getattr(context, "aws_request_id", None))
        started = time.perf_counter()
        try:
            answer = handler(event, context)
        except Exception:
            log.exception("failed", duration_ms=_since(started))
            raise
        log.info("handled", duration_ms=_since(started))
        return answer

    return watched


class _Stdout(logging.StreamHandler[TextIO]):
    """Writes to the standard output of the moment: who replaces it must not be written past."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


# One, because two threads may make the logger at once, and Powertools sets up the first alone.
_STDOUT = _Stdout()


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
