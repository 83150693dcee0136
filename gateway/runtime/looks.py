"""
When an exchange's list is looked at: after a while, or because somebody asks for what is not on it.

However many ask and however often, the next look follows the last one a minute
later at the earliest, and all who ask meanwhile wait for the same one.
"""

import asyncio
from contextlib import suppress
from math import inf
from typing import Final

APART: Final = 60.0
"""Seconds between a look and another that somebody asks for, at least."""
PATIENCE: Final = 5.0
"""Seconds for which whoever asks for another look waits for it."""


class Looks:
    """Event-loop only; one task looks, and calls :meth:`next` in between."""

    def __init__(self) -> None:
        self._free_at = inf
        """When another look may be asked for; not before the first."""
        self._asked = asyncio.Event()
        self._answered = asyncio.Event()
        self._patience_ends = 0.0

    async def another(self) -> None:
        """Have another look, unless the last was a moment ago, and wait until it is over, though not for long."""
        now = asyncio.get_running_loop().time()
        if not self._asked.is_set():
            if now < self._free_at:
                return
            self._answered = asyncio.Event()
            self._patience_ends = now + PATIENCE
            self._asked.set()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._patience_ends):
                await self._answered.wait()

    async def next(self, delay: float, *, failed: bool) -> None:
        """A look is over: return after ``delay`` seconds, or when another is asked for, later if it ``failed``."""
        now = asyncio.get_running_loop().time()
        self._free_at = now + (max(APART, delay) if failed else APART)
        self._asked.clear()
        self._answered.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._asked.wait()
