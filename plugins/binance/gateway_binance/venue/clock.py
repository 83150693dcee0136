"""How the time of a recording passes while it is replayed."""

import asyncio
from collections.abc import Callable
from typing import Final

_BREATH: Final = 64


class Clock:
    """
    The recording's time. Event-loop only; begins when it is made.

    Args:
        speed: times as fast as recorded; :obj:`None` takes no time while ``is_heard``, and as long as
            was recorded while not.
        is_heard: whether anybody listens.
    """

    def __init__(self, speed: float | None, is_heard: Callable[[], bool]) -> None:
        self._speed = speed
        self._is_heard = is_heard
        self._now = asyncio.get_running_loop().time
        self._begun = self._now()
        self._before = 0.0
        self._lines = 0

    async def reach(self, at: float) -> None:
        """Wait until the recording is ``at`` seconds old; late or not, let others run now and then."""
        if self._speed is not None:
            delay = self._begun + at / self._speed - self._now()
        else:
            delay = 0.0 if self._is_heard() else at - self._before
        self._before = at
        self._lines += 1
        if delay > 0 or self._lines % _BREATH == 0:
            await asyncio.sleep(max(0.0, delay))
