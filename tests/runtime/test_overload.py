"""A plugin that decodes more slowly than messages come is named, and one that keeps up is not even timed."""

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.engine.intake import Intake
from gateway.runtime.overload import AGAIN, LOOKS, Overload


class Way:
    """A way in with a dialect that takes its time, and a clock that is moved by hand."""

    def __init__(self, takes: float) -> None:
        self.now = 100.0
        self.unread = False
        self.slow: list[float] = []
        self.takes = takes
        self.dialect: Any = SimpleNamespace(stream=lambda *_: None, decode=self._decode)
        self.intake = Intake("mock", self.dialect, {}, lambda: 0, lambda _: None, lambda _: None)
        unread, slow = (lambda: self.unread), self.slow.append
        self.overload = Overload(self.intake, self.dialect, unread, slow, lambda: self.now)

    def _decode(self, *_: object) -> list[Any]:
        self.now += self.takes
        return []

    def is_timed(self) -> bool:
        return bool(self.intake._decode != self.dialect.decode)

    def look(self, times: int = 1, frames: int = 0) -> None:
        for _ in range(times):
            for _ in range(frames):
                self.intake.take(b"x", False)
            self.now += 1.0 - frames * self.takes
            self.overload.check()


def test_one_that_takes_most_of_the_time_is_named_with_what_a_call_takes() -> None:
    way = Way(takes=0.008)
    way.unread = True
    way.look(LOOKS, frames=100)
    assert way.is_timed()
    assert way.slow == []
    way.look(frames=100)
    assert not way.is_timed()
    assert way.slow == [pytest.approx(0.008)]
    way.look(int(AGAIN) - 1, frames=100)
    assert len(way.slow) == 1, "not more often than once a minute"
    way.look(2, frames=100)
    assert len(way.slow) == 2


def test_where_something_else_holds_it_up_the_plugin_is_not_named() -> None:
    way = Way(takes=0.004)
    way.unread = True
    way.look(LOOKS + 1, frames=100)
    assert way.slow == []
    assert not way.is_timed()


def test_one_that_has_read_everything_now_and_then_is_not_timed() -> None:
    way = Way(takes=0.008)
    for number in range(20):
        way.unread = number % LOOKS != 0
        way.look(frames=100)
        assert not way.is_timed()


def test_one_that_decodes_nothing_meanwhile_is_not_named() -> None:
    way = Way(takes=0.008)
    way.unread = True
    way.look(LOOKS + 1)
    assert way.slow == []
