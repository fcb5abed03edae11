"""The streak over HTTP."""

from datetime import datetime

from typing_extensions import TypedDict

from winroom import streaks
from winroom.answers import Reply
from winroom.web import Call


class Streak(TypedDict):
    """The newest approved claims in a row that one seller made; nulls and a count of 0 without any."""

    seller_id: str | None
    display_name: str | None
    count: int
    # It is longer than anybody looks back: `count` and `since` are those of the newest thousand claims.
    is_at_least: bool
    since: datetime | None
    last_claim_at: datetime | None
    # The room's number that the streak is true for.
    seq: int


def show(call: Call) -> Reply[Streak]:
    """Who made the newest claims in a row, and how many. Anybody else's approved claim ends a streak."""
    with call.session() as conn:
        return Reply(streaks.current(conn))
