"""The mock exchange's markets: a random walk that the same seed repeats."""

import random
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

KEPT: Final = 1000
"""Trades remembered of one symbol."""
_KNOWN: Final = (("BTC", "60000.00"), ("ETH", "3000.00"), ("SOL", "150.00"))
_TICK: Final = Decimal("0.01")
_DEPTH: Final = 20
_MOVES: Final = 0.25

Level = tuple[str, str]
Numbers = Callable[[str], int]
"""Gives the next number of a stream."""


class Market:
    """
    One symbol. Each method makes one datum, as it goes over the wire.

    Args:
        base: what is traded, in capitals.
        price: where the walk begins.
        rng: draws every step.
        now: microseconds since 1970.
        number: gives streams their numbers.
    """

    def __init__(self, base: str, price: str, rng: random.Random, now: Callable[[], int], number: Numbers) -> None:
        self.base = base
        self.symbol = f"{base}-USDT"
        self.native = f"{base.lower()}_usdt"
        self.trades: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._price = self._open = self._high = self._low = Decimal(price)
        self._volume = Decimal(0)
        self._rng = rng
        self._now = now
        self._number = number
        self._last = 0
        self._bids = {price: self._size() for price in self._ladder(-1)[:_DEPTH]}
        self._asks = {price: self._size() for price in self._ladder(1)[:_DEPTH]}

    def instrument(self) -> dict[str, str]:
        """Return what ``/symbols`` tells."""
        sizes = {"tick_size": "0.01", "lot_size": "0.0001"}
        names = {"symbol": self.symbol, "native": self.native, "base": self.base, "quote": "USDT"}
        return names | sizes | {"status": "trading"}

    def trade(
        self, *, price: str | None = None, size: str | None = None, side: str | None = None
    ) -> dict[str, Any]:
        """Trade, at the walk's next price if none is given."""
        self._price = Decimal(price) if price is not None else self._next_price()
        self._high, self._low = max(self._high, self._price), min(self._low, self._price)
        size = size if size is not None else self._size()
        self._volume += Decimal(size)
        trade = {
            "id": self._number(f"trades.{self.native}"),
            "price": str(self._price),
            "size": size,
            "side": side if side is not None else self._rng.choice(("buy", "sell")),
            "ts": self._now(),
        }
        self.trades.append(trade)
        return trade

    def quote(self) -> dict[str, Any]:
        """Return the best bid and ask around the price."""
        return {
            "bid": str(self._price - _TICK),
            "bid_size": self._size(),
            "ask": str(self._price + _TICK),
            "ask_size": self._size(),
            "seq": self._number(f"quotes.{self.native}"),
            "ts": self._now(),
        }

    def ticker(self) -> dict[str, Any]:
        """Return the day's statistics."""
        return {
            "last": str(self._price),
            "open": str(self._open),
            "high": str(self._high),
            "low": str(self._low),
            "volume": str(self._volume),
            "ts": self._now(),
        }

    def book(self) -> dict[str, Any]:
        """Return the whole book."""
        bids = sorted(self._bids.items(), key=_price, reverse=True)
        asks = sorted(self._asks.items(), key=_price)
        return {"bids": bids, "asks": asks, "last": self._last, "ts": self._now()}

    def book_update(self) -> dict[str, Any]:
        """Change a level of each side; sometimes one goes and another comes."""
        changed = {"bids": list(self._changes(self._bids, -1)), "asks": list(self._changes(self._asks, 1))}
        self._last = self._number(f"book.{self.native}")
        return changed | {"previous": self._last - 1, "last": self._last, "ts": self._now()}

    def _changes(self, side: dict[str, str], away: int) -> Iterator[Level]:
        """Change one level, or remove one and add another: sides keep their depth and never cross."""
        level = self._rng.choice(tuple(side))
        if self._rng.random() < _MOVES:
            free = [price for price in self._ladder(away) if price not in side]
            del side[level]
            yield level, "0"
            level = self._rng.choice(free)
        side[level] = self._size()
        yield level, side[level]

    def _ladder(self, away: int) -> list[str]:
        """Return the prices a side may have, best first."""
        return [str(self._open + _TICK * step * away) for step in range(1, 2 * _DEPTH + 1)]

    def _next_price(self) -> Decimal:
        return max(_TICK * 10, self._price + _TICK * self._rng.randint(-5, 5))

    def _size(self) -> str:
        return str(Decimal(self._rng.randint(1, 50_000)).scaleb(-4))


def _price(level: Level) -> Decimal:
    return Decimal(level[0])


def markets(more: int, rng: random.Random, now: Callable[[], int], number: Numbers) -> Iterator[Market]:
    """Make the known markets and ``more`` of them: ``SYM001-USDT`` and on."""
    made = ((f"SYM{position:03}", "10.00") for position in range(1, more + 1))
    for base, price in (*_KNOWN, *made):
        yield Market(base, price, rng, now, number)
