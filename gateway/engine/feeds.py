"""
One native stream and the topics that hang off it: what is published, and which holes are told first.

After a break nothing is published before the hole is announced, unless ids
prove that there is none, or it is filled; and nothing that ids prove to be old
is published twice. Event-loop only; nothing here waits.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Final

from gateway.engine.holes import Filler, Holes
from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.engine.overlap import RawOverlap
from gateway.engine.sameness import Passing
from gateway.engine.standing import NOWHERE, Standing, mark_of
from gateway.engine.topics import Topic
from gateway.errors import Reason
from gateway.model.subscriptions import RAW
from gateway.spi.contract import Rhythm
from gateway.spi.events import Data

_FLOWING: Final = frozenset({TopicStatus.LIVE, TopicStatus.STALE, TopicStatus.RESYNCING})


class Feed:
    """
    The listeners' side of one stream; it outlives the connections that bring it.

    Args:
        stream: the exchange's name for it.
        rhythm: how it sounds while it is healthy.
        contiguous: whether integer ids of its records have no holes.
    """

    def __init__(self, stream: str, *, rhythm: Rhythm = Rhythm.SPARSE, contiguous: bool = False) -> None:
        self.stream = stream
        self.rhythm = rhythm
        self.status = TopicStatus.PENDING
        self.reason = ""
        self.frames = 0
        """What arrived, ever; data ages are made from it."""
        self.fresh = True
        """Whether the stream's first datum of this epoch is still to come."""
        self.raw: Topic | None = None
        self.topics: tuple[Topic, ...] = ()
        self.overlap: Passing | None = None
        """What tells old records from new ones while a second connection takes over."""
        self.raw_overlap: RawOverlap | None = None
        """The same for frames."""
        self.contiguous = contiguous
        self.holes = Holes(self) if contiguous else None
        """What ids show to be missing."""
        self.unpublished = 0
        """Data that came and were not published, ever: what came before, for the most part."""
        self._hole = ""
        self._raw_hole = ""
        self._frozen_at: Hashable = None
        """What it said again and again when it was found to."""

    def add(self, topic: Topic) -> None:
        """Hang ``topic`` off the stream."""
        topic.status, topic.reason = self.status, self.reason
        if topic.subscription.channel == RAW:
            self.raw = topic
            self._raw_hole = ""
        else:
            self.topics = (*self.topics, topic)

    def fill_by(self, filler: Filler) -> None:
        """Have the holes that ids show filled; before the first record."""
        self.holes = Holes(self, filler)

    def take_over(self, before: "Feed") -> None:
        """Carry on where ``before`` left off, which nobody but a raw topic listened to."""
        self.status, self.reason = before.status, before.reason
        self.frames, self.fresh = before.frames, before.fresh or before.status is TopicStatus.STALE
        self.raw, self._raw_hole = before.raw, before._raw_hole  # noqa: SLF001  # one of its own kind
        self.raw_overlap = before.raw_overlap

    def remove(self, topic: Topic) -> bool:
        """Take ``topic`` off and return whether none is left."""
        if self.raw is topic:
            self.raw = None
        self.topics = tuple(one for one in self.topics if one is not topic)
        if not self.topics:
            self._hole = ""
            if self.holes is not None:
                self.holes.forget()
        return self.raw is None and not self.topics

    def everyone(self) -> tuple[Topic, ...]:
        """Return all topics, the raw one too."""
        return self.topics if self.raw is None else (*self.topics, self.raw)

    # --- the hot path

    def take(self, data: Data, recv_us: int) -> None:  # noqa: C901  # one pass, without calls that could be spared
        """Publish the records of ``data``, those excepted that wait for a hole to be filled."""
        records = data.records
        if self.overlap is not None:
            records = self._new_ones(self.overlap, records, data.ts)
        if not records:
            if data.blank is not None and self.holes is not None:
                self.unpublished += 1
                self._hole = self.holes.take((data.blank,), data.ts, recv_us, self._hole)
            return
        holes = self.holes
        if holes is None:
            if self._hole:
                self._tell_hole(recv_us)
        else:
            order, first = holes.order, records[0]
            if first.id == order.next_id and len(records) == 1:
                if first.ts > order.newest_us:  # noqa: PLR1730  # a call less for every trade
                    order.newest_us = first.ts
                order.next_id = first.id + 1
            elif not order.follows(records):
                self.unpublished += 1
                self._hole = holes.take(records, data.ts, recv_us, self._hole)
                return
            self._hole = ""  # the ids prove that there is none
        try:
            for topic in self.topics:
                topic.publish("update", records, data.ts, recv_us)
        except Exception:
            if holes is not None:
                holes.forget()  # else the ids would prove that these were told
            raise

    def take_raw(self, payload: bytes, binary: bool, recv_us: int) -> None:
        """Publish the exchange's own frame; nothing if nobody wants it."""
        raw = self.raw
        if raw is None or (self.raw_overlap is not None and not self._is_new_frame(self.raw_overlap, payload)):
            return
        if self._raw_hole:
            raw.tell(TopicEvent.GAP, self._raw_hole, recv_us)
            self._raw_hole = ""
        raw.publish_raw(payload, binary, recv_us)

    def _new_ones(self, overlap: Passing, records: Sequence[Any], ts: int | None) -> Sequence[Any]:
        new = overlap.passing(records, ts) if records else records
        if overlap.torn:
            overlap.torn, self._hole = False, self._hole or Reason.ROLLOVER
        return new

    def _is_new_frame(self, overlap: RawOverlap, payload: bytes) -> bool:
        is_new = overlap.passes(payload)
        if overlap.torn:
            overlap.torn, self._raw_hole = False, self._raw_hole or Reason.ROLLOVER
        return is_new

    def _tell_hole(self, at_us: int) -> None:
        for topic in self.topics:
            topic.tell(TopicEvent.GAP, self._hole or Reason.SEQUENCE_GAP, at_us)
        self._hole = ""

    def end_overlap(self) -> None:
        """No second connection takes over, or all that both brought is past."""
        self.overlap = self.raw_overlap = None

    # --- what a second connection that takes over asks; a contiguous stream's records only

    def has_published(self, record: Any) -> bool:
        """Whether ``record`` is old."""
        return self.holes is not None and self.holes.order.is_past(record)

    def misses_before(self, record: Any) -> bool:
        """Whether something is missing before ``record`` that is not being fetched."""
        return self.holes is not None and self.holes.order.leaves_hole(record)

    # --- a stream that says the same again and again

    def standing(self) -> Standing:
        """Return how far it has come; of a stream of which nobody hears but frames, nobody can tell."""
        if not self.topics:
            return NOWHERE
        at = self.topics[0].mark if self.holes is None else self.holes.order.newest_id
        return Standing(at, self.topics[0].offset + self.unpublished)

    def froze(self, reason: str, at_us: int) -> None:
        """
        It says the same again and again: it is as good as silent until something new comes.

        What it repeats is not told any more. Costs a stream that moves nothing: this one
        alone takes its data another way from now on.
        """
        if self.status is not TopicStatus.LIVE:
            return
        self.stalled(reason, at_us)
        self.fresh = False  # a frame alone ends nothing
        self._frozen_at = self.standing().at
        self.take = self._take_frozen  # type: ignore[method-assign]  # see the docstring

    def thawed(self, at_us: int) -> None:
        """Something new came; nothing if it was not frozen."""
        if self._is_frozen:
            self._forget_frost()
            if self.status is TopicStatus.STALE:
                self._become(TopicStatus.LIVE, "", at_us)

    @property
    def _is_frozen(self) -> bool:
        return "take" in self.__dict__

    def _forget_frost(self) -> None:
        self.__dict__.pop("take", None)

    def _take_frozen(self, data: Data, recv_us: int) -> None:
        """Take what may be a repetition; whatever has happened to the stream since it froze ends that, too."""
        if self.status is not TopicStatus.STALE or self._moves(data):
            self.thawed(recv_us)
        if not self._is_frozen or self._knows(data):
            type(self).take(self, data, recv_us)
        else:
            self.unpublished += 1

    def _knows(self, data: Data) -> bool:  # noqa: ARG002  # a book looks at it
        """Whether it would be seen that ``data`` came before."""
        return self.holes is not None

    def _moves(self, data: Data) -> bool:
        """Whether ``data`` brings something new."""
        if self.holes is None:
            return bool(data.records) and mark_of(data.records, data.ts) != self._frozen_at
        order = self.holes.order
        last = data.blank if data.blank is not None else data.records[-1] if data.records else None
        newest = order.newest_id
        return last is not None and (newest is None or last.id > newest or last.ts > order.newest_us)

    # --- what happens to the stream

    def begin(self) -> None:
        """A new epoch asks for the stream."""
        self.fresh = True
        self._forget_frost()

    def confirmed(self, at_us: int) -> None:
        """The stream is served in this epoch: its ack or its first datum came. Neither ends a silence."""
        if self.status in {TopicStatus.LIVE, TopicStatus.STALE}:
            return
        if self.status is TopicStatus.DISCONNECTED:
            for topic in self.everyone():
                topic.tell(TopicEvent.RESTORED, self.reason, at_us)
        self._become(TopicStatus.LIVE, "", at_us)

    def stalled(self, reason: str, at_us: int) -> None:
        """It should deliver and does not: what comes next comes after a hole, unless ids prove the contrary."""
        if self.status is TopicStatus.LIVE:
            self._hole = self._raw_hole = reason
            self.fresh = True
            self._become(TopicStatus.STALE, reason, at_us)

    def explained(self, reason: str, at_us: int) -> None:
        """Why it is stale is known better now."""
        if self.status is TopicStatus.STALE:
            self.reason = reason
            for topic in self.everyone():
                topic.explain(reason, at_us)

    def delivers(self, at_us: int) -> None:
        """A datum comes that is the first of this epoch, or ends a silence; not one that may be a repetition."""
        if self.status is TopicStatus.STALE and not self._is_frozen:
            self._become(TopicStatus.LIVE, "", at_us)
        self.confirmed(at_us)

    def broke(self, reason: str, at_us: int) -> None:
        """The connection is over: what comes next comes after a hole."""
        if self.status in _FLOWING:
            self._hole = self._raw_hole = reason
        if self.status is not TopicStatus.PENDING:
            self._become(TopicStatus.DISCONNECTED, reason, at_us)

    def lost(self, reason: str, at_us: int) -> None:  # noqa: ARG002  # a book announces it at once
        """The exchange shows that something is missing though the connection stays."""
        self._hole = self._raw_hole = reason

    def lost_raw(self, reason: str) -> None:
        """A frame may be missing, though no record is."""
        self._raw_hole = reason

    def served_anew(self, reason: str) -> None:
        """It was given up and is served by another subscription: between the two something may be missing."""
        self._hole = self._hole or reason
        self._raw_hole = self._raw_hole or reason

    def refused(self, reason: str, at_us: int) -> None:
        """The exchange will not serve the stream; what it serves later comes after a hole, if it ever flowed."""
        self.put_off(at_us)
        if self.status in _FLOWING:
            self._hole = self._raw_hole = reason
        self._become(TopicStatus.CLOSED, reason, at_us)

    def put_off(self, at_us: int) -> None:
        """Nobody knows when the connection will be there again: nothing is waited for that is fetched for it."""
        if self.holes is not None:
            self.holes.stop_waiting(at_us)

    def wanted(self, at_us: int) -> None:
        """The stream is asked for again after a refusal."""
        self._become(TopicStatus.PENDING, "", at_us)

    def _become(self, status: TopicStatus, reason: str, at_us: int) -> None:
        self.status, self.reason = status, reason
        for topic in self.everyone():
            topic.become(status, reason, at_us)
        if self.holes is not None and status is TopicStatus.LIVE:
            self.holes.let_go(at_us)
        elif self.holes is not None:
            self.holes.hold()
