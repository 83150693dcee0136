"""
One order book: both sides keyed by the price's own text, best first on demand.

A price keeps the spelling the exchange gave it and is compared as a number only
for order, so nothing is rounded and applying an update is a dictionary write.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.model.market import Level

ZERO: Final = "0"
_BEGINNINGS_OF_ZERO: Final = frozenset({"0", "."})
_Key = tuple[float, str]


def is_zero(size: str) -> bool:
    """Whether ``size`` is a spelling of nought, such as ``0.00000000``, ``.0`` or ``0E-8``."""
    if size[:1] not in _BEGINNINGS_OF_ZERO:
        return False
    rest = size.strip("0.")
    return not rest or rest[0] in "eE"


def normal(levels: Sequence[Level]) -> list[Level]:
    """Return ``levels`` with every nought spelled ``"0"``."""
    try:
        # The quickest test there is, and this is done for every level of every update.
        return [level if float(level[1]) else (level[0], ZERO) for level in levels]
    except ValueError:  # one of them is no number, whatever it may mean
        return [(level[0], ZERO) if is_zero(level[1]) else level for level in levels]


class Ladder:
    """
    One side of a book.

    Args:
        sign: -1 where the highest price is best (bids), 1 where the lowest is.
    """

    __slots__ = ("_order", "_sign", "sizes")

    def __init__(self, sign: int) -> None:
        self.sizes: dict[str, str] = {}
        self._sign = sign
        self._order: list[_Key] | None = None

    def replace(self, levels: Iterable[Level]) -> None:
        """Start anew with ``levels``."""
        self.sizes = {price: size for price, size in levels if not is_zero(size)}
        self._order = None

    def apply(self, levels: Sequence[Level]) -> list[Level]:
        """Set each level, and remove those whose size is nought; return them with every nought spelled ``"0"``."""
        if self._order is not None:
            return self._apply_in_order(levels, self._order)
        sizes, told = self.sizes, list(levels)
        try:
            for place, (price, size) in enumerate(levels):
                if float(size):
                    sizes[price] = size
                else:
                    sizes.pop(price, None)
                    told[place] = (price, ZERO)
        except ValueError:  # a size that is no number; what was applied may be applied again
            return self._apply_in_order(levels, self._ordered())
        return told

    def _apply_in_order(self, levels: Sequence[Level], order: list[_Key]) -> list[Level]:
        sizes, told = self.sizes, normal(levels)
        for price, size in told:
            if size == ZERO:
                if sizes.pop(price, None) is not None:
                    del order[bisect_left(order, self._key(price))]
            else:
                if price not in sizes:
                    insort(order, self._key(price))
                sizes[price] = size
        return told

    def top(self, depth: int | None = None) -> list[Level]:
        """
        Return the best ``depth`` levels, or all.

        Whoever asks for a depth asks again: the order is kept from then on. The whole
        is for those who join, and keeping an order costs more than the rest of an update.
        """
        keys = (self._order or self._sorted()) if depth is None else self._ordered()[:depth]
        return [(price, self.sizes[price]) for _, price in keys]

    def truncate(self, depth: int) -> list[str]:
        """Forget everything beyond the best ``depth`` levels; return the prices that are gone."""
        if len(self.sizes) <= depth:
            return []
        order = self._ordered()
        gone = [price for _, price in order[depth:]]
        del order[depth:]
        for price in gone:
            del self.sizes[price]
        return gone

    def forget_beyond(self, price: float) -> list[str]:
        """Forget every level worse than ``price``; return the prices that are gone."""
        end = self._sign * price
        gone = [one for one in self.sizes if self._sign * float(one) > end]
        for one in gone:
            del self.sizes[one]
        if self._order is not None:
            del self._order[len(self.sizes) :]
        return gone

    def _ordered(self) -> list[_Key]:
        if self._order is None:
            self._order = self._sorted()
        return self._order

    def _sorted(self) -> list[_Key]:
        return sorted(map(self._key, self.sizes))

    def _key(self, price: str) -> _Key:
        return self._sign * float(price), price


class OrderBook:
    """Both sides of one book. Event-loop only."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = Ladder(-1)
        self.asks = Ladder(1)

    def replace(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Start anew with whole sides."""
        self.bids.replace(bids)
        self.asks.replace(asks)

    def apply(self, bids: Sequence[Level], asks: Sequence[Level]) -> tuple[list[Level], list[Level]]:
        """Apply levels, each absolute; return them with every nought spelled ``"0"``."""
        return self.bids.apply(bids), self.asks.apply(asks)

    def top(self, depth: int | None = None) -> tuple[list[Level], list[Level]]:
        """Return the best ``depth`` levels of each side, or all."""
        return self.bids.top(depth), self.asks.top(depth)

    def truncate(self, depth: int) -> tuple[list[str], list[str]]:
        """Keep the best ``depth`` levels of each side; return the prices that are gone."""
        return self.bids.truncate(depth), self.asks.truncate(depth)


def without(levels: list[Level], gone: list[str]) -> list[Level]:
    """Return ``levels`` with those ``gone`` removed, which they need not have been among."""
    if not gone:
        return levels
    return [level for level in levels if level[0] not in gone] + [(price, ZERO) for price in gone]


def difference(before: dict[str, str], after: dict[str, str]) -> list[Level]:
    """Return the levels that turn ``before`` into ``after``."""
    changed = [level for level in after.items() if before.get(level[0]) != level[1]]
    return changed + [(price, ZERO) for price in before.keys() - after.keys()]
