"""
How often each stream of a made-up market speaks, and what of a book's changes a slower one gathers meanwhile.

Time goes in ticks of a twentieth of a second.
"""

from typing import Final

from gateway_binance.venue.generated.walk import Move
from gateway_binance.venue.hosts import Market

TICKS: Final = 20
"""Ticks in a second at the real pace."""
_PER_MS: Final = TICKS / 1000

_SPOT: Final = (
    ("kline_1s", 1000),
    ("kline_", 2000),
    ("blockTrade", 10_000),
)
"""Milliseconds by the beginnings of names, the first that fits; the rest speaks once a second."""
_FUTURES: Final = (
    *(("kline_", 250), ("continuousKline_", 250), ("indexPriceKline_", 250), ("markPriceKline_", 250)),
    *(("markPrice", 3000), ("!markPrice", 3000), ("indexPrice", 3000)),
    ("depth", 250),
    ("!", 1000),
)
_OWN: Final = {
    Market.SPOT: (),
    Market.USDM: (("!bookTicker", 5000), ("ticker", 2000), ("miniTicker", 2000)),
    Market.COINM: (("!bookTicker", 50), ("ticker", 500), ("miniTicker", 500)),
}
_SECOND: Final = 1000


def period(market: Market, kind: str) -> int:
    """Return every how many ticks the stream that tells ``kind`` speaks."""
    name, _, pace = kind.partition("@")
    if pace.endswith("ms") and pace[:-2].isdecimal():
        milliseconds = int(pace[:-2])
    elif pace.endswith("1s"):
        milliseconds = _SECOND
    else:
        rows = (*_OWN[market], *(_FUTURES if market.is_futures else _SPOT))
        milliseconds = next((every for start, every in rows if name.startswith(start)), _SECOND)
    return max(1, round(milliseconds * _PER_MS))


class Gathered:
    """What has changed of a book since one stream last spoke of it: ``first`` and ``last`` are ids."""

    def __init__(self, last: int) -> None:
        self.previous = last
        self.first = self.last = 0
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def add(self, move: Move, number: int) -> None:
        """Take a change with its id."""
        self.first = self.first or number
        self.last = number
        side = self.bids if move.bid else self.asks
        side[move.price] = move.size

    def told(self) -> None:
        """Begin anew: the stream has spoken."""
        if self.last:
            self.previous = self.last
        self.first = self.last = 0
        self.bids, self.asks = {}, {}
