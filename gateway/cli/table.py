"""
The live table's content: the newest of each topic, how much came and how much is missing.

Taking a message keeps it and counts; what is shown of it is worked out when somebody looks.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from gateway.cli.levels import Levels
from gateway.cli.table_values import sides, values
from gateway.cli.tail import lines
from gateway.model.subscriptions import parse_topic

Message = Mapping[str, Any]
DATA: Final = frozenset({"update", "snapshot"})
EVENTS: Final = frozenset({"gap", "synced", "restored"})
"""What a topic is told; all other statuses are what it is."""
UNTRUSTED: Final = frozenset({"resyncing", "disconnected", "closed"})
STATUSES: Final = 5
"""Lines that are kept of what was said lately."""
SAMPLE: Final = 1.0
"""Seconds over which a rate is measured, at least."""


class Row:
    """
    One topic.

    Args:
        topic: as the gateway spells it.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.status = "pending"
        self.reason = ""
        self.messages = 0
        self.gaps = 0
        self.lagged = 0
        self.rate = 0.0
        self._channel = parse_topic(topic).channel
        self._newest: Message | None = None
        self._levels = Levels() if self._channel == "book" else None
        self._sampled: tuple[float, int] | None = None

    def take(self, message: Message) -> None:
        """Take a message of this topic."""
        kind = message["type"]
        if kind in DATA:
            self.messages += 1
            self._newest = message
            if self._levels is not None:
                self._levels.take(kind, message["data"])
        elif kind == "status":
            self.become(message["status"], message.get("reason", ""))
        elif kind == "lag":
            self.lagged += message["to"] - message["from"] + 1
        elif kind == "jump":
            self.gaps += 1

    def become(self, status: str, reason: str) -> None:
        """Take a status, or what is told without being one."""
        if status == "gap":
            self.gaps += 1
        if status in EVENTS:
            return
        self.status, self.reason = status, reason
        if self._levels is not None and status in UNTRUSTED:
            self._levels.forget()

    def measure(self, now: float) -> None:
        """Renew the rate if it is time; ``now`` is monotonic seconds."""
        if self._sampled is None:
            self._sampled = (now, self.messages)
            return
        since, before = self._sampled
        if now - since >= SAMPLE:
            self.rate = (self.messages - before) / (now - since)
            self._sampled = (now, self.messages)

    def values(self) -> str:
        """Return the newest values in short."""
        if self._levels is not None:
            return sides(*self._levels.best())
        return "" if self._newest is None else values(self._channel, self._newest["data"])

    def ages(self, now_us: int) -> tuple[int | None, int | None]:
        """Return the microseconds since the newest data happened, by the exchange's clock, and were received."""
        newest = self._newest or {}
        happened, received = (newest.get(name) for name in ("ts", "recv"))
        return (
            None if happened is None else now_us - happened,
            None if received is None else now_us - received,
        )


class Table:
    """All topics, in the order in which they were asked for, and what was said of them lately."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.statuses: deque[Message] = deque(maxlen=STATUSES)

    def answered(self, ack: Message) -> None:
        """Take the answer to a subscription; one that was refused has a row that says why."""
        row = self._row(ack["topic"])
        if ack["success"]:
            row.become(ack.get("status", ""), ack.get("reason", ""))
        else:
            row.become("refused", ack["error"]["message"])

    def take(self, message: Message) -> None:
        """Take a message."""
        self._row(message["topic"]).take(message)
        if message["type"] not in DATA:
            self.statuses.append(message)

    def measure(self, now: float) -> None:
        """Renew the rates; ``now`` is monotonic seconds."""
        for row in self.rows.values():
            row.measure(now)

    def said(self) -> list[tuple[Message, str]]:
        """Return what was said lately and the line for each, the newest last."""
        return [(message, lines(message)[0]) for message in self.statuses]

    def _row(self, topic: str) -> Row:
        row = self.rows.get(topic)
        if row is None:
            row = self.rows[topic] = Row(topic)
        return row
