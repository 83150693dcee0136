"""One topic as a client sees it, held against what the stream protocol promises and what the exchange said."""

from collections.abc import Callable, Mapping
from typing import Any

Told = Callable[[str, str], None]
Sides = tuple[dict[str, str], dict[str, str]]


class Books:
    """
    How the exchange's books were.

    Args:
        states: bids and asks by symbol and number.
    """

    def __init__(self, states: Mapping[str, Mapping[int, Sides]]) -> None:
        self.compared = 0
        self._states = states

    def is_right(self, symbol: str, seq: int, sides: Sides) -> bool:
        """Whether the exchange's book of ``symbol`` was the same at that number."""
        self.compared += 1
        return self._states[symbol].get(seq) == sides


class Following:
    """
    Offsets and numbers.

    Args:
        ack: the answer to the subscription.
        broken: called with an invariant's name and what is wrong.
    """

    key = ""
    """The field that numbers records without holes; without one, order is all that is looked at."""

    def __init__(self, ack: Mapping[str, Any], broken: Told) -> None:
        self.topic: str = ack["topic"]
        self.epoch: str = ack["epoch"]
        self.offset: int = ack["offset"]
        self.status: str = ack["status"]
        self._broken = broken
        self._last: int | None = None
        self._gaps: list[tuple[int | None, int | None]] = []
        self._excused = False
        """Whether something may be missing that was told in other words."""

    def resumed(self, ack: Mapping[str, Any]) -> None:
        """Go on: all that was missed follows."""
        self.status = ack["status"]
        self._gaps.clear()  # those told after the last datum are told once more
        if ack["epoch"] != self.epoch:
            self._broken("offsets", f"{self.topic}: recovered, of another epoch")

    def take(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "status":
                self._tell(message)
            case "lag":
                self._lag(message)
            case kind:
                self._move(message, kind)
                for record in message["data"]:
                    self._datum(kind, record)

    def _move(self, message: Mapping[str, Any], kind: str) -> None:
        offset, first = message["offset"], message.get("first", message["offset"])
        joining = kind == "snapshot" and offset == self.offset
        if message["epoch"] != self.epoch or (first != self.offset + 1 and not joining):
            self._broken("offsets", f"{self.topic}: {first} follows {self.offset}")
        self.offset = offset
        self._excused = self._excused or "first" in message

    def _lag(self, message: Mapping[str, Any]) -> None:
        if message["from"] != self.offset + 1:
            self._broken("offsets", f"{self.topic}: lag from {message['from']} follows {self.offset}")
        self.offset = message["to"]
        self._excused = True

    def _tell(self, message: Mapping[str, Any]) -> None:
        if message["status"] == "gap":
            self._gaps.append((message.get("from"), message.get("to")))
        elif message["status"] not in {"synced", "restored"}:
            self.status = message["status"]

    def _datum(self, kind: str, record: Mapping[str, Any]) -> None:
        if not self.key:
            return
        number = int(record[self.key])
        if kind == "update" and self._last is not None:
            self._follows(number, self._last)
        self._last = number
        self._gaps.clear()
        self._excused = False

    def _follows(self, number: int, last: int) -> None:
        if number <= last:
            self._broken("once", f"{self.topic}: {number} follows {last}")
        elif number > last + 1 and not self._excused and not self._gaps:
            self._broken("gaps", f"{self.topic}: nobody told of what is missing between {last} and {number}")


class Trades(Following):
    """Trades: a gap has the bounds of what is missing, and is told only if anything is."""

    key = "id"

    def _follows(self, number: int, last: int) -> None:
        super()._follows(number, last)
        if self._gaps and not self._excused and self._gaps != [(last + 1, number - 1)]:
            self._broken("gaps", f"{self.topic}: {number} follows {last}, told was {self._gaps}")


class Orders(Following):
    key = "order_id"


class Quotes(Following):
    key = "seq"

    def _follows(self, number: int, last: int) -> None:
        if number < last or (number == last and not self._excused):
            self._broken("once", f"{self.topic}: {number} follows {last}")


class Book(Following):
    """A book that is built from messages alone, and compared after each while it is whole."""

    def __init__(self, ack: Mapping[str, Any], broken: Told, books: Books) -> None:
        super().__init__(ack, broken)
        self._books = books
        self._symbol = self.topic.split(":")[2]
        self._bids: dict[str, str] = {}
        self._asks: dict[str, str] = {}
        self._whole = False

    def resumed(self, ack: Mapping[str, Any]) -> None:
        super().resumed(ack)
        self._whole = self._whole and ack["status"] == "live"

    def _tell(self, message: Mapping[str, Any]) -> None:
        super()._tell(message)
        self._whole = self._whole and message["status"] != "gap"

    def _lag(self, message: Mapping[str, Any]) -> None:
        super()._lag(message)
        self._whole = False

    def _datum(self, kind: str, record: Mapping[str, Any]) -> None:
        if kind == "snapshot":
            self._bids, self._asks, self._whole = {}, {}, True
        for side, name in ((self._bids, "bids"), (self._asks, "asks")):
            for price, size in record[name]:
                if float(size):
                    side[price] = size
                else:
                    side.pop(price, None)
        seq = record["seq"]
        if kind == "update" and self._last is not None and seq < self._last:
            self._broken("once", f"{self.topic}: {seq} follows {self._last}")
        self._last = seq
        if self._whole and self.status == "live":
            right = self._books.is_right(self._symbol, seq, (self._bids, self._asks))
            if not right:
                self._broken("books", f"{self.topic}: it is not the exchange's of {seq}")


def following_of(ack: Mapping[str, Any], broken: Told, books: Books) -> Following:
    """Return what follows the topic of ``ack``."""
    match ack["topic"].split(":")[1]:
        case "book":
            return Book(ack, broken, books)
        case "trades":
            return Trades(ack, broken)
        case "orders":
            return Orders(ack, broken)
        case _:
            return Quotes(ack, broken)
