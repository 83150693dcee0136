"""What the fields of Binance's messages hold, whatever the message is about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway import spi

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An id or a sequence number."""
Made = Annotated[int, Meta(ge=-1, le=2**63 - 1)]
"""The id of a trade that something is made of, -1 if it is made of none."""
Time = Annotated[int, Meta(ge=0, le=2**53)]
"""A time, in milliseconds or in microseconds: see :func:`microseconds`."""
LATEST: Final = 10**14
"""What is below are milliseconds, until the year 5138; as microseconds it would be before March 1973."""

E = TypeVar("E")


class Combined(Struct, Generic[E], frozen=True, gc=False):
    """What a combined connection wraps around every event."""

    stream: str
    data: E


Universe = int | UnsetType
"""The ``st`` of any event of futures: USD-M is 1, COIN-M 2; absent before 2026-06-30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What the events of one connection have in common: ``universe`` is the market's ``st``."""

    universe: Universe = UNSET


Reader = Callable[[bytes], spi.Data]
"""Turns a combined frame into its records; raises ValueError, or RecursionError for absurd nesting."""
ReaderOf = Callable[[Form], Reader]
"""Returns the reader of one kind of events."""


def microseconds(written: int) -> int:
    """
    Return a time in microseconds, in whichever unit it is written.

    The unit can be asked for, but some hosts do not know of that and go on as before.
    """
    return written * 1000 if written < LATEST else written


def check_universe(written: Universe, form: Form) -> None:
    """
    Refuse an event of the other futures market; both come by either host.

    Raises:
        ValueError: If it is one.
    """
    if written is not UNSET and written != form.universe:
        raise ValueError("an event of the other futures market")
