"""
What three peers make of recorded frames of Binance, in the words of our own records.

* tardis: https://github.com/tardis-dev/tardis-node, its mappers' tests (MPL-2.0).
* crypto-msg-parser: https://github.com/crypto-crawler/crypto-msg-parser, its tests (Apache-2.0).
* unicorn-fy: https://github.com/oliver-zehentleitner/unicorn-fy, its tests (MIT).

A peer's answer is told as facts: a name as :func:`told` gives it to a record's
value, and the value that the peer has for it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from captures import json_lines, unpacked
from msgspec.structs import asdict

from gateway import spi

Facts = Mapping[str, Any]


class Answer(NamedTuple):
    """
    A frame, and what a peer makes of it; no facts if it makes nothing of it.

    ``exchange`` is empty where no plugin has the market.
    """

    name: str
    exchange: str
    frame: bytes
    facts: Facts


def told(data: spi.Data) -> Facts:
    """Return the facts of what we make of a frame."""
    facts: dict[str, Any] = {"message ts": data.ts}
    for record in data.records:
        facts.update(asdict(record))
        for side in ("bids", "asks"):
            levels = facts.pop(side, ())
            facts |= {f"{side}": len(levels)} if hasattr(record, side) else {}
            for place, (price, size) in enumerate(levels):
                facts |= {f"{side} {place} price": price, f"{side} {place} size": size}
    return facts


def agree(ours: Any, theirs: Any) -> bool:
    """Whether two values are the same; a peer that makes floats of numbers cannot be asked for more than that."""
    if isinstance(theirs, float) or (isinstance(theirs, int) and isinstance(ours, str)):
        return ours is not None and float(ours) == float(theirs)
    return bool(ours == theirs)


# --- tardis

Merged = dict[str, dict[float, float]]
"""Sizes by price of what has changed before a book was whole, by side."""
_TARDIS = {
    "binance": "binance",
    "binance-us": "binance",
    "binance-futures": "binance-usdm",
    "binance-delivery": "binance-coinm",
}


def tardis(path: Path) -> Iterator[Answer]:
    """Yield the answers of tardis; what it merges into a book from changes that came before is not asked of us."""
    merged: dict[str, Merged] = {}
    for pair in json.loads(unpacked(path))["pairs"]:
        frame, facts = json.loads(pair["message_raw"]), dict[str, Any]()
        symbol, _, kind = _stream_of(frame).partition("@")
        waiting = merged.setdefault(f"{pair['exchange']} {symbol}", {"bids": {}, "asks": {}})
        if kind.startswith("depth") and not pair["expected"]:
            for side, key in (("bids", "b"), ("asks", "a")):
                waiting[side].update((float(price), float(size)) for price, size in frame["data"].get(key, ()))
        for said in pair["expected"]:
            facts |= _MAPPED.get(said["type"], _nothing)(said)
            if said.get("isSnapshot") and "bids" in frame["data"]:
                _leave_out(facts, frame["data"], waiting)
            if not _is_untimed(said):
                facts["ts"] = _us(said["timestamp"])
        name = f"tardis {pair['exchange']} {pair['n']}"
        yield Answer(name, _TARDIS.get(pair["exchange"], ""), pair["message_raw"].encode(), facts)


def _stream_of(frame: Any) -> str:
    return str(frame.get("stream", "")) if isinstance(frame, dict) else ""


def _nothing(_said: Facts) -> Facts:
    return {}


def _leave_out(facts: dict[str, Any], told: Any, waiting: Merged) -> None:
    """Forget what a level has of a change from before; where that makes levels come or go, the whole side."""
    for side, touched in waiting.items():
        whole = {float(price): float(size) for price, size in told[side]}
        places = range(facts.get(side, 0))
        prices = [facts[f"{side} {place} price"] for place in places]
        is_moved = bool(touched) and set(prices) != whole.keys()
        for place, price in zip(places, prices, strict=True):
            size = facts[f"{side} {place} size"]
            if is_moved or (price in touched and size == touched[price] != whole[price]):
                del facts[f"{side} {place} size"]
            if is_moved:
                del facts[f"{side} {place} price"]
        if is_moved:
            del facts[side]
        touched.clear()


def _us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1000


def _trade(said: Facts) -> Facts:
    return {"id": int(said["id"]), "price": said["price"], "size": said["amount"], "side": said["side"]}


def _quote(said: Facts) -> Facts:
    names = {"bid": "bidPrice", "bid_size": "bidAmount", "ask": "askPrice", "ask_size": "askAmount"}
    return {ours: said[theirs] for ours, theirs in names.items()}


def _book(said: Facts) -> Facts:
    facts: dict[str, Any] = {}
    for side in ("bids", "asks"):
        facts[side] = len(said[side])
        for place, level in enumerate(said[side]):
            facts |= {f"{side} {place} price": level["price"], f"{side} {place} size": level["amount"]}
    return facts


def _is_untimed(said: Facts) -> bool:
    """Whether the peer's time is that of receipt, or of the engine where all else has the event's."""
    is_spot_quote = said["type"] == "book_ticker" and _TARDIS.get(said["exchange"]) == "binance"
    return bool(said.get("isSnapshot")) or is_spot_quote


def _derivative(said: Facts) -> Facts:
    """Tell what is gathered from several streams; each frame can be asked for its own part."""
    names = {"mark": "markPrice", "last": "lastPrice", "index": "indexPrice", "funding_rate": "fundingRate"}
    facts = {ours: said[theirs] for ours, theirs in names.items() if theirs in said}
    until = said.get("fundingTimestamp")
    return facts if until is None else {**facts, "next_funding": _us(until)}


_MAPPED: dict[str, Callable[[Facts], Facts]] = {
    "trade": _trade,
    "book_ticker": _quote,
    "book_change": _book,
    "derivative_ticker": _derivative,
    "liquidation": lambda said: {"price": said["price"], "size": said["amount"], "side": said["side"]},
}

# --- crypto-msg-parser

_PARSED = {
    "Spot": "binance",
    "LinearFuture": "binance-usdm",
    "LinearSwap": "binance-usdm",
    "InverseFuture": "binance-coinm",
    "InverseSwap": "binance-coinm",
}


def crypto_msg_parser(path: Path) -> Iterator[Answer]:
    """Yield what the tests of crypto-msg-parser assert, of what our records have too."""
    for number, pair in enumerate(json_lines(path), 1):
        exchange = _PARSED.get(pair["market"], "")
        facts: dict[str, Any] = {}
        for check in pair["peer_checks"]:
            facts |= _asserted(*sorted(check, key=_is_expression), is_spot=exchange == "binance")
        name = f"{pair['src'].removeprefix('binance.rs::')} {pair['market']} {number}"
        yield Answer(name, exchange, pair["frame"].encode(), facts)


def _is_expression(side: str) -> bool:
    return re.match(r"[a-z_]+(\[\d+\])?\.|extract_", side) is not None


def _asserted(value: str, of: str, *, is_spot: bool) -> Facts:
    """Return what an assertion says of one of our fields; sizes are those of the contract, where there is one."""
    of = of.replace(".unwrap()", "").replace("quantity_base" if is_spot else "quantity_contract", "size")
    value = re.sub(r"^Some\((.*)\)$", r"\1", value)
    if of.startswith("extract_timestamp"):
        return {"message ts": int(value) * 1000}
    level = re.fullmatch(r"orderbook\.(bids|asks)\[(\d+)\]\.(price|size)", of)
    if level is not None:
        return {" ".join(level.groups()): float(value)}
    field = _ASSERTED.get(of)
    return {} if field is None or value == "None" else {field[0]: field[1](value)}


def _time(value: str) -> int:
    return int(value) * 1000


_ASSERTED: dict[str, tuple[str, Callable[[str], Any]]] = {
    "trade.side": ("side", lambda value: value.removeprefix("TradeSide::").lower()),
    "trade.size": ("size", float),
    "orderbook.asks.len()": ("asks", int),
    "orderbook.bids.len()": ("bids", int),
    "orderbook.timestamp": ("ts", _time),
    "orderbook.seq_id": ("last", int),
    "orderbook.prev_seq_id": ("previous", int),
    "funding_rates[0].funding_rate": ("funding_rate", float),
    "funding_rates[0].funding_time": ("next_funding", _time),
    "funding_rates[0].timestamp": ("ts", _time),
    "bbo_msg.timestamp": ("ts", _time),
    "bbo_msg.id": ("seq", int),
    "bbo_msg.ask_price": ("ask", float),
    "bbo_msg.ask_size": ("ask_size", float),
    "bbo_msg.ask_quantity_contract": ("ask_size", float),
    "bbo_msg.bid_price": ("bid", float),
    "bbo_msg.bid_quantity_contract": ("bid_size", float),
    "candlestick_msg.timestamp": ("message ts", _time),
    "candlestick_msg.begin_time": ("start", lambda value: int(value) * 1_000_000),
    "candlestick_msg.open": ("open", float),
    "candlestick_msg.high": ("high", float),
    "candlestick_msg.low": ("low", float),
    "candlestick_msg.close": ("close", float),
    "candlestick_msg.volume": ("volume", float),
}

# --- unicorn-fy

_RENAMED = {
    "binance_com_futures_websocket": "binance-usdm",
    "binance_com_coin_futures_websocket": "binance-coinm",
}
"""All others are the spot market's protocol."""


def unicorn_fy(path: Path) -> Iterator[Answer]:
    """Yield the answers of unicorn-fy: the exchange's fields by other names, their values as they were."""
    for pair in json.loads(unpacked(path))["pairs"]:
        frame, said = pair["message_raw"].encode(), pair["expected"] or {}
        yield Answer(f"unicorn-fy {pair['test']}", _RENAMED.get(pair["decoder"], "binance"), frame, _renamed(said))


def _renamed(said: Facts) -> Facts:
    inner = said.get("data") or said.get("kline") or {}
    flat = {**said, **(inner[0] if isinstance(inner, list) else inner)}
    facts = {ours: flat[theirs] for theirs, ours in _NAMES.items() if theirs in flat}
    for name in ("ts", "message ts", "start", "end", "next_funding"):
        facts |= {name: facts[name] * 1000} if name in facts else {}
    facts |= {"side": said["side"].lower()} if "side" in said else {}
    facts |= {"ts": said["order_trade_time"] * 1000} if "order_trade_time" in said else {}
    facts |= {"ts": said["transaction_time"] * 1000} if {"side", "transaction_time"} <= said.keys() else {}
    facts |= {"side": "sell" if said["is_market_maker"] else "buy"} if "is_market_maker" in said else {}
    for side in ("bids", "asks"):
        for place, (price, size) in enumerate(said.get(side, ())):
            facts |= {f"{side} {place} price": price, f"{side} {place} size": size}
    return facts


_NAMES = {
    "event_time": "message ts",
    "aggregate_trade_id": "id",
    "price": "price",
    "quantity": "size",
    "original_quantity": "size",
    "trade_time": "ts",
    "order_status": "status",
    "last_price": "last",
    "open_price": "open",
    "high_price": "high",
    "low_price": "low",
    "close_price": "close",
    "price_change": "change",
    "price_change_percent": "change_percent",
    "best_bid_price": "bid",
    "total_traded_base_asset_volume": "volume",
    "total_traded_quote_asset_volume": "quote_volume",
    "best_bid_quantity": "bid_size",
    "best_ask_price": "ask",
    "best_ask_quantity": "ask_size",
    "order_book_update_id": "seq",
    "mark_price": "mark",
    "index_price": "index",
    "funding_rate": "funding_rate",
    "next_funding_time": "next_funding",
    "kline_start_time": "start",
    "kline_close_time": "end",
    "base_volume": "volume",
    "is_closed": "closed",
    "final_update_id_in_event": "last",
}
