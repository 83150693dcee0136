"""A book is known as deep as it is shown, however far the market goes; what lies beyond does not pile up."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers

from gateway.engine.booksync import BUFFER, LOOK, RENEWAL, BookSync, Outcome
from gateway.engine.reach import PILED, Reach
from gateway.model.market import Level
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, Continuity

LEVELS = 90


def follows(previous: int, update: BookDelta, _: bool) -> Continuity:
    if update.last <= previous:
        return Continuity.IGNORE
    return Continuity.APPLY if update.last == previous + 1 else Continuity.GAP


def never() -> Any:
    yield


RULE = BookRule(follows=follows, snapshot=never, reach=LEVELS)
FAR = BookRule(follows=follows, snapshot=never)


class Market:
    """An exchange's book with an order at every price; the market is between ``bid`` and the price above it."""

    def __init__(self, rng: Random, bid: int = 1000) -> None:
        self.rng = rng
        self.bid = bid
        self.last = 0
        self.sizes = {price: self.size() for price in range(1, 2 * bid)}

    def size(self) -> str:
        return str(self.rng.randint(1, 9))

    def move(self, by: int) -> BookDelta:
        """Let the market go ``by`` prices, and tell what has changed, far away too."""
        old, self.bid = self.bid, self.bid + by
        changed = set(range(min(old, self.bid) - 1, max(old, self.bid) + 3))
        changed |= {self.rng.randint(1, len(self.sizes)) for _ in range(5)}
        for price in changed:
            self.sizes[price] = self.size()
        self.last += 1
        crossed_down = [(str(price), "0") for price in changed if self.bid < price <= old]
        crossed_up = [(str(price), "0") for price in changed if old < price <= self.bid]
        bids = [(str(price), self.sizes[price]) for price in changed if price <= self.bid]
        asks = [(str(price), self.sizes[price]) for price in changed if price > self.bid]
        return BookDelta(ordered(bids + crossed_down, -1), ordered(asks + crossed_up, 1), self.last)

    def top(self, depth: int) -> tuple[list[Level], list[Level]]:
        bids = [(str(price), self.sizes[price]) for price in range(self.bid, max(0, self.bid - depth), -1)]
        above = range(self.bid + 1, min(self.bid + 1 + depth, len(self.sizes) + 1))
        return bids, [(str(price), self.sizes[price]) for price in above]

    def snapshot(self, depth: int = LEVELS) -> BookSnapshot:
        return BookSnapshot(*self.top(depth), self.last)


def ordered(levels: list[Level], sign: int) -> list[Level]:
    return sorted(levels, key=lambda level: sign * float(level[0]))


def live(market: Market, rule: BookRule = RULE) -> BookSync:
    sync = BookSync(rule)
    assert sync.load(market.snapshot()) is Outcome.REPLACED
    return sync


@settings(max_examples=30, deadline=None)
@given(seed=integers(0, 10_000), drift=integers(-1, 1))
def test_however_the_market_goes_the_best_levels_are_all_there(seed: int, drift: int) -> None:
    rng = Random(seed)
    market = Market(rng)
    sync = live(market)
    fetched: BookSnapshot | None = None
    renewed = most = 0
    for number in range(900):
        outcome, _ = sync.update(market.move(drift * (number % 2) if rng.random() < 0.9 else rng.randint(-1, 1)))
        assert outcome is Outcome.APPLIED
        assert sync.book.top(5) == market.top(5)
        most = max(most, len(sync.book.bids.sizes), len(sync.book.asks.sizes))
        if sync.needs_snapshot and fetched is None:
            fetched = market.snapshot()
        elif fetched is not None and number % 3 == 0:
            assert sync.load(fetched) is Outcome.REPLACED
            renewed, fetched = renewed + 1, None
    assert renewed > 3 or not drift
    assert most <= PILED * LEVELS + 20 * LOOK


def test_without_a_reach_levels_would_be_missing() -> None:
    """So that the test above shows something."""
    market = Market(Random(1))
    sync = live(market, FAR)
    for _ in range(200):
        sync.update(market.move(-1))
    assert not sync.is_worn
    assert sync.book.top(5) != market.top(5)


def test_a_side_that_is_not_full_is_known_to_its_end() -> None:
    market = Market(Random(1), bid=20)
    sync = live(market)
    for _ in range(18):
        sync.update(market.move(-1))
        assert (sync.is_worn, sync.needs_snapshot) == (False, False)
    assert sync.book.top(5) == market.top(5)


def worn(market: Market) -> BookSync:
    sync = live(market)
    while not sync.is_worn:
        sync.update(market.move(-1))
    return sync


def test_a_worn_book_is_served_until_a_snapshot_joins() -> None:
    market = Market(Random(1))
    sync = worn(market)
    old = BookSnapshot([("1", "1")], [("2", "1")], market.last - LOOK)
    assert sync.load(old) is Outcome.BROKEN
    assert (sync.is_live, sync.is_worn, sync.seq) == (True, True, market.last)
    early = market.snapshot()
    for _ in range(3):
        assert sync.update(market.move(0))[0] is Outcome.APPLIED
    assert sync.load(early) is Outcome.REPLACED
    assert (sync.is_live, sync.is_worn, sync.seq) == (True, False, market.last)
    assert sync.book.top(20) == market.top(20)
    assert sync.whole().seq == market.last


def test_a_snapshot_of_the_future_is_joined_by_what_comes_then() -> None:
    market = Market(Random(1))
    sync = worn(market)
    late = [market.move(0) for _ in range(2)]
    assert sync.load(market.snapshot()) is Outcome.REPLACED
    assert (sync.seq, sync.update(late[0])[0]) == (market.last, Outcome.WAITING)
    assert sync.update(market.move(0))[0] is Outcome.APPLIED


def test_a_worn_book_that_breaks_is_broken_as_any() -> None:
    market = Market(Random(1))
    sync = worn(market)
    market.move(0)
    assert sync.update(market.move(0))[0] is Outcome.BROKEN
    assert (sync.is_live, sync.is_worn, sync.needs_snapshot) == (False, False, True)
    assert sync.load(market.snapshot()) is Outcome.REPLACED
    assert sync._buffer.maxlen == BUFFER


def test_of_what_waits_for_a_renewal_only_so_much_is_kept_and_then_the_snapshot_must_be_newer() -> None:
    market = Market(Random(1))
    sync = worn(market)
    early = market.snapshot()
    for _ in range(RENEWAL + 5):
        sync.update(market.move(0))
    assert len(sync._buffer) == RENEWAL
    assert sync.load(early) is Outcome.BROKEN
    assert (sync.is_live, sync.is_worn) == (True, True)
    assert sync.load(market.snapshot()) is Outcome.REPLACED
    assert sync.book.top(20) == market.top(20)


def test_a_snapshot_that_is_behind_the_book_does_not_take_it_back() -> None:
    market = Market(Random(1))
    sync = worn(market)
    sync._buffer.clear()
    behind = BookSnapshot(*market.top(LEVELS), market.last - 1)
    assert sync.load(behind) is Outcome.BROKEN
    assert (sync.seq, sync.is_worn) == (market.last, True)


def test_what_is_forgotten_is_told() -> None:
    market = Market(Random(1))
    sync = live(market)
    told = dict(market.snapshot().bids), dict(market.snapshot().asks)
    for _ in range(600):
        _, change = sync.update(market.move(0))
        assert change is not None
        for side, levels in zip(told, (change.bids, change.asks), strict=True):
            side.update(levels)
            for price, size in levels:
                if size == "0":
                    del side[price]
        assert told == (sync.book.bids.sizes, sync.book.asks.sizes)
    assert len(told[0]) <= PILED * LEVELS + 5 * LOOK


@pytest.mark.parametrize("is_ordered", [True, False])
def test_what_is_beyond_the_end_is_forgotten_whether_an_order_is_kept_or_not(is_ordered: bool) -> None:
    market = Market(Random(1))
    sync = live(market)
    if is_ordered:
        sync.book.top(1)
    reach = Reach(2)
    reach.begin(BookSnapshot(sync.book.bids.top()[:2], sync.book.asks.top()[:2], 1))
    bids, asks = reach.forget(sync.book)
    assert (len(bids), len(asks)) == (LEVELS - 2, LEVELS - 2)
    assert sync.book.top() == market.top(2)
    assert sync.book.top(5) == market.top(2)
    assert reach.forget(sync.book) == ([], [])


def test_many_known_levels_are_not_looked_at_again_and_again() -> None:
    market = Market(Random(1))
    sync = live(market)
    reach = Reach(2)
    reach.begin(BookSnapshot([("1", "1"), ("1", "1")], [("5000", "1"), ("5000", "1")], 1))
    assert reach.forget(sync.book) == ([], [])
    assert (reach._most_bids, reach._most_asks) == (PILED * LEVELS, PILED * LEVELS)


@pytest.mark.parametrize(
    ("delta", "near"),
    [
        (BookDelta([], [], 1), False),
        (BookDelta([], [("83", "1")], 1), True),
        (BookDelta([], [("83", "0")], 1), True),
        (BookDelta([], [("84", "1"), ("90", "1")], 1), False),
        (BookDelta([], [("120", "1"), ("79", "1")], 1), True),
        (BookDelta([("117", "1"), ("3", "1")], [], 1), True),
        (BookDelta([("3", "1"), ("121", "1")], [], 1), True),
        (BookDelta([("116", "1")], [("84", "1")], 1), False),
    ],
)
def test_where_the_market_is_the_other_sides_levels_show(delta: BookDelta, near: bool) -> None:
    reach = Reach(25)
    bids = [(str(price), "1") for price in range(99, 74, -1)]
    asks = [(str(price), "1") for price in range(101, 126)]
    reach.begin(BookSnapshot(bids, asks, 1))
    assert reach.is_near(delta) is near
