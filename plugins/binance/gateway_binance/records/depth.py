"""
Books: what changed (``@depth``), and the best levels as Binance cuts them (``@depth20``).

Spot, whose cut books carry neither type, symbol nor time: web-socket-streams.md,
2026-07-21. Futures, whose cut books look like changes: binance-connector-python, 2026-08-21.
"""

from typing import Final, Literal

from msgspec import UNSET, Struct, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.decimals import check_depth, check_levels
from gateway_binance.records.fields import (
    Combined,
    Count,
    Form,
    Reader,
    Time,
    Universe,
    check_universe,
    microseconds,
)


class ChangeEvent(Struct, frozen=True, gc=False):
    """``@depth``."""

    kind: Literal["depthUpdate"] = field(name="e")
    at: Time = field(name="E")
    symbol: str = field(name="s")
    first: Count = field(name="U")
    last: Count = field(name="u")
    bids: list[spi.Level] = field(name="b")
    asks: list[spi.Level] = field(name="a")


class FuturesChangeEvent(ChangeEvent, frozen=True, gc=False):
    """``@depth`` of futures; ``previous`` is the ``last`` of the one before it."""

    previous: Count = field(name="pu")
    universe: Universe = field(name="st", default=UNSET)


class TopEvent(Struct, frozen=True, gc=False):
    """``@depth5``, ``@depth10`` and ``@depth20``."""

    last: Count = field(name="lastUpdateId")
    bids: list[spi.Level]
    asks: list[spi.Level]


_change_event: Final = Decoder(Combined[ChangeEvent]).decode
_futures_change_event: Final = Decoder(Combined[FuturesChangeEvent]).decode
_top_event: Final = Decoder(Combined[TopEvent]).decode


def change(_form: Form) -> Reader:
    """Return the reader of ``@depth``."""

    def read(payload: bytes) -> spi.Data:
        message = _change_event(payload)
        event = message.data
        check_depth(payload, event.bids, event.asks)
        if event.first > event.last:
            raise ValueError("a depth update ends before it begins")
        at = microseconds(event.at)
        record = spi.BookDelta(event.bids, event.asks, event.last, event.first, ts=at)
        return spi.Data(message.stream, (record,), at)

    return read


def futures_change(form: Form) -> Reader:
    """Return the reader of ``@depth`` of futures."""

    def read(payload: bytes) -> spi.Data:
        stream, event = _futures_change(payload, form)
        at = microseconds(event.at)
        record = spi.BookDelta(event.bids, event.asks, event.last, event.first, event.previous, at)
        return spi.Data(stream, (record,), at)

    return read


def top(_form: Form) -> Reader:
    """Return the reader of ``@depth20`` and its like."""

    def read(payload: bytes) -> spi.Data:
        message = _top_event(payload)
        event = message.data
        check_levels(event.bids, event.asks)
        return spi.Data(message.stream, (spi.BookSnapshot(event.bids, event.asks, event.last),))

    return read


def futures_top(form: Form) -> Reader:
    """Return the reader of ``@depth20`` of futures and its like."""

    def read(payload: bytes) -> spi.Data:
        stream, event = _futures_change(payload, form)
        at = microseconds(event.at)
        return spi.Data(stream, (spi.BookSnapshot(event.bids, event.asks, event.last, at),), at)

    return read


def _futures_change(payload: bytes, form: Form) -> tuple[str, FuturesChangeEvent]:
    message = _futures_change_event(payload)
    event = message.data
    check_universe(event.universe, form)
    check_depth(payload, event.bids, event.asks)
    if event.first > event.last:
        raise ValueError("a depth update ends before it begins")
    return message.stream, event
