"""
How Binance's books are kept: how updates join, and where the snapshot comes from. There is no checksum.

Spot: "How to manage a local order book correctly" in web-socket-streams.md, Binance
spot API docs, 2026-07-21 (its text of 2025-11-12). Futures: the page of that name
in the USD-M futures docs at developers.binance.com, 2026-08-21, which COIN-M shares.
"""

from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import quote

from msgspec import Struct, convert

from gateway import spi
from gateway_binance.decimals import check_levels
from gateway_binance.declared.market import REST, Market
from gateway_binance.records.fields import Count, Time, microseconds
from gateway_binance.streams import TOPS, kind_of

Follows = Callable[[int, spi.BookDelta, bool], spi.Continuity]

_CHANGES: Final = "depth"
_CUT: Final = frozenset(f"{_CHANGES}{depth}" for depth in TOPS)


class Depth(Struct, frozen=True):
    """The reply of ``depth``."""

    lastUpdateId: Count  # noqa: N815  # the exchange's own spelling
    bids: list[spi.Level]
    asks: list[spi.Level]
    E: Time | None = None


def spot_follows(previous: int, update: spi.BookDelta, _fresh: bool) -> spi.Continuity:
    """Judge an update by its first and last id alone; the first one after a snapshot obeys the same rule."""
    if update.last <= previous:
        # The exchange would have an equal one applied again, which changes nothing: told once is enough.
        return spi.Continuity.IGNORE
    if update.first is None or update.first > previous + 1:
        return spi.Continuity.GAP
    return spi.Continuity.APPLY


def futures_follows(previous: int, update: spi.BookDelta, fresh: bool) -> spi.Continuity:
    """
    Judge an update by the last id of the one before it, which it names: first ids skip.

    The first one after a snapshot has to begin at or before the snapshot's id, and to end at or after it.
    """
    if update.previous == previous:
        return spi.Continuity.APPLY
    if fresh and update.first is not None and update.first <= previous <= update.last:
        return spi.Continuity.APPLY
    return spi.Continuity.IGNORE if update.last <= previous else spi.Continuity.GAP


def whole(_previous: int, _update: spi.BookDelta, _fresh: bool) -> spi.Continuity:
    """Judge what never comes: a stream of cut books is all snapshots."""
    return spi.Continuity.GAP


class Books:
    """
    The rules of one market's books, for one connection.

    Args:
        target: where snapshots are fetched.
        market: its figures.
        follows: how its updates join.
    """

    def __init__(self, target: spi.Target, market: Market, follows: Follows) -> None:
        self._target = target
        self._market = market
        self._follows = follows

    def rule(self, stream: str) -> spi.BookRule | None:
        """Return the rules of the book that ``stream`` carries, :obj:`None` if it carries none."""
        kind = kind_of(stream)
        if kind in _CUT:
            return spi.BookRule(follows=whole, snapshot=spi.SnapshotSource.IN_BAND)
        if kind != _CHANGES or stream.startswith("!"):
            return None
        # Names of streams are the symbols in lower case, and symbols have no lower case.
        symbol = stream.partition("@")[0].upper()
        fetch = partial(fetch_snapshot, self._target, self._market, symbol)
        return spi.BookRule(follows=self._follows, snapshot=fetch, reach=self._market.levels)


def fetch_snapshot(target: spi.Target, market: Market, symbol: str) -> spi.Conversation[spi.BookSnapshot]:
    """Fetch the best thousand levels of each side; what lies beyond stays unknown until it changes."""
    url = f"{target.urls[REST]}{market.api}/depth?symbol={quote(symbol, safe='')}&limit={market.levels}"
    reply = yield spi.Fetch("GET", url, cost={market.weight: market.levels_weight})
    depth = convert(reply.json(), Depth)
    check_levels(depth.bids, depth.asks)
    at = None if depth.E is None else microseconds(depth.E)
    return spi.BookSnapshot(depth.bids, depth.asks, depth.lastUpdateId, at)
