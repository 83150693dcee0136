"""
What waits for a lagging client that would rather lose the oldest than be conflated or cut.

All such subscriptions of a client share the room. What is dropped is counted by
topic, and told before the topic's next message; status messages are never dropped.
"""

from collections import deque
from typing import Final, NamedTuple, Protocol

from gateway.engine.frames import text_frame
from gateway.engine.messages import encode
from gateway.engine.topics import Topic

STATUS: Final = 0
"""The offset of what has none; messages count from 1."""


class Owner(Protocol):
    """A subscription whose messages wait."""

    topic: Topic
    is_closed: bool
    """Whether nobody wants what still waits of it."""


class Waiting(NamedTuple):
    """A frame, and the offsets that it stands for."""

    owner: Owner
    frame: bytes
    first: int
    last: int


def lag_frame(topic: Topic, first: int, last: int) -> bytes:
    """Return what tells a client that it was not sent the offsets from ``first`` to ``last``."""
    return text_frame(encode({"topic": topic.name, "type": "lag", "from": first, "to": last}))


class Backlog:
    """
    Frames for one client, oldest first. Event-loop only.

    Args:
        limit: bytes that may wait; the newest frame may be larger by itself.
    """

    def __init__(self, limit: int) -> None:
        self.size = 0
        self.dropped = 0
        """Messages, ever."""
        self._limit = limit
        self._waiting: deque[Waiting] = deque()
        self._dropped: dict[Owner, tuple[int, int]] = {}  # what is still to be told

    def __bool__(self) -> bool:
        return bool(self._waiting or self._dropped)

    def add(self, one: Waiting) -> list[bytes]:
        """Let ``one`` wait and drop the oldest beyond the limit; return the statuses among these, to be sent."""
        self._waiting.append(one)
        self.size += len(one.frame)
        statuses: list[bytes] = []
        while self.size > self._limit and len(self._waiting) > 1:
            owner, frame, first, last = self._waiting.popleft()
            self.size -= len(frame)
            if owner.is_closed:
                continue
            if last == STATUS:
                statuses.append(self._told(owner) + frame)
            else:
                self.dropped += last + 1 - first
                self._dropped[owner] = (self._dropped.get(owner, (first, last))[0], last)
        return statuses

    def next(self) -> bytes:
        """Return what is to be sent next: what was dropped, then the oldest; only while there is something."""
        for owner in self._dropped:
            return self._told(owner)
        one = self._waiting.popleft()
        self.size -= len(one.frame)
        return b"" if one.owner.is_closed else one.frame

    def clear(self) -> None:
        """Let nothing wait any more."""
        self._waiting.clear()
        self._dropped.clear()
        self.size = 0

    def _told(self, owner: Owner) -> bytes:
        """Return what tells what was dropped of ``owner``, once; nothing if nothing was or nobody wants it."""
        dropped = self._dropped.pop(owner, None)
        return b"" if dropped is None or owner.is_closed else lag_frame(owner.topic, *dropped)
