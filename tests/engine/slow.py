"""A client that reads when it is told to, and timers that fire when they are told to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from booked import Exchange, Side, by_ids, fetched
from hearing import payloads, topic_named
from msgspec.json import decode

from gateway.engine.bookfeed import BookFeed
from gateway.engine.lines import LagPolicy, Line, default_policy, line_of
from gateway.engine.outbox import LAG, LIMIT, Outbox
from gateway.engine.pacing import PacedLine
from gateway.engine.topics import Topic
from gateway.model.market import Quote, Trade
from gateway.spi.books import BookRule
from gateway.spi.events import Data

TRADE = Trade(1, "1", "2", "buy", 3)


@dataclass(order=True)
class Timer:
    at: float
    fire: Callable[[], None] = field(compare=False)
    is_cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.is_cancelled = True


class Clock:
    """The time, which passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def later(self, delay: float, fire: Callable[[], None]) -> Timer:
        timer = Timer(self.now + delay, fire)
        self.timers.append(timer)
        return timer

    @property
    def running(self) -> int:
        return len([timer for timer in self.timers if not timer.is_cancelled])

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer.at <= end and not timer.is_cancelled]:
            timer = min(due)
            self.timers.remove(timer)
            self.now = timer.at
            timer.fire()
        self.now = end


class Client:
    """An outbox and whoever empties it, when told to."""

    def __init__(self, *, limit: int = LIMIT, lag_bytes: int = LAG) -> None:
        self.woken = 0
        self.clock = Clock()
        self.outbox = Outbox(self._wake, limit=limit, lag_bytes=lag_bytes)

    def _wake(self) -> None:
        self.woken += 1

    def line(self, topic: Topic, policy: LagPolicy | None = None) -> Line:
        line = line_of(topic, self.outbox, policy or default_policy(topic.subscription.channel))
        topic.attach(line)
        return line

    def paced(self, topic: Topic, interval: float, policy: LagPolicy = LagPolicy.CONFLATE) -> PacedLine:
        line = PacedLine(line_of(topic, self.outbox, policy), interval, self.clock.later)
        topic.attach(line)
        return line

    def read(self) -> list[dict[str, Any]]:
        return [decode(body) for body in payloads(self.outbox.take())]

    def rest(self) -> Iterator[dict[str, Any]]:
        while not self.outbox.empty:
            yield from self.read()

    def words(self) -> list[str]:
        return [word(message) for message in self.read()]

    def rest_words(self) -> list[str]:
        return [word(message) for message in self.rest()]


def word(message: dict[str, Any]) -> str:
    """Return what a message is, and which offsets it stands for."""
    if message["type"] == "lag":
        return f"lag {message['from']}-{message['to']}"
    if "status" in message:
        return str(message["status"])
    return f"{message['type']} {message.get('first', message['offset'])}-{message['offset']}"


def lagging(**more: Any) -> Client:
    """A client that lags: more waits for it than should, until it reads."""
    client = Client(**{"lag_bytes": 100, **more})
    client.outbox.put(b"\x81\x7e\x00\x80" + b'{"type":"status","status":"filler","x":"' + b"x" * 86 + b'"}')
    assert client.outbox.lagging()
    return client


def quote(topic: Topic, number: int) -> None:
    topic.publish("update", [Quote(str(number), "1", "2", "1")], number, number)


def trade(topic: Topic, times: int = 1) -> None:
    for _ in range(times):
        topic.publish("update", [TRADE], None, 1)


class Books:
    """A live book, fed by a modelled exchange."""

    def __init__(self, rng: Random, *names: str) -> None:
        self.exchange = Exchange(rng)
        self.feed = BookFeed("s", lambda _: None)
        self.topics = [topic_named(name) for name in names]
        for topic in self.topics:
            self.feed.add(topic)
        self.feed.arm(BookRule(follows=by_ids, snapshot=fetched))
        self.feed.confirmed(1)
        self.resync()

    def step(self) -> None:
        self.feed.take(Data("s", [self.exchange.step()]), 1)

    def resync(self) -> None:
        self.feed.load(self.exchange.snapshot(), 1)

    def breaks(self) -> None:
        """An update is missing: the book is no longer what the exchange has."""
        self.exchange.step()
        self.step()

    def gap(self) -> None:
        self.breaks()
        self.resync()


def apply(book: tuple[Side, Side], message: dict[str, Any]) -> None:
    (record,) = message["data"]
    for side, levels in zip(book, (record["bids"], record["asks"]), strict=True):
        if message["type"] == "snapshot":
            side.clear()
        for price, size in levels:
            side.pop(price, None)
            if size != "0":
                side[price] = size
