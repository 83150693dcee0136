"""
What is wrong with what a client was sent of a recording, a sentence each.

Nothing here comes from the gateway: a book is built from the messages alone.
"""

import json
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from recorded import BOOK, QUOTES, TRADES, Record, Recorded

Message = dict[str, Any]


class Following:
    """
    One topic as a client saw it.

    Args:
        ack: the answer to the subscription.
        recorded: what may come.
    """

    key = "seq"
    """The field that numbers the topic's records."""

    def __init__(self, ack: Message, recorded: Recorded) -> None:
        self.topic: str = ack["topic"]
        self.offset: int = ack["offset"]
        self.status: str = ack["status"]
        self.problems: list[str] = []
        self.records: list[Record] = []
        """Those of updates."""
        self.told: list[Message] = []
        """Every status message."""
        self.holes: list[tuple[int, int]] = []
        """The first and the last number of what was recorded and did not come, whenever something did not."""
        self._epoch: str = ack["epoch"]
        self._recorded = recorded
        self._numbers = list(recorded.records[self.topic])
        self._next: int | None = None
        """Which of the numbers comes next."""
        self._gaps: list[Message] = []
        """Those told since the last datum."""

    @property
    def complete(self) -> bool:
        """Whether the last datum of the recording has come and the topic is well."""
        return self._next == len(self._numbers) and self.status == "live"

    def count(self, status: str) -> int:
        """Return how often ``status`` was told."""
        return sum(message["status"] == status for message in self.told)

    def take(self, message: Message) -> None:
        """Take the topic's next message."""
        if message["type"] == "status":
            self._tell(message)
            return
        first = message.get("first", message["offset"])
        for_joining = message["type"] == "snapshot" and first == self.offset
        if message["epoch"] != self._epoch or (first != self.offset + 1 and not for_joining):
            self._wrong(message, f"does not follow offset {self.offset} of epoch {self._epoch}")
        self.offset = message["offset"]
        for record in message["data"]:
            self._datum(message, record)

    def _tell(self, message: Message) -> None:
        self.told.append(message)
        if message["status"] == "gap":
            self._gaps.append(message)
        elif message["status"] not in {"synced", "restored"}:
            self.status = message["status"]

    def _datum(self, message: Message, record: Record) -> None:
        if not self._is_as_recorded(message, record):
            self._wrong(message, "is not what was recorded")
        if message["type"] == "update":
            self.records.append(record)
            if self.status != "live":
                self._wrong(message, f"came while the topic was {self.status}")
        self._advance(message, record[self.key])

    def _is_as_recorded(self, _: Message, record: Record) -> bool:
        return record == self._recorded.records[self.topic].get(record[self.key])

    def _advance(self, message: Message, number: int) -> None:
        """Move on to ``number``: nothing comes twice, and what did not come was told."""
        stands_for = message["offset"] - message.get("first", message["offset"]) + 1
        after = bisect_right(self._numbers, number)
        missing = 0 if self._next is None else after - self._next - stands_for
        if missing < 0:
            self._wrong(message, "came before")
        elif missing and self._next is not None:
            hole = self._numbers[self._next], self._numbers[self._next + missing - 1]
            self.holes.append(hole)
            self._check_hole(message, *hole)
        elif self._gaps and self._next is not None:
            self._check_no_hole(message)
        self._next = after
        self._gaps.clear()

    def _check_hole(self, message: Message, first: int, last: int) -> None:
        if not self._gaps:
            self._wrong(message, f"follows a hole from {first} to {last} that was not told")

    def _check_no_hole(self, message: Message) -> None:
        """Take a gap without a hole: numbers that may be left out prove nothing."""

    def _wrong(self, message: Message, what: str) -> None:
        self.problems.append(f"{json.dumps(message)[:300]} {what}")


class Trades(Following):
    """Trades: their ids have no holes, so a gap says exactly which are missing, and is told only if any are."""

    key = "id"

    def _check_hole(self, message: Message, first: int, last: int) -> None:
        super()._check_hole(message, first, last)
        bounds = [(gap.get("from"), gap.get("to")) for gap in self._gaps]
        if bounds and bounds != [(first, last)]:
            self._wrong(message, f"follows a hole from {first} to {last}, told as {bounds}")

    def _check_no_hole(self, message: Message) -> None:
        self._wrong(message, "follows a gap though nothing is missing")


class Book(Following):
    """A book, compared with the recorded quotes after each message; whole between a snapshot and the next gap."""

    def __init__(self, ack: Message, recorded: Recorded) -> None:
        super().__init__(ack, recorded)
        self.snapshots = 0
        self.compared = 0
        """After how many updates it was compared."""
        self.differing = 0
        """After how many of all messages it differed."""
        self._bids: dict[float, tuple[str, str]] = {}
        self._asks: dict[float, tuple[str, str]] = {}
        self._whole = False
        self._synced = True

    def _tell(self, message: Message) -> None:
        super()._tell(message)
        if message["status"] == "gap":
            self._whole = self._synced = False
        elif message["status"] == "synced":
            self._synced = self._whole
            if not self._whole:
                self._wrong(message, "was told without a snapshot")

    def _datum(self, message: Message, record: Record) -> None:
        if message["type"] == "snapshot":
            self._replace(message, record)
        else:
            super()._datum(message, record)
            self.compared += 1
            if not (self._whole and self._synced):
                self._wrong(message, "changes a book that is broken")
        for side, name in ((self._bids, "bids"), (self._asks, "asks")):
            for price, size in record[name]:
                side[float(price)] = (price, size)
                if size == "0":
                    del side[float(price)]
        self._compare(message, record["seq"])

    def _is_as_recorded(self, message: Message, record: Record) -> bool:
        return "first" in message or super()._is_as_recorded(message, record)

    def _replace(self, message: Message, record: Record) -> None:
        self.snapshots += 1
        self._whole = True
        self._bids, self._asks = {}, {}
        after = bisect_right(self._numbers, record["seq"])
        if self._next is not None and after < self._next:
            self._wrong(message, "is older than what came before")
        self._next = after
        self._gaps.clear()

    def _compare(self, message: Message, seq: int) -> None:
        ours = []
        if self._bids and self._asks:
            ours = [*self._bids[max(self._bids)], *self._asks[min(self._asks)]]
        if ours != self._recorded.best(seq):
            self.differing += 1
            self._wrong(message, f"makes the best {ours}, quoted was {self._recorded.best(seq)}")


class Witness:
    """
    All that one client is sent of trades, quotes and book.

    Args:
        recorded: what may come.
        acks: the answers to the three subscriptions.
    """

    def __init__(self, recorded: Recorded, acks: Sequence[Message]) -> None:
        self.recorded = recorded
        answers = {ack["topic"]: ack for ack in acks}
        self.trades = Trades(answers[TRADES], recorded)
        self.quotes = Following(answers[QUOTES], recorded)
        self.book = Book(answers[BOOK], recorded)
        self.topics: dict[str, Following] = {one.topic: one for one in (self.trades, self.quotes, self.book)}
        self._jumps: list[str] = []

    def take(self, message: Message) -> None:
        """Take the next message that the gateway's own client yields."""
        if message["type"] == "jump":
            self._jumps.append(f"{json.dumps(message)} was found by the client")
        else:
            self.topics[message["topic"]].take(message)

    @property
    def complete(self) -> bool:
        """Whether every topic has come to the recording's end."""
        return all(one.complete for one in self.topics.values())

    @property
    def problems(self) -> list[str]:
        """Everything that is wrong."""
        return [problem for one in self.topics.values() for problem in one.problems] + self._jumps
