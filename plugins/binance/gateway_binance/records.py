"""
How an event of Binance becomes a record: which fields it must have, of which types, and what each means.

The fields are those of web-socket-streams.md in the Binance spot API docs,
2026-07-21. Whatever does not fit is a :class:`ValueError`, never a record.
"""

from collections.abc import Callable
from typing import Annotated, Final, Generic, Literal, TypeVar

from msgspec import Meta, Struct, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.decimals import check_decimals, check_depth, check_four, check_two

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An id or a sequence number."""
Millis = Annotated[int, Meta(ge=0, le=2**53)]
"""A time; as microseconds it still fits in 64 bits."""

E = TypeVar("E")


class Combined(Struct, Generic[E], frozen=True, gc=False):
    """What a combined connection wraps around every event."""

    stream: str
    data: E


class TradeEvent(Struct, frozen=True, gc=False):
    """``@trade``."""

    kind: Literal["trade"] = field(name="e")
    at: Millis = field(name="E")
    id: Count = field(name="t")
    price: str = field(name="p")
    size: str = field(name="q")
    traded_at: Millis = field(name="T")
    buyer_made: bool = field(name="m")


class AggregateEvent(Struct, frozen=True, gc=False):
    """``@aggTrade``."""

    kind: Literal["aggTrade"] = field(name="e")
    at: Millis = field(name="E")
    id: Count = field(name="a")
    price: str = field(name="p")
    size: str = field(name="q")
    first: Count = field(name="f")
    last: Count = field(name="l")
    traded_at: Millis = field(name="T")
    buyer_made: bool = field(name="m")


class QuoteEvent(Struct, frozen=True, gc=False):
    """``@bookTicker``, which carries no time."""

    seq: Count = field(name="u")
    bid: str = field(name="b")
    bid_size: str = field(name="B")
    ask: str = field(name="a")
    ask_size: str = field(name="A")


class DepthEvent(Struct, frozen=True, gc=False):
    """``@depth`` and ``@depth@100ms``."""

    kind: Literal["depthUpdate"] = field(name="e")
    at: Millis = field(name="E")
    first: Count = field(name="U")
    last: Count = field(name="u")
    bids: list[spi.Level] = field(name="b")
    asks: list[spi.Level] = field(name="a")


class TickerEvent(Struct, frozen=True, gc=False):
    """``@ticker``."""

    kind: Literal["24hrTicker"] = field(name="e")
    at: Millis = field(name="E")
    change: str = field(name="p")
    change_percent: str = field(name="P")
    last: str = field(name="c")
    bid: str = field(name="b")
    ask: str = field(name="a")
    open: str = field(name="o")
    high: str = field(name="h")
    low: str = field(name="l")
    volume: str = field(name="v")
    quote_volume: str = field(name="q")


class Kline(Struct, frozen=True, gc=False):
    """The candle within a candle's event."""

    start: Millis = field(name="t")
    end: Millis = field(name="T")
    open: str = field(name="o")
    close: str = field(name="c")
    high: str = field(name="h")
    low: str = field(name="l")
    volume: str = field(name="v")
    trades: Count = field(name="n")
    closed: bool = field(name="x")


class CandleEvent(Struct, frozen=True, gc=False):
    """``@kline_<interval>``."""

    kind: Literal["kline"] = field(name="e")
    at: Millis = field(name="E")
    kline: Kline = field(name="k")


_trade_event: Final = Decoder(Combined[TradeEvent]).decode
_aggregate_event: Final = Decoder(Combined[AggregateEvent]).decode
_quote_event: Final = Decoder(Combined[QuoteEvent]).decode
_depth_event: Final = Decoder(Combined[DepthEvent]).decode
_ticker_event: Final = Decoder(Combined[TickerEvent]).decode
_candle_event: Final = Decoder(Combined[CandleEvent]).decode


def _trade(payload: bytes) -> spi.Data:
    message = _trade_event(payload)
    event = message.data
    check_two(event.price, event.size)
    # The maker bought: the taker, whose side we tell, sold.
    side: Literal["buy", "sell"] = "sell" if event.buyer_made else "buy"
    record = spi.Trade(event.id, event.price, event.size, side, event.traded_at * 1000)
    return spi.Data(message.stream, (record,), event.at * 1000)


def _aggregate(payload: bytes) -> spi.Data:
    message = _aggregate_event(payload)
    event = message.data
    check_two(event.price, event.size)
    side: Literal["buy", "sell"] = "sell" if event.buyer_made else "buy"
    traded_at = event.traded_at * 1000
    record = spi.Trade(event.id, event.price, event.size, side, traded_at, event.first, event.last)
    return spi.Data(message.stream, (record,), event.at * 1000)


def _quote(payload: bytes) -> spi.Data:
    message = _quote_event(payload)
    event = message.data
    check_four(event.bid, event.bid_size, event.ask, event.ask_size)
    record = spi.Quote(event.bid, event.bid_size, event.ask, event.ask_size, event.seq)
    return spi.Data(message.stream, (record,))


def _depth(payload: bytes) -> spi.Data:
    message = _depth_event(payload)
    event = message.data
    check_depth(payload, event.bids, event.asks)
    if event.first > event.last:
        raise ValueError("a depth update ends before it begins")
    at = event.at * 1000
    record = spi.BookDelta(event.bids, event.asks, event.last, event.first, ts=at)
    return spi.Data(message.stream, (record,), at)


def _ticker(payload: bytes) -> spi.Data:
    message = _ticker_event(payload)
    event = message.data
    check_decimals((event.last, event.open, event.high, event.low, event.volume, event.quote_volume))
    check_decimals((event.bid, event.ask))
    check_decimals((event.change.removeprefix("-"), event.change_percent.removeprefix("-")))
    record = spi.Ticker(
        last=event.last,
        ts=event.at * 1000,
        open=event.open,
        high=event.high,
        low=event.low,
        volume=event.volume,
        quote_volume=event.quote_volume,
        bid=event.bid,
        ask=event.ask,
        change=event.change,
        change_percent=event.change_percent,
    )
    return spi.Data(message.stream, (record,), event.at * 1000)


def _candle(payload: bytes) -> spi.Data:
    message = _candle_event(payload)
    event = message.data
    kline = event.kline
    check_decimals((kline.open, kline.high, kline.low, kline.close, kline.volume))
    record = spi.Candle(
        start=kline.start * 1000,
        end=kline.end * 1000,
        open=kline.open,
        high=kline.high,
        low=kline.low,
        close=kline.close,
        volume=kline.volume,
        closed=kline.closed,
        trades=kline.trades,
    )
    return spi.Data(message.stream, (record,), event.at * 1000)


Reader = Callable[[bytes], spi.Data]
"""Turns a combined frame into its records; raises ValueError, or RecursionError for absurd nesting."""

_READERS: Final[dict[str, Reader]] = {
    "trade": _trade,
    "aggTrade": _aggregate,
    "bookTicker": _quote,
    "ticker": _ticker,
    "depth": _depth,
    "depth@100ms": _depth,
}


def reader(stream: str) -> Reader | None:
    """Return what reads the frames of ``stream``; :obj:`None` for a kind that only passes through raw."""
    kind = stream.partition("@")[2]
    found = _READERS.get(kind)
    return _candle if found is None and kind.startswith("kline_") else found
