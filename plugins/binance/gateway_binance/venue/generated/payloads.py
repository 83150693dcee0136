"""
What a made-up market says: one function for each kind of event, in each market's shape.

The fields are those of web-socket-streams.md in the spot documents, 2026-07-21,
and of the models of Binance's own connector for USD-M and COIN-M, 2026-08.
"""

from decimal import Decimal
from typing import Any, Final

from gateway_binance.venue.history import Aggregate, Day, Mark, Quote, Trade
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import NEVER, Listed

Payload = dict[str, Any]
Levels = list[tuple[str, str]]
_UNIVERSE: Final = {Market.USDM: 1, Market.COINM: 2}


def _pair(one: Listed) -> Payload:
    return {"ps": one.pair} if one.market.is_futures else {}


def _universe(one: Listed) -> Payload:
    return {"st": _UNIVERSE[one.market]} if one.market.is_futures else {}


def trade(one: Listed, it: Trade) -> Payload:
    """``@trade``."""
    body = {"t": it.id, "p": it.price, "q": it.size, "T": it.at}
    end = {"X": "MARKET", "m": it.buyer_made} if one.market.is_futures else {"m": it.buyer_made, "M": True}
    return {"e": "trade", "E": it.at, "s": one.symbol, **body, **end}


def block(one: Listed, it: Trade) -> Payload:
    """``@blockTrade``."""
    return {key: value for key, value in {**trade(one, it), "e": "blockTrade"}.items() if key != "M"}


def aggregate(one: Listed, it: Aggregate) -> Payload:
    """``@aggTrade``."""
    head = {"e": "aggTrade", "E": it.at, "s": one.symbol, "a": it.id, "p": it.price, "q": it.size}
    if one.market is Market.USDM:
        head["nq"] = it.size
    end = {"f": it.first, "l": it.last, "T": it.at, "m": it.buyer_made}
    return {**head, **end, **(_universe(one) or {"M": True})}


def quote(one: Listed, it: Quote, number: int, at: int) -> Payload:
    """``@bookTicker``."""
    sides = {"b": it.bid, "B": it.bid_size, "a": it.ask, "A": it.ask_size}
    if not one.market.is_futures:
        return {"u": number, "s": one.symbol, **sides}
    head = {"e": "bookTicker", "u": number, "s": one.symbol}
    return {**head, **_pair(one), **sides, "T": at, "E": at, **_universe(one)}


def depth(one: Listed, ids: tuple[int, int, int], bids: Levels, asks: Levels, at: int) -> Payload:
    """``@depth``; ``ids`` are the first, the last, and the last before these."""
    first, last, previous = ids
    head: Payload = {"e": "depthUpdate", "E": at}
    if not one.market.is_futures:
        return {**head, "s": one.symbol, "U": first, "u": last, "b": bids, "a": asks}
    ahead = {"T": at, "s": one.symbol, **_pair(one)}
    return {**head, **ahead, "U": first, "u": last, "pu": previous, "b": bids, "a": asks, **_universe(one)}


def partial_depth(one: Listed, ids: tuple[int, int, int], bids: Levels, asks: Levels, at: int) -> Payload:
    """``@depth5`` and its like."""
    if one.market.is_futures:
        return depth(one, ids, bids, asks, at)
    return {"lastUpdateId": ids[1], "bids": bids, "asks": asks}


def kline(one: Listed, body: Payload, at: int) -> Payload:
    """``@kline_``."""
    start, end, *rest = body.items()
    inner = dict((start, end, ("s", one.symbol), *rest))
    return {"e": "kline", "E": at, "s": one.symbol, "k": inner}


def pair_kline(kind: str, one: Listed, body: Payload, at: int) -> Payload:
    """Candles of a pair or of its index: ``continuous_kline``, ``indexPrice_kline``, ``markPrice_kline``."""
    head = {"e": kind, "E": at, "ps": one.pair}
    if kind == "continuous_kline":
        return {**head, "ct": one.contract, "k": body}
    volumes = dict.fromkeys(("v", "q", "V", "Q"), "0")
    named = {"s": one.symbol} if kind == "markPrice_kline" else {}
    return {**head, "k": {**body, **named, **volumes, "f": 0, "L": 0}}


def mini(one: Listed, day: Day, at: int) -> Payload:
    """``@miniTicker``."""
    return {"e": "24hrMiniTicker", "E": at, "s": one.symbol, **_pair(one), **_range(one, day), **_universe(one)}


def ticker(one: Listed, day: Day, best: Quote, at: int, window: str = "24hr") -> Payload:
    """``@ticker`` and the rolling ones, whose ``window`` is ``1h`` and so on."""
    first, last = day.first, day.last
    opened, closed = (Decimal(end.price) if end else Decimal(0) for end in (first, last))
    change = closed - opened
    middle = {
        "p": one.price(change),
        "P": f"{change / opened * 100 if opened else 0:.3f}",
        "w": one.price(day.turnover / day.volume if day.volume else Decimal(0)),
    }
    if window == "24hr":
        middle["Q"] = last.size if last else "0"
    if window == "24hr" and not one.market.is_futures:
        middle |= {"x": one.price(opened), "b": best.bid, "B": best.bid_size, "a": best.ask, "A": best.ask_size}
    span = {"O": at - 86_400_000, "C": at, "F": first.id if first else -1, "L": last.id if last else -1}
    head = {"e": f"{window}Ticker", "E": at, "s": one.symbol, **_pair(one)}
    return {**head, **middle, **_range(one, day), **span, "n": day.count, **_universe(one)}


def _range(one: Listed, day: Day) -> Payload:
    first, last = (end.price if end else "0" for end in (day.first, day.last))
    highest = {"o": first, "h": one.price(day.high), "l": one.price(day.low)}
    return {"c": last, **highest, "v": one.amount(day.volume), "q": f"{day.quote_volume:.8f}"}


def mark(one: Listed, it: Mark, at: int) -> Payload:
    """``@markPrice``."""
    body = {"e": "markPriceUpdate", "E": at, "s": one.symbol, "p": it.price}
    if one.market is Market.USDM:
        body["ap"] = it.price
    funded = one.delivery == NEVER
    end = {"r": it.rate if funded else "", "T": it.next_at if funded else 0}
    return {**body, "P": it.settle, "i": it.index, **end, **_universe(one)}


def index_price(one: Listed, it: Mark, at: int) -> Payload:
    """``@indexPrice``."""
    return {"e": "indexPriceUpdate", "E": at, "i": one.pair, "p": it.index}


def liquidation(one: Listed, side: str, price: str, size: str, at: int) -> Payload:
    """``@forceOrder``."""
    body = {"s": one.symbol, "S": side, "o": "LIMIT", "f": "IOC", "q": size, "p": price, "ap": price}
    end = {"X": "FILLED", "l": size, "z": size, "T": at}
    return {"e": "forceOrder", "E": at, **_pair(one), "o": {**body, **end}, **_universe(one)}


def average(one: Listed, price: str, at: int) -> Payload:
    """``@avgPrice``."""
    return {"e": "avgPrice", "E": at, "s": one.symbol, "i": "5m", "w": price, "T": at}


def reference(one: Listed, price: str, at: int) -> Payload:
    """``@referencePrice``."""
    return {"e": "referencePrice", "s": one.symbol, "r": price, "t": at}


def contract(one: Listed, at: int) -> Payload:
    """``!contractInfo``."""
    dates = {"dt": one.delivery, "ot": 1_569_398_400_000}
    head = {"e": "contractInfo", "E": at, "s": one.symbol, "ps": one.pair, "ct": one.contract}
    return {**head, **dates, "cs": one.status, **_universe(one)}
