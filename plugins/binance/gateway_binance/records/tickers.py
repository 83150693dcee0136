"""
The last 24 hours: ``@ticker``.

Spot: web-socket-streams.md, 2026-07-21. Futures, which show no bid and ask:
binance-connector-python, 2026-08-21.
"""

from typing import Final, Literal

from msgspec import UNSET, Struct, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.decimals import check_decimals, check_signed
from gateway_binance.records.fields import Combined, Form, Reader, Time, Universe, check_universe, microseconds


class TickerEvent(Struct, frozen=True, gc=False):
    """What ``@ticker`` tells everywhere."""

    kind: Literal["24hrTicker"] = field(name="e")
    at: Time = field(name="E")
    symbol: str = field(name="s")
    change: str = field(name="p")
    change_percent: str = field(name="P")
    last: str = field(name="c")
    open: str = field(name="o")
    high: str = field(name="h")
    low: str = field(name="l")
    volume: str = field(name="v")
    quote_volume: str = field(name="q")


class SpotTickerEvent(TickerEvent, frozen=True, gc=False):
    """``@ticker`` of the spot market."""

    bid: str = field(name="b")
    ask: str = field(name="a")


class FuturesTickerEvent(TickerEvent, frozen=True, gc=False):
    """``@ticker`` of futures."""

    universe: Universe = field(name="st", default=UNSET)


_spot_event: Final = Decoder(Combined[SpotTickerEvent]).decode
_futures_event: Final = Decoder(Combined[FuturesTickerEvent]).decode


def ticker(_form: Form) -> Reader:
    """Return the reader of ``@ticker``."""

    def read(payload: bytes) -> spi.Data:
        message = _spot_event(payload)
        event = message.data
        check_decimals((event.bid, event.ask))
        return _told(message.stream, event, event.bid, event.ask)

    return read


def futures_ticker(form: Form) -> Reader:
    """Return the reader of ``@ticker`` of futures."""

    def read(payload: bytes) -> spi.Data:
        message = _futures_event(payload)
        check_universe(message.data.universe, form)
        return _told(message.stream, message.data)

    return read


def _told(stream: str, event: TickerEvent, bid: str | None = None, ask: str | None = None) -> spi.Data:
    check_decimals((event.last, event.open, event.high, event.low, event.volume, event.quote_volume))
    check_signed(event.change, event.change_percent)
    at = microseconds(event.at)
    record = spi.Ticker(
        last=event.last,
        ts=at,
        open=event.open,
        high=event.high,
        low=event.low,
        volume=event.volume,
        quote_volume=event.quote_volume,
        bid=bid,
        ask=ask,
        change=event.change,
        change_percent=event.change_percent,
    )
    return spi.Data(stream, (record,), at)
