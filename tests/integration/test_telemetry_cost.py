"""What telemetry costs a message is counted in calls, which no other program on the machine can change."""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from played import Playing

from gateway.engine.flow import TIMED
from gateway.telemetry.metrics.tally import Tally
from gateway.testing.virtual import virtually

MESSAGES = 4 * 640
PUBLISHED = 5
"""Topics of the play that publish one message for one frame at most."""


class Counting(Playing):
    """A play whose calls are counted by the function that is called."""

    def __init__(self, *, telemetry: bool) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.profile: Any = self._counted
        self._telemetry = telemetry

    @contextmanager
    def observers(self) -> Iterator[list[object]]:
        with super().observers() as all_of_them:
            yield [*all_of_them, Tally()] if self._telemetry else []

    @contextmanager
    def _counted(self) -> Iterator[None]:
        before = sys.getprofile()
        gc.disable()  # what is collected may call whoever waited for it
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(before)
            gc.enable()

    def _see(self, frame: FrameType, event: str, arg: object) -> None:
        if event == "call":
            self.calls[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            self.calls[str(getattr(arg, "__qualname__", arg))] += 1


async def played(*extra: Callable[[object], None], telemetry: bool, messages: int = MESSAGES) -> Counter[str]:
    playing = Counting(telemetry=telemetry)
    await playing.play(messages, *extra)
    return playing.calls


@virtually
async def test_no_call_of_a_message_is_for_traces_or_logs_or_the_tally() -> None:
    """With all observers and without any, the same functions are called, each as often."""
    assert await played(telemetry=True) == await played(telemetry=False)


@virtually
async def test_a_message_in_so_many_is_timed_and_no_other_is_looked_at() -> None:
    calls = await played(telemetry=True)
    published = calls["Topic.publish"] + calls["Topic.publish_raw"]
    assert published > MESSAGES
    timed = calls["Topic._time"]
    assert published / TIMED - PUBLISHED <= timed <= published / TIMED + PUBLISHED
    assert calls["Histogram.observe"] <= timed
    for_timing = ("Topic._time", "Histogram.observe", "Line.timed", "Outbox.time")
    assert sum(calls[name] for name in for_timing) < 0.02 * sum(calls.values())


@virtually
async def test_a_listener_that_called_anything_for_a_message_would_be_seen() -> None:
    def called(_: object) -> None:
        sys.getsizeof(0)

    calls = await played(called, telemetry=True, messages=400)
    assert calls["getsizeof"] >= 100


@pytest.mark.parametrize("name", ["Topic.publish", "Intake.take", "Line.put", "Outbox.put"])
@virtually
async def test_the_play_takes_the_way_that_messages_take(name: str) -> None:
    assert (await played(telemetry=True, messages=400))[name] >= 100
