"""Events of connections that are not combined, which no plugin opens, as a combined one would bring them."""

import json
from collections.abc import Iterator
from typing import Any, Final

STREAMS: Final = {
    "trade": "{s}@trade",
    "aggTrade": "{s}@aggTrade",
    "depthUpdate": "{s}@depth@100ms",
    "bookTicker": "{s}@bookTicker",
    "24hrTicker": "{s}@ticker",
    "markPriceUpdate": "{s}@markPrice@1s",
    "kline": "{s}@kline_{i}",
    "continuous_kline": "{ps}_{ct}@continuousKline_{i}",
    "indexPrice_kline": "{ps}@indexPriceKline_{i}",
    "markPrice_kline": "{s}@markPriceKline_{i}",
    "forceOrder": "{s}@forceOrder",
}
"""By which stream an event of a kind comes."""


def wrapped(frame: str | bytes) -> Iterator[bytes]:
    """Yield the events of a frame, each with its stream; nothing of a frame that has none by themselves."""
    try:
        message = json.loads(frame)
    except ValueError:
        return
    for event in message if isinstance(message, list) else [message]:
        if isinstance(event, dict) and event.get("e") in STREAMS:
            data = {"stream": _stream(event), "data": event}
            yield json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def _stream(event: Any) -> str:
    within = next((event[name] for name in ("k", "o") if isinstance(event.get(name), dict)), {})
    words = {name: str(event.get(name, within.get(name, ""))).lower() for name in ("s", "ps", "ct")}
    return STREAMS[event["e"]].format(**words, i=within.get("i", ""))
