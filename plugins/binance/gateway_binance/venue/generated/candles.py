"""Candles: which stretch of time one covers, and what trades make of it."""

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from gateway_binance.venue.history import Trade
from gateway_binance.venue.listing import Listed

_UNITS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_MONDAY: Final = 345_600_000
"""The first Monday since 1970, with which weeks begin."""
INTERVALS: Final = (
    *("1s", "1m", "3m", "5m", "15m", "30m"),
    *("1h", "2h", "4h", "6h", "8h", "12h"),
    *("1d", "3d", "1w", "1M"),
)


def stretch(interval: str, at: int) -> tuple[int, int]:
    """Return the first and last millisecond of the candle of ``interval`` in which ``at`` lies."""
    if interval == "1M":
        day = dt.datetime.fromtimestamp(at / 1000, dt.UTC)
        first = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = (first + dt.timedelta(days=32)).replace(day=1)
        return int(first.timestamp()) * 1000, int(following.timestamp()) * 1000 - 1
    length = int(interval[:-1]) * _UNITS[interval[-1]]
    start = at - (at - (_MONDAY if interval == "1w" else 0)) % length
    return start, start + length - 1


class Candle:
    """One candle. Where nothing was traded it stands at the ``price`` before it."""

    def __init__(self, listed: Listed, start: int, end: int, price: Decimal) -> None:
        self._worth = listed.worth
        self.start, self.end = start, end
        self.open = self.high = self.low = self.close = price
        self.volume = self.quote_volume = self.taken = self.quote_taken = Decimal(0)
        self.first = self.last = -1
        self.count = 0

    def take(self, trade: Trade) -> None:
        """Count ``trade`` in."""
        price, size = Decimal(trade.price), Decimal(trade.size)
        if not self.count:
            self.open = self.high = self.low = price
            self.first = trade.id
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume += size
        self.quote_volume += self._worth(price, size)
        if not trade.buyer_made:
            self.taken += size
            self.quote_taken += self._worth(price, size)
        self.last = trade.id
        self.count += 1

    def row(self) -> list[Any]:
        """Return it as REST tells it."""
        prices = [f"{one:f}" for one in (self.open, self.high, self.low, self.close, self.volume)]
        ends = [f"{self.taken:f}", f"{self.quote_taken:.8f}"]
        return [self.start, *prices, self.end, f"{self.quote_volume:.8f}", self.count, *ends, "0"]

    def body(self, interval: str, *, closed: bool) -> dict[str, Any]:
        """Return what streams say of it, but for its symbol."""
        return {
            "t": self.start,
            "T": self.end,
            "i": interval,
            "f": self.first,
            "L": self.last,
            "o": f"{self.open:f}",
            "c": f"{self.close:f}",
            "h": f"{self.high:f}",
            "l": f"{self.low:f}",
            "v": f"{self.volume:f}",
            "n": self.count,
            "x": closed,
            "q": f"{self.quote_volume:.8f}",
            "V": f"{self.taken:f}",
            "Q": f"{self.quote_taken:.8f}",
            "B": "0",
        }


class Candles:
    """The candles of one interval, made of trades in their order."""

    def __init__(self, listed: Listed, interval: str, trades: Iterable[Trade] = ()) -> None:
        self._listed = listed
        self._interval = interval
        self.rows: list[Candle] = []
        for trade in trades:
            self.take(trade)
        self._told = max(0, len(self.rows) - 1)

    def take(self, trade: Trade) -> None:
        """Count ``trade`` in."""
        self.reach(trade.at, Decimal(trade.price))
        self.rows[-1].take(trade)

    def reach(self, at: int, price: Decimal) -> None:
        """Let time pass until ``at``; a candle that begins stands at the close before it, or else at ``price``."""
        if not self.rows or at > self.rows[-1].end:
            before = self.rows[-1].close if self.rows else price
            self.rows.append(Candle(self._listed, *stretch(self._interval, at), before))

    def news(self) -> Iterator[tuple[Candle, bool]]:
        """Yield the candles that ended since the last time, and the one that has not; and whether each has."""
        for row in self.rows[self._told : -1]:
            yield row, True
        yield self.rows[-1], False
        self._told = len(self.rows) - 1
