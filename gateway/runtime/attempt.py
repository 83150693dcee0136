"""What a supervisor needs of an epoch: the seam between what is wanted and how it is done."""

from collections.abc import Callable
from typing import Protocol

from gateway.errors import ConnectionFault


class Attempt(Protocol):
    """One epoch, as its supervisor sees it."""

    async def live(self) -> None:
        """Open, restore and serve; ends only by raising."""

    async def close(self) -> None:
        """Give back everything, bounded in time. Called once, after :meth:`live` has ended."""

    def fail(self, fault: ConnectionFault) -> None:
        """End :meth:`live` with ``fault``; nothing if it has ended."""


MakeAttempt = Callable[[int, Callable[[], None]], Attempt]
"""Takes the epoch's number and what to call once the connection is fully operational."""
