"""
What waits to be written to one client, bounded, and what happens when the client is slow.

The serving side writes all that is here once per turn of the event loop. While
the client keeps up nothing is inspected; beyond ``lag_bytes`` a subscription
either folds its messages (``conflate``) or goes on queueing until the outbox is
full, which ends the client (``disconnect``).
"""

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from gateway.engine.conflation import MERGES, Conflation
from gateway.engine.messages import Message, Notice, records_json
from gateway.engine.topics import Topic

LIMIT: Final = 1 << 20
LAG: Final = 1 << 16


class LagPolicy(StrEnum):
    """What a subscription wants when its client lags."""

    CONFLATE = "conflate"
    DISCONNECT = "disconnect"


def default_policy(channel: str) -> LagPolicy:
    """Return the policy that ``channel`` has unless the client asks for another."""
    return LagPolicy.CONFLATE if channel in MERGES else LagPolicy.DISCONNECT


class Outbox:
    """
    Frames for one client, oldest first. Event-loop only.

    Args:
        wake: called once when something is queued after :meth:`take` emptied it,
            and once more at the overflow, when whoever writes may be waiting for the client.
        limit: bytes that may wait; one more and ``overflowed`` is set for good.
        lag_bytes: bytes from which the client counts as lagging.
    """

    def __init__(self, wake: Callable[[], None], *, limit: int = LIMIT, lag_bytes: int = LAG) -> None:
        self.size = 0
        self.overflowed = False
        self.queued = 0
        self._frames: deque[bytes] = deque()
        self._folded: dict[Line, None] = {}
        self._wake = wake
        self._limit = limit
        self._lag_bytes = lag_bytes
        self._awake = False

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
        return not (self._frames or self._folded)

    def lagging(self) -> bool:
        """Whether the client has more to read than it should."""
        return self.size > self._lag_bytes

    def fold(self, line: "Line") -> None:
        """Remember that ``line`` holds a folded message."""
        self._folded[line] = None

    def unfold(self, line: "Line") -> None:
        """Queue the folded message of ``line``, if there is one, so that what follows comes after it."""
        if self._folded.pop(line, True) is None:
            self.put(line.unfolded())

    def forget(self, line: "Line") -> None:
        """Drop the folded message of ``line``."""
        self._folded.pop(line, None)

    def take(self) -> bytes:
        """
        Return what waits as one piece, folded messages last, and start afresh.

        Folded messages beyond ``lag_bytes`` go on folding until the next time: together
        they could be more than the client may have waiting.
        """
        self._awake = True
        while self._folded and not self.lagging():
            self.unfold(next(iter(self._folded)))
        whole = b"".join(self._frames)
        self._frames.clear()
        self.size = 0
        self._awake = False
        if self._folded:
            self.wake()
        return whole


class Line:
    """One client's subscription to one topic: the listener between the two."""

    wants_frames = True

    def __init__(self, topic: Topic, outbox: Outbox, policy: LagPolicy) -> None:
        self.topic = topic
        self._outbox = outbox
        self._folds = policy is LagPolicy.CONFLATE and topic.subscription.channel in MERGES
        self._folded: Conflation | None = None

    def put(self, message: Message, /) -> None:
        """Queue the message's frame, or fold it into those that already wait."""
        if self._folded is not None:
            self._folded.add(message)
            if self._folded.is_crowded and (whole := self.topic.snapshot(message.recv_us)) is not None:
                self._folded.add(whole)
        elif self._folds and self._outbox.lagging():
            self._folded = Conflation(message)
            self._outbox.fold(self)
        else:
            self._outbox.put(message.frame)

    def notify(self, _: Notice, frame: bytes, /) -> None:
        """Queue the status after everything that came before it."""
        self._outbox.unfold(self)
        self._outbox.put(frame)

    def unfolded(self) -> bytes:
        """Return the folded message's frame and start afresh; only while there is one."""
        folded, self._folded = self._folded, None
        if folded is None:
            raise LookupError("nothing was folded")
        return self.topic.spelling.frame(
            folded.kind, folded.offset, folded.ts, folded.recv_us, records_json(folded.records()), folded.first
        )

    def close(self) -> None:
        """Forget what was folded: the client has left the topic."""
        self._outbox.forget(self)
        self._folded = None
