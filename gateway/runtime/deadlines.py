"""The one deadline: whoever waits for an exchange waits in here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.errors import PeerSilent


@asynccontextmanager
async def deadline(seconds: float, what: str) -> AsyncIterator[asyncio.Timeout]:
    """
    Raise :exc:`PeerSilent` if the body takes longer than ``seconds``.

    Yields the timer, so that a wait of our own making can be given back with
    ``reschedule``.
    """
    try:
        async with asyncio.timeout(seconds) as timer:
            yield timer
    except TimeoutError as exc:
        if not timer.expired():  # an ETIMEDOUT of the socket's own
            raise
        raise PeerSilent(f"no {what} within {seconds:g} s") from exc
