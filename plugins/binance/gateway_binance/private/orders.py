"""
What an order of Binance becomes: how its words are ours, and which of its numbers say something.

Enumerations: enums.md of the spot documents, 2026-07-21, and the models of the
futures' user events in binance-connector-python, 2026-08-21.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, Literal

from gateway import spi
from gateway_binance.decimals import check_decimals

Side = Literal["BUY", "SELL"]
Status = Literal["new", "partially_filled", "filled", "canceled", "rejected", "expired", "pending"]

SIDES: Final[Mapping[Side, Literal["buy", "sell"]]] = {"BUY": "buy", "SELL": "sell"}
_STATUSES: Final[Mapping[str, Status]] = {
    "NEW": "new",
    "PENDING_NEW": "pending",
    "PARTIALLY_FILLED": "partially_filled",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}
FORCED: Final = frozenset({"NEW_INSURANCE", "NEW_ADL"})
"""Statuses of orders with which a position is closed by force; what is filled says how far they are."""
_FILLS: Final = frozenset({"TRADE", "CALCULATED"})
_NOTHING: Final = frozenset({"", "0", "NONE"})


def status_of(written: str, filled: str, size: str) -> Status:
    """
    Return ``written`` as ours.

    Raises:
        ValueError: If it is no status of Binance's.
    """
    if written in FORCED:
        if is_zero(filled):
            return "new"
        return "filled" if is_all(filled, size) else "partially_filled"
    if written not in _STATUSES:
        raise ValueError("an unknown status of an order")
    return _STATUSES[written]


def is_fill(execution: str, size: str) -> bool:
    """Whether an event tells of a fill."""
    return execution in _FILLS and not is_zero(size)


def is_zero(number: str) -> bool:
    """Whether a decimal number is zero, however it is written."""
    return not number.strip("0.")


def is_all(filled: str, size: str) -> bool:
    """Whether something was filled and nothing of ``size`` is left; both are decimal numbers, however written."""
    return not is_zero(filled) and Decimal(filled) >= Decimal(size)


def reason_of(*written: str) -> str | None:
    """Return the first of Binance's reasons that is one."""
    return next((one for one in written if one not in _NOTHING), None)


def check_signed(numbers: Iterable[str]) -> None:
    """
    Refuse what is no decimal number; it may be negative.

    Raises:
        ValueError: If one of ``numbers`` is none.
    """
    check_decimals(number.removeprefix("-") for number in numbers)


class Names:
    """
    Spells symbols as the gateway does; one that is not listed keeps the exchange's own spelling.

    Args:
        instruments: that are listed.
    """

    def __init__(self, instruments: spi.Instruments) -> None:
        self._instruments = instruments
        self._native = {one.symbol: one.native for one in instruments}

    def ours(self, native: str) -> str:
        """Return the gateway's spelling."""
        found = self._instruments.native(native)
        return native if found is None else found.symbol

    def theirs(self, symbol: str) -> str:
        """Return the exchange's spelling."""
        return self._native.get(symbol, symbol)
