"""The order of ids: nothing comes twice or before its turn; a hole is filled, or told before what follows it."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers

from gateway.engine.gapfill import BATCH, IdOrder
from gateway.engine.missing import Hole, Run, Step
from gateway.model.market import Trade

LIVE, FETCHED = 9, 11


def trade(number: int, ts: int | None = None) -> Trade:
    return Trade(number, "1", "1", "buy", number * 10 if ts is None else ts)


def trades(*numbers: int) -> list[Trade]:
    return [trade(number) for number in numbers]


def said(steps: list[Step]) -> list[Any]:
    """What is published and told: the ids of each message, and each hole's bounds."""
    return [
        [one.id for one in step.records] if isinstance(step, Run) else (step.first, step.last) for step in steps
    ]


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


class Played:
    """An order of ids, and all that came of it."""

    def __init__(self, *, fills: bool = True, **bounds: int) -> None:
        self.clock = Clock()
        self.order = IdOrder(self.clock if fills else None, **bounds)
        self.steps: list[Step] = []
        self.reason = ""

    def take(self, *numbers: int, ts: int | None = None, at: int = LIVE) -> list[Any]:
        return self.take_records(trades(*numbers), ts=ts, at=at)

    def take_records(self, records: list[Trade], *, ts: int | None = None, at: int = LIVE) -> list[Any]:
        if self.order.follows(records):
            self.reason = ""
            return self.note([Run(records, ts, at)])
        steps, self.reason = self.order.take(records, ts, at, self.reason)
        return self.note(steps)

    def fill(self, *numbers: int) -> list[Any]:
        steps, self.missed = self.order.fill(trades(*numbers), FETCHED)
        return self.note(steps)

    def give_up(self, *, recoverable: bool = False) -> list[Any]:
        return self.note(self.order.give_up(recoverable=recoverable))

    def note(self, steps: list[Step]) -> list[Any]:
        self.steps += steps
        return said(steps)

    @property
    def holes(self) -> list[Hole]:
        return [step for step in self.steps if isinstance(step, Hole)]


@pytest.fixture
def play() -> type[Played]:
    return Played


# --- where holes cannot be filled


def test_what_follows_passes_and_a_hole_is_told_where_it_is(play) -> None:
    one = play(fills=False)
    assert one.take(5) == [[5]]
    assert one.take(6, 7) == [[6, 7]]
    assert one.take(8, 10, 11, 13) == [[8], (9, 9), [10, 11], (12, 12), [13]]
    assert one.order.missing() is one.order.first_missing(0) is None
    assert one.give_up() == []


def test_times_bound_a_hole_too(play) -> None:
    one = play(fills=False)
    one.take(5)
    one.take(8)
    assert one.holes == [Hole(6, 7, "sequence_gap", 50, 80)]


def test_what_is_old_is_dropped_and_a_new_count_is_followed(play) -> None:
    one = play(fills=False)
    one.take(1000)
    one.reason = "reset"
    assert one.take(999) == one.take(1000) == []
    assert one.reason == "reset", "old records say nothing of what is missing"
    assert one.take_records([trade(3, ts=10_001)]) == [(None, None), [3]]
    assert one.reason == ""
    assert one.take_records([trade(4, ts=10_001)]) == [[4]]
    assert one.holes == [Hole(None, None, "reset", 10_000, 10_001)]


def test_after_a_break_without_a_last_id_nobody_can_tell_how_much_is_missing(play) -> None:
    one = play()
    one.reason = "reset"
    assert one.take(5) == [(None, None), [5]]
    assert one.holes == [Hole(None, None, "reset", None, 50)]


def test_nothing_is_old_or_beyond_before_anything_came(play) -> None:
    order = play().order
    assert not order.is_past(trade(1))
    assert not order.leaves_hole(trade(1))
    assert not order.follows([trade(1)])


# --- where they can


def test_newer_records_wait_until_the_hole_is_filled(play) -> None:
    one = play()
    one.take(5)
    assert one.take(8, ts=81) == []
    one.clock.at += 1
    assert one.take(9, 10, ts=91) == []
    assert one.order.missing() == (5, 8, 100.0)
    assert one.order.first_missing(0) == 6
    assert one.fill(6, 7) == [[6, 7], [8], [9, 10]]
    assert one.missed == 2
    runs = [step[1:] for step in one.steps]
    assert runs == [(None, LIVE), (None, FETCHED), (81, LIVE), (91, LIVE)], "each message has its own times"
    assert one.order.missing() is None
    assert one.take(11) == [[11]]
    assert one.holes == []


def test_what_joins_is_published_while_the_rest_is_still_missing(play) -> None:
    one = play()
    one.take(5)
    one.take(9)
    assert one.fill(6) == [[6]]
    assert one.order.missing() == (6, 9, 100.0)
    assert one.fill(8) == []
    assert one.order.first_missing(0) == 7
    assert one.order.first_missing(7) is None
    assert one.fill(7) == [[7, 8], [9]]


def test_what_a_fill_lacks_is_told_where_it_is(play) -> None:
    one = play()
    one.take(5)
    one.take(12)
    one.fill(7, 8, 10)
    assert one.give_up(recoverable=True) == [(6, 6), [7, 8], (9, 9), [10], (11, 11), [12]]
    assert one.holes == [
        Hole(6, 6, "sequence_gap", 50, 70, recoverable=True),
        Hole(9, 9, "sequence_gap", 80, 100, recoverable=True),
        Hole(11, 11, "sequence_gap", 100, 120, recoverable=True),
    ]
    assert one.take(13) == [[13]]


def test_a_hole_that_ends_with_what_was_found_is_told_once(play) -> None:
    one = play()
    one.take(5)
    one.take(9)
    one.fill(7, 8)
    assert one.give_up() == [(6, 6), [7, 8], [9]]


def test_a_late_record_fills_its_own_hole(play) -> None:
    one = play()
    one.take(5)
    assert one.take(8) == one.take(7, ts=71) == []
    assert one.take(6, ts=61) == [[6], [7], [8]]
    assert [step[1] for step in one.steps] == [None, 61, 71, None]


def test_what_is_known_comes_once_however_often_it_comes(play) -> None:
    one = play()
    one.take(5)
    one.take(8, 8, 9)
    assert one.take(5) == one.take(9, 8) == one.fill(8, 9, 5, 12) == []
    assert one.missed == 0
    assert one.fill(7, 7) == []
    assert one.missed == 1
    assert one.take(7) == []
    assert one.fill(6, 7) == [[6, 7], [8, 9]]
    assert one.fill(6, 10) == []


def test_each_of_several_holes_is_filled_in_its_turn(play) -> None:
    one = play()
    one.take(5)
    one.take(7)
    one.clock.at += 2
    one.reason = "reset"
    one.take(9, 11)
    assert one.order.missing() == (5, 7, 100.0)
    assert one.fill(8, 6) == [[6], [7], [8], [9]], "what was found of a later hole is kept for it"
    assert one.order.missing() == (9, 11, 102.0)
    assert one.give_up() == [(10, 10), [11]]
    assert one.holes[0].reason == "sequence_gap"


def test_why_something_is_missing_is_remembered_with_the_hole(play) -> None:
    one = play()
    one.take(5)
    one.reason = "reset"
    assert one.take(7) == []
    assert one.reason == ""
    one.reason = "closed_by_peer"
    assert one.take(7) == []
    assert one.reason == "closed_by_peer", "what came before says nothing of what comes next"
    one.take(8)
    assert one.reason == "", "the ids prove that nothing is missing"
    one.reason = "heartbeat_missed"
    one.take(10)
    one.give_up(), one.give_up()
    assert [hole.reason for hole in one.holes] == ["reset", "heartbeat_missed"]


def test_a_new_count_ends_all_waiting(play) -> None:
    one = play()
    one.take(1000)
    one.take(1005)
    assert one.take_records([trade(3, ts=10_051), trade(4, ts=10_051)]) == [
        (1001, 1004),
        [1005],
        (None, None),
        [3, 4],
    ]
    assert [hole.recoverable for hole in one.holes] == [True, False]


def test_an_old_record_in_a_frame_of_the_time_is_no_new_count(play) -> None:
    one = play()
    one.take(5)
    one.take(8)
    assert one.take_records([trade(5, ts=80), trade(4, ts=80)]) == []


def test_a_hole_that_is_too_long_is_told_at_once(play) -> None:
    one = play(longest=3)
    one.take(5)
    assert one.take(10) == [(6, 9), [10]]
    assert one.take(14) == []
    assert one.take(19) == []
    assert one.fill(11, 12, 13) == [[11, 12, 13], [14], (15, 18), [19]]
    assert [hole.recoverable for hole in one.holes] == [True, True]


def test_as_many_may_wait_as_there_is_room_for(play) -> None:
    one = play(waiting=3)
    one.take(5)
    assert one.take(7, 8) == one.take(10) == []
    assert one.take(11) == [(6, 6), [7, 8]]
    assert one.order.missing() == (8, 10, 100.0)
    assert one.holes[0].recoverable
    assert one.take(12, 13) == [(9, 9), [10, 11, 12, 13]]
    assert one.take(14) == [[14]]


def test_what_was_found_takes_room_too(play) -> None:
    one = play(waiting=2)
    one.take(5)
    one.take(9)
    one.fill(7)
    assert one.take(10) == [(6, 6), [7], (8, 8), [9, 10]]


def test_what_is_asked_for_ends_with_a_hole_before_many_that_are_known_and_is_not_too_much(play) -> None:
    one = play()
    one.take(5)
    one.take(8)
    assert one.order.asked_until(6, 1000) == 8
    one.take(10, 11)
    one.take(20)
    assert one.order.asked_until(6, 1000) == 20
    assert one.order.asked_until(7, 1000) == 20
    assert one.order.asked_until(6, 3) == 9
    one.take(*range(21, 20 + BATCH))
    one.take(500)
    assert one.order.asked_until(6, 1000) == 500
    one.take(*range(501, 502 + BATCH))
    one.take(700)
    assert one.order.asked_until(6, 1000) == 500
    assert one.order.asked_until(6, 100) == 106


def test_what_comes_late_for_a_later_hole_waits_in_that_room(play) -> None:
    one = play(waiting=5)
    one.take(1)
    one.take(3)
    one.take(1000)
    assert one.take(500, 501, 502) == []
    assert one.take(503) == [(2, 2), [3]]
    assert one.order.missing() == (3, 1000, 100.0)
    assert one.take(504) == [(4, 499), [500, 501, 502, 503, 504], (505, 999), [1000]]


def test_messages_have_a_hundred_records_at_most(play) -> None:
    one = play()
    one.take(0)
    one.take(BATCH + 51)
    first, second, live = one.fill(*range(1, BATCH + 51))
    assert (len(first), len(second), live) == (BATCH, 50, [BATCH + 51])


def test_who_may_never_wait_is_told_what_is_missing(play) -> None:
    one = play()
    one.take(5)
    one.take(7)
    one.take(9)
    assert one.note(one.order.never_wait()) == [(6, 6), [7], (8, 8), [9]]
    assert [hole.recoverable for hole in one.holes] == [False, False]
    assert one.take(11) == [(10, 10), [11]]


def test_what_a_second_connection_brings_is_compared_with_what_waits(play) -> None:
    """What may fill a hole is not old, and what follows that which waits leaves no new hole."""
    order = play().order
    for record in trades(5, 8):
        order.take([record], None, LIVE, "")
    assert [order.is_past(trade(number)) for number in (5, 6, 8)] == [True, False, False]
    assert [order.leaves_hole(trade(number)) for number in (6, 9, 10)] == [False, False, True]
    order.give_up(recoverable=False)
    assert [order.is_past(trade(number)) for number in (8, 9)] == [True, False]
    assert [order.leaves_hole(trade(number)) for number in (9, 10)] == [False, True]
    assert not order.is_past(trade(8, ts=81))


# --- a simple reference


@dataclass
class Reference:
    """The same with sets and one pointer: what was told must be explained by this, step for step."""

    fills: bool
    waiting: int
    longest: int
    due: int | None = None
    known: set[int] = field(default_factory=set)
    openers: set[int] = field(default_factory=set)
    """Those of the known that came after a hole."""
    said: list[Any] = field(default_factory=list)

    def live(self, number: int) -> None:
        if self.due is None:
            self.due = number
        newest = max(self.known, default=self.due - 1)
        if number < self.due or number in self.known:
            return
        if number > newest + 1:
            self.openers.add(number)
        self.known.add(number)
        self.settle()
        while len(self.known) > self.waiting:
            self.give_up()

    def fetched(self, number: int) -> None:
        if self.openers and self.due is not None and self.due <= number < max(self.openers):
            self.known.add(number)

    def settle(self) -> None:
        assert self.due is not None
        while self.known:
            while self.due in self.known:
                self.pass_one()
            opener = min(self.openers, default=0)
            if not self.known or (self.fills and opener - self.due <= self.longest):
                return
            self.tell()

    def give_up(self) -> None:
        if self.known:
            self.tell()
            self.settle()

    def tell(self) -> None:
        assert self.due is not None
        end = min(self.openers)
        while self.due < end:
            following = min(number for number in self.known if number >= self.due)
            if following > self.due:
                self.said.append((self.due, following - 1))
                self.due = following
            while self.due < end and self.due in self.known:
                self.pass_one()

    def pass_one(self) -> None:
        assert self.due is not None
        self.said.append(self.due)
        self.known.discard(self.due)
        self.openers.discard(self.due)
        self.due += 1


def flat(steps: list[Step]) -> list[Any]:
    flattened: list[Any] = []
    for step in steps:
        flattened += [one.id for one in step.records] if isinstance(step, Run) else [(step.first, step.last)]
    return flattened


@settings(max_examples=500)
@given(seed=integers(0, 2**32))
def test_whatever_comes_in_whatever_order_it_is_as_the_reference_has_it(seed: int) -> None:
    rng = Random(seed)
    fills, waiting, longest = rng.random() < 0.8, rng.randrange(1, 12), rng.randrange(1, 8)
    one = Played(fills=fills, waiting=waiting, longest=longest)
    model = Reference(fills, waiting, longest)
    newest = 100
    for _ in range(rng.randrange(80)):
        act = rng.random()
        if act < 0.6:
            frame = [newest := newest + rng.choice([1, 1, 1, 1, 2, 3, 9]) for _ in range(rng.randrange(1, 4))]
            if rng.random() < 0.3:
                frame += [rng.randrange(newest - 12, newest + 1) for _ in range(rng.randrange(1, 4))]
                rng.shuffle(frame)
            one.take(*frame)
            for number in frame:
                model.live(number)
        elif act < 0.9:
            page = [rng.randrange(newest - 20, newest + 2) for _ in range(rng.randrange(8))]
            one.fill(*page)
            for number in page:
                model.fetched(number)
            if model.due is not None:
                model.settle()
        else:
            one.give_up()
            model.give_up()
        assert flat(one.steps) == model.said
        assert (one.order.missing() is None) is (not model.known)
    one.note(one.order.give_up_all(recoverable=False))
    told = flat(one.steps)
    covered = [range(each[0], each[1] + 1) if isinstance(each, tuple) else range(each, each + 1) for each in told]
    ids = [number for each in covered for number in each]
    assert ids == (list(range(ids[0], newest + 1)) if ids else []), "each id once and in order, to the newest"
