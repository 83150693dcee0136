"""
How fast a client is read.

A request beyond the rate is refused, so that a program learns of it; but a flood of
refusals costs as much as one of requests. So after a few the client is not read on
until it may ask again, and its own socket holds it back. Event-loop only.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.errors import SubscriptionError
from gateway.serving.limits import Bucket, Limits

SOON: Final = 0.001
"""Seconds: a sleep that ends a little early must not spin."""


class Pace:
    """
    One client's rate.

    Args:
        limits: of the client.
        now: monotonic seconds.
        requests: returns the rate that all sockets of a token share; by default it is the socket's own.
    """

    def __init__(
        self, limits: Limits, now: Callable[[], float], requests: Callable[[], Bucket] | None = None
    ) -> None:
        rate, burst = limits.commands_per_second, limits.commands_burst
        self._now = now
        own = Bucket(rate, burst, now())
        self._requests = requests or (lambda: own)
        self._controls = Bucket(rate, burst, now())
        self._patience = limits.refusals
        self._refused = 0

    async def request(self) -> None:
        """
        Return when a request may be obeyed.

        Raises:
            SubscriptionError: If it comes too soon; the first few only, later ones wait.
        """
        requests = self._requests()
        if requests.take(self._now()):
            self._refused = 0
        elif self._refused < self._patience:
            self._refused += 1
            raise SubscriptionError("rate_limited", "too many requests; slow down", temporary=True)
        else:
            await self._turn(requests)

    async def control(self) -> None:
        """Return when a ping or pong may be heard; these have a rate of their own."""
        if not self._controls.take(self._now()):
            await self._turn(self._controls)

    async def _turn(self, bucket: Bucket) -> None:
        while not bucket.take(self._now()):  # noqa: ASYNC110  # time signals nobody
            await asyncio.sleep(max(bucket.wait(), SOON))
