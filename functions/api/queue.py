"""The queue over HTTP: what waits, and taking it."""

from winroom import claims, messages, queue, room
from winroom.claims import NewClaim
from winroom.queue import Filter
from winroom.web import Call, Reply, next_cursor


def index(call: Call) -> Reply:
    """GET /api/queue: items newest first, with the room's number that the list is true for."""
    wanted = call.query(Filter)
    with call.session() as conn:
        # First the number, then the items: what happens in between is then told twice, not never.
        seq = room.seq(conn)
        items = queue.page(conn, wanted)
    return Reply(200, {"queue": items, "nextCursor": next_cursor(items, wanted.limit), "seq": seq})


def claim(call: Call) -> Reply:
    """POST /api/queue/{queue_id}/claim: exactly one of two wins, the other gets 409."""
    wanted = call.parse(NewClaim)
    with call.session() as conn:
        claimed, change = claims.claim(conn, call.caller, call.id("queue_id"), wanted)
    if change:
        messages.try_to_wake_rooms([change])
    return Reply(
        200,
        {
            "success": True,
            "claim": {
                "id": claimed["claim_id"],
                "queue_id": claimed["queue_id"],
                "sale_id": claimed["sale_id"],
                "claimed_by": claimed["claimed_by"],
                "claim_type": claimed["claim_type"],
                "state": claimed["state"],
                "claimed_at": claimed["claimed_at"],
            },
        },
    )
