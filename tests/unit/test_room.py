"""The websocket contract: who sees what, and how messages become frames."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winroom import ids, room
from winroom.callers import Caller, Role
from winroom.room import Messages


def rows(*payloads: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "room_seq": len(payloads),
            "after": 0,
            "seq": n,
            "type": "queue.created",
            "payload": payload,
            "created_at": datetime(2026, 1, 2, tzinfo=UTC),
        }
        for n, payload in enumerate(payloads, 1)
    ]


@pytest.mark.parametrize(
    ("role", "shared", "seen"),
    [
        (Role.ADMIN, False, "full"),
        (Role.MANAGER, False, "full"),
        (Role.SELLER, False, "plain"),
        (Role.WATCHER, False, "plain"),
        (Role.SELLER, True, "full"),
        (Role.WATCHER, True, "full"),
        (Role.SELLER, "yes", "plain"),
        (Role.DISPLAY, True, "plain"),
        (Role.INGEST, True, "plain"),
    ],
)
def test_who_sees_margins(role: Role, shared: object, seen: str) -> None:
    settings = {"share_margin": shared}
    tenant = {"tenant_id": ids.new(), "plan": "free", "settings": settings, "pauses": []}
    assert room.rendering_for(Caller.of(role, tenant)) == seen


def test_a_lone_message_is_no_batch() -> None:
    (frame,) = Messages.of(rows({"margin": None})).frames("full")
    assert json.loads(frame) == {
        "v": 1,
        "type": "queue.created",
        "seq": 1,
        "at": "2026-01-02T00:00:00+00:00",
        "data": {"margin": None},
    }


def test_a_room_that_is_not_there_has_nothing_to_tell() -> None:
    messages = Messages.of([])
    assert not messages
    assert messages.frames("full") == []


@given(st.lists(st.dictionaries(st.sampled_from(["a", "margin"]), st.text(max_size=30_000))))
def test_frames_hold_every_message_once_in_order(payloads: list[dict[str, str]]) -> None:
    messages = Messages.of(rows(*payloads))
    frames = messages.frames("full")
    told = [m for frame in map(json.loads, frames) for m in frame.get("messages", [frame])]
    assert [m["data"] for m in told] == payloads
    for frame in frames:
        assert len(frame.encode()) <= room.FRAME_BYTES or "messages" not in json.loads(frame)
    assert all("margin" not in json.dumps(json.loads(f)["data"]) for f in plain_alone(payloads))


def plain_alone(payloads: list[dict[str, str]]) -> list[str]:
    """Each payload's frame as a seller sees it; texts without the word itself."""
    return [Messages.of(rows(dict.fromkeys(payload, ""))).frames("plain")[0] for payload in payloads]


def test_a_batch_is_as_full_as_it_may_be() -> None:
    frames = Messages.of(rows(*[{"a": "x" * 900}] * 100)).frames("plain")
    assert len(frames) == 4
    assert all(len(frame) > room.FRAME_BYTES - 1100 for frame in frames[:-1])


def test_a_batch_takes_what_just_fits_and_not_a_byte_more(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = Messages.of(rows(*[{"a": "\u00e9"}] * 3))
    (whole,) = messages.frames("full")
    for limit, frames in ((len(whole.encode()), 1), (len(whole.encode()) - 1, 2)):
        monkeypatch.setattr(room, "FRAME_BYTES", limit)
        assert len(messages.frames("full")) == frames


@given(after=st.integers(0, 10), newest=st.integers(0, 10), lost=st.integers(0, 3))
def test_too_few_messages_are_a_reset(after: int, newest: int, lost: int) -> None:
    found = [
        {**row, "room_seq": newest, "after": after}
        for row in rows(*[{}] * newest)
        if row["seq"] > after + lost
    ] or [{"room_seq": newest, "after": after, "seq": None}]
    messages = Messages.of(found)
    assert messages.is_reset == (after > newest or (lost > 0 and newest > after))
    assert bool(messages) == (after != newest)
    assert messages.through == newest
