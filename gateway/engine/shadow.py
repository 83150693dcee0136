"""
One stream of a connection that is about to take over: what it brings is kept, compared, and handed over.

Nobody hears a shadow. It is an ordinary feed of the second connection, whose
topics have no listeners; the real feed goes on serving those that have.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Protocol

from gateway.engine.feeds import Feed
from gateway.engine.messages import TopicStatus
from gateway.engine.overlap import RawOverlap, RecordOverlap
from gateway.engine.progress import SERVED, Progress
from gateway.engine.sameness import RECORDS, Held, Overlap
from gateway.engine.topics import Topic
from gateway.spi.events import Blank, Data

UNHEARD: Final = ""
"""The epoch of topics that nobody can ask for."""


class Shadow(Protocol):
    """What the second connection's feed of a stream is, beside a feed."""

    def mirror(self, *, late: bool) -> None:
        """Want what the real feed wants now; ``late`` if both connections may have delivered before."""

    def expect(self) -> None:
        """What was under way when the second connection came has arrived: from now on both bring the same."""

    def is_ready(self, *, patient: bool) -> bool:
        """Whether nothing is lost if it takes over now; unless ``patient``, what may never come is not awaited."""

    def hand_over(self, reason: str, at_us: int) -> None:
        """Have the real feed go on where it would have gone on, with what only this one has."""


class Numbered:
    """
    The records of a contiguous stream, whose real feed tells by itself which are old.

    Args:
        real: that feed.
    """

    def __init__(self, real: Feed) -> None:
        self.torn = False
        self._real = real
        self._kept: deque[Held] = deque()
        self._size = 0

    def passing(self, records: Sequence[Any], _: int | None, /) -> Sequence[Any]:
        """See :class:`~gateway.engine.sameness.Overlap`; the real feed does not ask."""
        return records

    def keep(self, held: Held, /) -> None:
        """See :class:`~gateway.engine.sameness.Overlap`; what has to make room leaves a hole that ids show."""
        self._forget()
        self._kept.append(held)
        self._size += len(held[0])
        while self._size > RECORDS:
            self._size -= len(self._kept.popleft()[0])

    def expect(self) -> None:
        """See :class:`~gateway.engine.sameness.Overlap`; ids tell by themselves."""

    def take_over(self) -> Sequence[Held]:
        """See :class:`~gateway.engine.sameness.Overlap`."""
        kept, self._kept = self._kept, deque()
        return kept

    @property
    def is_joined(self) -> bool:
        """Whether nothing is missing between what was published and what is kept."""
        self._forget()
        return not self._kept or not self._real.misses_before(self._kept[0][0][0])

    def _forget(self) -> None:
        kept = self._kept
        while kept and self._real.has_published(kept[0][0][-1]):
            self._size -= len(kept.popleft()[0])


class RecordShadow(Feed):
    """
    A :class:`Shadow` of a stream of records, or of frames alone.

    Args:
        real: the feed that serves.
        late: see :meth:`Shadow.mirror`.
    """

    def __init__(self, real: Feed, *, late: bool = False) -> None:
        super().__init__(real.stream, rhythm=real.rhythm)
        self.frames = real.frames
        self.real = real
        self._progress = Progress(real, self)
        self._records: Overlap | Numbered | None = None
        self.mirror(late=late)

    def mirror(self, *, late: bool) -> None:
        """See :class:`Shadow`."""
        real = self.real
        if not real.topics:
            self.topics, self._records, real.overlap = (), None, None
        elif not self.topics:
            subscription = real.topics[0].subscription
            self.topics = (Topic(subscription, UNHEARD),)
            if real.contiguous:
                self._records = Numbered(real)
            else:
                self._records = real.overlap = RecordOverlap(subscription.channel, late=late)
        mirror_raw(real, self, late=late)

    # --- what the second connection brings

    def take(self, data: Data, recv_us: int) -> None:
        """Keep the records of ``data``."""
        if self._records is not None and data.records:
            self._records.keep((data.records, data.ts, recv_us))
        elif isinstance(self._records, Numbered) and data.blank is not None:
            self._records.keep(((data.blank,), data.ts, recv_us))

    def take_raw(self, payload: bytes, binary: bool, recv_us: int) -> None:
        """Keep the exchange's own frame."""
        if self.real.raw_overlap is not None:
            self.real.raw_overlap.keep(payload, binary, recv_us)

    def begin(self) -> None:
        """The second connection asks for the stream."""
        super().begin()
        self._progress.begin()

    def confirmed(self, at_us: int) -> None:
        """The stream flows on the second connection."""
        super().confirmed(at_us)
        self._progress.settle()

    def refused(self, reason: str, at_us: int) -> None:
        """The exchange will not serve the stream to the second connection."""
        super().refused(reason, at_us)
        self._progress.settle()

    # --- the end of it

    def expect(self) -> None:
        """See :class:`Shadow`."""
        self._progress.expect()
        if self._records is not None:
            self._records.expect()
        if self.real.raw_overlap is not None:
            self.real.raw_overlap.expect()

    def is_ready(self, *, patient: bool) -> bool:
        """See :class:`Shadow`."""
        if not self._progress.is_even(patient=patient):
            return False
        return not patient or not isinstance(self._records, Numbered) or self._records.is_joined

    def hand_over(self, reason: str, at_us: int) -> None:
        """See :class:`Shadow`."""
        real = self.real
        real.frames, real.fresh = self.frames, self.fresh
        if self.status in SERVED:
            if self._hole:
                real.lost(self._hole, at_us)
            if self._progress.has_delivered:
                real.delivers(at_us)
            else:
                real.confirmed(at_us)
            self._replay()
            return
        real.end_overlap()
        if self.status is TopicStatus.CLOSED:
            real.refused(self.reason, at_us)
        elif real.status is TopicStatus.CLOSED:
            real.wanted(at_us)
        else:
            real.broke(reason, at_us)

    def _replay(self) -> None:
        for records, ts, recv_us in () if self._records is None else self._records.take_over():
            blank = records[0] if type(records[0]) is Blank else None
            self.real.take(Data(self.stream, () if blank else records, ts, blank), recv_us)
        replay_raw(self.real)


def mirror_raw(real: Feed, shadow: Feed, *, late: bool) -> None:
    """Have ``shadow`` hear frames as they come if ``real`` does."""
    if real.raw is None:
        shadow.raw = real.raw_overlap = None
        return
    if shadow.raw is None:
        shadow.raw = Topic(real.raw.subscription, UNHEARD)
    if real.raw_overlap is None:
        real.raw_overlap = RawOverlap(late=late)


def replay_raw(real: Feed) -> None:
    """Publish the frames that only the second connection has brought."""
    if real.raw_overlap is not None:
        for payload, binary, recv_us in real.raw_overlap.take_over():
            real.take_raw(payload, binary, recv_us)
