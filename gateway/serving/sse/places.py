"""
Where a client stands in each of its topics: what the ids of its events say, and what it comes back with.

A place is ``epoch:offset``. An id has one for each topic, in the order in which the URL names
them, with commas between; it is empty where a topic's first message is still to come.
"""

import re
from collections.abc import Mapping
from typing import Final

from gateway.engine.messages import encode
from gateway.errors import SubscriptionError
from gateway.serving.requests import Position

_PLACE: Final = re.compile(r"([A-Za-z0-9_-]{1,64}):([0-9]{1,18})")


def read(text: str | None, topics: int) -> list[Position | None]:
    """
    Return where a client stands that shows the id ``text``, in each of its ``topics``; nowhere without one.

    Raises:
        SubscriptionError: ``bad_request``, if it is no id of a stream of so many topics.
    """
    if not text:
        return [None] * topics
    parts = text.split(",")
    if len(parts) != topics:
        raise SubscriptionError(
            "bad_request", f"Last-Event-ID has {len(parts)} places, and there are {topics} topics"
        )
    return [_place(part) for part in parts]


def _place(text: str) -> Position | None:
    if not text:
        return None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise SubscriptionError("bad_request", "Last-Event-ID is no id of this stream: need epoch:offset")
    return Position(found[1], int(found[2]))


class Places:
    """
    One client's.

    Args:
        topics: their names, in the order of the URL, each with where it stood when the client came.
    """

    def __init__(self, topics: Mapping[str, Position | None]) -> None:
        self.is_single = len(topics) == 1
        self._epochs: dict[bytes, bytes] = {}
        self._of: dict[bytes, bytes] = {_key(topic): _spelled(at) for topic, at in topics.items()}

    def begin(self, topic: str, epoch: str, at: Position | None) -> None:
        """The client listens to ``topic`` now, whose epoch it is; with ``at`` it goes on from there."""
        key = _key(topic)
        self._epochs[key] = epoch.encode()
        self._of[key] = _spelled(at)

    def settle(self, topic: str, offset: int) -> bool:
        """Let it stand at ``offset`` if nothing was sent that says where it stands; tell whether that was so."""
        is_nowhere = not self._of[_key(topic)]
        if is_nowhere:
            self.move(_key(topic), b"%d" % offset)
        return is_nowhere

    def move(self, topic: bytes, offset: bytes) -> None:
        """The client is sent the message with that ``offset``; ``topic`` is a name as JSON."""
        self._of[topic] = b"%b:%b" % (self._epochs[topic], offset)

    @property
    def line(self) -> bytes:
        """The line of an event that says where the client stands once it has that event."""
        return b"id: %b\n" % b",".join(self._of.values())


def _key(topic: str) -> bytes:
    return encode(topic)


def _spelled(at: Position | None) -> bytes:
    return b"" if at is None else b"%b:%d" % (at.epoch.encode(), at.offset)
