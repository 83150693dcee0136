"""How a plugin describes its exchange's order books; the core keeps the book itself."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from gateway.model.market import Level
from gateway.spi.steps import Conversation


class BookDelta(Struct, frozen=True, gc=False):
    """
    Changed levels, each absolute; a size of zero (``"0"``, ``"0.000"``) removes one.

    ``first`` and ``last`` are the first and last sequence numbers it covers,
    ``previous`` the last of the update before it, where the exchange says so.
    One price must always be spelled the same way within one book.
    """

    bids: list[Level]
    asks: list[Level]
    last: int
    first: int | None = None
    previous: int | None = None
    ts: int | None = None
    checksum: int | None = None


class BookSnapshot(Struct, frozen=True, gc=False):
    """Whole sides, best first, as of sequence number ``last``."""

    bids: list[Level]
    asks: list[Level]
    last: int
    ts: int | None = None


class Continuity(enum.Enum):
    """What to do with an update that meets a book."""

    APPLY = "apply"
    IGNORE = "ignore"
    GAP = "gap"
    RESET = "reset"


class SnapshotSource(enum.Enum):
    """Where a book's snapshot comes from, if not from REST."""

    IN_BAND = "in_band"
    RESUBSCRIBE = "resubscribe"


class Sides(Protocol):
    """A book to compute a checksum of: both sides, best first."""

    def top(self, depth: int) -> tuple[list[Level], list[Level]]:
        """Return the best ``depth`` levels of each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRule:
    """
    One exchange's rules for one book.

    ``follows(previous, update, fresh)`` judges an update against the last
    applied sequence number; ``fresh`` is true while nothing has been applied
    since the snapshot. It must depend on these three alone: while updates wait
    for a snapshot it is asked about each and the one before it, so that nothing
    from before a ``RESET`` is kept. ``snapshot`` is where a snapshot comes from: a
    conversation over REST, or one of :class:`SnapshotSource`. ``truncate`` is
    the depth to keep, ``checksum`` computes what the exchange sends along.
    ``reach`` is how many levels a side of a fetched snapshot has at most, if the
    updates are not cut there too: what lies beyond is unknown until it changes.
    """

    follows: Callable[[int, BookDelta, bool], Continuity]
    snapshot: SnapshotSource | Callable[[], Conversation[BookSnapshot]]
    truncate: int | None = None
    checksum: Callable[[Sides], int] | None = None
    reach: int | None = None
