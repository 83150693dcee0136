"""
What it costs to show a wrong token: time, and only so many a second get even that.

Who shows a right one is never held up: what others try is counted for them alone.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.serving.limits import Bucket

A_SECOND: Final = 10.0
BURST: Final = 50
"""How many wrong ones may come at once; beyond that they are told right away that they are too many."""
LATER: Final = "5"
"""Seconds after which those may come again."""


class Refusals:
    """
    Counts them for the whole gateway. Event-loop only.

    Args:
        now: monotonic seconds.
        delay: seconds until each is answered.
    """

    def __init__(self, now: Callable[[], float], delay: float) -> None:
        self._now = now
        self._delay = delay
        self._bucket = Bucket(A_SECOND, BURST, now())

    async def wait(self) -> bool:
        """Return when a wrong one may be answered; false, at once, if there are too many."""
        if not self._bucket.take(self._now()):
            return False
        await asyncio.sleep(self._delay)
        return True
