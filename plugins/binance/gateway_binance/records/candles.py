"""
Candles: of a symbol (``@kline``), of a pair's contracts one after the other, of an index and of mark prices.

Spot: web-socket-streams.md, 2026-07-21. Futures: binance-connector-python, 2026-08-21.
"""

from typing import Final, Literal

from msgspec import UNSET, Struct, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.decimals import check_decimals
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


class Kline(Struct, frozen=True, gc=False):
    """The candle within the event."""

    start: Time = field(name="t")
    end: Time = field(name="T")
    interval: str = field(name="i")
    open: str = field(name="o")
    close: str = field(name="c")
    high: str = field(name="h")
    low: str = field(name="l")
    volume: str = field(name="v")
    trades: Count = field(name="n")
    closed: bool = field(name="x")


class SymbolKline(Kline, frozen=True, gc=False):
    """One that tells its symbol."""

    symbol: str = field(name="s")


class CandleEvent(Struct, frozen=True, gc=False):
    """``@kline_<interval>``, in every market."""

    kind: Literal["kline"] = field(name="e")
    at: Time = field(name="E")
    symbol: str = field(name="s")
    kline: Kline = field(name="k")
    universe: Universe = field(name="st", default=UNSET)


class ContinuousEvent(Struct, frozen=True, gc=False):
    """``<pair>_<contract type>@continuousKline_<interval>``."""

    kind: Literal["continuous_kline"] = field(name="e")
    at: Time = field(name="E")
    pair: str = field(name="ps")
    contract: str = field(name="ct")
    kline: Kline = field(name="k")
    universe: Universe = field(name="st", default=UNSET)


class IndexEvent(Struct, frozen=True, gc=False):
    """``<pair>@indexPriceKline_<interval>``; nothing is traded at an index."""

    kind: Literal["indexPrice_kline"] = field(name="e")
    at: Time = field(name="E")
    pair: str = field(name="ps")
    kline: Kline = field(name="k")
    universe: Universe = field(name="st", default=UNSET)


class MarkEvent(Struct, frozen=True, gc=False):
    """``<symbol>@markPriceKline_<interval>``; nothing is traded at a mark price."""

    kind: Literal["markPrice_kline"] = field(name="e")
    at: Time = field(name="E")
    kline: SymbolKline = field(name="k")
    universe: Universe = field(name="st", default=UNSET)


_candle_event: Final = Decoder(Combined[CandleEvent]).decode
_continuous_event: Final = Decoder(Combined[ContinuousEvent]).decode
_index_event: Final = Decoder(Combined[IndexEvent]).decode
_mark_event: Final = Decoder(Combined[MarkEvent]).decode


def candle(form: Form) -> Reader:
    """Return the reader of ``@kline_1m`` and its like."""

    def read(payload: bytes) -> spi.Data:
        message = _candle_event(payload)
        event = message.data
        check_universe(event.universe, form)
        return _told(message.stream, event.at, event.kline)

    return read


def continuous(form: Form) -> Reader:
    """Return the reader of ``@continuousKline_1m`` and its like."""

    def read(payload: bytes) -> spi.Data:
        message = _continuous_event(payload)
        event = message.data
        check_universe(event.universe, form)
        return _told(message.stream, event.at, event.kline)

    return read


def index(form: Form) -> Reader:
    """Return the reader of ``@indexPriceKline_1m`` and its like."""

    def read(payload: bytes) -> spi.Data:
        message = _index_event(payload)
        event = message.data
        check_universe(event.universe, form)
        return _told(message.stream, event.at, event.kline, is_traded=False)

    return read


def mark(form: Form) -> Reader:
    """Return the reader of ``@markPriceKline_1m`` and its like."""

    def read(payload: bytes) -> spi.Data:
        message = _mark_event(payload)
        event = message.data
        check_universe(event.universe, form)
        return _told(message.stream, event.at, event.kline, is_traded=False)

    return read


def _told(stream: str, at: int, kline: Kline, *, is_traded: bool = True) -> spi.Data:
    """Check and tell a candle; where nothing is traded, volume and trades are noughts without a meaning."""
    if stream.rpartition("_")[2].partition("@")[0] != kline.interval:
        raise ValueError("a candle of another interval than its stream")
    check_decimals((kline.open, kline.high, kline.low, kline.close, kline.volume))
    record = spi.Candle(
        start=microseconds(kline.start),
        end=microseconds(kline.end),
        open=kline.open,
        high=kline.high,
        low=kline.low,
        close=kline.close,
        closed=kline.closed,
        volume=kline.volume if is_traded else None,
        trades=kline.trades if is_traded else None,
    )
    return spi.Data(stream, (record,), microseconds(at))
