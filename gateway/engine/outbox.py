"""
What waits to be written to one client, bounded, and what happens when the client is slow.

The serving side writes all that is here once per turn of the event loop. While
the client keeps up nothing is inspected. Beyond ``lag_bytes`` each subscription
does what it was asked for: it folds its messages, drops the oldest, or goes on
queueing until the outbox is full, which ends the client.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from gateway.engine.backlog import Backlog, Waiting

LIMIT: Final = 1 << 20
LAG: Final = 1 << 16


class Folding(Protocol):
    """A subscription that may hold one message in place of many."""

    def unfolded(self) -> bytes:
        """Return that message's frame and start afresh; only while there is one."""


class Outbox:
    """
    Frames for one client, oldest first. Event-loop only.

    Args:
        wake: called once when something is queued after :meth:`take` emptied it,
            and once more at the overflow, when whoever writes may be waiting for the client.
        limit: bytes that may be queued; one more and ``overflowed`` is set for good. Half
            as many may wait beside them of subscriptions that drop the oldest.
        lag_bytes: bytes from which the client counts as lagging.
    """

    def __init__(self, wake: Callable[[], None], *, limit: int = LIMIT, lag_bytes: int = LAG) -> None:
        self.size = 0
        self.overflowed = False
        self.queued = 0
        self.conflated = 0
        """Messages that another one stands for."""
        self.timed_us = 0
        """When the oldest message that waits and is timed was received; 0 if there is none."""
        self._frames: deque[bytes] = deque()
        self._folded: dict[Folding, None] = {}
        self._backlog = Backlog(limit // 2)
        self._wake = wake
        self._limit = limit
        self._lag_bytes = lag_bytes
        self._awake = False
        self._skipped = 0

    def put(self, frame: bytes) -> None:
        """Queue ``frame``, or overflow: then all that waits is dropped and nothing is taken any more."""
        if self.overflowed:
            return
        self.size += len(frame)
        self.queued += 1
        if self.size > self._limit:
            self.overflowed = True
            self._frames.clear()
            self._folded.clear()
            self._backlog.clear()
            self._awake = True
            self._wake()
        else:
            self._frames.append(frame)
            self.wake()

    def wake(self) -> None:
        """Ask to be emptied, once until that is done."""
        if not self._awake:
            self._awake = True
            self._wake()

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not (self._frames or self._folded or self._backlog)

    def lagging(self) -> bool:
        """Whether the client has more to read than it should."""
        return self.size > self._lag_bytes

    @property
    def waiting(self) -> int:
        """Bytes that wait, those that may be dropped too."""
        return self.size + self._backlog.size

    @property
    def dropped(self) -> int:
        """Messages that were dropped, the oldest before newer ones; not what an overflow ended."""
        return self._backlog.dropped + self._skipped

    def skip(self) -> None:
        """Count a message that a line has dropped."""
        self._skipped += 1

    def time(self, recv_us: int) -> None:
        """What was put last was received then; nothing is timed while messages are folded or may be dropped."""
        if not (self.timed_us or self._folded or self._backlog):
            self.timed_us = recv_us

    def fold(self, line: Folding) -> None:
        """Remember that ``line`` holds a folded message."""
        self._folded[line] = None

    def unfold(self, line: Folding) -> None:
        """Queue the folded message of ``line``, if there is one, so that what follows comes after it."""
        if self._folded.pop(line, True) is None:
            self.put(line.unfolded())

    def forget(self, line: Folding) -> None:
        """Drop the folded message of ``line``."""
        self._folded.pop(line, None)

    def hold(self, one: Waiting) -> None:
        """Queue ``one`` if the client keeps up, else let it wait until it is dropped or the client has read."""
        if self._backlog or self.lagging():
            if not self.overflowed:
                for status in self._backlog.add(one):
                    self.put(status)
        else:
            self.put(one.frame)

    def release(self) -> None:
        """Queue all that waits, so that what follows comes after it."""
        while self._backlog:
            self.put(self._backlog.next())

    def take(self) -> bytes:
        """
        Return what waits as one piece, folded messages last, and start afresh.

        What is folded or waits to be dropped goes on doing so, beyond ``lag_bytes``, until the
        next time: together it could be more than the client may have queued.
        """
        self._awake = True
        while (self._folded or self._backlog) and not self.lagging():
            if self._folded:
                self.unfold(next(iter(self._folded)))
            if self._backlog:
                self.put(self._backlog.next())
        whole = b"".join(self._frames)
        self._frames.clear()
        self.size = 0
        self._awake = False
        if self._folded or self._backlog:
            self.wake()
        return whole
