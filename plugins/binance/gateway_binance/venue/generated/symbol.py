"""One made-up symbol: its book moves, its trades happen, and each of its streams is told what is due."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from random import Random
from typing import Any, Final

import orjson

from gateway_binance.venue.events import BookReply, Event
from gateway_binance.venue.generated import payloads
from gateway_binance.venue.generated.paces import Gathered, period
from gateway_binance.venue.generated.payloads import Levels
from gateway_binance.venue.generated.tellers import Tellers
from gateway_binance.venue.generated.walk import Move, Walk
from gateway_binance.venue.history import Aggregate, Day, History, Mark, Quote, Trade
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed

AT_ONCE: Final = frozenset({"trade", "aggTrade", "bookTicker", "depth@0ms", "rpiDepth@0ms"})
"""What is told as it happens."""
_SKIPPED: Final = 20
"""How many ids at most pass between two changes of a futures book, whose numbers all books share."""
_FUNDING: Final = 8 * 3_600_000
_RATE: Final = "0.00010000"
_FIRST: Final = {Market.SPOT: 1_000_000, Market.USDM: 5_000_000_000, Market.COINM: 7_000_000_000}
_LIQUIDATED: Final = 0.002


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
        self._tellers = Tellers(self)
        self._wanted: Mapping[str, str] = {}
        self._at = 0

    # --- what REST asks

    def book(self, limit: int) -> BookReply:
        """Return the best ``limit`` levels of each side; of futures at an id that no change has."""
        if self.listed.market.is_futures:
            self.number += 1
        return BookReply(self.number, *self.best(limit))

    def best(self, count: int) -> tuple[Levels, Levels]:
        """Return the best ``count`` levels of each side."""
        bids, asks = self._walk.top(self._walk.bids, count), self._walk.top(self._walk.asks, count)
        return self._levels(bids), self._levels(asks)

    def written(self, gathered: Gathered) -> tuple[Levels, Levels]:
        """Return the levels that were gathered, as they are written."""
        return self._levels(gathered.bids.items()), self._levels(gathered.asks.items())

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

        ``wanted`` are the kinds of what somebody asked for, each with its stream's name; another object
        each time that it changes.
        """
        self._at = at
        if wanted is not self._wanted:
            self._wanted = wanted
            self._tellers.begin(wanted.keys(), self._settled)
        if number % self._every == self._turn:
            for move in self._walk.moves():
                self.number += self._random.randint(1, _SKIPPED) if self.listed.market.is_futures else 1
                yield from self._moved(move, at, wanted)
            self._settled = self.number
            self._remember(at)
        for kind, stream in wanted.items():
            if kind not in AT_ONCE and number % period(self.listed.market, kind) == 0:
                yield from self._due(kind, stream, at)

    def _due(self, kind: str, stream: str, at: int) -> Iterator[Event]:
        for payload in self._tellers.due(kind, at):
            yield self._event(stream, payload)

    def _remember(self, at: int) -> None:
        self.history.take("bookTicker", orjson.dumps(payloads.quote(self.listed, self.quote, self.number, at)))
        if self.listed.market.is_futures:
            self.history.take("markPrice", orjson.dumps(payloads.mark(self.listed, self.mark, at)))

    def _moved(self, move: Move, at: int, wanted: Mapping[str, str]) -> Iterator[Event]:
        self._tellers.moved(move)
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
            self._tellers.traded(trade)
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

    def liquidate(self, at: int, side: str | None = None, size: str | None = None) -> dict[str, Any]:
        """Return the report of a position that was closed by force at the best price."""
        sold = side or self._random.choice(("BUY", "SELL"))
        price = self.quote.bid if sold == "SELL" else self.quote.ask
        return payloads.liquidation(self.listed, sold, price, size or self._size(self._random.randint(1, 100)), at)

    def is_liquidated(self) -> bool:
        """Say whether somebody's position is closed by force now: a draw."""
        return self._random.random() < _LIQUIDATED

    def _price(self, ticks: int) -> str:
        return f"{self.listed.tick * ticks:f}"

    def _size(self, steps: int) -> str:
        return f"{self.listed.step * steps:f}"

    def _levels(self, side: Iterable[tuple[int, int]]) -> Levels:
        return [(self._price(price), self._size(size)) for price, size in side]

    @staticmethod
    def _event(stream: str, payload: dict[str, Any]) -> Event:
        return Event(0.0, stream, orjson.dumps(payload), (stream,))
