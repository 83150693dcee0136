"""How many lines an event may write: a connection that flaps must not fill the disk."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

WINDOW = 60.0


@dataclass(slots=True)
class _Window:
    ends: float
    limit: int
    lines: int = 0


class LineQuota:
    """
    At most ``limit`` lines a minute for each key.

    Remembers only the keys of the last minute. Event-loop only.

    Args:
        limit: lines per key and window, unless another is asked for.
        now: monotonic seconds.
        suppressed: told of a key and how many lines it lost, once its window
            is over and anybody asks again.
    """

    def __init__(self, limit: int, now: Callable[[], float], suppressed: Callable[[Hashable, int], None]) -> None:
        self._limit = limit
        self._now = now
        self._suppressed = suppressed
        self._windows: dict[Hashable, _Window] = {}  # the oldest first: all are equally long

    def allows(self, key: Hashable, limit: int | None = None) -> bool:
        """Count one line of ``key`` and tell whether it may be written; of a key the limit is always the same."""
        now = self._now()
        self._forget(now)
        window = self._windows.setdefault(key, _Window(now + WINDOW, limit or self._limit))
        window.lines += 1
        return window.lines <= window.limit

    def _forget(self, now: float) -> None:
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if window.ends > now:
                return
            del self._windows[key]
            if window.lines > window.limit:
                self._suppressed(key, window.lines - window.limit)
