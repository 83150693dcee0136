"""
Scenarios: what happens to a venue, and when.

Time is the event loop's, so that the same one plays in real and in virtual time.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.testing.venue import Venue
from gateway.testing.words import WORDS, Word, perform


@dataclass(frozen=True, slots=True)
class Step:
    """
    One thing that happens ``at`` so many seconds after the beginning.

    It happens again each ``every`` seconds, to ``until`` if there is one, and
    is healed ``lasts`` seconds later if that is given. ``own`` is what the
    word means where it is the venue's own and not every venue's.
    """

    do: str
    values: Mapping[str, Any]
    at: float
    every: float | None = None
    until: float | None = None
    lasts: float | None = None
    own: Word | None = None

    @property
    def word(self) -> Word:
        """What it does."""
        return self.own or WORDS[self.do]

    def moments(self, order: int) -> Iterator["Moment"]:
        """Return when it acts and heals, in order."""
        for number in itertools.count():
            at = self.at + number * (self.every or 0.0)
            if self.until is not None and at > self.until:
                return
            yield Moment(at, order, self, healing=False)
            if self.lasts is not None:
                yield Moment(at + self.lasts, order, self, healing=True)
            if self.every is None:
                return


@dataclass(frozen=True, slots=True)
class Moment:
    """A step acts, or is healed."""

    at: float
    order: int
    step: Step
    healing: bool

    def __lt__(self, other: "Moment") -> bool:
        return (self.at, self.order) < (other.at, other.order)

    def __str__(self) -> str:
        return f"{self.at:g} s: {self.step.do}{' is over' if self.healing else ''}"

    async def come(self, venue: Venue) -> None:
        """Let it happen to ``venue``."""
        act = self.step.word.heal if self.healing else self.step.word.act
        assert act is not None
        await perform(act, venue, self.step.values)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to a venue."""

    steps: tuple[Step, ...]
    about: str = ""

    def moments(self) -> Iterator[Moment]:
        """Return everything that happens, in order."""
        return heapq.merge(*(step.moments(order) for order, step in enumerate(self.steps)))


def _silent(_: Moment) -> None:
    """Tell nobody."""


async def play(scenario: Scenario, venue: Venue, told: Callable[[Moment], None] = _silent) -> None:
    """Let everything happen to ``venue`` when its time has come; ``told`` hears of it just before."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for moment in scenario.moments():
        await asyncio.sleep(begun + moment.at - loop.time())
        told(moment)
        await moment.come(venue)


@asynccontextmanager
async def playing(
    scenario: Scenario | None, venue: Venue, told: Callable[[Moment], None] = _silent
) -> AsyncIterator[None]:
    """Play while the context lasts; what goes wrong is the venue's failure. No scenario is one without steps."""
    if scenario is None:
        yield
        return
    task = asyncio.create_task(play(scenario, venue, told))
    task.add_done_callback(partial(_reported, venue))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _reported(venue: Venue, task: "asyncio.Task[None]") -> None:
    exc = None if task.cancelled() else task.exception()
    if isinstance(exc, Exception):
        venue._failed(exc)  # noqa: SLF001  # it is told with the venue's own
