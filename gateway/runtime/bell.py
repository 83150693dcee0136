"""How a task is told to look at what is and what is wanted: it is woken, never told what to do."""

import asyncio
from contextlib import suppress


class Bell:
    """Rung by anybody, heard by one task. Event-loop only."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self, *_: object) -> None:
        """Have the task look; whatever it is given, as by a task that is done, does not matter."""
        self._rung.set()

    async def rung(self, within: float | None = None) -> None:
        """Wait until it is rung, or was since the last time, at most ``within`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._rung.wait()
        self._rung.clear()
