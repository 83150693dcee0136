"""
How a made-up book moves: orders come and go near its best prices, and takers eat into it.

Prices and sizes are whole numbers of steps. A book is never crossed nor empty.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

LEVELS: Final = 40
"""How many levels each side has at least."""
MOST: Final = 5 * LEVELS
"""How many it has at most: whoever bid far from today's price is gone."""
_REACH: Final = 0.1
"""How far the price may stray from where it began before takers push it back."""
_LARGEST: Final = 200
_CONTRACT: Final = 100

Side = dict[int, int]


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade: a resting order of ``size`` was taken at ``price``."""

    price: int
    size: int
    buyer_made: bool


@dataclass(frozen=True, slots=True)
class Move:
    """One change of a book: the level at ``price`` has ``size`` now, or is gone; ``fills`` are what did it."""

    bid: bool
    price: int
    size: int
    tops: bool
    """Whether the best price of its side, or the size there, has changed."""
    fills: tuple[Fill, ...] = ()


class Walk:
    """
    One symbol's book.

    Args:
        random: its own; the same gives the same book.
        price: where it begins.
    """

    def __init__(self, random: Random, price: int) -> None:
        self._random = random
        self._home = price
        self.bids: Side = {price - 1 - n: self._size() for n in range(LEVELS)}
        self.asks: Side = {price + 1 + n: self._size() for n in range(LEVELS)}

    @property
    def bid(self) -> int:
        """The best bid."""
        return max(self.bids)

    @property
    def ask(self) -> int:
        """The best ask."""
        return min(self.asks)

    def moves(self) -> Iterator[Move]:
        """Yield a few changes, each already made."""
        for _ in range(self._random.randint(1, 4)):
            drawn = self._random.random()
            is_bid = self._random.random() < 0.5  # noqa: PLR2004  # either side
            if drawn < 0.3:  # noqa: PLR2004  # how often takers come
                yield from self._take(self._pushed(is_bid))
            elif drawn < 0.4 and self.ask - self.bid > 1:  # noqa: PLR2004  # how often somebody bids better
                yield self._set(is_bid, self.bid + 1 if is_bid else self.ask - 1, self._size())
            else:
                yield self._change(is_bid)
            yield from self._forget()

    def top(self, side: Side, count: int) -> Sequence[tuple[int, int]]:
        """Return the best ``count`` levels of ``side``."""
        return sorted(side.items(), reverse=side is self.bids)[:count]

    def _pushed(self, hits_bid: bool) -> bool:
        """Say which side a taker hits: far from home, the one that leads back."""
        stray = (self.bid - self._home) / self._home
        return stray > 0 if abs(stray) > _REACH else hits_bid

    def _take(self, hits_bid: bool) -> Iterator[Move]:
        price = self.bid if hits_bid else self.ask
        side = self.bids if hits_bid else self.asks
        taken = self._random.randint(1, side[price])
        fills = tuple(Fill(price, size, hits_bid) for size in self._parts(taken))
        yield self._set(hits_bid, price, side[price] - taken, fills)
        yield from self._refill(hits_bid)

    def _parts(self, taken: int) -> Iterator[int]:
        """Cut what was taken into the orders that it was taken from."""
        while taken:
            part = self._random.randint(1, taken)
            taken -= part
            yield part

    def _change(self, is_bid: bool) -> Move:
        side = self.bids if is_bid else self.asks
        away = min(int(self._random.expovariate(0.2)), LEVELS - 1)
        price = self.bid - away if is_bid else self.ask + away
        goes = len(side) > LEVELS and self._random.random() < 0.5  # noqa: PLR2004  # it comes or goes
        return self._set(is_bid, price, 0 if goes and price in side else self._size())

    def _refill(self, is_bid: bool) -> Iterator[Move]:
        side = self.bids if is_bid else self.asks
        while len(side) < LEVELS:
            price = min(side) - 1 if is_bid else max(side) + 1
            yield self._set(is_bid, price, self._size())

    def _forget(self) -> Iterator[Move]:
        if len(self.bids) > MOST:
            yield self._set(True, min(self.bids), 0)
        if len(self.asks) > MOST:
            yield self._set(False, max(self.asks), 0)

    def _set(self, is_bid: bool, price: int, size: int, fills: tuple[Fill, ...] = ()) -> Move:
        side, best = (self.bids, self.bid) if is_bid else (self.asks, self.ask)
        tops = (price >= best if is_bid else price <= best) and side.get(price, 0) != size
        if size:
            side[price] = size
        else:
            side.pop(price, None)
        return Move(is_bid, price, size, tops, fills)

    def _size(self) -> int:
        return self._random.randint(1, _LARGEST) * (1 if self._random.random() < 0.7 else _CONTRACT)  # noqa: PLR2004
