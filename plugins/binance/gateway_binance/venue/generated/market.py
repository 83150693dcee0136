"""A made-up market: which symbols there are, which of them move, and what is told of all of them together."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Final

import orjson

from gateway_binance.venue.events import BookReply, Event
from gateway_binance.venue.generated import payloads
from gateway_binance.venue.generated.paces import period
from gateway_binance.venue.generated.symbol import Symbol
from gateway_binance.venue.history import History, Mark, Quote
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed, listed
from gateway_binance.venue.streams import kind_of, symbol_of

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
_CONTRACTS: Final = ("PERPETUAL", "TRADIFI_PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER")
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
        self.listed: Mapping[str, Listed] = {
            symbol: listed(market, symbol, tick, step) for symbol, (tick, step, _) in self._rows.items()
        }
        self._usual = tuple(usual)
        self._symbols: dict[str, Symbol] = {}
        self._ticks = 0

    def symbol(self, name: str) -> Symbol:
        """Return a listed symbol, made when it is first asked for."""
        made = self._symbols.get(name)
        if made is None:
            one = self.listed[name]
            own = Random(f"{self._seed}:{self.market}:{name}")  # noqa: S311  # the same seed, the same data
            made = self._symbols[name] = Symbol(one, own, int(Decimal(self._rows[name][2]) / one.tick))
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
        whole = sorted(stream for stream in streams if stream.startswith("!"))
        wanted = self._wanted(streams, moves=self._usual if whole else ())
        forced = []
        for name in self.listed if len(wanted) > len(self.listed) // 2 else sorted(wanted):
            if name not in wanted:
                continue
            symbol = self.symbol(name)
            yield from symbol.tick(self._ticks, at, wanted[name])
            if self.market.is_futures and symbol.is_liquidated():
                forced.append((name, symbol.liquidate(at)))
        for name, report in forced:
            yield from self.forced(name, report, streams)
        for stream in whole:
            if self._ticks % period(self.market, stream) == 0:
                yield from self._of_all(stream, at, sorted(wanted))
        yield from self._of_pairs(at, streams)

    def forced(self, name: str, report: payloads.Payload, streams: set[str]) -> Iterator[Event]:
        """Yield the report of a forced order, to whoever wants those of its symbol or of all."""
        for stream in (f"{name.lower()}@forceOrder", "!forceOrder@arr"):
            if stream in streams:
                yield Event(0.0, stream, orjson.dumps(report), (stream,))

    def named(self, stream: str) -> str | None:
        """Return the symbol that a stream's name means: of a pair its perpetual contract."""
        symbol = symbol_of(stream)
        if symbol in self.listed:
            return symbol
        for contract in _CONTRACTS:
            if symbol.endswith(f"_{contract}"):
                return self._contract(symbol.removesuffix(f"_{contract}"), contract)
        return self._contract(symbol, "PERPETUAL") if "ndexPrice" in stream else None

    def _contract(self, pair: str, kind: str) -> str | None:
        found = (one.symbol for one in self.listed.values() if one.pair == pair and one.contract == kind)
        return next(found, None)

    def _wanted(self, streams: set[str], moves: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the symbols that move, each with the kinds that are wanted of it and their streams."""
        wanted: dict[str, dict[str, str]] = {name: {} for name in moves}
        for stream in streams:
            name = None if stream.startswith("!") else self.named(stream)
            if name is not None:
                wanted.setdefault(name, {})[kind_of(stream)] = stream
        return {name: dict(sorted(kinds.items())) for name, kinds in wanted.items()}

    # --- what is told of several at once

    def _of_all(self, stream: str, at: int, names: Sequence[str]) -> Iterator[Event]:
        symbols = [self.symbol(name) for name in names]
        kind = stream.partition("@")[0]
        rows = [row for row in (_row(kind, symbol, at) for symbol in symbols) if row is not None]
        if kind == "!bookTicker":
            for row in rows:
                yield Event(0.0, stream, orjson.dumps(row), (stream,))
        elif rows:
            yield Event(0.0, stream, orjson.dumps(rows), (stream,))

    def _of_pairs(self, at: int, streams: set[str]) -> Iterator[Event]:
        """Yield COIN-M's mark prices of every contract of a pair."""
        for stream in sorted(streams) if self.market is Market.COINM else ():
            kind = kind_of(stream)
            due = (
                kind.startswith("markPrice")
                and "line" not in kind
                and self._ticks % period(self.market, kind) == 0
            )
            symbols = [one for one in self.listed.values() if one.pair == symbol_of(stream)]
            if due and symbol_of(stream) not in self.listed and symbols:
                rows = [payloads.mark(one, self.symbol(one.symbol).mark, at) for one in symbols]
                yield Event(0.0, stream, orjson.dumps(rows), (stream,))


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
