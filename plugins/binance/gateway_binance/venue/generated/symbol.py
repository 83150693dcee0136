"""One made-up symbol: its book moves, its trades happen, and each of its streams is told what is due."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, Final

import orjson

from gateway_binance.venue.events import BookReply, Event
from gateway_binance.venue.generated import payloads
from gateway_binance.venue.generated.candles import INTERVALS, Candles
from gateway_binance.venue.generated.paces import Gathered, period
from gateway_binance.venue.generated.walk import Move, Walk
from gateway_binance.venue.history import Aggregate, Day, History, Mark, Quote, Trade
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.streams import symbol_of

_SKIPPED: Final = 20
"""How many ids at most pass between two changes of a futures book, whose numbers all books share."""
_FUNDING: Final = 8 * 3_600_000
_RATE: Final = "0.00010000"
_FIRST: Final = {Market.SPOT: 1_000_000, Market.USDM: 5_000_000_000, Market.COINM: 7_000_000_000}
_LIQUIDATED: Final = 0.002
_ROLLING: Final = ("1h", "4h", "1d")


class Symbol:
    """
    A symbol and all that is known of it.

    Args:
        listed: what it is.
        random: its own; the same makes the same symbol.
        price: where it begins, in ticks of its own.
        every: in how many ticks of time it moves once.
    """

    def __init__(self, listed: Listed, random: Random, price: int, every: int = 1) -> None:
        self._every, self._turn = every, random.randrange(every)
        self.listed = listed
        self.history = History()
        self.day = Day(listed)
        self.number = _FIRST[listed.market]
        """The id of the book's newest change, or one that REST was told after it."""
        self._settled = self.number
        """The id of the newest change of the tick before."""
        self._random = random
        self._walk = Walk(random, price)
        self._traded = self._aggregated = 0
        self._gathered: dict[str, Gathered] = {}
        self._candles: dict[str, Candles] = {}
        self._tellers = self._pieces()
        self._at = 0

    # --- what REST asks

    def book(self, limit: int) -> BookReply:
        """Return the best ``limit`` levels of each side; of futures at an id that no change has."""
        if self.listed.market.is_futures:
            self.number += 1
        bids, asks = (self._levels(dict(self._walk.top(side, limit))) for side in self._sides())
        return BookReply(self.number, bids, asks)

    @property
    def quote(self) -> Quote:
        """The best bid and ask."""
        bid, ask = self._walk.bid, self._walk.ask
        return Quote(
            self._price(bid), self._size(self._walk.bids[bid]), self._price(ask), self._size(self._walk.asks[ask])
        )

    @property
    def mark(self) -> Mark:
        """The mark price: the middle of the book, which follows its index."""
        middle = (Decimal(self.quote.bid) + Decimal(self.quote.ask)) / 2
        price = f"{middle:.8f}"
        return Mark(price, price, price, _RATE, (self._at // _FUNDING + 1) * _FUNDING)

    # --- time

    def tick(self, number: int, at: int, wanted: Mapping[str, str]) -> Iterator[Event]:
        """
        Let a tick pass, the ``number``-th, at ``at`` milliseconds since 1970.

        ``wanted`` are the kinds of what somebody asked for, each with its stream's name.
        """
        self._at = at
        for kind in wanted:
            if kind not in self._gathered and kind.startswith(("depth", "rpiDepth")):
                self._gathered[kind] = Gathered(self._settled)
        if number % self._every == self._turn:
            for move in self._walk.moves():
                self.number += self._random.randint(1, _SKIPPED) if self.listed.market.is_futures else 1
                yield from self._moved(move, at, wanted)
            self._settled = self.number
            self._remember(at)
        for kind, stream in wanted.items():
            if kind not in _AT_ONCE and number % period(self.listed.market, kind) == 0:
                yield from self._due(kind, stream, at)

    def _remember(self, at: int) -> None:
        self.history.take("bookTicker", orjson.dumps(payloads.quote(self.listed, self.quote, self.number, at)))
        if self.listed.market.is_futures:
            self.history.take("markPrice", orjson.dumps(payloads.mark(self.listed, self.mark, at)))

    def _moved(self, move: Move, at: int, wanted: Mapping[str, str]) -> Iterator[Event]:
        for gathered in self._gathered.values():
            gathered.add(move, self.number)
        if move.fills:
            yield from self._trades(move, at, wanted)
        if "bookTicker" in wanted and move.tops:
            yield self._event(wanted["bookTicker"], payloads.quote(self.listed, self.quote, self.number, at))
        for kind in ("depth@0ms", "rpiDepth@0ms"):
            if kind in wanted:
                yield from self._due(kind, wanted[kind], at)

    def _trades(self, move: Move, at: int, wanted: Mapping[str, str]) -> Iterator[Event]:
        first, total = self._traded + 1, 0
        for fill in move.fills:
            self._traded += 1
            total += fill.size
            trade = Trade(self._traded, self._price(fill.price), self._size(fill.size), at, fill.buyer_made)
            self.day.take(trade)
            for candles in self._candles.values():
                candles.take(trade)
            yield from self._told("trade", payloads.trade(self.listed, trade), wanted)
        self._aggregated += 1
        price, size = self._price(move.price), self._size(total)
        whole = Aggregate(self._aggregated, price, size, first, self._traded, at, move.fills[0].buyer_made)
        yield from self._told("aggTrade", payloads.aggregate(self.listed, whole), wanted)

    def _told(self, kind: str, payload: dict[str, Any], wanted: Mapping[str, str]) -> Iterator[Event]:
        event = self._event(wanted.get(kind, ""), payload)
        self.history.take(kind, event.data)
        if kind in wanted:
            yield event

    # --- streams with a pace

    def _due(self, kind: str, stream: str, at: int) -> Iterator[Event]:
        name = kind.partition("@")[0]
        if name in {"depth", "rpiDepth"}:
            yield from self._changes(kind, stream, at)
        elif name.startswith("depth"):
            yield self._event(stream, self._best(kind, int(name.removeprefix("depth")), at))
        elif "line_" in name:
            yield from self._candle(name, stream, at)
        elif name in self._tellers:
            yield self._event(stream, self._tellers[name](at))

    def _pieces(self) -> dict[str, Callable[[int], dict[str, Any]]]:
        one = self.listed
        spot: dict[str, Callable[[int], dict[str, Any]]] = {
            "avgPrice": lambda at: payloads.average(one, self._last(), at),
            "referencePrice": lambda at: payloads.reference(one, self._last(), at),
            **{f"ticker_{span}": partial(self._ticker, window=span) for span in _ROLLING},
        }
        futures: dict[str, Callable[[int], dict[str, Any]]] = {
            "markPrice": lambda at: payloads.mark(one, self.mark, at),
            "indexPrice": lambda at: payloads.index_price(one, self.mark, at),
        }
        both: dict[str, Callable[[int], dict[str, Any]]] = {
            "miniTicker": lambda at: payloads.mini(one, self.day, at),
            "ticker": self._ticker,
        }
        return {**both, **(futures if one.market.is_futures else spot)}

    def _ticker(self, at: int, window: str = "24hr") -> dict[str, Any]:
        return payloads.ticker(self.listed, self.day, self.quote, at, window)

    def _changes(self, kind: str, stream: str, at: int) -> Iterator[Event]:
        gathered = self._gathered[kind]
        if not gathered.last:
            return
        ids = gathered.previous + 1, self._ended(gathered), gathered.previous
        bids, asks = self._levels(gathered.bids), self._levels(gathered.asks)
        yield self._event(stream, payloads.depth(self.listed, ids, bids, asks, at))
        gathered.told()

    def _ended(self, gathered: Gathered) -> int:
        """Return the last id that is told: of futures the newest of all, also one that REST was told."""
        if self.listed.market.is_futures:
            gathered.last = self.number
        return gathered.last

    def _best(self, kind: str, count: int, at: int) -> dict[str, Any]:
        before = self._gathered[kind]
        ids = min(before.previous + 1, self.number), self.number, before.previous
        before.previous = self.number
        bids, asks = (self._levels(dict(self._walk.top(side, count))) for side in self._sides())
        return payloads.partial_depth(self.listed, ids, bids, asks, at)

    def _candle(self, name: str, stream: str, at: int) -> Iterator[Event]:
        kind, _, interval = name.rpartition("_")
        if interval not in INTERVALS:
            return
        candles = self._candles.get(interval)
        if candles is None:
            candles = self._candles[interval] = Candles(self.listed, interval, self.history.prices())
        candles.reach(at, Decimal(self._last()))
        for candle, closed in candles.news():
            yield self._event(stream, self._candle_of(kind, candle.body(interval, closed=closed), at))

    def _candle_of(self, kind: str, body: dict[str, Any], at: int) -> dict[str, Any]:
        if kind == "kline":
            return payloads.kline(self.listed, body, at)
        name = {"continuousKline": "continuous_kline", "indexPriceKline": "indexPrice_kline"}
        return payloads.pair_kline(name.get(kind, "markPrice_kline"), self.listed, body, at)

    # --- what both need

    def liquidate(self, at: int, side: str | None = None, size: str | None = None) -> dict[str, Any]:
        """Return the report of a position that was closed by force at the best price."""
        sold = side or self._random.choice(("BUY", "SELL"))
        price = self.quote.bid if sold == "SELL" else self.quote.ask
        return payloads.liquidation(self.listed, sold, price, size or self._size(self._random.randint(1, 100)), at)

    def is_liquidated(self) -> bool:
        """Say whether somebody's position is closed by force now: a draw."""
        return self._random.random() < _LIQUIDATED

    def _sides(self) -> tuple[dict[int, int], dict[int, int]]:
        return self._walk.bids, self._walk.asks

    def _last(self) -> str:
        return self.day.last.price if self.day.last else self.quote.bid

    def _price(self, ticks: int) -> str:
        return f"{self.listed.tick * ticks:f}"

    def _size(self, steps: int) -> str:
        return f"{self.listed.step * steps:f}"

    def _levels(self, side: Mapping[int, int]) -> list[tuple[str, str]]:
        return [(self._price(price), self._size(size)) for price, size in side.items()]

    @staticmethod
    def _event(stream: str, payload: dict[str, Any]) -> Event:
        return Event(0.0, stream, orjson.dumps(payload), (stream,))


_AT_ONCE: Final = frozenset({"trade", "aggTrade", "bookTicker", "depth@0ms", "rpiDepth@0ms"})
"""What is told as it happens."""


def symbol_named(stream: str) -> str:
    """Return the symbol that a stream's name means: of a pair's candles its perpetual contract."""
    symbol = symbol_of(stream)
    return symbol.removesuffix("_PERPETUAL")
