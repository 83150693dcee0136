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

from msgspec.structs import asdict

from gateway import spi

Facts = Mapping[str, Any]


class Answer(NamedTuple):
    """A frame, and what a peer makes of it; no facts if it makes nothing of it."""

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

_TARDIS = {"binance": "binance", "binance-futures": "binance-usdm", "binance-delivery": "binance-coinm"}


def tardis(path: Path) -> Iterator[Answer]:
    """Yield the answers of tardis."""
    for pair in json.loads(path.read_bytes())["pairs"]:
        facts: dict[str, Any] = {}
        for said in pair["expected"]:
            facts |= _MAPPED[said["type"]](said)
            if not _is_untimed(said):
                facts["ts"] = _us(said["timestamp"])
        name = f"tardis {pair['exchange']} {pair['n']}"
        yield Answer(name, _TARDIS[pair["exchange"]], pair["message_raw"].encode(), facts)


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
    return bool(said.get("isSnapshot") or (said["type"] == "book_ticker" and said["exchange"] == "binance"))


def _derivative(said: Facts) -> Facts:
    """Tell what is gathered from several streams; each frame can be asked for its own part."""
    names = {"mark": "markPrice", "last": "lastPrice"}
    return {ours: said[theirs] for ours, theirs in names.items() if theirs in said}


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
    for number, line in enumerate(path.read_text().splitlines(), 1):
        pair = json.loads(line)
        exchange = _PARSED[pair["market"]]
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
    return {} if field is None else {field[0]: field[1](value)}


def _time(value: str) -> int:
    return int(value) * 1000


_ASSERTED: dict[str, tuple[str, Callable[[str], Any]]] = {
    "trade.side": ("side", lambda value: value.removeprefix("TradeSide::").lower()),
    "trade.size": ("size", float),
    "orderbook.asks.len()": ("asks", int),
    "orderbook.bids.len()": ("bids", int),
    "orderbook.timestamp": ("ts", _time),
    "orderbook.seq_id": ("last", int),
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
    "binance_com_websocket": "binance",
    "binance_com_futures_websocket": "binance-usdm",
    "binance_com_coin_futures_websocket": "binance-coinm",
}


def unicorn_fy(path: Path) -> Iterator[Answer]:
    """Yield the answers of unicorn-fy: the exchange's fields by other names, their values as they were."""
    for pair in json.loads(path.read_bytes())["pairs"]:
        frame, said = pair["message_raw"].encode(), pair["expected"]
        yield Answer(f"unicorn-fy {pair['test']}", _RENAMED[pair["decoder"]], frame, _renamed(said))


def _renamed(said: Facts) -> Facts:
    inner = said.get("data") or [said.get("kline", {})]
    flat = {**said, **inner[0]}
    facts = {ours: flat[theirs] for theirs, ours in _NAMES.items() if theirs in flat}
    for name in ("ts", "message ts", "start", "end", "next_funding"):
        facts |= {name: facts[name] * 1000} if name in facts else {}
    facts |= {"side": said["side"].lower(), "ts": said["transaction_time"] * 1000} if "side" in said else {}
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
