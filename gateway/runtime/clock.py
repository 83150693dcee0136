"""What time it is at one exchange: our wall clock, corrected by theirs, and numbers that only grow."""

from collections.abc import Callable


class ExchangeClock:
    """
    One exchange's time. Event-loop only.

    Args:
        wall_us: our own; microseconds since 1970.
    """

    def __init__(self, wall_us: Callable[[], int]) -> None:
        self.offset_us = 0
        """What is added to our clock."""
        self._wall_us = wall_us
        self._last_nonce = 0

    def now(self) -> int:
        """Return the exchange's time in microseconds."""
        return self._wall_us() + self.offset_us

    def nonce(self) -> int:
        """
        Return a number above every one before; the exchange's microseconds, unless many are asked for at once.

        Theirs and not ours, so that it is above those before a restart though our clock was set back meanwhile.
        """
        self._last_nonce = max(self._last_nonce + 1, self.now())
        return self._last_nonce

    def correct(self, theirs_us: int, *, sent_us: int, received_us: int) -> None:
        """Believe ``theirs_us``, which was said in the middle between our ``sent_us`` and ``received_us``."""
        self.offset_us = theirs_us - (sent_us + received_us) // 2
