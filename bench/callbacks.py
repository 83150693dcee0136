"""
What a program does with each message here: read its fields and count it.

Once with prices and sizes as the gateway hands them over, in the exchange's own
digits, and once made numbers, as peers hand them over.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from meter import Meter
from tape import Proof

from gateway import Message

Heard = Callable[[Any], None]
Factory = Callable[[Meter, Proof], Heard]
"""Makes a callback that counts, and notes what it saw last."""


def trades(meter: Meter, proof: Proof) -> Heard:
    """Read every field of a trade."""

    def heard(message: Any) -> None:
        if type(message) is Message:
            for one in message.records:
                _ = one.side, one.price, one.size, one.ts
                proof["trades"] = one.id
            meter.count()

    return heard


def quotes(meter: Meter, proof: Proof) -> Heard:
    """Read the best bid and ask."""

    def heard(message: Any) -> None:
        if type(message) is Message:
            for one in message.records:
                _ = one.bid, one.ask
                proof["quotes"] = one.seq
            meter.count()

    return heard


def book(meter: Meter, proof: Proof) -> Heard:
    """Take what changed in the book that the gateway keeps."""

    def heard(message: Any) -> None:
        if type(message) is not Message:
            return
        if message.kind == "snapshot":
            meter.ready()
        else:
            for one in message.records:
                _ = one.bids, one.asks, one.ts
                proof["book"] = one.seq
            meter.count()

    return heard


def decimal_trades(meter: Meter, proof: Proof) -> Heard:
    """Read every field of a trade; its price and size become numbers."""

    def heard(message: Any) -> None:
        if type(message) is Message:
            for one in message.records:
                _ = one.side, Decimal(one.price), Decimal(one.size), one.ts
                proof["trades"] = one.id
            meter.count()

    return heard


def decimal_quotes(meter: Meter, proof: Proof) -> Heard:
    """Read the best bid and ask as numbers."""

    def heard(message: Any) -> None:
        if type(message) is Message:
            for one in message.records:
                _ = Decimal(one.bid), Decimal(one.ask)
                proof["quotes"] = one.seq
            meter.count()

    return heard


def decimal_book(meter: Meter, proof: Proof) -> Heard:
    """Make numbers of all that changed in the book."""

    def heard(message: Any) -> None:
        if type(message) is not Message:
            return
        if message.kind == "snapshot":
            meter.ready()
        else:
            for one in message.records:
                _ = [[(Decimal(price), Decimal(size)) for price, size in side] for side in (one.bids, one.asks)]
                proof["book"] = one.seq
            meter.count()

    return heard


PLAIN: Final[Mapping[str, Factory]] = {"trades": trades, "quotes": quotes, "book": book}
DECIMAL: Final[Mapping[str, Factory]] = {"trades": decimal_trades, "quotes": decimal_quotes, "book": decimal_book}
