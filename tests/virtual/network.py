"""The network in between: it tells of each dial and request, of who writes to a socket, and of quiet wanted."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from exchange import LIMITS, ROUNDING, Counter, Venue
from invariants import Broken
from watching import Watching

from gateway.errors import UpgradeRefused
from gateway.net.transport import Kind, Transport
from gateway.spi.steps import Fetch, HttpReply, Open
from gateway.testing.memory_venue import MemoryVenue

LIMITED: Final = 429


class Overheard(MemoryVenue):
    """
    See the module's docstring.

    Args:
        venue: the exchange.
        watching: told of each dial and request before it is on its way.
        broken: told of what must not be.
        now: virtual seconds.
    """

    def __init__(self, venue: Venue, watching: Watching, broken: Broken, now: Callable[[], float]) -> None:
        super().__init__(venue)
        self.quiet_until = 0.0
        """Until when the exchange wants to hear nothing."""
        self._watching = watching
        self._broken = broken
        self._now = now

    async def open(self, step: Open, *, max_frame: int) -> Transport:
        self._begin("dial")
        self._watching.dialled(step.url)
        try:
            transport = await super().open(step, max_frame=max_frame)
        except UpgradeRefused as refused:
            self._answered(refused.status, refused.headers)
            raise
        self._listen(transport)
        return transport

    async def fetch(self, request: Fetch) -> HttpReply:
        self._begin("request")
        self._watching.requested(request.url)
        reply = await super().fetch(request)
        self._answered(reply.status, reply.headers)
        return reply

    def _begin(self, what: str) -> None:
        if self._now() < self.quiet_until - ROUNDING:
            self._broken.add(
                "quiet", self._now(), f"a {what}, and quiet was wanted until {self.quiet_until:.3f} s"
            )

    def _answered(self, status: int, headers: Mapping[str, str]) -> None:
        if status == LIMITED:
            self.quiet_until = max(self.quiet_until, self._now() + float(headers["retry-after"]))

    def _listen(self, transport: Any) -> None:
        """Note more than may be asked, and whoever writes beside the first writer, or while something is said."""
        send, writers, writing = transport._send, set(), 0
        requests = Counter(LIMITS["mock-messages"], 1.0)  # as they leave: it may hear them late

        async def sending(kind: Kind, payload: bytes) -> None:
            nonlocal writing
            if kind is Kind.TEXT and not requests.use(self._now()):
                self._broken.add("messages", self._now(), "more requests on a socket than may be")
            writers.add(asyncio.current_task())
            if writing or len(writers) > 1:
                self._broken.add("writers", self._now(), f"{kind.name} is written by another task, or meanwhile")
            writing += 1
            try:
                await send(kind, payload)
            finally:
                writing -= 1

        transport._send = sending
