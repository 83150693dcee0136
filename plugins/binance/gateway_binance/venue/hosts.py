"""
Which host of the exchange a path belongs to, and what waits behind it.

A path may begin with the name of a real host (``/fstream.binance.com/market/ws``);
one that does not is taken for that of the first host that has it.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gateway import spi


class Market(enum.StrEnum):
    """The markets of one exchange."""

    SPOT = "spot"
    USDM = "usdm"
    COINM = "coinm"

    @property
    def is_futures(self) -> bool:
        """Whether its contracts are futures, which share limits, rules of books and all-market streams."""
        return self is not Market.SPOT


class Category(enum.Enum):
    """What a connection may carry; all hosts but USD-M's know :attr:`ANY` alone."""

    ANY = "any"
    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Door:
    """Where a socket stands: ``api`` takes requests, ``combined`` wraps data with the names of their streams."""

    market: Market
    category: Category = Category.ANY
    combined: bool = False
    api: bool = False


class Way(NamedTuple):
    """A door, and what of the path follows it."""

    door: Door
    rest: str


def _pair(prefix: str, market: Market, category: Category = Category.ANY) -> dict[str, Door]:
    return {f"{prefix}/ws": Door(market, category), f"{prefix}/stream": Door(market, category, combined=True)}


_SPOT: Final = _pair("", Market.SPOT)
_USDM: Final = {
    **_pair("/public", Market.USDM, Category.PUBLIC),
    **_pair("/market", Market.USDM, Category.MARKET),
    **_pair("/private", Market.USDM, Category.PRIVATE),
    # Without a category they still open, and bring public data at most (jesse-ai/jesse issue 562, 2026).
    **_pair("", Market.USDM, Category.PUBLIC),
}
_COINM: Final = _pair("", Market.COINM)

SOCKETS: Final[Mapping[str, Mapping[str, Door]]] = {
    "stream.binance.com": _SPOT,  # web-socket-streams.md, 2026-07-21
    "data-stream.binance.vision": _SPOT,  # faqs/market_data_only.md
    "ws-api.binance.com": {"/ws-api/v3": Door(Market.SPOT, api=True)},  # web-socket-api.md
    "fstream.binance.com": _USDM,  # USD-M, Important WebSocket Change Notice, 2026-03
    "ws-fapi.binance.com": {"/ws-fapi/v1": Door(Market.USDM, api=True)},
    "dstream.binance.com": _COINM,  # COIN-M, Websocket Market Streams
    "ws-dapi.binance.com": {"/ws-dapi/v1": Door(Market.COINM, api=True)},
}
REST: Final[Mapping[str, tuple[str, ...]]] = {
    "api.binance.com": ("/api/", "/sapi/"),
    "data-api.binance.vision": ("/api/",),
    "fapi.binance.com": ("/fapi/", "/futures/data/"),
    "dapi.binance.com": ("/dapi/", "/futures/data/"),
}


def _doors() -> Iterator[tuple[str, Door]]:
    for host, doors in SOCKETS.items():
        for path, door in doors.items():
            yield f"/{host}{path}", door
    for doors in reversed(tuple(SOCKETS.values())):  # the first host that has a path wins
        yield from doors.items()


DOORS: Final[Mapping[str, Door]] = dict(_doors())
"""Every path that upgrades, without the streams that may follow it."""
ROUTES: Final = (*DOORS, *(f"{path}/{{streams:.+}}" for path, door in DOORS.items() if not door.api))


def endpoints(info: spi.ExchangeInfo, *, named: bool) -> Mapping[str, tuple[str, str]]:
    """Return the endpoints that a plugin declares, each with its scheme and path here, ``named`` with its host."""
    found = {}
    for one in info.endpoints:
        url = urlsplit(one.urls["live"])
        if url.hostname in SOCKETS or url.hostname in REST:
            scheme = "ws" if url.hostname in SOCKETS else "http"
            found[one.name] = scheme, f"/{url.hostname}{url.path}" if named else url.path
    return found


def way(path: str) -> Way:
    """
    Return the door at ``path``.

    Raises:
        KeyError: If there is none.
    """
    if path in DOORS:
        return Way(DOORS[path], "")
    end = len(path)
    while (end := path.rfind("/", 0, end)) > 0:
        if path[:end] in DOORS:
            return Way(DOORS[path[:end]], path[end + 1 :])
    raise KeyError(path)


def routes(method: str, path: str) -> Iterator[str]:
    """Return everywhere that a REST request is served: with the names of its hosts and without."""
    yield f"{method} {path}"
    for host, beginnings in REST.items():
        if path.startswith(beginnings):
            yield f"{method} /{host}{path}"
