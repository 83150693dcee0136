"""
How one client's outbox reaches its socket: one write for all that a turn of the event loop queued.

While the transport holds more than ``high_water`` bytes nothing is taken from the
outbox, which then folds or overflows; so what a client that does not read costs is
bounded. Nobody else writes to the transport until :meth:`Pipe.stop`.
"""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.engine.outbox import Outbox
from gateway.serving.figures import Figures
from gateway.serving.limits import Limits

Drain = Callable[[], Awaitable[object]]
"""Returns when the transport has little left to send, or raises OSError when it is gone."""


class Pipe:
    """
    An outbox and the transport it empties into. Event-loop only.

    Args:
        transport: takes whole frames.
        drain: waits for the transport; must not be cancelled, so it never is.
        limits: sizes of the queue.
        overflowed: called in a turn of its own when more waits than may.
        figures: of all clients; without them this one is counted nowhere.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        drain: Drain,
        limits: Limits,
        overflowed: Callable[[], None],
        figures: Figures | None = None,
    ) -> None:
        self.writes = 0
        self.bytes = 0
        """Handed to the transport."""
        self.outbox = Outbox(self._wake, limit=limits.queue, lag_bytes=limits.lag)
        self._transport = transport
        self._drain = drain
        self._overflowed = overflowed
        self._high_water = limits.high_water
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Task[None] | None = None
        self._written = asyncio.Event()
        self._stopped = False
        self._figures = figures
        transport.set_write_buffer_limits(high=limits.high_water)
        if figures is not None:
            figures.enter(self)

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client, in the transport too."""
        return self.outbox.waiting + self._transport.get_write_buffer_size()

    def _wake(self) -> None:
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._stopped:
            return
        if self.outbox.overflowed:
            self._written.set()
            self._overflowed()
        elif self._waiting is None:
            self._write()

    def _write(self) -> None:
        transport, outbox = self._transport, self.outbox
        whole = outbox.take()
        if whole and not transport.is_closing():
            transport.write(whole)
            self.writes += 1
            self.bytes += len(whole)
            if outbox.timed_us:
                self._delivered(outbox.timed_us)
        self._written.set()
        if transport.get_write_buffer_size() > self._high_water:
            self._waiting = self._loop.create_task(self._wait(), name="gateway-client-drain")

    def _delivered(self, recv_us: int) -> None:
        self.outbox.timed_us = 0
        if self._figures is not None:
            self._figures.delivered(recv_us)

    async def _wait(self) -> None:
        """Write again once the client has read."""
        try:
            await self._drain()
        except OSError:
            self.stop()
        finally:
            self._waiting = None
        self._flush()

    async def until_room(self) -> None:
        """Wait until the client does not lag; at once if it does not, or will never read again."""
        while self.outbox.lagging() and not self._over:
            self._written.clear()
            await self._written.wait()

    async def until_empty(self) -> None:
        """Wait until all that was queued has been handed to the transport."""
        while not (self.outbox.empty or self._over):
            self._written.clear()
            await self._written.wait()

    @property
    def _over(self) -> bool:
        return self._stopped or self.outbox.overflowed or self._transport.is_closing()

    def stop(self) -> None:
        """Write nothing more: the socket is closing."""
        self._stopped = True
        self._written.set()

    def cut(self) -> None:
        """Drop the socket and all that waits."""
        self.stop()
        self._transport.abort()

    async def close(self) -> None:
        """Close the socket; what the client has not read by now it never will. Idempotent."""
        self.stop()
        if self._figures is not None:
            self._figures.leave(self)
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()
        if self._waiting is not None:
            await asyncio.wait((self._waiting,))
