"""Ids are UUIDs of version 7: time-ordered, and never the same in two restored processes."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest

from winroom import ids


def milliseconds(made: UUID) -> int:
    return made.int >> 80


@pytest.mark.parametrize("filler", [b"\x00", b"\xff", b"\xa5"])
def test_version_and_variant_stand_whatever_the_random_bits(
    monkeypatch: pytest.MonkeyPatch, filler: bytes
) -> None:
    monkeypatch.setattr("os.urandom", lambda size: filler * size)
    made = ids.new()
    assert (made.version, made.variant) == (7, RFC_4122)


def test_all_other_bits_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 0)
    monkeypatch.setattr("os.urandom", lambda size: b"\xff" * size)
    ones = ids.new().int
    monkeypatch.setattr("os.urandom", lambda size: b"\x00" * size)
    assert (ones ^ ids.new().int).bit_count() == 74


def test_an_id_begins_with_the_moment_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    made = milliseconds(ids.new())
    assert before <= made <= time.time_ns() // 1_000_000


def test_ids_sort_by_time_as_numbers_text_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [0, 1, 255, 256, 1_767_225_600_000, 1_767_225_600_001, 2**48 - 1]
    made = []
    for moment in moments:
        monkeypatch.setattr("time.time_ns", lambda moment=moment: moment * 1_000_000)
        made.append(ids.new())
    assert [milliseconds(m) for m in made] == moments
    assert sorted(made) == made
    assert sorted(made, key=str) == made
    assert sorted(made, key=lambda m: m.bytes) == made


def test_no_two_ids_are_alike_however_many_threads_make_them() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [m for part in pool.map(lambda _: [ids.new() for _ in range(2_000)], range(8)) for m in part]
    assert len(set(made)) == 16_000


def test_a_restored_process_does_not_repeat_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    # SnapStart restores memory, with it Python's own random generator, and the clock may agree.
    monkeypatch.setattr("time.time_ns", lambda: 1_767_225_600_000_000_000)
    state = random.getstate()
    first = ids.new()
    random.setstate(state)
    assert ids.new() != first
