"""
How Binance's spot books are kept: how updates join, and where the snapshot comes from.

After "How to manage a local order book correctly" in web-socket-streams.md,
Binance spot API docs, 2026-07-21 (its text of 2025-11-12). There is no checksum.
"""

from functools import partial
from typing import Final
from urllib.parse import quote

from msgspec import Struct, convert

from gateway import spi
from gateway_binance.decimals import check_levels
from gateway_binance.declared import REST, WEIGHT
from gateway_binance.records import Count

LEVELS: Final = 1000
LEVELS_WEIGHT: Final = 50
"""What so many levels cost: rest-api.md, "Order book", 2026-07-21. A busy minute allows 120 such snapshots."""


class Depth(Struct, frozen=True):
    """The reply of ``/api/v3/depth``."""

    lastUpdateId: Count  # noqa: N815  # the exchange's own spelling
    bids: list[spi.Level]
    asks: list[spi.Level]


def follows(previous: int, update: spi.BookDelta, _fresh: bool) -> spi.Continuity:
    """Judge an update by its first and last id alone; the first one after a snapshot obeys the same rule."""
    if update.last <= previous:
        # The exchange would have an equal one applied again, which changes nothing: told once is enough.
        return spi.Continuity.IGNORE
    if update.first is None or update.first > previous + 1:
        return spi.Continuity.GAP
    return spi.Continuity.APPLY


def rule(target: spi.Target, symbol: str) -> spi.BookRule:
    """Return the rules of the book of ``symbol``, in the exchange's own spelling."""
    return spi.BookRule(follows=follows, snapshot=partial(fetch_snapshot, target, symbol))


def fetch_snapshot(target: spi.Target, symbol: str) -> spi.Conversation[spi.BookSnapshot]:
    """Fetch the best thousand levels of each side; what lies beyond stays unknown until it changes."""
    url = f"{target.urls[REST]}/api/v3/depth?symbol={quote(symbol, safe='')}&limit={LEVELS}"
    reply = yield spi.Fetch("GET", url, cost={WEIGHT: LEVELS_WEIGHT})
    depth = convert(reply.json(), Depth)
    check_levels(depth.bids, depth.asks)
    return spi.BookSnapshot(depth.bids, depth.asks, depth.lastUpdateId)
