"""
Market records: what a channel's ``data`` is made of.

Prices and sizes are decimal strings exactly as the exchange wrote them, times
integer microseconds since 1970. A field that the exchange does not give is
:obj:`None` here and absent on the wire. Records are immutable and shared by all
listeners; lists inside them must not be changed.
"""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

Level = tuple[str, str]
"""Price and size; size ``"0"`` removes the level."""

Side = Literal["buy", "sell"]
Id = int | str
"""A trade's id, a number where the exchange writes a number."""


class Trade(Struct, frozen=True, gc=False, omit_defaults=True):
    """One trade, or with ``first_id`` and ``last_id`` an aggregate; ``side`` is the taker's."""

    id: Id
    price: str
    size: str
    side: Side
    ts: int
    first_id: Id | None = None
    last_id: Id | None = None


class Quote(Struct, frozen=True, gc=False, omit_defaults=True):
    """Best bid and ask; ``seq`` grows per symbol."""

    bid: str
    bid_size: str
    ask: str
    ask_size: str
    seq: int | None = None
    ts: int | None = None


class Book(Struct, frozen=True, gc=False, omit_defaults=True):
    """Changed levels or, in a snapshot, whole sides, best first."""

    bids: list[Level]
    asks: list[Level]
    seq: int | None = None
    ts: int | None = None


class Ticker(Struct, frozen=True, gc=False, omit_defaults=True):
    """Statistics of the last 24 hours."""

    last: str
    ts: int
    open: str | None = None
    high: str | None = None
    low: str | None = None
    volume: str | None = None
    quote_volume: str | None = None
    bid: str | None = None
    ask: str | None = None
    change: str | None = None
    change_percent: str | None = None


class Candle(Struct, frozen=True, gc=False, omit_defaults=True):
    """
    One interval; ``end`` is its last instant as the exchange gives it.

    Those of an index or of mark prices have no volume, since nothing is traded there.
    """

    start: int
    end: int
    open: str
    high: str
    low: str
    close: str
    closed: bool
    volume: str | None = None
    trades: int | None = None


class Mark(Struct, frozen=True, gc=False, omit_defaults=True):
    """Mark price and funding; ``next_funding`` is a time."""

    mark: str
    ts: int
    index: str | None = None
    funding_rate: str | None = None
    next_funding: int | None = None


class Liquidation(Struct, frozen=True, gc=False, omit_defaults=True):
    """A forced order; ``side`` is the order's."""

    side: Side
    price: str
    size: str
    ts: int
    status: str | None = None


MARKET_RECORDS: Final[Mapping[str, type[Struct]]] = {
    "trades": Trade,
    "quotes": Quote,
    "book": Book,
    "ticker": Ticker,
    "candles": Candle,
    "mark": Mark,
    "liquidations": Liquidation,
}
"""The record of each channel."""
