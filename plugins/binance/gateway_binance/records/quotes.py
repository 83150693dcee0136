"""
Best bid and ask: ``@bookTicker``.

Spot, where it carries neither type nor time: web-socket-streams.md, 2026-07-21.
Futures: binance-connector-python, 2026-08-21; until 2020 they carried neither, too.
"""

from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.decimals import check_four
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


class QuoteEvent(Struct, frozen=True, gc=False):
    """``@bookTicker``."""

    seq: Count = field(name="u")
    symbol: str = field(name="s")
    bid: str = field(name="b")
    bid_size: str = field(name="B")
    ask: str = field(name="a")
    ask_size: str = field(name="A")


class FuturesQuoteEvent(QuoteEvent, frozen=True, gc=False):
    """``@bookTicker`` of futures."""

    kind: Literal["bookTicker"] | UnsetType = field(name="e", default=UNSET)
    at: Time | UnsetType = field(name="E", default=UNSET)
    universe: Universe = field(name="st", default=UNSET)


_quote_event: Final = Decoder(Combined[QuoteEvent]).decode
_futures_quote_event: Final = Decoder(Combined[FuturesQuoteEvent]).decode


def quote(_form: Form) -> Reader:
    """Return the reader of ``@bookTicker``."""

    def read(payload: bytes) -> spi.Data:
        message = _quote_event(payload)
        event = message.data
        check_four(event.bid, event.bid_size, event.ask, event.ask_size)
        record = spi.Quote(event.bid, event.bid_size, event.ask, event.ask_size, event.seq)
        return spi.Data(message.stream, (record,))

    return read


def futures_quote(form: Form) -> Reader:
    """Return the reader of ``@bookTicker`` of futures."""

    def read(payload: bytes) -> spi.Data:
        message = _futures_quote_event(payload)
        event = message.data
        check_universe(event.universe, form)
        check_four(event.bid, event.bid_size, event.ask, event.ask_size)
        at = None if event.at is UNSET else microseconds(event.at)
        record = spi.Quote(event.bid, event.bid_size, event.ask, event.ask_size, event.seq, at)
        return spi.Data(message.stream, (record,), at)

    return read
