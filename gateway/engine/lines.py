"""
One client's subscription to one topic: the listener between the two.

While the client keeps up a line passes each message's frame on, the same for
everybody. When the client lags it does what the subscription wants: fold what
comes, drop the oldest, or queue until the outbox is full.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, Protocol

from gateway.engine.backlog import STATUS, Waiting, lag_frame
from gateway.engine.conflation import MERGES, Conflation
from gateway.engine.messages import Message, Notice, first_of
from gateway.engine.outbox import Outbox
from gateway.engine.topics import Topic

BOOK: Final = "book"


class LagPolicy(StrEnum):
    """What a subscription wants when its client lags."""

    CONFLATE = "conflate"
    DISCONNECT = "disconnect"
    DROP_OLDEST = "drop_oldest"


def default_policy(channel: str) -> LagPolicy:
    """Return the policy that ``channel`` has unless the client asks for another."""
    return LagPolicy.CONFLATE if channel in MERGES else LagPolicy.DISCONNECT


class Fold(Protocol):
    """What stands for all messages since the client lags."""

    def follow(self, message: Message, topic: Topic) -> None:
        """Let it stand for ``message`` of ``topic``, too."""

    def frame(self, topic: Topic) -> bytes:
        """Return it as the client gets it."""


class Skipped:
    """
    Changes of a book that were dropped: the book follows whole, since without them it would be wrong.

    While there is no book it follows by itself, once there is: then it is published to all.
    """

    def __init__(self, message: Message) -> None:
        self._first = first_of(message)
        self._last = message.offset
        self._recv_us = message.recv_us

    def follow(self, message: Message, _: Topic) -> None:
        """Drop another message."""
        self._last = message.offset
        self._recv_us = message.recv_us

    def frame(self, topic: Topic) -> bytes:
        """Return what was dropped, and the book."""
        lag = lag_frame(topic, self._first, self._last)
        whole = topic.snapshot(self._recv_us)
        return lag if whole is None else lag + whole.frame


class Line:
    """
    A line that folds its messages, or queues them.

    Args:
        topic: what is listened to.
        outbox: the client's.
        policy: what to do when it lags; where the channel does not allow that, messages queue.
    """

    wants_frames = True

    def __init__(self, topic: Topic, outbox: Outbox, policy: LagPolicy) -> None:
        self.topic = topic
        self._outbox = outbox
        self._fold = _fold_of(topic.subscription.channel, policy)
        self._folded: Fold | None = None

    def put(self, message: Message, /) -> None:
        """Queue the message's frame, or fold it into those that already wait."""
        if self._folded is not None:
            self._folded.follow(message, self.topic)
            self._spared()
        elif self._fold is not None and self._outbox.lagging():
            self._folded = self._fold(message)
            self._outbox.fold(self)
            if self._fold is Skipped:
                self._spared()
        else:
            self._outbox.put(message.frame)

    def notify(self, _: Notice, frame: bytes, /) -> None:
        """Queue the status after everything that came before it."""
        self._outbox.unfold(self)
        self._outbox.put(frame)

    def timed(self, recv_us: int, /) -> None:
        """Have the write timed that takes the last message along."""
        self._outbox.time(recv_us)

    def conflated(self) -> None:
        """Count a message that another one stands for."""
        self._outbox.conflated += 1

    def _spared(self) -> None:
        if self._fold is Skipped:
            self._outbox.skip()
        else:
            self.conflated()

    @property
    def is_behind(self) -> bool:
        """Whether messages are being folded."""
        return self._folded is not None

    def unfolded(self) -> bytes:
        """Return the folded message's frame and start afresh; only while there is one."""
        folded, self._folded = self._folded, None
        if folded is None:
            raise LookupError("nothing was folded")
        return folded.frame(self.topic)

    def settle(self) -> None:
        """Queue all that waits of the topic, so that what follows comes after it."""
        self._outbox.unfold(self)

    def leave(self) -> None:
        """Hear no more; what waits can still be written."""

    def close(self) -> None:
        """Forget what waits: the client does not want the topic any more."""
        self._outbox.forget(self)
        self._folded = None


class DroppingLine(Line):
    """A line whose messages wait where the oldest are dropped, once too much does."""

    is_closed = False

    def put(self, message: Message, /) -> None:
        """Queue the message's frame, or let it wait."""
        self._outbox.hold(Waiting(self, message.frame, first_of(message), message.offset))

    def notify(self, _: Notice, frame: bytes, /) -> None:
        """Queue the status, or let it wait behind what came before it."""
        self._outbox.hold(Waiting(self, frame, STATUS, STATUS))

    def settle(self) -> None:
        """Queue all that waits of the topic, so that what follows comes after it."""
        self._outbox.release()

    def close(self) -> None:
        """Forget what waits: the client does not want the topic any more."""
        self.is_closed = True


_FOLDS: Final[Mapping[LagPolicy, Callable[[Message], Fold]]] = {
    LagPolicy.CONFLATE: Conflation,
    LagPolicy.DROP_OLDEST: Skipped,
}


def _fold_of(channel: str, policy: LagPolicy) -> Callable[[Message], Fold] | None:
    can_fold = channel in MERGES if policy is LagPolicy.CONFLATE else channel == BOOK
    return _FOLDS.get(policy) if can_fold else None


def line_of(topic: Topic, outbox: Outbox, policy: LagPolicy) -> Line:
    """Return the line between ``topic`` and ``outbox``; nothing of an account is ever dropped."""
    wish = topic.subscription
    drops = policy is LagPolicy.DROP_OLDEST and wish.channel != BOOK and wish.account is None
    return (DroppingLine if drops else Line)(topic, outbox, policy)
