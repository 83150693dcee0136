"""A made-up market: which symbols there are, which of them move, and what is told of all of them together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Final

import orjson

from gateway_binance.venue.events import BookReply, Event
from gateway_binance.venue.generated import payloads
from gateway_binance.venue.generated.indices import is_of_many, told
from gateway_binance.venue.generated.paces import period
from gateway_binance.venue.generated.symbol import Symbol
from gateway_binance.venue.history import History, Mark, Quote
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import NEVER, Listed, listed
from gateway_binance.venue.streams import MARKS, kind_of, symbol_of

_NAMES: Final[Mapping[Market, Sequence[tuple[str, str, str, str]]]] = {
    Market.SPOT: (
        ("BTCUSDT", "0.01000000", "0.00001000", "60000"),
        ("ETHUSDT", "0.01000000", "0.00010000", "2500"),
        ("BNBUSDT", "0.01000000", "0.00100000", "600"),
        ("ETHBTC", "0.00001000", "0.00010000", "0.04"),
        ("币安人生USDT", "0.00001000", "1.00000000", "0.2"),
    ),
    Market.USDM: (
        ("BTCUSDT", "0.10", "0.001", "60050"),
        ("ETHUSDT", "0.01", "0.001", "2502"),
        ("BNBUSDT", "0.010", "0.01", "600"),
        ("BTCUSDT_270326", "0.1", "0.001", "61000"),
    ),
    Market.COINM: (
        ("BTCUSD_PERP", "0.1", "1", "60040"),
        ("ETHUSD_PERP", "0.01", "1", "2501"),
        ("BTCUSD_270326", "0.1", "1", "61100"),
    ),
}
"""Symbol, tick, step and the price at which it begins."""
QUIET: Final = 100
"""In how many ticks a symbol moves that is not one of the usual."""
_CONTRACTS: Final = ("PERPETUAL", "TRADIFI_PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER")
_OF_COINM: Final = ("indexPrice", "markPriceKline_")
"""What only COIN-M tells."""
_MORE: Final = {
    Market.SPOT: ("0.00010000", "0.10000000", "1"),
    Market.USDM: ("0.0001", "0.1", "1"),
    Market.COINM: ("0.001", "1", "10"),
}


class Generated:
    """
    One market. Its symbols move while somebody wants their streams, and only then.

    Args:
        market: which.
        seed: of everything that is drawn; each symbol draws by itself.
        more: so many symbols besides the usual ones.
    """

    def __init__(self, market: Market, seed: int, more: int = 0) -> None:
        self.market = market
        self._seed = seed
        usual = {symbol: (tick, step, price) for symbol, tick, step, price in _NAMES[market]}
        self._rows = {**usual, **dict.fromkeys(_more_names(market, more), _MORE[market])}
        self.listed: dict[str, Listed] = {
            symbol: listed(market, symbol, tick, step) for symbol, (tick, step, _) in self._rows.items()
        }
        self._usual = tuple(usual)
        self._symbols: dict[str, Symbol] = {}
        self._ticks = 0
        self._asked: set[str] | None = None
        self._moving: dict[str, dict[str, str]] = {}

    def symbol(self, name: str) -> Symbol:
        """Return a listed symbol, made when it is first asked for."""
        made = self._symbols.get(name)
        if made is None:
            one = self.listed[name]
            own = Random(f"{self._seed}:{self.market}:{name}")  # noqa: S311  # the same seed, the same data
            every = 1 if name in self._usual else QUIET
            made = self._symbols[name] = Symbol(one, own, int(Decimal(self._rows[name][2]) / one.tick), every)
        return made

    def book(self, symbol: str, limit: int) -> BookReply:
        """Return the book as it stands."""
        return self.symbol(symbol).book(limit)

    def history(self, symbol: str) -> History:
        """Return what happened since the symbol first moved."""
        return self.symbol(symbol).history

    def quote(self, symbol: str) -> Quote | None:
        """Return the best bid and ask."""
        return self.symbol(symbol).quote

    def mark(self, symbol: str) -> Mark:
        """Return the mark price."""
        return self.symbol(symbol).mark

    def tick(self, at: int, streams: set[str]) -> Iterator[Event]:
        """Let a tick pass, at ``at`` milliseconds since 1970; ``streams`` are those that are wanted."""
        self._ticks += 1
        if streams != self._asked:
            self._asked, self._moving = set(streams), self._wanted(streams)
        for name, kinds in self._moving.items():
            symbol = self.symbol(name)
            yield from symbol.tick(self._ticks, at, kinds)
            if self.market.is_futures and symbol.is_liquidated():
                yield forced(symbol.listed, symbol.liquidate(at))
        for stream in sorted(streams):
            if stream.startswith("!") and self._ticks % period(self.market, stream) == 0:
                yield from self._of_all(stream, at)
            elif self.market is Market.COINM:
                yield from self._of_pair(stream, at)
            elif self.market is Market.USDM and self._ticks % period(self.market, kind_of(stream)) == 0:
                yield from self._of_indices(stream, at)

    def relist(self, symbol: str, status: str) -> Listed:
        """Change the status of a symbol; one that was not listed is made."""
        if symbol not in self.listed:
            self._rows[symbol] = _MORE[self.market]
            tick, step, _ = self._rows[symbol]
            self.listed[symbol] = listed(self.market, symbol, tick, step)
        self.listed[symbol] = replace(self.listed[symbol], status=status)
        self._asked = None
        return self.listed[symbol]

    def delist(self, symbol: str) -> None:
        """Forget a symbol."""
        del self.listed[symbol]
        self._symbols.pop(symbol, None)
        self._asked = None

    def named(self, stream: str) -> str | None:
        """Return the symbol that a stream's name means: of a pair its perpetual contract."""
        symbol = symbol_of(stream)
        if self.market is not Market.COINM and kind_of(stream).startswith(_OF_COINM):
            return None
        if symbol in self.listed:
            return symbol
        for contract in _CONTRACTS if self.market.is_futures else ():
            if symbol.endswith(f"_{contract}"):
                return self._contract(symbol.removesuffix(f"_{contract}"), contract)
        return self._contract(symbol, "PERPETUAL") if "ndexPrice" in stream else None

    def _contract(self, pair: str, kind: str) -> str | None:
        found = (one.symbol for one in self.listed.values() if one.pair == pair and one.contract == kind)
        return next(found, None)

    def _wanted(self, streams: set[str]) -> dict[str, dict[str, str]]:
        """Return the symbols that move, each with the kinds that are wanted of it and their streams."""
        of_all = any(is_of_many(stream) for stream in streams)
        wanted: dict[str, dict[str, str]] = {name: {} for name in self._usual if of_all and name in self.listed}
        for stream in streams:
            name = None if stream.startswith("!") else self.named(stream)
            if name is not None:
                wanted.setdefault(name, {})[kind_of(stream)] = stream
        return {name: dict(sorted(wanted[name].items())) for name in sorted(wanted)}

    # --- what is told of several at once

    def _of_all(self, stream: str, at: int) -> Iterator[Event]:
        if self.market is Market.USDM:
            yield from self._of_indices(stream, at)
        kind = stream.partition("@")[0]
        rows = [_row(kind, self.symbol(name), at) for name in self._moving]
        told = [row for row in rows if row is not None]
        for payload in told if kind == "!bookTicker" else [told] if told else []:
            yield Event(0.0, stream, orjson.dumps(payload), (stream,))

    def _of_indices(self, stream: str, at: int) -> Iterator[Event]:
        listed = (self.listed[name] for name in self._usual if name in self.listed)
        marks = {one.symbol: (one, self.symbol(one.symbol).mark) for one in listed if one.delivery == NEVER}
        for payload in told(stream, marks, at):
            yield Event(0.0, stream, orjson.dumps(payload), (stream,))

    def _of_pair(self, stream: str, at: int) -> Iterator[Event]:
        """Yield COIN-M's mark prices of every contract of a pair."""
        kind, pair = kind_of(stream), symbol_of(stream)
        if kind not in MARKS or pair in self.listed or self._ticks % period(self.market, kind):
            return
        symbols = [one for one in self.listed.values() if one.pair == pair]
        rows = [payloads.mark(one, self.symbol(one.symbol).mark, at) for one in symbols]
        if rows:
            yield Event(0.0, stream, orjson.dumps(rows), (stream,))


def forced(one: Listed, report: payloads.Payload) -> Event:
    """Return the report of a forced order, for whoever wants those of its symbol or of all."""
    stream = f"{one.symbol.lower()}@forceOrder"
    return Event(0.0, stream, orjson.dumps(report), (stream, "!forceOrder@arr"))


def _row(kind: str, symbol: Symbol, at: int) -> payloads.Payload | None:
    one = symbol.listed
    match kind:
        case "!miniTicker":
            return payloads.mini(one, symbol.day, at)
        case "!ticker" if one.market.is_futures:  # spot's was removed on 2026-03-26
            return payloads.ticker(one, symbol.day, symbol.quote, at)
        case "!bookTicker" if one.market.is_futures:
            return payloads.quote(one, symbol.quote, symbol.number, at)
        case "!markPrice" if one.market.is_futures:
            return payloads.mark(one, symbol.mark, at)
        case "!ticker_1h" | "!ticker_4h" | "!ticker_1d" if not one.market.is_futures:
            return payloads.ticker(one, symbol.day, symbol.quote, at, kind.removeprefix("!ticker_"))
        case _:
            return None


def _more_names(market: Market, count: int) -> Iterator[str]:
    ends = {Market.SPOT: "USDT", Market.USDM: "USDT", Market.COINM: "USD_PERP"}
    for number in range(count):
        yield f"S{number:04}{ends[market]}"
