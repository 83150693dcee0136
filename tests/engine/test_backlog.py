"""Whoever would rather lose the oldest loses the oldest, no more than needs be, and hears which."""

from random import Random
from typing import Any

from hearing import payloads, topic_named
from hypothesis import given
from hypothesis.strategies import integers
from msgspec.json import decode

from gateway.engine.backlog import STATUS, Backlog, Waiting, lag_frame
from gateway.engine.topics import Topic


class Owner:
    def __init__(self, name: str) -> None:
        self.topic: Topic = topic_named(f"mock:trades:{name}")
        self.is_closed = False


def message(owner: Owner, last: int, *, size: int = 10, first: int | None = None) -> Waiting:
    frame = f"{owner.topic.subscription.symbol}{last}".ljust(size, ".").encode()
    return Waiting(owner, frame, first or last, last)


def status(owner: Owner, size: int = 10) -> Waiting:
    return Waiting(owner, f"{owner.topic.subscription.symbol}!".ljust(size, ".").encode(), STATUS, STATUS)


def drain(backlog: Backlog) -> list[str]:
    pieces = []
    while backlog:
        piece = backlog.next()
        pieces.append(piece.decode().rstrip(".") if piece[:1] != b"\x81" else lag(piece))
    return pieces


def lag(frame: bytes) -> str:
    [body] = payloads(frame)
    told: dict[str, Any] = decode(body)
    assert list(told) == ["topic", "type", "from", "to"]
    return f"{told['topic'].split(':')[2]} {told['type']} {told['from']}-{told['to']}"


def test_what_fits_waits_in_order() -> None:
    a, b = Owner("A"), Owner("B")
    backlog = Backlog(30)
    assert not backlog
    assert [backlog.add(one) for one in (message(a, 5), message(b, 9), status(a))] == [[], [], []]
    assert (bool(backlog), backlog.size) == (True, 30)
    assert drain(backlog) == ["A5", "B9", "A!"]
    assert (bool(backlog), backlog.size) == (False, 0)


def test_beyond_the_limit_the_oldest_go_and_are_told_exactly_and_first() -> None:
    a, b = Owner("A"), Owner("B")
    backlog = Backlog(30)
    for one in (message(a, 5), message(a, 6), message(b, 9), message(a, 7), message(b, 10)):
        assert backlog.add(one) == []
    assert backlog.size == 30
    assert drain(backlog) == ["A lag 5-6", "B9", "A7", "B10"]


def test_a_message_that_stands_for_many_is_told_as_many() -> None:
    a = Owner("A")
    backlog = Backlog(10)
    for one in (message(a, 7, first=5), message(a, 9, first=8), message(a, 10)):
        backlog.add(one)
    assert drain(backlog) == ["A lag 5-9", "A10"]


def test_what_was_told_is_not_told_again() -> None:
    a = Owner("A")
    backlog = Backlog(20)
    for number in range(1, 5):
        backlog.add(message(a, number))
    assert lag(backlog.next()) == "A lag 1-2"
    for number in range(5, 7):
        backlog.add(message(a, number))
    assert drain(backlog) == ["A lag 3-4", "A5", "A6"]


def test_the_newest_is_kept_however_large_it_is() -> None:
    a = Owner("A")
    backlog = Backlog(20)
    backlog.add(message(a, 1))
    backlog.add(message(a, 2, size=500))
    assert drain(backlog) == ["A lag 1-1", "A2"]


def test_a_status_is_never_dropped_and_what_was_dropped_before_it_is_told_before_it() -> None:
    a, b = Owner("A"), Owner("B")
    backlog = Backlog(30)
    for one in (message(a, 1), status(a), status(b)):
        backlog.add(one)
    saved = backlog.add(message(a, 2, size=30))
    assert [len(frame) > 10 for frame in saved] == [True, False]
    assert saved[0] == lag_frame(a.topic, 1, 1) + b"A!........"
    assert saved[1] == b"B!........"
    assert drain(backlog) == ["A2"]


def test_of_whom_has_left_nothing_is_sent_nor_told() -> None:
    a, b = Owner("A"), Owner("B")
    backlog = Backlog(40)
    for one in (message(a, 1), message(a, 2), status(a), message(b, 1), message(b, 2)):
        backlog.add(one)
    a.is_closed = True
    assert backlog.add(message(b, 3, size=20)) == []
    assert [piece for piece in drain(backlog) if piece] == ["B1", "B2", "B3"]


def test_nothing_waits_once_it_is_cleared() -> None:
    a = Owner("A")
    backlog = Backlog(10)
    for number in range(3):
        backlog.add(message(a, number + 1))
    backlog.clear()
    assert (bool(backlog), backlog.size) == (False, 0)


@given(seed=integers(0, 2**32), limit=integers(10, 200))
def test_every_offset_is_sent_or_told_once_in_order_and_no_more_waits_than_may(seed: int, limit: int) -> None:
    rng = Random(seed)
    owners = [Owner(name) for name in "ABC"]
    at = dict.fromkeys(owners, 0)
    backlog, reader = Backlog(limit), Reader()
    for _ in range(rng.randrange(120)):
        owner, act = rng.choice(owners), rng.random()
        if act < 0.25:
            reader.read(backlog.next() if backlog else b"")
            continue
        one = status(owner)
        if act > 0.35:
            one = message(owner, at[owner] + rng.randrange(1, 4), size=rng.randrange(5, 15), first=at[owner] + 1)
            at[owner] = one.last
            reader.begins[one.frame] = one.first
        reader.statuses += act <= 0.35
        for saved in backlog.add(one):
            reader.read(saved)
        assert backlog.size <= max(limit, 15)
    while backlog:
        reader.read(backlog.next())
    assert reader.at == {owner.topic.subscription.symbol: last for owner, last in at.items() if last}
    assert reader.statuses == 0


class Reader:
    """Follows what it is sent and told, offset by offset."""

    def __init__(self) -> None:
        self.at: dict[str, int] = {}
        self.begins: dict[bytes, int] = {}
        self.statuses = 0

    def read(self, piece: bytes) -> None:
        if piece[:1] == b"\x81":
            end = piece.index(b"}") + 1
            name, _, span = lag(piece[:end]).split(" ")
            self._follow(name, *map(int, span.split("-")))
            piece = piece[end:]
        if b"!" in piece:
            self.statuses -= 1
        elif piece:
            self._follow(chr(piece[0]), self.begins[piece], int(piece[1:].rstrip(b".")))

    def _follow(self, name: str, first: int, last: int) -> None:
        assert first == self.at.get(name, 0) + 1
        self.at[name] = last


def test_every_message_that_is_dropped_is_counted_those_too_that_one_stands_for() -> None:
    a = Owner("A")
    backlog = Backlog(20)
    for one in (message(a, 4, first=2), status(a), message(a, 5), message(a, 6)):
        backlog.add(one)
    assert backlog.dropped == 3, "the status is not dropped"
    backlog.add(message(a, 7))
    assert backlog.dropped == 4
    a.is_closed = True
    backlog.add(message(Owner("B"), 1))
    assert backlog.dropped == 4, "nobody wanted what was left out"
