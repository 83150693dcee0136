"""What a simulated venue remembers of its clients, and how a test waits for more of it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """Plain numbers since the venue started. ``dials`` are accepted TCP connections, REST ones included."""

    dials: int = 0
    upgrades: int = 0
    refused: int = 0
    frames: int = 0
    pings: int = 0
    requests: int = 0
    published: int = 0
    overflows: int = 0


@dataclass(frozen=True, slots=True)
class Subscribing:
    """A client's wish for streams; ``at`` is the event loop's time."""

    at: float
    socket: int
    streams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Requested:
    """A REST request; ``at`` is the event loop's time."""

    at: float
    method: str
    path: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Grant:
    """What became of a wish: ``refusal`` refuses the request as a whole."""

    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    refusal: str = ""


def busiest(times: Iterable[float], per: float) -> int:
    """Return the most of ``times`` (ascending) that lie within any ``per`` seconds."""
    window: deque[float] = deque()
    most = 0
    for at in times:
        window.append(at)
        while window[0] <= at - per:
            window.popleft()
        most = max(most, len(window))
    return most


class Watch:
    """Wakes whoever waits for something to become true."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def changed(self) -> None:
        """Something happened: everybody asks again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until ``holds``. The caller sets the deadline."""
        while not holds():
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
