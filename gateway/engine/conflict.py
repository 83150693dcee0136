"""
Whether somebody else's session ends ours again and again, and for how long it is left alone then.

An exchange that allows one session of an account ends the older one. Whoever
dials again at once ends the other in turn, for ever. All times are monotonic
seconds given by the caller.
"""

from collections import deque
from random import Random
from typing import Final

KICKS: Final = 3
WITHIN: Final = 60.0
"""So many ends within so many seconds are no accident."""
LEAVE: Final = 300.0
"""Seconds for which the account is left to the other one at first, and half of that more at random."""
LONGEST: Final = 3600.0
"""Twice as long each time, up to this."""
CALM: Final = 3600.0
"""Seconds without such an end, after which the next is the first again."""


class Kicks:
    """
    The ends of one connection that its exchange gave another session as the reason for.

    Args:
        rng: spreads the waits: the other one may be of our kind.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._at: deque[float] = deque(maxlen=KICKS)
        self._leave = 0.0
        """How long it was left alone at last; 0 while there is no conflict."""
        self._calm_at = 0.0

    def kicked(self, now: float) -> float:
        """Another session has ended ours: return for how many seconds to leave it alone; 0 if by accident."""
        self._at.append(now)
        if self._leave and now < self._calm_at:
            self._leave = min(LONGEST, 2 * self._leave)
        elif len(self._at) == KICKS and now - self._at[0] <= WITHIN:
            self._leave = LEAVE
        else:
            self._leave = 0.0
            return 0.0
        wait = self._leave * (1 + self._rng.random() / 2)
        self._calm_at = now + wait + CALM
        return wait
