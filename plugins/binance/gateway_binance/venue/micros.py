"""
Times in microseconds, for those who ask for them: which members of which message are times.

After ``timeUnit`` in web-socket-streams.md and web-socket-api.md of the spot
documents, 2026-07-21. Ids have the same letters as times in other messages.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

_BOTH: Final = ("E", "T")
_WINDOW: Final = ("E", "O", "C")
_OF_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "kline": ("E",),
    "referencePrice": ("t",),
    "24hrTicker": _WINDOW,
    "1hTicker": _WINDOW,
    "4hTicker": _WINDOW,
    "1dTicker": _WINDOW,
    "executionReport": ("E", "T", "O", "W"),
    "outboundAccountPosition": ("E", "u"),
}
_OF_REPLIES: Final = frozenset(
    {"time", "serverTime", "updateTime", "transactTime", "workingTime", "closeTime", "openTime", "T"}
)
_LONG: Final = 12
"""Rows of candles have so many members, the first and the seventh being times."""


def event(payload: Any) -> Any:
    """Return an event with its times in microseconds; what has none stays as it is."""
    if isinstance(payload, list):
        return [event(one) for one in payload]
    changed = {**payload}
    for name in _OF_EVENTS.get(payload.get("e", ""), _BOTH if "e" in payload else ()):
        if isinstance(changed.get(name), int):
            changed[name] *= 1000
    if isinstance(changed.get("k"), dict):
        candle = changed["k"]
        changed["k"] = {**candle, "t": candle["t"] * 1000, "T": candle["T"] * 1000}
    return changed


def datum(data: bytes) -> bytes:
    """Return the bytes of an event with its times in microseconds."""
    return orjson.dumps(event(orjson.loads(data)))


def reply(result: Any) -> Any:
    """Return what is answered to a request with its times in microseconds."""
    if isinstance(result, dict):
        return {name: _time(value) if name in _OF_REPLIES else reply(value) for name, value in result.items()}
    if isinstance(result, list | tuple):
        if len(result) == _LONG and isinstance(result[0], int):
            return [_time(value) if place in {0, 6} else value for place, value in enumerate(result)]
        return [reply(one) for one in result]
    return result


def _time(value: Any) -> Any:
    return value * 1000 if isinstance(value, int) and value > 0 else value
