"""The witness of the tests on recordings sees each thing that can be wrong, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from recorded import BOOK, QUOTES, TRADES, Recorded
from witness import Witness


def trade(number: int) -> dict[str, Any]:
    return {"e": "trade", "t": number, "p": "61837.63", "q": "0.02", "T": number, "m": False}


def quote(number: int, bid: str) -> dict[str, Any]:
    return {"u": number, "b": bid, "B": "3.7", "a": "61837.64", "A": "1.5"}


def change(number: int, bid: str, gone: str) -> dict[str, Any]:
    return {"E": number, "U": number - 9, "u": number, "b": [[bid, "3.7"], [gone, "0.00000000"]], "a": []}


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """One that expects trades 1 to 5, and a best bid that rises to 3 with the changes 10, 20 and 30."""
    frames = [{"stream": "btcusdt@trade", "data": trade(number)} for number in range(1, 6)]
    for number in (1, 2, 3):
        frames.append({"stream": "btcusdt@bookTicker", "data": quote(number * 10 - 1, str(number))})
        moved = change(number * 10, str(number), str(number - 1))
        frames.append({"stream": "btcusdt@depth@100ms", "data": moved})
    path = tmp_path / "made.jsonl"
    path.write_text("\n".join(json.dumps({"recv_ns": 0, "frame": json.dumps(frame)}) for frame in frames))
    acks = [{"topic": topic, "epoch": "e", "offset": 0, "status": "live"} for topic in (TRADES, QUOTES, BOOK)]
    return Witness(Recorded(path), acks)


def told(topic: str, status: str, **bounds: int) -> dict[str, Any]:
    return {"topic": topic, "type": "status", "status": status, "reason": "sequence_gap", **bounds}


class Script:
    """Sends a witness what a gateway would."""

    def __init__(self, witness: Witness, topic: str) -> None:
        self.witness = witness
        self.topic = topic
        self.offset = 0

    def send(self, number: int, kind: str = "update", *, offset: int | None = None, **other: Any) -> None:
        """Send what was recorded under ``number``, with ``other`` fields."""
        self.offset = self.offset + 1 if offset is None else offset
        record = {**self.witness.recorded.records[self.topic].get(number, {}), **other}
        message = {"topic": self.topic, "type": kind, "epoch": "e", "offset": self.offset, "data": [record]}
        self.witness.take(message)

    def whole(self, number: int, best: str) -> None:
        """Send a snapshot of which ``best`` is the best bid."""
        sides = {"bids": [[best, "3.7"]], "asks": [["61837.64", "1.5"]]}
        self.send(number, "snapshot", seq=number, **sides)

    def tell(self, status: str, **bounds: int) -> None:
        """Send a status."""
        self.witness.take(told(self.topic, status, **bounds))


@pytest.fixture
def trades(witness: Witness) -> Script:
    return Script(witness, TRADES)


@pytest.fixture
def book(witness: Witness) -> Script:
    return Script(witness, BOOK)


def test_all_in_order_is_right(witness, trades, book):
    for number in range(1, 6):
        trades.send(number)
    book.whole(9, "1")
    for number in (10, 20, 30):
        book.send(number)
    quotes = Script(witness, QUOTES)
    for number in (9, 19, 29):
        quotes.send(number)
    assert not witness.problems
    assert witness.complete
    assert (witness.book.compared, witness.book.differing) == (3, 0)


def test_a_hole_that_is_told_is_right(witness, trades, book):
    trades.send(1)
    trades.tell("gap", **{"from": 2, "to": 3})
    trades.send(4)
    book.whole(9, "1")
    book.send(10)
    for status in ("gap", "resyncing"):
        book.tell(status)
    book.whole(25, "2")
    for status in ("synced", "live"):
        book.tell(status)
    book.send(30)
    assert not witness.problems
    assert witness.trades.holes == [(2, 3)]


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        (lambda one: one.send(3), "follows a hole from 2 to 2 that was not told"),
        (lambda one: (one.tell("gap", **{"from": 2, "to": 3}), one.send(3)), "told as [(2, 3)]"),
        (lambda one: (one.tell("gap"), one.send(3)), "told as [(None, None)]"),
        (lambda one: (one.tell("gap", **{"from": 2, "to": 2}), one.send(2)), "though nothing is missing"),
        (lambda one: (one.send(3), one.tell("gap", **{"from": 2, "to": 2})), "that was not told"),
        (lambda one: one.send(1), "came before"),
        (lambda one: (one.send(2), one.send(1)), "came before"),
        (lambda one: one.send(2, offset=3), "does not follow offset 1"),
        (lambda one: one.send(2, offset=1), "does not follow offset 1"),
        (lambda one: one.send(2, size="0.03"), "is not what was recorded"),
        (lambda one: one.send(2, side="sell"), "is not what was recorded"),
        (lambda one: (one.tell("disconnected"), one.send(2)), "came while the topic was disconnected"),
    ],
)
def test_what_is_wrong_with_trades_is_seen(witness, trades, steps, wrong):
    trades.send(1)
    assert not witness.problems
    steps(trades)
    assert any(wrong in problem for problem in witness.problems), witness.problems


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        (lambda one: one.send(20, bids=[["2", "3.7"]]), "is not what was recorded"),
        (lambda one: one.send(30), "follows a hole from 20 to 20 that was not told"),
        (lambda one: (one.tell("gap"), one.send(30)), "changes a book that is broken"),
        (lambda one: (one.tell("gap"), one.whole(20, "2"), one.send(30)), "changes a book that is broken"),
        (lambda one: (one.tell("gap"), one.tell("synced")), "was told without a snapshot"),
        (lambda one: (one.tell("gap"), one.whole(25, "1")), "quoted was ['2', '3.7', '61837.64', '1.5']"),
        (lambda one: (one.tell("gap"), one.whole(9, "1")), "is older than what came before"),
        (lambda one: (one.tell("resyncing"), one.send(20)), "came while the topic was resyncing"),
    ],
)
def test_what_is_wrong_with_a_book_is_seen(witness, book, steps, wrong):
    book.whole(9, "1")
    book.send(10)
    assert not witness.problems
    steps(book)
    assert any(wrong in problem for problem in witness.problems), witness.problems


@pytest.mark.parametrize(
    ("last", "wrong"),
    [(2, "that was not told"), (3, ""), (4, "came before")],
    ids=["too few", "right", "too many"],
)
def test_a_conflated_message_stands_for_as_many_as_its_offsets_say(witness, last, wrong):
    Script(witness, QUOTES).send(9)
    newest = witness.recorded.records[QUOTES][29]
    message = {"topic": QUOTES, "type": "update", "epoch": "e", "first": 2, "offset": last, "data": [newest]}
    witness.take(message)
    assert wrong in "".join(witness.problems)
    assert bool(witness.problems) == bool(wrong)
