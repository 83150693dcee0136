"""
What the name of a stream says: whether it is one, whose it is, and on which connections it speaks.

After "All market streams" of the spot documents, 2026-07-21, the split of USD-M's
host into categories, 2026-03, and the integration of COIN-M with it, 2026-06-30.
"""

from typing import Final

from gateway_binance.venue.hosts import Category

DEPTHS: Final = ("depth", "depth@0ms", "depth@100ms", "depth@250ms", "depth@500ms", "depth@1000ms")
"""The names of the one stream of a book's changes, whatever its pace."""
MARKS: Final = ("markPrice", "markPrice@1s")
_SHARED: Final = ("markPrice", "kline_", "continuousKline_", "indexPriceKline_", "markPriceKline_")
_OWN: Final = "!assetIndex"
_KEY: Final = 64
_PUBLIC: Final = ("bookTicker", "depth", "rpiDepth", "trade")
"""What USD-M's ``/public`` carries; ``trade`` is not documented, and clients find it there (ccxt, tardis)."""


def is_stream(name: str) -> bool:
    """Say whether ``name`` is one that a stream might have; whether it ever speaks is another matter."""
    symbol, at, kind = name.partition("@")
    if symbol.startswith("!") or name == "tradingSession":
        return True
    return bool(symbol and at and kind) and symbol == symbol.lower()


def is_listen_key(name: str) -> bool:
    """Say whether ``name`` has the shape of a listenKey."""
    return len(name) == _KEY and name.isascii() and name.isalnum()


def symbol_of(stream: str) -> str:
    """Return the symbol of a stream's name."""
    return stream.partition("@")[0].upper()


def kind_of(stream: str) -> str:
    """Return what a stream tells, such as ``kline_1m``; without a symbol the whole name."""
    symbol, _, kind = stream.partition("@")
    return stream if symbol.startswith("!") else kind or stream


def category_of(stream: str) -> Category:
    """Return the connections on which USD-M's stream speaks."""
    if is_listen_key(stream):
        return Category.PRIVATE
    kind = kind_of(stream).removeprefix("!").partition("@")[0].rstrip("0123456789")
    return Category.PUBLIC if kind in _PUBLIC else Category.MARKET


def speaks(stream: str, category: Category) -> bool:
    """Say whether ``stream`` says anything on a connection of ``category``; elsewhere it is silent."""
    return category is Category.ANY or category_of(stream) is category


def is_shared(stream: str) -> bool:
    """
    Say whether the hosts of both futures markets bring ``stream``, whosever it is: since 2026-06-30.

    Of all symbols they bring those of both at once; of one, its prices and candles: binance-connector-python,
    2026-08-21. Of ``!markPrice@arr`` that is not sure.
    """
    if stream.startswith("!"):
        return not stream.startswith(_OWN)
    return kind_of(stream).startswith(_SHARED)


def names_of(stream: str) -> tuple[str, ...]:
    """Return the names under which a recorded stream may be asked for: its pace is the recorded one."""
    symbol, _, kind = stream.partition("@")
    for same in (DEPTHS, MARKS):
        if kind in same:
            return tuple(f"{symbol}@{one}" for one in same)
    return (stream,)
