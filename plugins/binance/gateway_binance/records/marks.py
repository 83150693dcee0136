"""
Mark price and funding of futures: ``@markPrice``, of a symbol.

That of a pair brings all its contracts at once: its records would be of many topics,
so it only passes through raw. After binance-connector-python, 2026-08-21. Contracts with a day of delivery have
no funding, recordings of COIN-M before 2022 no index.
"""

from typing import Final, Literal

from msgspec import UNSET, Struct, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.decimals import check_decimals, check_signed
from gateway_binance.records.fields import Combined, Form, Reader, Time, Universe, check_universe, microseconds


class MarkEvent(Struct, frozen=True, gc=False):
    """``@markPrice``; funding is empty where there is none."""

    kind: Literal["markPriceUpdate"] = field(name="e")
    at: Time = field(name="E")
    symbol: str = field(name="s")
    mark: str = field(name="p")
    index: str | None = field(name="i", default=None)
    funding_rate: str = field(name="r", default="")
    next_funding: Time = field(name="T", default=0)
    universe: Universe = field(name="st", default=UNSET)


_mark_event: Final = Decoder(Combined[MarkEvent | list[MarkEvent]]).decode


def mark(form: Form) -> Reader:
    """Return the reader of ``@markPrice``."""

    def read(payload: bytes) -> spi.Data:
        message = _mark_event(payload)
        event = message.data
        if isinstance(event, list):
            return _passed(message.stream, event)
        check_universe(event.universe, form)
        return spi.Data(message.stream, (_told(event),), microseconds(event.at))

    return read


def _passed(stream: str, contracts: list[MarkEvent]) -> spi.Data:
    pair = f"{stream.partition('@')[0].upper()}_"
    if not contracts or not all(one.symbol.startswith(pair) for one in contracts):
        raise ValueError("mark prices of another pair than the stream's")
    return spi.Data(stream, ())


def _told(event: MarkEvent) -> spi.Mark:
    check_decimals((event.mark,) if event.index is None else (event.mark, event.index))
    if event.funding_rate:
        check_signed(event.funding_rate)
    return spi.Mark(
        mark=event.mark,
        ts=microseconds(event.at),
        index=event.index,
        funding_rate=event.funding_rate or None,
        next_funding=microseconds(event.next_funding) or None,
    )
