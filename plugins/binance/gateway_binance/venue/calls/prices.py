"""What anybody may ask of prices: tickers, quotes, averages, and futures' marks, funding and open interest."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from gateway_binance.venue.calls.call import Call, Caller, Params
from gateway_binance.venue.calls.symbols import chosen, symbol_of
from gateway_binance.venue.generated import payloads
from gateway_binance.venue.history import Day, Quote
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.source import Source

_NO_QUOTE: Final = Quote("0", "0", "0", "0")
_WINDOW: Final = {
    "priceChange": "p",
    "priceChangePercent": "P",
    "weightedAvgPrice": "w",
    "lastPrice": "c",
    "lastQty": "Q",
    "openPrice": "o",
    "highPrice": "h",
    "lowPrice": "l",
    "volume": "v",
    "quoteVolume": "q",
    "openTime": "O",
    "closeTime": "C",
    "firstId": "F",
    "lastId": "L",
    "count": "n",
}
"""What REST calls what streams say."""
_BEST: Final = {"prevClosePrice": "x", "bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A"}


def calls(source: Source, now: Callable[[], int], start: str) -> Iterator[Call]:
    """Yield everything that may be asked of the prices of ``source``; paths begin with ``start``."""
    spot = not source.market.is_futures
    one, every = (2, 80) if spot else (1, 40)
    yield Call(
        f"GET {start}/ticker/24hr", partial(_days, source, now), partial(_each, one, every), method="ticker.24hr"
    )
    one, every = (2, 4) if spot else (1, 2)
    yield Call(
        f"GET {start}/ticker/price", partial(_last, source, now), partial(_each, one, every), method="ticker.price"
    )
    yield Call(
        f"GET {start}/ticker/bookTicker", partial(_best, source, now), partial(_each, 2, 4), method="ticker.book"
    )
    if spot:
        yield Call(f"GET {start}/avgPrice", partial(_average, source, now), 2, method="avgPrice")
        return
    yield Call(f"GET {start}/premiumIndex", partial(_marks, source, now), partial(_each, 1, 10))
    yield Call(f"GET {start}/openInterest", partial(_interest, source, now), 1)
    yield Call(f"GET {start}/fundingRate", lambda _: [], 1)
    yield Call(f"GET {start}/fundingInfo", lambda _: [], 1)


def _each(one: int, every: int, params: Params) -> int:
    """Return the weight of a request for one symbol, or for all of them."""
    return one if "symbol" in params else every


def _told(caller: Caller, market: Market, rows: list[dict[str, Any]]) -> Any:
    """Return one row where one symbol was named; COIN-M answers with a list all the same."""
    return rows[0] if "symbol" in caller.params and market is not Market.COINM else rows


def _days(source: Source, now: Callable[[], int], caller: Caller) -> Any:
    rows = [_day(source, one, now()) for one in chosen(source, caller.params)]
    return _told(caller, source.market, rows)


def _day(source: Source, one: Listed, at: int) -> dict[str, Any]:
    day = Day(one, source.history(one.symbol).prices())
    best = source.quote(one.symbol) or _NO_QUOTE
    event = payloads.ticker(one, day, best, at)
    names = _WINDOW if one.market.is_futures else {**_WINDOW, **_BEST}
    row = {"symbol": one.symbol, **{name: event[letter] for name, letter in names.items()}}
    if one.market is Market.COINM:
        row = {**row, "pair": one.pair, "baseVolume": row.pop("quoteVolume")}
    return row


def _last(source: Source, now: Callable[[], int], caller: Caller) -> Any:
    rows = []
    for one in chosen(source, caller.params):
        trade = source.history(one.symbol).last
        price = trade.price if trade else (source.quote(one.symbol) or _NO_QUOTE).bid
        pair = {"ps": one.pair} if one.market is Market.COINM else {}
        rows.append({"symbol": one.symbol, **pair, "price": price, **_time(one, now())})
    return _told(caller, source.market, rows)


def _best(source: Source, now: Callable[[], int], caller: Caller) -> Any:
    rows = []
    for one in chosen(source, caller.params):
        best = source.quote(one.symbol) or _NO_QUOTE
        bid = {"bidPrice": best.bid, "bidQty": best.bid_size}
        ask = {"askPrice": best.ask, "askQty": best.ask_size}
        rows.append({"symbol": one.symbol, **_pair(one), **bid, **ask, **_time(one, now())})
    return _told(caller, source.market, rows)


def _pair(one: Listed) -> dict[str, Any]:
    return {"pair": one.pair} if one.market is Market.COINM else {}


def _time(one: Listed, at: int) -> dict[str, Any]:
    return {"time": at} if one.market.is_futures else {}


def _average(source: Source, now: Callable[[], int], caller: Caller) -> dict[str, Any]:
    one = symbol_of(source, caller.params)
    day = Day(one, source.history(one.symbol).prices())
    price = day.turnover / day.volume if day.volume else day.volume
    return {"mins": 5, "price": one.price(price), "closeTime": now()}


def _marks(source: Source, now: Callable[[], int], caller: Caller) -> Any:
    rows = []
    for one in chosen(source, caller.params):
        mark = source.mark(one.symbol)
        named = {"symbol": one.symbol, **_pair(one), "markPrice": mark.price, "indexPrice": mark.index}
        ends = {"estimatedSettlePrice": mark.settle, "lastFundingRate": mark.rate, "interestRate": "0.00010000"}
        rows.append({**named, **ends, "nextFundingTime": mark.next_at, "time": now()})
    return _told(caller, source.market, rows)


def _interest(source: Source, now: Callable[[], int], caller: Caller) -> dict[str, Any]:
    one = symbol_of(source, caller.params)
    kind = {"contractType": one.contract} if one.market is Market.COINM else {}
    return {"symbol": one.symbol, **_pair(one), **kind, "openInterest": one.amount(one.step * 1000), "time": now()}
