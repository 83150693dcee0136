"""
Which stream of Binance serves which wish: the stream's name, made of the symbol or its pair in lower case.

After "WebSocket Streams" in the spot API docs, 2026-07-21, and "Websocket Market
Streams" of both futures markets in binance-connector-python, 2026-08-21.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway import spi

Streams = Mapping[tuple[str, str | None], str]
"""A stream's name by channel and variant; ``symbol`` and ``pair`` are filled in."""

DEPTHS: Final = (None, "5", "10", "20", "50", "100")
"""The depths of our own book views; all of them are cut from the one stream of changes."""
TOPS: Final = ("5", "10", "20")
"""The depths that Binance cuts itself, as variants ``top5`` and so on: whole each time, without a snapshot."""

_MINUTES: Final = ("1m", "3m", "5m", "15m", "30m")
_LONGER: Final = ("1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
_INTERVALS: Final = (*_MINUTES, *_LONGER)
"""Spot and the continuous contracts have ``1s`` too."""
CONTRACT_TYPES: Final = ("perpetual", "current_quarter", "next_quarter")
"""What a continuous candle is made of, as a stream's name spells it."""


def _candles(intervals: Iterable[str], stream: str, prefix: str = "") -> Streams:
    return {("candles", f"{prefix}{one}"): f"{stream}_{one}" for one in intervals}


def _continuous(types: Iterable[str]) -> Streams:
    """A pair's series that goes on from one contract to the next."""
    found: dict[tuple[str, str | None], str] = {}
    for one in types:
        stream, prefix = f"{{pair}}_{one}@continuousKline", f"{one.replace('_', '-')}-"
        found.update(_candles(("1s", *_INTERVALS), stream, prefix))
    return found


_EVERYWHERE: Final[Streams] = {
    ("trades", None): "{symbol}@trade",
    ("trades", "agg"): "{symbol}@aggTrade",
    ("quotes", None): "{symbol}@bookTicker",
    ("ticker", None): "{symbol}@ticker",
    **{("book", depth): "{symbol}@depth@100ms" for depth in DEPTHS},
    **{("book", f"top{depth}"): f"{{symbol}}@depth{depth}@100ms" for depth in TOPS},
    **_candles(_INTERVALS, "{symbol}@kline"),
}
_FUTURES: Final[Streams] = {
    **_EVERYWHERE,
    ("mark", None): "{symbol}@markPrice@1s",
    ("liquidations", None): "{symbol}@forceOrder",
}
SPOT_STREAMS: Final[Streams] = {**_EVERYWHERE, **_candles(("1s",), "{symbol}@kline")}
USDM_STREAMS: Final[Streams] = {**_FUTURES, **_continuous((*CONTRACT_TYPES, "tradifi_perpetual"))}
COINM_STREAMS: Final[Streams] = {
    **_FUTURES,
    **_continuous(CONTRACT_TYPES),
    **_candles(_INTERVALS, "{pair}@indexPriceKline", "index-"),
    **_candles(_INTERVALS, "{symbol}@markPriceKline", "mark-"),
}


def variants(streams: Streams, channel: str) -> frozenset[str | None]:
    """Return the variants that ``channel`` has in ``streams``."""
    return frozenset(variant for name, variant in streams if name == channel)


def stream_for(streams: Streams, wish: spi.Subscription) -> str | None:
    """Return the name of the stream that serves ``wish``; :obj:`None` if there is none."""
    stream = streams.get((wish.channel, wish.variant))
    if stream is None or wish.account is not None:
        return None
    symbol = wish.symbol.lower()
    return stream.format(symbol=symbol, pair=pair_of(symbol))


def pair_of(symbol: str) -> str:
    """Return the pair of a contract's symbol: what stands before ``_PERP`` or a date, else all of it."""
    return symbol.partition("_")[0]


def kind_of(stream: str) -> str:
    """
    Return what ``stream`` is of: what follows the symbol or ``!``, without pace and interval.

    An interval leaves its underscore behind: ``kline_``.
    """
    whole = stream[1:] if stream.startswith("!") else stream.partition("@")[2]
    kind, underscore, _ = whole.partition("@")[0].partition("_")
    return kind + underscore
