"""
The proof that nothing was lost: each topic's offsets without a jump.

A message stands for the offsets from its ``first`` (its own, if it is not
conflated) to its ``offset``; these must begin where the last one ended.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Message = dict[str, Any]
Position = tuple[str, int]
"""Epoch and offset: where a reader stands in a topic."""


class Contiguity:
    """Where we stand in each topic, by what was received."""

    def __init__(self) -> None:
        self._positions: dict[str, Position] = {}

    @property
    def positions(self) -> Mapping[str, Position]:
        """A live, read-only view; what a later ``resume`` needs."""
        return MappingProxyType(self._positions)

    def acknowledged(self, ack: Mapping[str, Any], resumed: Position | None) -> None:
        """Start where ``ack`` says or, if everything missed will follow, where we resumed."""
        if ack.get("recovered") and resumed is not None:
            self._positions[ack["topic"]] = resumed
        else:
            self._positions[ack["topic"]] = (ack["epoch"], ack["offset"])

    def forget(self, topic: str) -> None:
        """We listen no more."""
        self._positions.pop(topic, None)

    def jump(self, message: Message) -> Message | None:
        """Follow ``message``; return what to tell the reader before it if offsets are missing or come again."""
        topic = message["topic"]
        if message["type"] == "lag":
            self._announced(topic, message)
            return None
        if "offset" not in message:
            return None
        before = self._positions.get(topic)
        self._positions[topic] = (message["epoch"], message["offset"])
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
            self._positions[topic] = (before[0], lag["to"])
