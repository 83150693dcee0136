"""The exchange's own clock, which may be wrong."""

from collections.abc import Callable


class Wall:
    """
    A clock on the exchange's wall.

    Args:
        now: the right time, in seconds since 1970.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.shift = 0.0
        """By how many seconds it is ahead."""

    def __call__(self) -> float:
        """Return seconds since 1970."""
        return self._now() + self.shift

    def milliseconds(self) -> int:
        """Return milliseconds since 1970."""
        return int(self() * 1000)
