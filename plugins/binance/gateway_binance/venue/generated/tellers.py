"""What each stream of a made-up symbol says when it is its turn: changes gathered since, or how things stand."""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import partial
from typing import Final, Protocol

from gateway_binance.venue.generated import payloads
from gateway_binance.venue.generated.candles import INTERVALS, Candles
from gateway_binance.venue.generated.paces import Gathered
from gateway_binance.venue.generated.walk import Move
from gateway_binance.venue.history import Day, History, Mark, Quote, Trade
from gateway_binance.venue.listing import Listed

Payload = payloads.Payload
Levels = payloads.Levels
_ROLLING: Final = ("1h", "4h", "1d")
_BLOCK: Final = 1_000_000
"""Steps of the size that a block has."""
_EVENTS: Final = {
    "continuousKline": "continuous_kline",
    "indexPriceKline": "indexPrice_kline",
    "markPriceKline": "markPrice_kline",
}
"""What events of candles are called, by the names of their streams."""


class Subject(Protocol):
    """The symbol that is told of."""

    listed: Listed
    history: History
    day: Day
    number: int

    @property
    def quote(self) -> Quote:
        """The best bid and ask."""

    @property
    def mark(self) -> Mark:
        """The mark price."""

    def best(self, count: int) -> tuple[Levels, Levels]:
        """Return the best levels of each side."""

    def written(self, gathered: Gathered) -> tuple[Levels, Levels]:
        """Return the levels that were gathered, as they are written."""


class Tellers:
    """
    The streams with a pace of one symbol.

    Args:
        subject: which.
    """

    def __init__(self, subject: Subject) -> None:
        self._of = subject
        self._gathered: dict[str, Gathered] = {}
        self._candles: dict[str, Candles] = {}
        self._blocks = 0
        self._pieces = self._plain()

    def begin(self, kinds: AbstractSet[str], settled: int) -> None:
        """Gather changes for those of ``kinds`` that tell them, from the change called ``settled`` on."""
        for kind in kinds - self._gathered.keys():
            if kind.startswith(("depth", "rpiDepth")):
                self._gathered[kind] = Gathered(settled)
        for kind in self._gathered.keys() - kinds:
            del self._gathered[kind]

    def moved(self, move: Move) -> None:
        """Gather a change."""
        for gathered in self._gathered.values():
            gathered.add(move, self._of.number)

    def traded(self, trade: Trade) -> None:
        """Count a trade into the candles."""
        for candles in self._candles.values():
            candles.take(trade)

    def due(self, kind: str, at: int) -> Iterator[Payload]:
        """Yield what the stream that tells ``kind`` says now."""
        name = kind.partition("@")[0]
        if name in {"depth", "rpiDepth"}:
            yield from self._changes(self._gathered[kind], at)
        elif name.startswith("depth"):
            yield self._best(self._gathered[kind], int(name.removeprefix("depth")), at)
        elif "line_" in name:
            yield from self._candle(name, at)
        elif name in self._pieces:
            yield self._pieces[name](at)

    def _plain(self) -> dict[str, Callable[[int], Payload]]:
        of, one = self._of, self._of.listed
        both: dict[str, Callable[[int], Payload]] = {
            "miniTicker": lambda at: payloads.mini(one, of.day, at),
            "ticker": self._ticker,
        }
        if one.market.is_futures:
            both["markPrice"] = lambda at: payloads.mark(one, of.mark, at)
            both["indexPrice"] = lambda at: payloads.index_price(one, of.mark, at)
            return both
        both["blockTrade"] = self._block
        both["avgPrice"] = lambda at: payloads.average(one, self._last(), at)
        both["referencePrice"] = lambda at: payloads.reference(one, self._last(), at)
        return {**both, **{f"ticker_{span}": partial(self._ticker, window=span) for span in _ROLLING}}

    def _ticker(self, at: int, window: str = "24hr") -> Payload:
        return payloads.ticker(self._of.listed, self._of.day, self._of.quote, at, window)

    def _block(self, at: int) -> Payload:
        """Tell of many at once that changed hands beside the book."""
        self._blocks += 1
        one = self._of.listed
        size = one.amount(one.step * _BLOCK)
        return payloads.block(one, Trade(self._blocks, self._of.quote.bid, size, at, self._blocks % 2 == 0))

    def _changes(self, gathered: Gathered, at: int) -> Iterator[Payload]:
        if not gathered.last:
            return
        ids = gathered.previous + 1, gathered.last, gathered.previous
        yield payloads.depth(self._of.listed, ids, *self._of.written(gathered), at)
        gathered.told()

    def _best(self, before: Gathered, count: int, at: int) -> Payload:
        number = self._of.number
        ids = min(before.previous + 1, number), number, before.previous
        before.previous = number
        return payloads.partial_depth(self._of.listed, ids, *self._of.best(count), at)

    def _candle(self, name: str, at: int) -> Iterator[Payload]:
        kind, _, interval = name.rpartition("_")
        if interval not in INTERVALS:
            return
        of = self._of
        candles = self._candles.get(interval)
        if candles is None:
            candles = self._candles[interval] = Candles(of.listed, interval, of.history.prices())
        candles.reach(at, Decimal(self._last()))
        for candle, closed in candles.news():
            body = candle.body(interval, closed=closed)
            if kind in _EVENTS:
                yield payloads.pair_kline(_EVENTS[kind], of.listed, body, at)
            else:
                yield payloads.kline(of.listed, body, at)

    def _last(self) -> str:
        return self._of.day.last.price if self._of.day.last else self._of.quote.bid
