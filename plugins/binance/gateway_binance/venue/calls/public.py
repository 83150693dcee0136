"""
What anybody may ask of a market: the time, the symbols, books, trades, candles, tickers.

Weights after rest-api.md of the spot documents, 2026-07-21, and after USD-M's and
COIN-M's REST documents, 2026-08.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from gateway_binance.venue.calls import prices
from gateway_binance.venue.calls.call import Call, Caller, Params, Security
from gateway_binance.venue.calls.rows import trade_row
from gateway_binance.venue.calls.symbols import chosen, contract_of, rate_limits, symbol_of
from gateway_binance.venue.generated.candles import INTERVALS, Candles
from gateway_binance.venue.history import Aggregate
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.refusals import RefusedError
from gateway_binance.venue.rules import PoolRules
from gateway_binance.venue.source import Source

_SPOT_LEVELS: Final = 5000
_SPOT_DEPTHS: Final = ((100, 5), (500, 25), (1000, 50), (_SPOT_LEVELS, 250))
_FUTURES_DEPTHS: Final = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
_FUTURES_CANDLES: Final = ((99, 1), (499, 2), (1000, 5), (1500, 10))
BEGINNINGS: Final = {Market.SPOT: "/api/v3", Market.USDM: "/fapi/v1", Market.COINM: "/dapi/v1"}


class Public:
    """
    One market's answers.

    Args:
        source: what is told.
        pool: the limits that exchangeInfo declares.
        now: milliseconds since 1970.
    """

    def __init__(self, source: Source, pool: PoolRules, now: Callable[[], int]) -> None:
        self._source = source
        self._pool = pool
        self._now = now
        self._market = source.market

    def calls(self) -> Iterator[Call]:
        """Yield everything that may be asked."""
        start, spot = BEGINNINGS[self._market], not self._market.is_futures
        yield Call(f"GET {start}/ping", lambda _: {}, method="ping")
        yield Call(f"GET {start}/time", lambda _: {"serverTime": self._now()}, method="time")
        yield Call(f"GET {start}/exchangeInfo", self._info, 20 if spot else 1, method="exchangeInfo")
        yield Call(f"GET {start}/depth", self._depth, self._depth_weight, method="depth")
        yield Call(f"GET {start}/trades", self._trades, 25 if spot else 5, method="trades.recent")
        old = Security.NONE if spot else Security.KEY
        yield Call(f"GET {start}/historicalTrades", self._old, 25 if spot else 20, old, "trades.historical")
        yield Call(f"GET {start}/aggTrades", self._aggregates, 4 if spot else 20, method="trades.aggregate")
        yield Call(f"GET {start}/klines", self._klines, self._klines_weight, method="klines")
        for kind in ("continuousKlines", "indexPriceKlines", "markPriceKlines") if not spot else ():
            yield Call(f"GET {start}/{kind}", self._klines, self._klines_weight)
        if self._market is Market.USDM:
            yield Call(f"GET {start}/rpiDepth", self._depth, 20)
        yield from prices.calls(self._source, self._now, start)

    # --- symbols

    def _info(self, caller: Caller) -> dict[str, Any]:
        rows = [one.row() for one in chosen(self._source, caller.params)]
        head = {"timezone": "UTC", "serverTime": self._now(), "rateLimits": rate_limits(self._pool)}
        assets = sorted({one.margin for one in self._source.listed.values()}) if self._market.is_futures else []
        extra = {"assets": [{"asset": asset, "marginAvailable": True} for asset in assets]} if assets else {}
        return {**head, "exchangeFilters": [], **extra, "symbols": rows}

    # --- books

    def _levels(self, params: Params) -> int:
        if not self._market.is_futures:
            return params.limit(100, _SPOT_LEVELS)
        limit = params.whole("limit", 500)
        if limit not in _FUTURES_DEPTHS:
            raise RefusedError(-4021, f"{limit} is not valid depth limit")
        return limit

    def _depth_weight(self, params: Params) -> int:
        try:
            levels = self._levels(params)
        except RefusedError:
            return 5
        if self._market.is_futures:
            return _FUTURES_DEPTHS[levels]
        return next(weight for most, weight in _SPOT_DEPTHS if levels <= most)

    def _depth(self, caller: Caller) -> dict[str, Any]:
        levels = self._levels(caller.params)
        one = symbol_of(self._source, caller.params)
        book = self._source.book(one.symbol, levels)
        sides = {"bids": book.bids, "asks": book.asks}
        if not self._market.is_futures:
            return {"lastUpdateId": book.lastUpdateId, **sides}
        named = {"symbol": one.symbol, "pair": one.pair} if self._market is Market.COINM else {}
        now = self._now()
        return {"lastUpdateId": book.lastUpdateId, "E": now, "T": now, **named, **sides}

    # --- what was traded

    def _trades(self, caller: Caller) -> list[Any]:
        one = symbol_of(self._source, caller.params)
        newest = self._source.history(one.symbol).trades()[-caller.params.limit(500, 1000) :]
        return [trade_row(one, trade) for trade in newest]

    def _old(self, caller: Caller) -> list[Any]:
        params = caller.params
        one = symbol_of(self._source, params)
        trades, limit = self._source.history(one.symbol).trades(), params.limit(500, 1000)
        if "fromId" not in params:
            return [trade_row(one, trade) for trade in trades[-limit:]]
        first = params.whole("fromId", 0)
        return [trade_row(one, trade) for trade in trades if trade.id >= first][:limit]

    def _aggregates(self, caller: Caller) -> list[Any]:
        params = caller.params
        one = symbol_of(self._source, params)
        found, limit = self._source.history(one.symbol).aggregates(), params.limit(500, 1000)
        if "fromId" in params:
            first = params.whole("fromId", 0)
            found = [row for row in found if row.id >= first][:limit]
        elif "startTime" in params or "endTime" in params:
            found = _between(found, params)[:limit]
        return [_aggregate_row(self._market, row) for row in found[-limit:]]

    # --- candles

    def _klines_weight(self, params: Params) -> int:
        if not self._market.is_futures:
            return 2
        limit = int(params.get("limit", "500")) if params.get("limit", "500").isdecimal() else 500
        return next((weight for most, weight in _FUTURES_CANDLES if limit <= most), 10)

    def _klines(self, caller: Caller) -> list[Any]:
        params = caller.params
        one = contract_of(self._source, params) if "pair" in params else symbol_of(self._source, params)
        interval = params.need("interval")
        if interval not in INTERVALS:
            raise RefusedError(-1120, "Invalid interval.")
        candles = Candles(one, interval, self._source.history(one.symbol).prices())
        first, last = params.whole("startTime", 0), params.whole("endTime", 2**62)
        rows = [row.row() for row in candles.rows if first <= row.start <= last]
        limit = params.limit(500, 1500 if self._market.is_futures else 1000)
        return rows[:limit] if "startTime" in params else rows[-limit:]


def _between(found: list[Aggregate], params: Params) -> list[Aggregate]:
    first, last = params.whole("startTime", 0), params.whole("endTime", 2**62)
    return [row for row in found if first <= row.at <= last]


def _aggregate_row(market: Market, row: Aggregate) -> dict[str, Any]:
    body = {"a": row.id, "p": row.price, "q": row.size, "f": row.first, "l": row.last, "T": row.at}
    more: dict[str, Any] = {"M": True} if market is Market.SPOT else {}
    if market is Market.USDM:
        more["nq"] = row.size
    return {**body, "m": row.buyer_made, **more}
