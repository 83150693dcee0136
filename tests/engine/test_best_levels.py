"""The best levels of a book are told only where every one of them is known."""

from random import Random

import pytest

from gateway.engine.booksync import BookSync
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, Continuity


def follows(previous: int, update: BookDelta, _: bool) -> Continuity:
    return Continuity.APPLY if update.last == previous + 1 else Continuity.GAP


def never():
    yield


def book(levels: int, *, reach: int | None = None, truncate: int | None = None) -> BookSync:
    """A book around 100.5 with an order at every price, of which a snapshot showed so many."""
    sync = BookSync(BookRule(follows=follows, snapshot=never, reach=reach, truncate=truncate))
    bids = [(str(100 - at), "1") for at in range(levels)]
    asks = [(str(101 + at), "1") for at in range(levels)]
    sync.load(BookSnapshot(bids, asks, 7, ts=70))
    return sync


def prices(found: BookSnapshot | None) -> tuple[list[str], list[str]] | None:
    return None if found is None else ([one for one, _ in found.bids], [one for one, _ in found.asks])


def test_they_are_those_of_the_last_update():
    sync = book(5, reach=5)
    assert prices(sync.best(2)) == (["100", "99"], ["101", "102"])
    sync.update(BookDelta([("100", "0")], [("100", "3")], 8, ts=80))
    found = sync.best(2)
    assert prices(found) == (["99", "98"], ["100", "101"])
    assert (found.last, found.ts) == (8, 80)


def test_a_book_that_is_not_right_has_none():
    sync = book(5)
    sync.update(BookDelta([], [], 9))
    assert sync.best(1) is None


@pytest.mark.parametrize(
    ("change", "depth"),
    [
        (BookDelta([("100", "0")], [], 8), 5),
        (BookDelta([], [("101", "0")], 8), 5),
        # What came beyond the end is known, but not what lies before it.
        (BookDelta([("100", "0"), ("90", "1")], [], 8), 5),
        (BookDelta([], [("101", "0"), ("120", "1")], 8), 5),
        (BookDelta([], [], 8), 6),
    ],
)
def test_where_one_of_them_may_be_unknown_there_are_none(change: BookDelta, depth: int):
    sync = book(5, reach=5)
    sync.update(change)
    assert sync.best(depth) is None
    assert sync.best(depth - 1) is not None


def test_a_side_that_ended_in_the_snapshot_is_known_however_deep():
    sync = book(5, reach=6)
    assert prices(sync.best(50)) == (["100", "99", "98", "97", "96"], ["101", "102", "103", "104", "105"])
    sync.update(BookDelta([("100", "0")], [("150", "1")], 8))
    assert prices(sync.best(50)) == (["99", "98", "97", "96"], ["101", "102", "103", "104", "105", "150"])


def test_a_book_without_a_reach_is_all_there_is():
    assert prices(book(2).best(50)) == (["100", "99"], ["101", "102"])


def test_of_a_book_that_is_cut_no_more_is_known_than_is_kept():
    sync = book(5, truncate=3)
    assert prices(sync.best(3)) == (["100", "99", "98"], ["101", "102", "103"])
    assert sync.best(4) is None


def test_asking_once_does_not_have_an_order_kept():
    """It would cost more than all else of each update."""
    sync = book(5)
    sync.best(2)
    assert sync.book.bids._order is None


@pytest.mark.parametrize("seed", range(20))
def test_however_the_market_goes_they_are_the_markets(seed: int):
    rng = Random(seed)
    sizes = {price: str(rng.randint(1, 9)) for price in range(1, 200)}
    sync = BookSync(BookRule(follows=follows, snapshot=never, reach=30))
    market, told = 100, 0

    def top(depth: int):
        bids = [(str(one), sizes[one]) for one in range(market, market - depth, -1)]
        return bids, [(str(one), sizes[one]) for one in range(market + 1, market + 1 + depth)]

    sync.load(BookSnapshot(*top(30), 0))
    for number in range(1, 60):
        before, market = market, market + rng.randint(-2, 2)
        changed = {rng.randint(1, 199) for _ in range(4)} | set(
            range(min(before, market), max(before, market) + 2)
        )
        sizes.update({one: str(rng.randint(1, 9)) for one in changed})
        bids = [(str(one), sizes[one] if one <= market else "0") for one in changed]
        asks = [(str(one), sizes[one] if one > market else "0") for one in changed]
        sync.update(BookDelta(bids, asks, number))
        depth = rng.randint(1, 30)
        if (found := sync.best(depth)) is not None:
            told += 1
            assert (found.bids, found.asks) == top(depth)
    assert told
