"""
What is left of a limit once an exchange has closed a connection because we sent too much.

Then its figure is not what was declared, or others share it. All times are
monotonic seconds given by the caller.
"""

from typing import Final

HELD: Final = 3600.0
"""Seconds without such an end, after which twice as much is sent again, up to what was declared."""
TOGETHER: Final = 2.0
"""Seconds in which several ends are one: connections that said too much at the same time."""
MOST: Final = 10
"""Halvings at most; of no limit more than one unit is left long before."""


class Restraint:
    """By how much one limit of connections is cut, for all connections of the exchange."""

    def __init__(self) -> None:
        self._halvings = 0
        self._since = 0.0

    def halve(self, now: float) -> bool:
        """Send half of what was sent until now; false if that was just done."""
        left = self._left(now)
        if left and now - self._since < TOGETHER:
            return False
        self._halvings, self._since = min(MOST, left + 1), now
        return True

    def of(self, allowed: int, now: float) -> int:
        """Return what may be used where ``allowed`` is declared; at least 1."""
        return max(1, allowed >> self._left(now))

    def _left(self, now: float) -> int:
        return max(0, self._halvings - int((now - self._since) / HELD))
