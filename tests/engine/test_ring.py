"""The ring gives back all that was missed or nothing, and never holds more than its bounds."""

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers, lists

from gateway.engine.ring import Ring


def test_everything_after_an_offset_comes_back_in_order() -> None:
    ring = Ring(10)
    for number in range(11, 16):
        ring.append(b"%d" % number)
    assert ring.after(12) == [b"13", b"14", b"15"]
    assert ring.after(10) == [b"11", b"12", b"13", b"14", b"15"]
    assert ring.after(15) == []


@pytest.mark.parametrize("offset", [9, 0, -1, -(10**30), 16, 10**30])
def test_what_is_gone_or_never_was_is_no_part_of_an_answer(offset: int) -> None:
    ring = Ring(10)
    for number in range(11, 16):
        ring.append(b"%d" % number)
    assert ring.after(offset) is None


def test_an_empty_ring_knows_where_it_stands() -> None:
    assert Ring(10).after(10) == []
    assert Ring(10).after(9) is None
    assert Ring(10).size == 0


def test_one_message_is_always_kept_however_long() -> None:
    ring = Ring(0, max_bytes=10)
    ring.append(b"x" * 5)
    ring.append(b"y" * 100)
    assert ring.after(1) == [b"y" * 100]
    assert ring.after(0) is None
    assert ring.size == 100
    ring.append(b"z")
    assert ring.after(2) == [b"z"]
    assert ring.size == 1


@pytest.mark.parametrize(("messages", "size", "left"), [(2, 100, 3), (100, 25, 3), (100, 5, 4), (100, 100, 0)])
def test_other_bounds_hold_at_once_and_from_then_on(messages: int, size: int, left: int) -> None:
    ring = Ring(0)
    for _ in range(5):
        ring.append(b"x" * 10)
    ring.bound(messages, size)
    assert ring.after(left) == [b"x" * 10] * (5 - left)
    assert left == 0 or ring.after(left - 1) is None
    assert ring.size == 10 * (5 - left)
    ring.append(b"y" * 10)
    assert len(ring.after(left + 1 if left else 0) or ()) == (5 - left if left else 6)


def test_the_bounds_are_those_of_the_architecture() -> None:
    ring = Ring(0)
    for _ in range(1025):
        ring.append(b"x")
    assert ring.after(1) == [b"x"] * 1024
    assert ring.after(0) is None
    heavy = Ring(0)
    for _ in range(5):
        heavy.append(b"x" * (1 << 18))
    assert heavy.size == 1 << 20


def test_a_gap_comes_back_between_the_messages_it_was_told_between() -> None:
    ring = Ring(10)
    ring.tell(b"before 11")
    ring.append(b"11")
    ring.append(b"12")
    ring.tell(b"before 13")
    ring.tell(b"before 13, too")
    ring.append(b"13")
    assert ring.after(10) == [b"before 11", b"11", b"12", b"before 13", b"before 13, too", b"13"]
    assert ring.after(11) == [b"12", b"before 13", b"before 13, too", b"13"]
    assert ring.after(12) == [b"before 13", b"before 13, too", b"13"]
    assert ring.after(13) == []
    ring.tell(b"before 14")
    assert ring.after(13) == [b"before 14"], "whoever had 13 may have left before it was told"


def test_gaps_go_with_what_they_came_before_and_are_no_more_than_messages() -> None:
    ring = Ring(0, max_messages=2)
    ring.tell(b"a")
    ring.append(b"1")
    ring.tell(b"b")
    ring.append(b"2")
    assert (ring.after(0), ring.size) == ([b"a", b"1", b"b", b"2"], 4)
    ring.append(b"3")
    assert (ring.after(1), ring.size) == ([b"b", b"2", b"3"], 3)
    for gap in (b"c", b"d", b"e"):
        ring.tell(gap)
    assert (ring.after(1), ring.size) == ([b"2", b"3", b"d", b"e"], 4)
    ring.bound(1, 100)
    assert (ring.after(2), ring.size) == ([b"3", b"e"], 2)


@given(
    newest=integers(0, 5),
    frames=lists(binary(max_size=12), max_size=40),
    most=integers(1, 6),
    most_bytes=integers(1, 30),
)
def test_a_ring_agrees_with_a_list(newest: int, frames: list[bytes], most: int, most_bytes: int) -> None:
    ring, everything = Ring(newest, max_messages=most, max_bytes=most_bytes), [b""] * newest
    for frame in frames:
        ring.append(frame)
        everything.append(frame)
        held = ring.after(len(everything) - 1)
        assert held == [frame]
        kept = [offset for offset in range(len(everything) + 2) if ring.after(offset) is not None]
        assert kept == list(range(kept[0], len(everything) + 1)), "without a hole, up to the newest"
        for offset in kept:
            assert ring.after(offset) == everything[offset:]
        kept_frames = everything[kept[0] :]
        assert ring.size == sum(map(len, kept_frames))
        assert len(kept_frames) <= most
        assert len(kept_frames) == 1 or ring.size <= most_bytes
