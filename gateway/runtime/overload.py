"""
Whether a connection brings more than its plugin can decode, which is told by the plugin's name.

What is not read yet waits in a queue that is bounded, and behind that in the
sockets' buffers, until the exchange can send no more: it is old when it is read,
and nothing else comes of it. Calls that each hold the loop up are found elsewhere.
"""

from collections.abc import Callable
from typing import Final

from gateway.engine.intake import Intake
from gateway.engine.timing import Timing
from gateway.spi.dialect import Dialect

LOOKS: Final = 3
"""Looks in a row that find something unread, before the time is taken until the next look."""
PART: Final = 0.5
"""The part of that time that a plugin must have taken to be called slow."""
AGAIN: Final = 60.0
"""Seconds until the time is taken once more."""


class Overload:
    """
    Watches one epoch's way in. Event-loop only.

    Args:
        intake: that way.
        dialect: decodes what comes.
        has_unread: whether something has come that was not read.
        slow: told of the seconds that one call takes, if they are what holds the connection up.
        now: monotonic seconds.
    """

    def __init__(
        self,
        intake: Intake,
        dialect: Dialect,
        has_unread: Callable[[], bool],
        slow: Callable[[float], None],
        now: Callable[[], float],
    ) -> None:
        self._intake = intake
        self._dialect = dialect
        self._has_unread = has_unread
        self._slow = slow
        self._now = now
        self._looks = 0
        self._timing: Timing | None = None
        self._again_at = 0.0

    def check(self) -> None:
        """Look once; to be called about once a second."""
        now, timing = self._now(), self._timing
        if timing is not None:
            self._timing = None
            self._intake.decode_by(self._dialect)
            self._again_at, self._looks = now + AGAIN, 0
            if timing.part(now) > PART:
                self._slow(timing.seconds / timing.count)
            return
        self._looks = self._looks + 1 if self._has_unread() else 0
        if self._looks >= LOOKS and now >= self._again_at:
            self._timing = Timing(self._dialect, self._now)
            self._intake.decode_by(self._timing)
