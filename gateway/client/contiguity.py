"""
The proof that nothing was lost: each topic's offsets without a jump.

A message stands for the offsets from its ``first`` (its own, if it is not
conflated) to its ``offset``; these must begin where the last one ended.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

Message = dict[str, Any]
Position = tuple[str, int]
"""Epoch and offset: where a reader stands in a topic."""
WHOLE: Final = frozenset({"book", "quotes", "ticker", "mark", "orders", "balances", "positions"})
"""Channels that begin with a snapshot."""
BOOK: Final = "book"
"""Comes whole after a lag, too."""


class Contiguity:
    """Where we stand in each topic, by what was received."""

    def __init__(self) -> None:
        self._positions: dict[str, Position] = {}
        self._resumable: dict[str, Position] = {}

    @property
    def positions(self) -> Mapping[str, Position]:
        """
        A live, read-only view; what a later ``resume`` needs.

        A topic that is to begin with a snapshot is not in it before anything has come:
        whoever resumed from the answer would be sent what follows a snapshot that it never had.
        """
        return MappingProxyType(self._resumable)

    def acknowledged(self, ack: Mapping[str, Any], resumed: Position | None) -> None:
        """Start where ``ack`` says or, if everything missed will follow, where we resumed."""
        topic = ack["topic"]
        if resumed is not None and ack.get("recovered"):
            self._positions[topic] = self._resumable[topic] = resumed
            return
        self._settle(topic, (ack["epoch"], ack["offset"]), whole=_channel(topic) in WHOLE)

    def _settle(self, topic: str, position: Position, *, whole: bool) -> None:
        """Stand at ``position``; if the ``whole`` is still to come, nobody can resume from there."""
        self._positions[topic] = position
        if whole:
            self._resumable.pop(topic, None)
        else:
            self._resumable[topic] = position

    def forget(self, topic: str) -> None:
        """We listen no more."""
        self._positions.pop(topic, None)
        self._resumable.pop(topic, None)

    def jump(self, message: Message) -> Message | None:
        """Follow ``message``; return what to tell the reader before it if offsets are missing or come again."""
        topic = message["topic"]
        if message["type"] == "lag":
            self._announced(topic, message)
            return None
        if "offset" not in message:
            return None
        before = self._positions.get(topic)
        self._positions[topic] = self._resumable[topic] = (message["epoch"], message["offset"])
        if before is None or before[0] != message["epoch"]:
            return None
        expected, first = before[1] + 1, message.get("first", message["offset"])
        repeats = message["type"] == "snapshot" and first == before[1]
        if first == expected or repeats:
            return None
        return {"topic": topic, "type": "jump", "expected": expected, "offset": first}

    def _announced(self, topic: str, lag: Message) -> None:
        """Messages were dropped for us as we had asked: no jump."""
        before = self._positions.get(topic)
        if before is not None and lag["from"] == before[1] + 1:
            self._settle(topic, (before[0], lag["to"]), whole=_channel(topic) == BOOK)


def _channel(topic: str) -> str:
    return topic.split(":", 2)[1] if ":" in topic else ""
