"""
Who held the event loop up: a thread looks on, and names whatever kept the loop from turning for a second.

It costs a timer and a look four times a second, and nothing for a message. A call
that holds Python's own lock as well keeps the onlooker out; it is named if it
can still be seen once the lock is free.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from gateway.app.blame import Holder, holder
from gateway.engine.histogram import DELIVERY, Histogram
from gateway.engine.observer import Observer

BEAT: Final = 0.25
"""Seconds between two beats, and between two looks."""
LONG: Final = 1.0
"""Seconds without a turn of the loop that are worth a name."""
ALOUD: Final = 5.0
"""Seconds after which the block is said at once, since it may never end."""

log = logging.getLogger("gateway")


@dataclass(frozen=True, slots=True)
class Block:
    """The loop does not turn since ``since``, and ``by`` is why."""

    since: float
    by: Holder


class Watchdog:
    """
    The beats of one event loop and the looks of a thread at them; each writes what only the other reads.

    Args:
        observer: told of each block once the loop turns again, on the loop.
        thread: the identity of the loop's thread.
        now: the monotonic time of the first beat, in seconds.
        lag: counts how late each beat was.
    """

    def __init__(self, observer: Observer, thread: int, now: float, lag: Histogram | None = None) -> None:
        self._lag = lag if lag is not None else Histogram(DELIVERY)
        self._observer = observer
        self._thread = thread
        self._turned_at = now
        self._looked_at = now
        self._cpu = 0.0
        self._block: Block | None = None
        self._said: float | None = None

    def beat(self, now: float) -> None:
        """The loop turns. On the loop."""
        since, self._turned_at = self._turned_at, now
        self._lag.observe(now - since - BEAT)
        block = self._block
        if block is not None and block.since == since:
            by = block.by
            facts = {"package": by.package, "function": by.function, "called": by.called}
            self._observer.noticed("gateway", 0, "loop_blocked", seconds=round(now - since, 3), **facts)

    def look(self, now: float, cpu: float) -> None:
        """
        Find out whether the loop is held up, and by whom. On the onlooker's thread.

        ``cpu`` is the time that the process has worked, in seconds. A look that is late
        itself while nobody worked means that all was stopped, not that somebody held the loop.
        """
        since, paused, worked = self._turned_at, now - self._looked_at, cpu - self._cpu
        self._looked_at, self._cpu = now, cpu
        if now - since <= LONG or (paused > LONG and worked < paused / 2):
            return
        block = self._block
        if block is None or block.since != since:
            by = holder(self._thread)
            if by is None:
                return
            self._block = block = Block(since, by)
        if now - since > ALOUD and self._said != since:
            self._said = since
            log.error("the event loop has not turned for %.0f s: %s holds it", now - since, block.by)


@asynccontextmanager
async def watched(observer: Observer, lag: Histogram | None = None) -> AsyncIterator[None]:
    """
    Watch the running loop from a thread of its own.

    ``observer`` gets ``loop_blocked`` once for each block, ``lag`` how late the loop was, however little.
    """
    loop, ended = asyncio.get_running_loop(), threading.Event()
    dog = Watchdog(observer, threading.get_ident(), time.monotonic(), lag)
    timer: asyncio.TimerHandle

    def look_on() -> None:
        while not ended.wait(BEAT):
            dog.look(time.monotonic(), time.process_time())

    def beat() -> None:
        nonlocal timer
        dog.beat(time.monotonic())
        timer = loop.call_later(BEAT, beat)

    timer = loop.call_later(BEAT, beat)
    onlooker = threading.Thread(target=look_on, name="gateway watchdog", daemon=True)
    onlooker.start()
    try:
        yield
    finally:
        timer.cancel()
        ended.set()
        onlooker.join()
