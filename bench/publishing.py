"""What the one comparison costs that telemetry adds to a message: publishing with it and without, in turns."""

import time
from collections.abc import Callable
from typing import Any, Final

import untimed

from gateway.engine.lines import LagPolicy, Line
from gateway.engine.outbox import Outbox
from gateway.engine.topics import Topic
from gateway.model.market import Quote
from gateway.model.subscriptions import parse_topic

MESSAGES: Final = 20_000
TURNS: Final = 25
QUOTE: Final = Quote("60000.1", "1", "60000.2", "1")


def least() -> tuple[float, float]:
    """Return nanoseconds of CPU for each message to one client, with and without; the least of some times."""
    timed = {name: getattr(Topic, name) for name in untimed.METHODS}
    before: list[float] = []
    after: list[float] = []
    try:
        for _ in range(TURNS):
            before.append(_publishing())
            untimed.install()
            after.append(_publishing())
            _put_back(timed)
    finally:
        _put_back(timed)
    return min(before), min(after)


def _put_back(methods: dict[str, Callable[..., Any]]) -> None:
    for name, method in methods.items():
        setattr(Topic, name, method)


def _publishing() -> float:
    topic, outbox = Topic(parse_topic("mock:quotes:BTC-USDT"), "bench"), Outbox(lambda: None, limit=1 << 40)
    topic.attach(Line(topic, outbox, LagPolicy.DISCONNECT))
    publish, records = topic.publish, [QUOTE]
    begun = time.thread_time_ns()
    for _ in range(MESSAGES):
        publish("update", records, 1, 2)
    return (time.thread_time_ns() - begun) / MESSAGES
