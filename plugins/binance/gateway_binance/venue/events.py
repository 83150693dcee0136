"""What happens at a market, one event at a time: a datum as its stream carries it, or a book as REST told it."""

from dataclasses import dataclass
from typing import Final

from msgspec import Struct, field

_PREFIX: Final = b'{"stream":"'
_MIDDLE: Final = b'","data":'

Level = tuple[str, str]


class BookReply(Struct, frozen=True):
    """What a reply of ``depth`` says of a book."""

    lastUpdateId: int  # noqa: N815  # the exchange's own spelling
    bids: list[Level]
    asks: list[Level]


class BookUpdate(Struct, frozen=True):
    """An event of a depth stream, as far as a book needs it; ``previous`` is futures' alone."""

    first: int = field(name="U")
    last: int = field(name="u")
    bids: list[Level] = field(name="b")
    asks: list[Level] = field(name="a")
    previous: int | None = field(name="pu", default=None)


@dataclass(frozen=True, slots=True)
class Event:
    """
    A datum. ``at`` is seconds since the recording's first line, if it comes from one.

    ``data`` are its bytes without the combined wrapping; ``names`` are those
    under which a client may ask for it; ``update`` is what it changes of a book.
    """

    at: float
    stream: str
    data: bytes
    names: tuple[str, ...]
    update: BookUpdate | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A recorded reply of ``depth``."""

    at: float
    symbol: str
    book: BookReply


def combined(name: str, data: bytes) -> bytes:
    """Return a datum as a combined connection carries it."""
    return b"".join((_PREFIX, name.encode(), _MIDDLE, data, b"}"))
