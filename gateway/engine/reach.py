"""
How deep a book is known, and when that is not deep enough any more.

A snapshot with as many levels as it can have ends there: of what lies beyond its
worst level only that is known which has changed since. While the market stays
away from that end nothing is wrong; once it comes near, the best levels would soon
be missing some, so another snapshot is due. What changed beyond the end is
forgotten from time to time: alone it says nothing, and it would pile up.
"""

from collections.abc import Sequence
from math import inf
from typing import Final

from gateway.engine.book import OrderBook
from gateway.model.market import Level
from gateway.spi.books import BookDelta, BookSnapshot

LEFT: Final = 3
"""The market is near the end when no more than one in so many of the snapshot's levels lies between."""
PILED: Final = 2
"""So many times the levels of a snapshot may be there before what is beyond the end is forgotten."""


class Reach:
    """
    How deep one book is known; a price is a number here, since only its order counts.

    Args:
        levels: how many a side of a snapshot has at most.
    """

    def __init__(self, levels: int) -> None:
        self._levels = levels
        self._bids_end, self._asks_end = -inf, inf
        self._bids_near, self._asks_near = -inf, inf
        self._most_bids = self._most_asks = PILED * levels

    def begin(self, snapshot: BookSnapshot) -> None:
        """The book is what ``snapshot`` says."""
        self._bids_end, self._bids_near = self._ends(snapshot.bids, -inf)
        self._asks_end, self._asks_near = self._ends(snapshot.asks, inf)
        self._most_bids = self._most_asks = PILED * self._levels

    def _ends(self, side: Sequence[Level], never: float) -> tuple[float, float]:
        """Return where ``side`` ends, and where that is near; one that is not full is known to its last level."""
        if len(side) < self._levels:
            return never, never
        return float(side[-1][0]), float(side[-1 - len(side) // LEFT][0])

    def is_near(self, delta: BookDelta) -> bool:
        """Whether the market has come near the end: where it is, the other side's levels show, first or last."""
        bids, asks = delta.bids, delta.asks
        if asks and min(float(asks[0][0]), float(asks[-1][0])) <= self._bids_near:
            return True
        return bool(bids) and max(float(bids[0][0]), float(bids[-1][0])) >= self._asks_near

    def covers(self, bids: Sequence[Level], asks: Sequence[Level], depth: int) -> bool:
        """Whether ``bids`` and ``asks`` are the best ``depth`` levels of each side indeed, and all of them."""
        bids_known = len(bids) == depth and float(bids[-1][0]) >= self._bids_end
        asks_known = len(asks) == depth and float(asks[-1][0]) <= self._asks_end
        return (bids_known or self._bids_end == -inf) and (asks_known or self._asks_end == inf)

    def forget(self, book: OrderBook) -> tuple[list[str], list[str]]:
        """Forget what is beyond the end, if much has piled up; return the prices that are gone."""
        if len(book.bids.sizes) <= self._most_bids and len(book.asks.sizes) <= self._most_asks:
            return [], []
        gone = book.bids.forget_beyond(self._bids_end), book.asks.forget_beyond(self._asks_end)
        # What is left is known: more of it than usual is no reason to look again at once.
        self._most_bids = PILED * max(self._levels, len(book.bids.sizes))
        self._most_asks = PILED * max(self._levels, len(book.asks.sizes))
        return gone
