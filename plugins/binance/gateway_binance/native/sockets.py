"""
How a client's socket begins, by its address.

After "General WSS information" in web-socket-streams.md, Binance spot API docs, 2026-07-21. Clients
also connect to words that are no streams (ccxt: ``/ws/0``), which say nothing at the exchange either.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway import spi
from gateway_binance.native.figures import Doors
from gateway_binance.native.replies import problem

COMBINED: Final = "combined"
BARE: Final = "bare"
_SHAPES: Final = {"/ws": BARE, "/stream": COMBINED}
_KEY: Final = 64
_UNITS: Final = ("millisecond", "microsecond")


def greeting(
    doors: Doors, path: str, query: Mapping[str, str], unit: str | None
) -> spi.NativeGreeting | spi.HttpReply:
    """Return how a socket begins; ``unit`` is what times are written in, where a client may choose."""
    for place in doors.places:
        for door, shape in _SHAPES.items():
            start, _, rest = path.partition(f"{place}{door}")
            if not start and (not rest or rest.startswith("/")):
                names = [*rest.split("/"), *query.get("streams", "").split("/")]
                return _refusal(names, query, unit) or spi.NativeGreeting(shape, _streams(names))
    return problem(404, -1020, f"there are no streams at {path[:64]}")


def is_stream(name: str) -> bool:
    """Say whether a stream might be called so; whether there is one, nobody is told at the exchange either."""
    symbol, at, kind = name.partition("@")
    return symbol.startswith("!") or bool(symbol and at and kind and symbol == symbol.lower())


def is_listen_key(name: str) -> bool:
    """Say whether ``name`` looks like what opens an account's stream."""
    return len(name) == _KEY and name.isascii() and name.isalnum()


def _streams(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if is_stream(name)))


def _refusal(names: Iterable[str], query: Mapping[str, str], unit: str | None) -> spi.HttpReply | None:
    """Refuse what would be silent, or written otherwise than the client believes."""
    if "listenKey" in query or any(is_listen_key(name) for name in names):
        return problem(400, -1020, "accounts are not told here: the gateway has them as channels of its own")
    asked = query.get("timeUnit", "").lower()
    if unit is None or not asked or asked == unit:
        return None
    if asked not in _UNITS:
        return problem(400, -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
    return problem(400, -1194, f"all share one connection, whose times are in {unit}s: see the option time_unit")
