"""
What Binance's frames say, read with nothing of the plugins: the standard library, and the documents once more.

A second opinion for tests. What it does not accept, a plugin must not make a
record of, and what a plugin makes a record of must say the same.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

Json = Any
NUMBER: Final = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
MILLIS: Final = 2**53
IDS: Final = 2**63 - 1
UNIVERSE: Final = {"binance-usdm": 1, "binance-coinm": 2}


class RefusedError(ValueError):
    """The frame does not fit the documents."""


def need(holds: bool) -> None:
    """Refuse the frame unless it ``holds``."""
    if not holds:
        raise RefusedError


def text(one: Json) -> str:
    """Let text through."""
    need(isinstance(one, str))
    return str(one)


def number(one: Json) -> str:
    """Let a price or size through: text that is a plain number."""
    need(isinstance(one, str) and NUMBER.fullmatch(one) is not None)
    return str(one)


def signed(one: Json) -> str:
    """Let a number through that may be negative."""
    number(text(one).removeprefix("-"))
    return str(one)


def whole(one: Json, most: int = IDS) -> int:
    """Let a whole number through; a truth value is none."""
    need(isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= most)
    return int(one)


def time(one: Json) -> int:
    """Let milliseconds through, as microseconds; what is too late for these is written so already."""
    return whole(one, MILLIS) * (1000 if one < 10**14 else 1)


def made(one: Json) -> int:
    """Let the id of a trade within an aggregate through; -1 is none."""
    return -1 if type(one) is int and one == -1 else whole(one)


def truth(one: Json) -> bool:
    """Let a truth value through."""
    need(isinstance(one, bool))
    return bool(one)


def levels(side: Json) -> list[tuple[str, str]]:
    """Let a side of a book through."""
    need(isinstance(side, list) and all(isinstance(one, list) and len(one) == 2 for one in side))
    return [(number(price), number(size)) for price, size in side]


def of(data: Json, kind: str, *names: str) -> None:
    """Refuse an event of another kind, without a time, or without the names of what it is of."""
    need(data["e"] == kind)
    time(data["E"])
    for name in names:
        text(name)


def trade(data: Json, exchange: str) -> Json:
    """Read ``@trade``."""
    of(data, "trade", data["s"])
    said = {
        "id": whole(data["t"]),
        "price": number(data["p"]),
        "size": number(data["q"]),
        "side": "sell" if truth(data["m"]) else "buy",
        "ts": time(data["T"]),
    }
    off_book = exchange != "binance" and text(data.get("X", "MARKET")) in {"INSURANCE_FUND", "ADL", "NA"}
    return None if off_book else said


def aggregate(data: Json, _exchange: str) -> Json:
    """Read ``@aggTrade``."""
    of(data, "aggTrade", data["s"])
    said = {
        "id": whole(data["a"]),
        "price": number(data["p"]),
        "size": number(data["q"]),
        "side": "sell" if truth(data["m"]) else "buy",
        "ts": time(data["T"]),
        "first_id": made(data["f"]),
        "last_id": made(data["l"]),
    }
    return None if min(said["first_id"], said["last_id"]) < 0 else said


def quote(data: Json, exchange: str) -> Json:
    """Read ``@bookTicker``, which has a time in futures only."""
    text(data["s"])
    said = {
        "bid": number(data["b"]),
        "bid_size": number(data["B"]),
        "ask": number(data["a"]),
        "ask_size": number(data["A"]),
        "seq": whole(data["u"]),
    }
    if exchange == "binance":
        return said
    need(data.get("e", "bookTicker") == "bookTicker")
    return said | ({"ts": time(data["E"])} if "E" in data else {})


def change(data: Json, exchange: str) -> Json:
    """Read ``@depth``."""
    of(data, "depthUpdate", data["s"])
    first, last = whole(data["U"]), whole(data["u"])
    need(first <= last)
    said = {"bids": levels(data["b"]), "asks": levels(data["a"]), "last": last, "first": first}
    return said | {"previous": None if exchange == "binance" else whole(data["pu"]), "ts": time(data["E"])}


def best(data: Json, exchange: str) -> Json:
    """Read ``@depth20`` and such."""
    if exchange != "binance":
        said = change(data, exchange)
        return {key: said[key] for key in ("bids", "asks", "last", "ts")}
    return {
        "bids": levels(data["bids"]),
        "asks": levels(data["asks"]),
        "last": whole(data["lastUpdateId"]),
        "ts": None,
    }


def ticker(data: Json, exchange: str) -> Json:
    """Read ``@ticker``."""
    of(data, "24hrTicker", data["s"])
    said = {
        "last": number(data["c"]),
        "ts": time(data["E"]),
        "open": number(data["o"]),
        "high": number(data["h"]),
        "low": number(data["l"]),
        "volume": number(data["v"]),
        "quote_volume": number(data["q"]),
        "change": signed(data["p"]),
        "change_percent": signed(data["P"]),
    }
    return said | ({"bid": number(data["b"]), "ask": number(data["a"])} if exchange == "binance" else {})


def kline(data: Json, *, is_traded: bool) -> Json:
    """Read the candle within an event."""
    text(data["i"])
    said = {
        "start": time(data["t"]),
        "end": time(data["T"]),
        "open": number(data["o"]),
        "high": number(data["h"]),
        "low": number(data["l"]),
        "close": number(data["c"]),
        "closed": truth(data["x"]),
    }
    traded = {"volume": number(data["v"]), "trades": whole(data["n"])}
    return said | (traded if is_traded else {})


def candle(data: Json, _exchange: str) -> Json:
    """Read ``@kline_1m`` and such."""
    of(data, "kline", data["s"])
    return kline(data["k"], is_traded=True)


def continuous(data: Json, _exchange: str) -> Json:
    """Read ``@continuousKline_1m`` and such."""
    of(data, "continuous_kline", data["ps"], data["ct"])
    return kline(data["k"], is_traded=True)


def index(data: Json, _exchange: str) -> Json:
    """Read ``@indexPriceKline_1m`` and such."""
    of(data, "indexPrice_kline", data["ps"])
    return kline(data["k"], is_traded=False)


def mark_candle(data: Json, _exchange: str) -> Json:
    """Read ``@markPriceKline_1m`` and such."""
    of(data, "markPrice_kline", data["k"]["s"])
    return kline(data["k"], is_traded=False)


def mark(data: Json, _exchange: str) -> Json:
    """Read ``@markPrice``."""
    of(data, "markPriceUpdate", data["s"])
    said = {"mark": number(data["p"]), "ts": time(data["E"])}
    if data.get("i") is not None:
        said["index"] = number(data["i"])
    if text(data.get("r", "")):
        said["funding_rate"] = signed(data["r"])
    if time(data.get("T", 0)):
        said["next_funding"] = time(data["T"])
    return said


def of_pair(data: Json, pair: str) -> None:
    """Let the mark prices of a pair's contracts through, of which nothing is told."""
    need(bool(data) and all(one["s"].startswith(f"{pair.upper()}_") for one in data))
    for one in data:
        of(one, "markPriceUpdate")


def liquidation(data: Json, _exchange: str) -> Json:
    """Read ``@forceOrder``."""
    order = data["o"]
    of(data, "forceOrder", order["s"])
    need(order["S"] in ("BUY", "SELL"))
    return {
        "side": order["S"].lower(),
        "price": number(order["p"]),
        "size": number(order["q"]),
        "ts": time(order["T"]),
        "status": text(order["X"]),
    }


PLAIN: Final[dict[str, Callable[..., Json]]] = {
    "trade": trade,
    "aggTrade": aggregate,
    "bookTicker": quote,
    "depth": change,
    **dict.fromkeys(("depth5", "depth10", "depth20"), best),
    "ticker": ticker,
    "kline": candle,
}
FUTURES: Final[dict[str, Callable[..., Json]]] = {
    **PLAIN,
    "continuousKline": continuous,
    "markPrice": mark,
    "forceOrder": liquidation,
}
KINDS: Final = {
    "binance": PLAIN,
    "binance-usdm": FUTURES,
    "binance-coinm": {**FUTURES, "indexPriceKline": index, "markPriceKline": mark_candle},
}
WITH_INTERVAL: Final = frozenset({"kline", "continuousKline", "indexPriceKline", "markPriceKline"})


def read(exchange: str, payload: bytes) -> tuple[str, Json]:
    """
    Return the stream of a combined frame and what it says; nothing where it stands for nothing to be told.

    Raises:
        RefusedError: If the documents do not allow it.
    """
    try:
        message = json.loads(payload.decode(), parse_constant=_refuse)
        stream, data = text(message["stream"]), message["data"]
        name, _, rest = stream.partition("@")
        kind, _, interval = rest.partition("@")[0].partition("_")
        need(bool(name) and not name.startswith("!"))
        need((kind in WITH_INTERVAL) == bool(interval))
        if exchange in UNIVERSE and kind == "markPrice" and isinstance(data, list):
            return stream, of_pair(data, name)
        need(isinstance(data, dict))
        if exchange in UNIVERSE and "st" in data:
            need(whole(data["st"]) == UNIVERSE[exchange])
        return stream, KINDS[exchange][kind](data, exchange)
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as exc:
        raise RefusedError from exc


def _refuse(constant: str) -> None:
    raise RefusedError(constant)
