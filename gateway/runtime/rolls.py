"""Who wants an epoch replaced, why, and when that may be tried."""

import asyncio
from math import inf
from typing import Final

from gateway.runtime.waiting import resolve

OVERLAP: Final = 10.0
"""Seconds for which a new connection may be behind the one it has replaced; then it may be replaced itself."""


class Rolls:
    """The wishes to have one connection's epoch replaced. Event-loop only; ``now`` is monotonic seconds."""

    def __init__(self) -> None:
        self.why = ""
        """Why; empty if nobody wants it."""
        self._hopes: list[asyncio.Future[bool]] = []
        self._again_at = 0.0
        self._free_at = 0.0

    def ask(self, why: str) -> None:
        """Want it, when it may be tried next; one replacement does for all who asked before it."""
        self.why = self.why or why

    def hope(self) -> "asyncio.Future[bool]":
        """Whoever asked cannot wait; the result says whether the next attempt replaced the epoch."""
        self._again_at = 0.0
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._hopes.append(future)
        return future

    def due_in(self, now: float) -> float | None:
        """Return the seconds until it may be tried; :obj:`None` if nobody wants it, or it may not be."""
        wait = max(0.0, self._again_at - now, self._free_at - now)
        return wait if self.why and wait < inf else None

    def failed(self, now: float, wait: float) -> None:
        """An attempt came to nothing; the next must wait ``wait`` seconds, or until somebody cannot wait."""
        self._again_at = now + wait
        self._tell(replaced=False)

    def done(self, now: float) -> None:
        """The epoch was replaced."""
        self._free_at = now + OVERLAP
        self._forget(replaced=True)

    def drop(self) -> None:
        """There is no epoch to replace any more."""
        self._forget(replaced=False)

    def _forget(self, *, replaced: bool) -> None:
        self.why = ""
        self._again_at = 0.0
        self._tell(replaced=replaced)

    def _tell(self, *, replaced: bool) -> None:
        hopes, self._hopes = self._hopes, []
        for hope in hopes:
            resolve(hope, replaced)
