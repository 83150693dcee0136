"""When a venue has enough of a client: its socket is too old, too silent, or says too much."""

import asyncio
from collections import deque
from collections.abc import Callable

from gateway.testing.faults import Faults
from gateway.testing.ways import Cut


class Limits:
    """
    Watches one socket. Event-loop only.

    Args:
        faults: the venue's.
        end: called with a code and a word once a limit is passed.
    """

    def __init__(self, faults: Faults, end: Callable[[int, str], None]) -> None:
        self._faults = faults
        self._end = end
        self._heard: deque[float] = deque()
        self._age: asyncio.TimerHandle | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._idle: Cut | None = None

    def begin(self) -> None:
        """The socket is open."""
        self._age = self._timer(self._faults.age_limit, "too old")
        self._idle = self._faults.idle_limit
        self._silence = self._timer(self._idle, "too silent")

    def heard(self, at: float) -> None:
        """The client sent a frame."""
        if self._silence is not None:
            self._silence.cancel()
            self._silence = self._timer(self._idle, "too silent")
        quota = self._faults.message_limit
        if quota is None:
            return
        self._heard.append(at)
        while self._heard[0] <= at - quota.per:
            self._heard.popleft()
        if len(self._heard) > quota.count:
            self._end(quota.code, "too many messages")

    def stop(self) -> None:
        """The socket is gone."""
        for timer in (self._age, self._silence):
            if timer is not None:
                timer.cancel()

    def _timer(self, cut: Cut | None, word: str) -> asyncio.TimerHandle | None:
        if cut is None:
            return None
        return asyncio.get_running_loop().call_later(cut.seconds, self._end, cut.code, word)
