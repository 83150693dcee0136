"""A dialect's time is taken while somebody asks, of what it decodes as it is asked for, too."""

from collections.abc import Iterator

import pytest

from gateway.engine.timing import Timing
from gateway.spi.events import Event, Heartbeat


class Slow:
    """A dialect that decodes two seconds for each message."""

    def __init__(self) -> None:
        self.now = 0.0

    def decode(self, payload: bytes, _: bool, /) -> Iterator[Event]:
        self.now += 2.0
        if not payload:
            raise ValueError("nothing")
        yield Heartbeat()


def test_all_calls_are_counted_those_that_raise_too() -> None:
    slow = Slow()
    timing = Timing(slow, lambda: slow.now)  # type: ignore[arg-type]  # of a dialect it needs no more
    assert timing.part(0.0) == 0.0, "no time has passed"
    assert timing.decode(b"x", False) == (Heartbeat(),)
    with pytest.raises(ValueError, match="nothing"):
        timing.decode(b"", False)
    assert (timing.count, timing.seconds) == (2, 4.0)
    assert timing.part(8.0) == 0.5
