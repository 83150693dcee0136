"""
What USD-M tells of no one symbol: indices of several assets, of assets as collateral, and sessions of trading.

The fields are those of the models in Binance's own connector for USD-M, 2026-08.
When sessions begin and end no document says: ours are made up.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Final

from gateway_binance.venue.generated.payloads import Payload
from gateway_binance.venue.history import Mark
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.streams import kind_of, symbol_of

Marks = Mapping[str, tuple[Listed, Mark]]
"""Listed perpetual contracts by symbol, with their mark prices."""

COMPOSITE: Final = "DEFIUSDT"
"""The one index that there is."""
_WORTH: Final = 100
"""What that is worth in all."""
SESSIONS: Final = "tradingSession"
_BUFFER: Final = Decimal("0.10")
"""What part of its index is taken off an asset, or put on it, as collateral."""
_EXCHANGED: Final = Decimal("0.05")
"""The same where it is exchanged for another."""
_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY
_MONDAY: Final = 4 * _DAY
"""When the first week of 1970 began that is whole."""
_WORKING: Final = 5 * _DAY
_OPEN: Final[Mapping[str, tuple[int, int]]] = {
    "EquityUpdate": (14, 21),
    "CommodityUpdate": (0, 22),
    "KR_EquityUpdate": (0, 7),
    "HK_EquityUpdate": (1, 8),
    "CN_EquityUpdate": (1, 7),
}
"""From which hour of a working day until which each kind is traded."""


def told(stream: str, marks: Marks, at: int) -> Iterator[Payload | list[Payload]]:
    """Yield what ``stream`` says now; nothing if it is none of these."""
    kind = kind_of(stream).removesuffix("@arr")
    if stream == SESSIONS:
        yield from _sessions(at)
    elif kind == "compositeIndex" and symbol_of(stream) == COMPOSITE:
        yield _composite(marks, at)
    elif kind == "!assetIndex":
        yield [_asset(*one, at) for one in marks.values()]
    elif kind == "assetIndex":
        yield from (_asset(*one, at) for one in marks.values() if _named(one[0]) == symbol_of(stream))


def is_of_many(stream: str) -> bool:
    """Say whether ``stream`` tells of several symbols that move for its sake."""
    return stream.startswith("!") or kind_of(stream) in {"compositeIndex", "assetIndex"}


def _named(one: Listed) -> str:
    return f"{one.base}USD"


def _composite(marks: Marks, at: int) -> Payload:
    """Return an index in which each asset has as large a part."""
    part = 1 / Decimal(len(marks) or 1)
    rows = [
        {"b": one.base, "q": one.quote, "w": f"{_WORTH * part / Decimal(mark.index):.8f}", "i": mark.index}
        for one, mark in marks.values()
    ]
    price = sum((Decimal(row["w"]) * Decimal(row["i"]) for row in rows), Decimal(0))
    parts = [{**row, "W": f"{part:.8f}"} for row in rows]
    return {"e": "compositeIndex", "E": at, "s": COMPOSITE, "p": f"{price:.8f}", "C": "baseAsset", "c": parts}


def _asset(one: Listed, mark: Mark, at: int) -> Payload:
    index = Decimal(mark.index)
    factors = {"B": 1 - _BUFFER, "A": 1 + _BUFFER, "Q": 1 - _EXCHANGED, "G": 1 + _EXCHANGED}
    rates = {letter: f"{index * factor:.8f}" for letter, factor in factors.items()}
    buffers = {"b": f"{_BUFFER}", "a": f"{_BUFFER}", "q": f"{_EXCHANGED}", "g": f"{_EXCHANGED}"}
    return {"e": "assetIndexUpdate", "E": at, "s": _named(one), "i": mark.index, **buffers, **rates}


def _sessions(at: int) -> Iterator[Payload]:
    midnight = at - at % _DAY
    is_working = (at - _MONDAY) % _WEEK < _WORKING
    for kind, hours in _OPEN.items():
        opens, closes = (midnight + hour * _HOUR for hour in hours)
        changes = (midnight, *((opens, closes) if is_working else ()), midnight + _DAY)
        begin, end = next((one, two) for one, two in pairwise(changes) if one <= at < two)
        state = "REGULAR" if (begin, end) == (opens, closes) else "NO_TRADING"
        yield {"e": kind, "E": at, "t": begin, "T": end, "S": state}
