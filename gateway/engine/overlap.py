"""
One stream while a second connection takes over from the first: what both bring is published once.

What the first brings is published as it comes and remembered; what the second
brings is kept, as far as it is new, until it has taken over.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Final

from gateway.engine.alignment import Alignment
from gateway.engine.sameness import Held, Overlap, overlap_of
from gateway.spi.books import BookDelta

UPDATES: Final = 1024
"""A book's updates that are compared."""
FRAMES: Final = 1024
FRAME_BYTES: Final = 1 << 20
"""Raw frames of one stream that are remembered, and the bytes they may have."""

RawHeld = tuple[bytes, bool, int]
"""A frame, whether it is binary, and when it was received."""


class RecordOverlap:
    """
    The overlap that fits a channel and what its records have; chosen when the first of them comes.

    Args:
        channel: whose records they are.
        late: see :func:`gateway.engine.sameness.overlap_of`.
    """

    def __init__(self, channel: str, *, late: bool = False) -> None:
        self.torn = False
        self._channel = channel
        self._late = late
        self._expecting = False
        self._way: Overlap | None = None
        self._has_taken_over = False

    def passing(self, records: Sequence[Any], ts: int | None, /) -> Sequence[Any]:
        """See :class:`~gateway.engine.sameness.Passing`."""
        way = self._chosen(records, ts)
        passing = way.passing(records, ts)
        self.torn, way.torn = self.torn or way.torn, False
        return passing

    def keep(self, held: Held, /) -> None:
        """See :class:`~gateway.engine.sameness.Overlap`."""
        self._chosen(held[0], held[1]).keep(held)

    @property
    def has_met(self) -> bool:
        """See :class:`~gateway.engine.sameness.Overlap`."""
        return self._way is not None and self._way.has_met

    def expect(self) -> None:
        """See :class:`~gateway.engine.sameness.Overlap`."""
        self._expecting = True
        if self._way is not None:
            self._way.expect()

    def take_over(self) -> Sequence[Held]:
        """See :class:`~gateway.engine.sameness.Overlap`."""
        self._has_taken_over = True
        self.torn = not (self._expecting or self.has_met)
        if self._way is None:
            return ()
        kept = self._way.take_over()
        self.torn, self._way.torn = self.torn or self._way.torn, False
        return kept

    def _chosen(self, records: Sequence[Any], ts: int | None) -> Overlap:
        way = self._way
        if way is None:
            way = self._way = overlap_of(self._channel, records[0], ts, late=self._late)
            if self._expecting:
                way.expect()
            if self._has_taken_over:
                way.take_over()
        return way


class RawOverlap:
    """
    One stream's own frames, told apart by their bytes.

    Args:
        late: whether frames may have come that this will never know of.
    """

    def __init__(self, *, late: bool = False) -> None:
        self.torn = False
        self._late = late
        self._expecting = False
        self._copies: Alignment[RawHeld] = Alignment(FRAMES, FRAME_BYTES)
        self._has_taken_over = False

    def passes(self, payload: bytes) -> bool:
        """Whether the frame is to be published: each is, until the second connection has taken over."""
        if not self._has_taken_over:
            self._copies.publish(payload, len(payload))
            return True
        is_new = self._copies.is_new(payload)
        if is_new:
            self.torn = self._copies.is_torn() or self.torn
        return is_new

    def keep(self, payload: bytes, binary: bool, recv_us: int) -> None:
        """The second connection brought this and nobody is sent it yet."""
        self._copies.keep(payload, (payload, binary, recv_us), len(payload))

    def expect(self) -> None:
        """Whatever is published from now on is to come by the second connection too."""
        self._expecting = True
        self._copies.expect()

    def take_over(self) -> Sequence[RawHeld]:
        """Only the second connection is heard from now on: return what it has brought, to pass first."""
        self._has_taken_over = True
        kept, torn = self._copies.take_over()
        self.torn = torn or (self._late and bool(kept)) or not (self._expecting or self._copies.has_met)
        return () if self._late else kept


class BookOverlap:
    """One book's updates: whether both connections number them alike, and which are old then."""

    def __init__(self) -> None:
        self.torn = False
        self._copies: Alignment[None] = Alignment(UPDATES, UPDATES)
        self._applied: int | None = None
        """The number up to which all was applied when the second connection took over."""

    @property
    def is_alike(self) -> bool:
        """Whether one update came by both connections under the same number."""
        return self._copies.has_met

    def passing(self, records: Sequence[Any], _: int | None, /) -> Sequence[Any]:
        """Return what of ``records`` is to be applied: all, until the second connection has taken over."""
        if self._applied is not None:
            return [one for one in records if type(one) is not BookDelta or one.last > self._applied]
        if not self.is_alike:
            for one in records:
                if type(one) is BookDelta:
                    self._copies.publish(_all_of(one))
        return records

    def keep(self, update: BookDelta) -> None:
        """The second connection brought this."""
        if not self.is_alike:
            self._copies.keep(_all_of(update), None)

    def take_over(self, applied: int) -> None:
        """Only the second connection is heard from now on; ``applied`` is the last number that was applied."""
        self._applied = applied


def _all_of(update: BookDelta) -> Hashable:
    levels = tuple(map(tuple, update.bids)), tuple(map(tuple, update.asks))
    return update.first, update.last, update.previous, *levels
