"""
One topic: its offset, its status and who hears of it.

A message is encoded at most once, and only if a client listens; the same bytes
go to every listener. Event-loop only, and nothing here waits.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeGuard

from gateway.engine.flow import TIMED, Flow
from gateway.engine.messages import (
    Kind,
    Message,
    Notice,
    Spelling,
    TopicEvent,
    TopicStatus,
    raw_json,
    records_json,
)
from gateway.engine.ring import Ring
from gateway.engine.standing import mark_of
from gateway.model.subscriptions import RAW, Subscription

LAST_VALUE: Final = frozenset({"quotes", "ticker", "mark"})
"""Channels whose newest record says all: it serves as a joining client's snapshot."""
_UNTIMED: Final = TIMED - 1

SnapshotOf = Callable[[], tuple[Sequence[Any], int | None] | None]
"""Returns the records of a snapshot and their exchange time, or nothing while there is none."""


class Listener(Protocol):
    """Someone who hears of a topic. Must return at once and never raise."""

    wants_frames: bool

    def put(self, message: Message, /) -> None:
        """Take a message."""

    def notify(self, notice: Notice, frame: bytes, /) -> None:
        """Take a status; ``frame`` is how clients get it, empty while no client listens."""


class Timed(Listener, Protocol):
    """A listener that is told of a few messages when they were received, to see how long they take from there."""

    def timed(self, recv_us: int, /) -> None:
        """What was put last was received at ``recv_us``."""


def is_timed(listener: Listener) -> TypeGuard[Timed]:
    """Tell whether ``listener`` wants to be told; asking the protocol itself would take longer than attaching."""
    return hasattr(listener, "timed")


class Topic:
    """
    What is published under one name; see the module's docstring.

    Args:
        subscription: what it is.
        epoch: unlike any other topic's, of this name too.
        new_ring: makes the ring after that offset, once a client listens.
        flow: where what is told and timed is counted.
    """

    def __init__(
        self,
        subscription: Subscription,
        epoch: str,
        new_ring: Callable[[int], Ring] = Ring,
        flow: Flow | None = None,
    ) -> None:
        self.subscription = subscription
        self.name = subscription.topic
        self.epoch = epoch
        self.offset = 0
        self.status = TopicStatus.PENDING
        self.reason = ""
        self.ring: Ring | None = None
        self._new_ring = new_ring
        self._flow = flow or Flow()
        self._ring_after = 0
        """The offset after which every message is in the ring, or was."""
        self.idle_since: float | None = None
        self.spelling = Spelling(self.name, epoch)
        self.snapshot_of: SnapshotOf = self._last_value
        self._newest: Message | None = None
        self._listeners: tuple[Listener, ...] = ()
        self._timed: tuple[Timed, ...] = ()
        self._is_raw = subscription.channel == RAW

    def attach(self, listener: Listener) -> None:
        """Let ``listener`` hear everything from the next message on."""
        self._listeners = (*self._listeners, listener)
        self.idle_since = None
        if listener.wants_frames and self.ring is None:
            self.ring = self._new_ring(self.offset)
            self._ring_after = self.offset
        if is_timed(listener):
            self._timed = (*self._timed, listener)

    def bound(self, max_messages: int, max_bytes: int) -> None:
        """Keep at most so much for clients that come back, from now on."""
        self._new_ring = partial(Ring, max_messages=max_messages, max_bytes=max_bytes)
        if self.ring is not None:
            self.ring.bound(max_messages, max_bytes)

    def detach(self, listener: Listener, now: float) -> None:
        """Forget ``listener``; harmless if it is unknown. ``now`` is monotonic."""
        self._listeners = tuple(one for one in self._listeners if one is not listener)
        self._timed = tuple(one for one in self._timed if one is not listener)
        if not self._listeners and self.idle_since is None:
            self.idle_since = now

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def heard_us(self) -> int | None:
        """When the newest message was received, in microseconds since 1970; unknown of a raw topic."""
        return None if self._newest is None else self._newest.recv_us

    @property
    def mark(self) -> Hashable:
        """What tells the newest message from the next one, if anything does; unknown of a raw topic."""
        return None if self._newest is None else mark_of(self._newest.records, self._newest.ts)

    @property
    def encoded(self) -> int:
        """How many messages were written for clients."""
        return 0 if self.ring is None else self.offset - self._ring_after

    def publish(self, kind: Kind, records: Any, ts: int | None, recv_us: int) -> None:
        """
        Publish ``records`` under the next offset. The hot path: nothing is awaited, logged or locked.

        Raises whatever records that cannot be written raise; then nothing was published.
        """
        offset = self.offset + 1
        ring = self.ring
        if ring is None:
            frame = b""
        else:
            frame = self.spelling.frame(kind, offset, ts, recv_us, records_json(records))
            ring.append(frame)
        self.offset = offset  # not before: what no client can be sent takes none
        message = self._newest = Message(self.subscription, kind, records, ts, recv_us, offset, frame)
        for listener in self._listeners:
            listener.put(message)
        if offset & _UNTIMED == 1:
            self._time(ts, recv_us)

    def publish_raw(self, payload: bytes, binary: bool, recv_us: int) -> None:
        """Publish the exchange's own frame under the next offset."""
        offset = self.offset = self.offset + 1
        ring = self.ring
        if ring is None:
            frame = b""
        else:
            frame = self.spelling.frame("update", offset, None, recv_us, raw_json(payload, binary=binary))
            ring.append(frame)
        message = Message(self.subscription, "update", payload, None, recv_us, offset, frame)
        for listener in self._listeners:
            listener.put(message)
        if offset & _UNTIMED == 1:
            self._time(None, recv_us)

    def _time(self, ts: int | None, recv_us: int) -> None:
        """See how long one message of many took to come, and let others see how long it takes to leave."""
        if ts is not None:
            self._flow.came(ts, recv_us)
        for listener in self._timed:
            listener.timed(recv_us)

    def become(self, status: TopicStatus, reason: str, at_us: int) -> None:
        """Change what the topic is and tell its listeners; nothing if it already is that."""
        if status is self.status:
            return
        self.status = status
        self.reason = reason
        self._tell(Notice(self.subscription, status, reason, at_us))

    def explain(self, reason: str, at_us: int) -> None:
        """Tell the listeners why the topic is what it is, now that more is known; nothing if they know."""
        if reason != self.reason:
            self.reason = reason
            self._tell(Notice(self.subscription, self.status, reason, at_us))

    def tell(  # noqa: PLR0913  # all that may be known of a gap
        self,
        event: TopicEvent,
        reason: str,
        at_us: int,
        *,
        first: int | None = None,
        last: int | None = None,
        after_us: int | None = None,
        before_us: int | None = None,
        recoverable: bool = False,
    ) -> None:
        """Tell the listeners of an event; the bounds of a gap are as :class:`Notice` has them."""
        if self._is_raw:
            if event is TopicEvent.SYNCED:
                return
            first = last = after_us = before_us = None
        may_be_had = recoverable if event is TopicEvent.GAP else None
        self._tell(Notice(self.subscription, event, reason, at_us, first, last, may_be_had, after_us, before_us))

    def _tell(self, notice: Notice) -> None:
        self._flow.told[notice.status] += 1
        self._flow.heard(notice)
        frame = b""
        if self.ring is not None:
            frame = notice.frame()
            if notice.status is TopicEvent.GAP:
                self.ring.tell(frame)
        for listener in self._listeners:
            listener.notify(notice, frame)

    def snapshot(self, now_us: int) -> Message | None:
        """Return a snapshot for a joining listener; it carries the offset of the last message published."""
        made = self.snapshot_of()
        if made is None:
            return None
        records, ts = made
        frame = self.spelling.frame("snapshot", self.offset, ts, now_us, records_json(records))
        return Message(self.subscription, "snapshot", records, ts, now_us, self.offset, frame)

    def _last_value(self) -> tuple[Sequence[Any], int | None] | None:
        if self._newest is None or self.subscription.channel not in LAST_VALUE:
            return None
        return self._newest.records[-1:], self._newest.ts
