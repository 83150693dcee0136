"""
A book's stream on a connection that is about to take over: the book that is served goes on, or is replaced.

Where both connections number the updates alike, the served book goes on with
the second one's updates, and no snapshot is needed; elsewhere it is replaced by
the book that the second connection keeps.
"""

from collections import deque
from collections.abc import Callable

from gateway.engine.bookfeed import BookFeed
from gateway.engine.booksync import BUFFER, BookSync
from gateway.engine.messages import TopicStatus
from gateway.engine.overlap import BookOverlap
from gateway.engine.progress import Progress
from gateway.engine.shadow import UNHEARD, mirror_raw, replay_raw
from gateway.engine.topics import Topic
from gateway.spi.books import BookDelta
from gateway.spi.events import Data


class BookShadow(BookFeed):
    """
    A :class:`~gateway.engine.shadow.Shadow` of a stream that carries a book.

    Args:
        real: the feed that serves.
        ask: called if a snapshot is needed; must return at once.
        alike: for which rules both connections were seen to number alike; shared by all books of the connection.
        late: see :meth:`~gateway.engine.shadow.Shadow.mirror`.
    """

    def __init__(
        self, real: BookFeed, ask: Callable[[BookFeed], None], alike: set[object], *, late: bool = False
    ) -> None:
        super().__init__(real.stream, ask, rhythm=real.rhythm)
        self.frames = real.frames
        self.real = real
        self._progress = Progress(real, self)
        self._alike = alike
        self._updates = BookOverlap()
        self._kept: deque[tuple[BookDelta, int | None, int]] = deque(maxlen=BUFFER)
        self._has_hole = False
        """Whether something is missing before what comes next."""
        self._asked = False
        self.mirror(late=late)

    def mirror(self, *, late: bool) -> None:
        """See :class:`~gateway.engine.shadow.Shadow`."""
        real = self.real
        real.overlap = self._updates if real.topics else None
        if real.topics and not self.topics:
            self.topics = (Topic(real.topics[0].subscription, UNHEARD),)
        elif self.topics and not real.topics:
            self.topics = ()
            self._kept.clear()
        mirror_raw(real, self, late=late)

    # --- what the second connection brings

    def take(self, data: Data, recv_us: int) -> None:
        """Keep the updates of ``data``, and a book of them."""
        for record in data.records:
            if type(record) is BookDelta:
                self._updates.keep(record)
                self._kept.append((record, data.ts, recv_us))
                self._has_hole = False
        super().take(data, recv_us)

    def take_raw(self, payload: bytes, binary: bool, recv_us: int) -> None:
        """Keep the exchange's own frame."""
        if self.real.raw_overlap is not None:
            self.real.raw_overlap.keep(payload, binary, recv_us)

    def begin(self) -> None:
        """The second connection asks for the stream."""
        super().begin()
        self._progress.begin()
        self._kept.clear()
        self._has_hole = self._asked = False

    def confirmed(self, at_us: int) -> None:
        """The stream flows on the second connection; a snapshot is fetched only if it turns out to be needed."""
        if self.sync is not None and callable(self.sync.rule.snapshot):
            self._flows = True
        else:
            super().confirmed(at_us)
        self._progress.settle()

    def refused(self, reason: str, at_us: int) -> None:
        """The exchange will not serve the stream to the second connection."""
        super().refused(reason, at_us)
        self._progress.settle()

    def _broken(self, reason: str, at_us: int) -> None:
        """What was kept has a hole; what comes next shows from where it is whole again."""
        self._kept.clear()
        self._has_hole = True
        super()._broken(reason, at_us)

    # --- the end of it

    def expect(self) -> None:
        """See :class:`~gateway.engine.shadow.Shadow`."""
        self._progress.expect()
        if self.real.raw_overlap is not None:
            self.real.raw_overlap.expect()

    def is_ready(self, *, patient: bool) -> bool:
        """See :class:`~gateway.engine.shadow.Shadow`."""
        sync = self.sync
        if not self._progress.is_even(patient=patient):
            return False
        if not self.topics or not self._flows or sync is None or self._continues():
            return True
        if callable(sync.rule.snapshot):
            return not patient and self._is_as_far(sync)
        return sync.is_live and not (patient and self._is_served())

    def _is_as_far(self, sync: BookSync) -> bool:
        """
        Whether there is a book of its own, or none that is served either: then it goes on waiting for one.

        The first one's books may wait for minutes for the exchange's limits. Whoever
        fetched theirs twice would take from those very limits what they wait for.
        """
        if sync.is_live or not self._is_served():
            return True
        if not self._asked:
            self._asked = True
            self._ask(self)
        return False

    def _is_served(self) -> bool:
        return self.real.sync is not None and self.real.sync.is_live

    def _continues(self) -> bool:
        """Whether the book that is served can go on with what is kept."""
        sync, real, kept = self.sync, self.real.sync, self._kept
        if sync is None or real is None or not real.is_live or not self._is_alike(sync, real):
            return False
        while kept and kept[0][0].last <= real.seq:
            kept.popleft()
        if kept:
            return real.joins(kept[0][0], sync.rule)
        return real.seq >= sync.seq if sync.is_live else not self._has_hole

    def _is_alike(self, sync: BookSync, real: BookSync) -> bool:
        if sync.rule.follows not in self._alike and (self._updates.is_alike or _is_same(sync, real)):
            self._alike.add(sync.rule.follows)
        return sync.rule.follows in self._alike

    def hand_over(self, reason: str, at_us: int) -> None:
        """See :class:`~gateway.engine.shadow.Shadow`."""
        real = self.real
        real.frames, real.fresh = self.frames, self.fresh
        if self._flows and self.sync is not None:
            if self._raw_hole:
                real.lost_raw(self._raw_hole)
            self._hand_over_book(self.sync, reason, at_us)
            replay_raw(real)
            return
        real.end_overlap()
        if self.status is TopicStatus.CLOSED:
            real.refused(self.reason, at_us)
        elif real.status is TopicStatus.CLOSED:
            real.wanted(at_us)
        else:
            real.broke(reason, at_us)
        real.sync = self.sync

    def _hand_over_book(self, sync: BookSync, reason: str, at_us: int) -> None:
        real = self.real
        if real.sync is None or not self._continues():
            real.overlap = None
            real.succeed(sync, reason, at_us)
            return
        if self._progress.has_delivered:
            real.delivers(at_us)
        real.sync.rule = sync.rule
        self._updates.take_over(real.sync.seq)
        for update, ts, recv_us in self._kept:
            real.take(Data(self.stream, (update,), ts), recv_us)


def _is_same(one: BookSync, other: BookSync) -> bool:
    return one.is_live and one.seq == other.seq and one.book.top() == other.book.top()
