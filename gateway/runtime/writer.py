"""
The one writer of a connection: it paces what we ask and sends what cannot wait at once.

Requests wait for the exchange's limits; pongs and pings do not, but are counted
in them. A send is never cancelled: the writer ends when its transport does.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from gateway.engine.budgets import ConnectionBudgets
from gateway.errors import ConnectionFault
from gateway.net.transport import Transport
from gateway.spi.steps import Frame

MAX_WAITING = 10_000
"""Requests that may wait; more is a fault of ours, since the ledger asks for each stream once."""
MAX_URGENT = 64
"""Pings, pongs and replies that may wait; further ones are left out, for such a peer does not read."""


@dataclass(frozen=True, slots=True)
class _Paced:
    frame: Frame
    cost: Mapping[str, int]
    sent: Callable[[], None] | None


class Writer:
    """
    Owns the sending half of ``transport``. Event-loop only.

    Args:
        transport: an open one; it is aborted when a send fails, so that its reader ends too.
        budgets: the limits that this connection lives under.
        now: monotonic seconds.
    """

    def __init__(self, transport: Transport, budgets: ConnectionBudgets, now: Callable[[], float]) -> None:
        self._transport = transport
        self._budgets = budgets
        self._now = now
        self._urgent: deque[Callable[[], Awaitable[None]]] = deque()
        self._paced: deque[_Paced] = deque()
        self._bell = asyncio.Event()
        self._stopping = False
        self.frames = 0
        self.control_frames = 0
        self.bytes = 0
        self.busy_since: float | None = None
        self._task = asyncio.create_task(self._run(), name="gateway writer")

    def send(self, frame: Frame, cost: Mapping[str, int], sent: Callable[[], None] | None = None) -> None:
        """Queue ``frame``; ``sent`` is called once it is on its way."""
        if len(self._paced) >= MAX_WAITING:
            raise OverflowError("too many requests wait for the exchange's limits")
        self._paced.append(_Paced(frame, cost, sent))
        self._bell.set()

    def ping(self, payload: bytes) -> None:
        """Send a ping before everything that waits."""
        self._at_once(partial(self._transport.ping, payload))

    def pong(self, payload: bytes) -> None:
        """Answer a ping before everything that waits."""
        self._at_once(partial(self._transport.pong, payload))

    def reply(self, frame: Frame) -> None:
        """Send what the exchange wants answered at once before everything that waits."""
        self._at_once(partial(self._transport.send, frame))

    def _at_once(self, send: Callable[[], Awaitable[None]]) -> None:
        if len(self._urgent) < MAX_URGENT:
            self._urgent.append(send)
            self._bell.set()

    @property
    def waiting(self) -> int:
        """How many requests wait for the limits."""
        return len(self._paced)

    async def stop(self) -> None:
        """Wait for the writer's end; the transport must have been closed first, so that no send lingers."""
        self._stopping = True
        self._bell.set()
        await self._task

    async def _run(self) -> None:
        try:
            while not self._stopping:
                self._bell.clear()
                if self._urgent:
                    await self._send_urgent()
                elif self._paced:
                    await self._send_paced()
                else:
                    await self._bell.wait()
        except ConnectionFault:
            self._transport.abort()

    async def _send_urgent(self) -> None:
        send = self._urgent.popleft()
        self._budgets.charge_control_frame(self._now())
        self.control_frames += 1
        await self._timed(send())

    async def _send_paced(self) -> None:
        request = self._paced[0]
        wait = self._budgets.wait(request.cost, self._now())
        if wait > 0:
            await self._rest(wait)
            return
        self._paced.popleft()
        self._budgets.take(request.cost, self._now())
        self.frames += 1
        self.bytes += len(request.frame)
        if request.sent is not None:
            request.sent()
        await self._timed(self._transport.send(request.frame))

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return

    async def _timed(self, sending: Awaitable[None]) -> None:
        self.busy_since = self._now()
        await sending
        self.busy_since = None
