"""
One native stream and the topics that hang off it: what is published, and which holes are told first.

After a break nothing is published before the hole is announced, unless ids
prove that there is none; and nothing that ids prove to be old is published
twice. Event-loop only; nothing here waits.
"""

from collections.abc import Sequence
from typing import Any

from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.engine.topics import Topic
from gateway.model.subscriptions import RAW
from gateway.spi.contract import Rhythm
from gateway.spi.events import Data


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
        self._contiguous = contiguous
        self._last_id: int | None = None
        self._hole = ""
        self._raw_hole = ""

    def add(self, topic: Topic) -> None:
        """Hang ``topic`` off the stream."""
        topic.status, topic.reason = self.status, self.reason
        if topic.subscription.channel == RAW:
            self.raw = topic
            self._raw_hole = ""
        else:
            self.topics = (*self.topics, topic)

    def take_over(self, before: "Feed") -> None:
        """Carry on where ``before`` left off, which nobody but a raw topic listened to."""
        self.status, self.reason = before.status, before.reason
        self.frames, self.fresh = before.frames, before.fresh
        self.raw, self._raw_hole = before.raw, before._raw_hole  # noqa: SLF001  # one of its own kind

    def remove(self, topic: Topic) -> bool:
        """Take ``topic`` off and return whether none is left."""
        if self.raw is topic:
            self.raw = None
        self.topics = tuple(one for one in self.topics if one is not topic)
        if not self.topics:
            self._last_id = None
            self._hole = ""
        return self.raw is None and not self.topics

    def everyone(self) -> tuple[Topic, ...]:
        """Return all topics, the raw one too."""
        return self.topics if self.raw is None else (*self.topics, self.raw)

    # --- the hot path

    def take(self, data: Data, recv_us: int) -> None:
        """Publish the records of ``data``."""
        records = data.records
        if not records:
            return
        if self._contiguous:
            records = self._contiguous_part(records, recv_us)
        elif self._hole:
            self._tell_hole(recv_us)
        if records:
            for topic in self.topics:
                topic.publish("update", records, data.ts, recv_us)

    def take_raw(self, payload: bytes, binary: bool, recv_us: int) -> None:
        """Publish the exchange's own frame; nothing if nobody wants it."""
        raw = self.raw
        if raw is None:
            return
        if self._raw_hole:
            raw.tell(TopicEvent.GAP, self._raw_hole, recv_us)
            self._raw_hole = ""
        raw.publish_raw(payload, binary, recv_us)

    def _contiguous_part(self, records: Sequence[Any], recv_us: int) -> Sequence[Any]:
        last = self._last_id
        if last is None or records[0].id == last + 1:
            self._last_id = records[-1].id
            if self._hole:
                self._close_hole(last, recv_us)
            return records
        new = [record for record in records if record.id > last]
        if new:
            self._last_id = new[-1].id
            if new[0].id > last + 1:
                self._tell_hole(recv_us, first=last + 1, last=new[0].id - 1)
            self._hole = ""
        return new

    def _close_hole(self, last: int | None, recv_us: int) -> None:
        """Nothing is missing if the last id is known; otherwise nobody can tell."""
        if last is None:
            self._tell_hole(recv_us)
        self._hole = ""

    def _tell_hole(self, at_us: int, *, first: int | None = None, last: int | None = None) -> None:
        for topic in self.topics:
            topic.tell(TopicEvent.GAP, self._hole or "sequence_gap", at_us, first=first, last=last)
        self._hole = ""

    # --- what happens to the stream

    def begin(self) -> None:
        """A new epoch asks for the stream."""
        self.fresh = True

    def confirmed(self, at_us: int) -> None:
        """The stream flows in this epoch: its ack or its first datum came."""
        if self.status is TopicStatus.LIVE:
            return
        if self.status is TopicStatus.DISCONNECTED:
            for topic in self.everyone():
                topic.tell(TopicEvent.RESTORED, self.reason, at_us)
        self._become(TopicStatus.LIVE, "", at_us)

    def broke(self, reason: str, at_us: int) -> None:
        """The connection is over: what comes next comes after a hole."""
        if self.status not in {TopicStatus.PENDING, TopicStatus.DISCONNECTED, TopicStatus.CLOSED}:
            self._hole = self._raw_hole = reason
        if self.status is not TopicStatus.PENDING:
            self._become(TopicStatus.DISCONNECTED, reason, at_us)

    def lost(self, reason: str, at_us: int) -> None:  # noqa: ARG002  # a book announces it at once
        """The exchange shows that something is missing though the connection stays."""
        self._hole = self._raw_hole = reason

    def refused(self, reason: str, at_us: int) -> None:
        """The exchange will not serve the stream."""
        self._become(TopicStatus.CLOSED, reason, at_us)

    def wanted(self, at_us: int) -> None:
        """The stream is asked for again after a refusal."""
        self._become(TopicStatus.PENDING, "", at_us)

    def _become(self, status: TopicStatus, reason: str, at_us: int) -> None:
        self.status, self.reason = status, reason
        for topic in self.everyone():
            topic.become(status, reason, at_us)
