"""How many lines an event may write: a connection that flaps must not fill the disk."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

WINDOW = 60.0


@dataclass(slots=True)
class _Window:
    ends: float
    lines: int = 0


class LineQuota:
    """
    At most ``limit`` lines a minute for each key.

    Remembers only the keys of the last minute. Event-loop only.

    Args:
        limit: lines per key and window.
        now: monotonic seconds.
        suppressed: told of a key and how many lines it lost, once its window
            is over and anybody asks again.
    """

    def __init__(self, limit: int, now: Callable[[], float], suppressed: Callable[[Hashable, int], None]) -> None:
        self._limit = limit
        self._now = now
        self._suppressed = suppressed
        self._windows: dict[Hashable, _Window] = {}  # the oldest first: all are equally long

    def allows(self, key: Hashable) -> bool:
        """Count one line of ``key`` and tell whether it may be written."""
        now = self._now()
        self._forget(now)
        window = self._windows.setdefault(key, _Window(now + WINDOW))
        window.lines += 1
        return window.lines <= self._limit

    def _forget(self, now: float) -> None:
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if window.ends > now:
                return
            del self._windows[key]
            if window.lines > self._limit:
                self._suppressed(key, window.lines - self._limit)
