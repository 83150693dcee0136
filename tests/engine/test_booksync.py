"""A book through its exchange's lies: what is live is what the exchange had at that very number."""

from collections import deque
from random import Random
from typing import Any
from zlib import crc32

import pytest
from booked import Exchange, Side, by_ids, by_previous, checksum_of, fetched
from hypothesis import given, note, settings
from hypothesis.strategies import integers

from gateway.engine.booksync import BUFFER, BookSync, Outcome
from gateway.model.market import Book, Level
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, Continuity, SnapshotSource


class World:
    """An exchange, what of it is under way, the book under test, and a client who hears of it."""

    def __init__(self, rng: Random, rule: BookRule) -> None:
        self.rng = rng
        self.exchange = Exchange(rng, rule.truncate)
        self.sync = BookSync(rule)
        self.wire: deque[Any] = deque()
        self.client: tuple[Side, Side] | None = None

    def change(self) -> None:
        self.wire.append(self.exchange.step())

    def lose(self) -> None:
        if self.wire:
            self.wire.popleft()

    def repeat(self) -> None:
        if self.wire and self.rng.random() < 0.5:
            self.wire.append(self.rng.choice(self.wire))

    def corrupt(self) -> None:
        """Change a size without the checksum."""
        if self.sync.rule.checksum is not None:
            delta = self.exchange.step()
            self.wire.append(
                BookDelta(
                    [("99.50", "666")], [], delta.last, delta.first, delta.previous, delta.ts, delta.checksum
                )
            )

    def restart(self) -> None:
        """The exchange counts anew; what it sent before does not come after."""
        if not self.exchange.past:
            self.hear_all()
            self.take(self.exchange.restart())

    def hear(self) -> None:
        if self.wire:
            match self.wire.popleft():
                case BookSnapshot() as told:
                    self.load(told)
                case update:
                    self.take(update)

    def hear_all(self) -> None:
        while self.wire:
            self.hear()

    def snapshot(self) -> None:
        """Fetch a snapshot, which may be of any time since the exchange began to count; in band it is of now."""
        if not callable(self.sync.rule.snapshot):
            self.wire.append(self.exchange.snapshot())
        elif not self.sync.is_live:  # else nobody asks for one
            self.load(self.exchange.snapshot(self.rng.choice(sorted(self.exchange.states)[-6:])))

    def load(self, snapshot: BookSnapshot) -> None:
        outcome = self.sync.load(snapshot)
        assert self.sync.is_live is (outcome is Outcome.REPLACED)
        if outcome is Outcome.REPLACED:
            whole = self.sync.whole()
            self.client = (dict(whole.bids), dict(whole.asks))

    def take(self, delta: BookDelta) -> None:
        was_live, before = self.sync.is_live, self.sync.seq
        outcome, record = self.sync.update(delta)
        assert (record is not None) is (outcome is Outcome.APPLIED)
        assert self.sync.is_live is (was_live and outcome in {Outcome.APPLIED, Outcome.WAITING})
        if not was_live:
            assert outcome is Outcome.WAITING
        if outcome is Outcome.WAITING and was_live:
            assert self.sync.seq == before
        if record is not None:
            assert (record.seq, record.ts) == (delta.last, delta.ts)
            self.tell(record)

    def tell(self, record: Book) -> None:
        """Apply what is published to what the client has."""
        assert self.client is not None
        for side, levels in zip(self.client, (record.bids, record.asks), strict=True):
            assert len(dict(levels)) == len(levels), "no price twice in a message"
            for price, size in levels:
                if size == "0":
                    side.pop(price, None)
                else:
                    side[price] = size

    def check(self) -> None:
        if not self.sync.is_live:
            return
        whole = self.sync.whole()
        assert whole.seq == self.sync.seq
        moments = (self.exchange.states | self.exchange.past).get(self.sync.seq)
        assert (whole.bids, whole.asks) == moments, "there never was such a moment"
        assert self.client == (dict(whole.bids), dict(whole.asks)), (
            "whoever applied what was sent has another book"
        )

    def settle(self) -> None:
        self.hear_all()
        for _ in range(3):
            self.take(self.exchange.step())
            if not self.sync.is_live:
                self.load(self.exchange.snapshot())
            self.check()
        assert self.sync.is_live
        assert (self.sync.seq, self.sync.ts) == (self.exchange.seq, self.exchange.seq * 10)


RULES = {
    "ids": BookRule(follows=by_ids, snapshot=fetched),
    "previous": BookRule(follows=by_previous, snapshot=fetched),
    "truncated": BookRule(follows=by_ids, snapshot=fetched, truncate=5),
    "checksum": BookRule(follows=by_previous, snapshot=fetched, checksum=checksum_of),
    "both": BookRule(follows=by_ids, snapshot=fetched, truncate=4, checksum=checksum_of),
    "in band": BookRule(follows=by_ids, snapshot=SnapshotSource.IN_BAND),
}
ACTIONS = [
    (World.change, 6),
    (World.hear, 6),
    (World.hear_all, 1),
    (World.snapshot, 3),
    (World.lose, 0.5),
    (World.repeat, 1),
    (World.corrupt, 0.3),
    (World.restart, 0.2),
]


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=150, deadline=None)
@given(seed=integers(0, 2**32))
def test_a_live_book_is_what_the_exchange_had_at_that_number(name: str, seed: int) -> None:
    """Whatever was lost, repeated, corrupted or counted anew, and however stale a snapshot was."""
    rng = Random(seed)
    world = World(rng, RULES[name])
    actions, weights = zip(*ACTIONS, strict=True)
    for action in rng.choices(actions, weights, k=rng.randrange(120)):
        note(action.__name__)
        action(world)
        world.check()
    note("settle")
    world.settle()


def delta(last: int, bids: list[Level] | None = None, first: int | None = None, **more: Any) -> BookDelta:
    return BookDelta(bids or [], [], last, last if first is None else first, last - 1, **more)


def snapshot(last: int, *bids: Level) -> BookSnapshot:
    return BookSnapshot(list(bids), [], last)


def test_nothing_may_be_read_before_there_is_a_snapshot() -> None:
    sync = BookSync(RULES["ids"])
    assert not sync.is_live
    assert sync.update(delta(11, [("1", "1")])) == (Outcome.WAITING, None)
    assert not sync.is_live


def test_a_snapshot_takes_what_waited_for_it() -> None:
    sync = BookSync(RULES["ids"])
    for number in range(9, 14):
        sync.update(delta(number, [(str(number), "1")]))
    assert sync.load(snapshot(10, ("5", "1"))) is Outcome.REPLACED
    assert sync.whole() == Book([("13", "1"), ("12", "1"), ("11", "1"), ("5", "1")], [], 13, None)
    assert not sync._buffer


def test_a_snapshot_newer_than_all_that_waits_makes_no_false_gap() -> None:
    sync = BookSync(RULES["ids"])
    sync.update(delta(9))
    assert sync.load(snapshot(20)) is Outcome.REPLACED
    assert sync.update(delta(21))[0] is Outcome.APPLIED


def test_a_snapshot_older_than_what_waits_is_refused_and_what_waits_is_kept() -> None:
    sync = BookSync(RULES["ids"])
    for number in (15, 16):
        sync.update(delta(number, [(str(number), "1")]))
    assert sync.load(snapshot(10)) is Outcome.BROKEN
    assert not sync.is_live
    sync.update(delta(17))
    assert sync.load(snapshot(14)) is Outcome.REPLACED
    assert sync.seq == 17


def test_what_joined_before_a_hole_among_the_waiting_is_done_with() -> None:
    sync = BookSync(RULES["ids"])
    for number in (11, 12, 14, 15):
        sync.update(delta(number, [(str(number), "1")]))
    assert sync.load(snapshot(10)) is Outcome.BROKEN
    assert [waiting.last for waiting in sync._buffer] == [14, 15]
    assert sync.load(snapshot(13)) is Outcome.REPLACED
    assert sync.whole().bids == [("15", "1"), ("14", "1")]


def test_a_new_snapshot_replaces_the_book_and_is_never_merged_into_it() -> None:
    """Levels that vanished during an outage would be ghosts for ever."""
    sync = BookSync(RULES["ids"])
    sync.load(snapshot(10, ("1", "1"), ("2", "1")))
    sync.update(delta(11, [("3", "1")]))
    assert sync.update(delta(15, [("4", "1")])) == (Outcome.BROKEN, None)
    assert sync.load(snapshot(14, ("2", "7"))) is Outcome.REPLACED
    assert sync.whole().bids == [("4", "1"), ("2", "7")]


@pytest.mark.parametrize("wrong", [delta(13), delta(1)])
def test_a_gap_or_a_restart_breaks_the_book_and_begins_what_waits(wrong: BookDelta) -> None:
    sync = BookSync(RULES["ids"])
    sync.load(snapshot(10))
    assert sync.update(wrong) == (Outcome.BROKEN, None)
    assert not sync.is_live
    assert list(sync._buffer) == [wrong]


def test_what_waited_from_before_a_restart_is_forgotten() -> None:
    """Else no snapshot could ever join it."""
    sync = BookSync(RULES["ids"])
    sync.load(snapshot(1000))
    sync.update(delta(1005))
    sync.update(delta(1, [("1", "1")]))
    sync.update(delta(2, [("2", "1")]))
    assert sync.load(snapshot(1, ("1", "1"))) is Outcome.REPLACED
    assert sync.whole().bids == [("2", "1"), ("1", "1")]


def test_a_restart_that_only_a_snapshot_in_band_shows_is_survived() -> None:
    sync = BookSync(RULES["in band"])
    sync.update(delta(1005))
    assert sync.load(snapshot(5)) is Outcome.BROKEN
    assert sync.load(snapshot(6)) is Outcome.REPLACED


def test_an_update_that_is_old_changes_nothing() -> None:
    sync = BookSync(RULES["ids"])
    sync.load(snapshot(10, ("1", "1")))
    assert sync.update(delta(10, [("1", "0")])) == (Outcome.WAITING, None)
    assert sync.whole() == Book([("1", "1")], [], 10, None)


def test_a_checksum_that_differs_breaks_the_book_at_once_and_in_the_waiting() -> None:
    sync = BookSync(RULES["checksum"])
    sync.load(snapshot(10, ("1", "1")))
    right = crc32(b"2:1|1:1")
    assert sync.update(delta(11, [("2", "1.0")], checksum=right)) == (Outcome.BROKEN, None)
    assert not sync.is_live
    assert sync.load(snapshot(10, ("1", "1"))) is Outcome.BROKEN, "the same update, the same difference"
    assert sync.load(snapshot(11, ("2", "1"), ("1", "1"))) is Outcome.REPLACED
    assert sync.update(delta(12, checksum=right))[0] is Outcome.APPLIED
    assert sync.update(delta(13, [("3", "1")]))[0] is Outcome.APPLIED, "an update may come without one"


def test_a_checksum_among_the_waiting_is_compared_too() -> None:
    sync = BookSync(RULES["checksum"])
    sync.update(delta(11, [("2", "1")], checksum=1))
    sync.update(delta(12, [("3", "1")]))
    assert sync.load(snapshot(10, ("1", "1"))) is Outcome.BROKEN
    assert not sync.is_live
    sync = BookSync(RULES["checksum"])
    sync.update(delta(11, [("2", "1")], checksum=crc32(b"2:1|1:1")))
    assert sync.load(snapshot(10, ("1", "1"))) is Outcome.REPLACED


def test_a_truncated_book_tells_what_falls_off_its_end() -> None:
    """The exchange says no more of it, so whoever kept it would keep it for ever."""
    sync = BookSync(BookRule(follows=by_ids, snapshot=fetched, truncate=2))
    sync.load(snapshot(10, ("1", "1"), ("2", "1"), ("3", "1")))
    assert sync.whole().bids == [("3", "1"), ("2", "1")]
    outcome, record = sync.update(delta(11, [("4", "1"), ("1.5", "9")]))
    assert outcome is Outcome.APPLIED
    assert record is not None
    assert sorted(record.bids) == [("1.5", "0"), ("2", "0"), ("4", "1")]
    assert sync.whole().bids == [("4", "1"), ("3", "1")]


def test_a_flood_of_updates_waits_within_bounds_and_then_needs_a_newer_snapshot() -> None:
    def blind(previous: int, update: BookDelta, _: bool) -> Continuity:
        return Continuity.IGNORE if update.last <= previous else Continuity.APPLY

    sync = BookSync(BookRule(follows=blind, snapshot=fetched))
    for number in range(1, BUFFER + 11):
        sync.update(delta(number, [(str(number), "1")]))
    assert len(sync._buffer) == BUFFER
    assert sync.load(snapshot(9)) is Outcome.BROKEN, "number 10 is lost, though this rule cannot see it"
    assert sync.load(snapshot(0)) is Outcome.BROKEN
    assert sync.load(snapshot(10, *((str(n), "1") for n in range(1, 11)))) is Outcome.REPLACED
    assert len(sync.whole().bids) == BUFFER + 10
    for number in range(BUFFER + 11, BUFFER + 15):
        assert sync.update(delta(number))[0] is Outcome.APPLIED


def test_a_restart_makes_up_for_what_had_to_make_room() -> None:
    sync = BookSync(RULES["ids"])
    for number in range(2, BUFFER + 5):
        sync.update(delta(number))
    sync.update(delta(1))
    assert sync.load(snapshot(1)) is Outcome.REPLACED


def test_the_rule_is_told_whether_anything_was_applied_since_the_snapshot() -> None:
    told = []

    def follows(previous: int, update: BookDelta, fresh: bool) -> Continuity:
        told.append((previous, update.last, fresh))
        return Continuity.IGNORE if update.last <= previous else Continuity.APPLY

    sync = BookSync(BookRule(follows=follows, snapshot=fetched))
    sync.load(snapshot(10))
    for number in (9, 11, 12):
        sync.update(delta(number))
    assert told == [(10, 9, True), (10, 11, True), (11, 12, False)]
