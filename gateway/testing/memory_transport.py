"""The near half of a WebSocket without a wire: the runtime's transport, stricter than a real one."""

import asyncio
import math
from collections.abc import Callable
from typing import NoReturn

from gateway.net.transport import Kind
from gateway.spi.steps import Frame
from gateway.testing.memory_peer import MemoryPeer


class MemoryTransport:
    """
    A :class:`~gateway.net.transport.Transport` whose far end is a :class:`MemoryPeer`.

    A :meth:`close` that is cancelled leaves the socket open, and a send that is
    cancelled is remembered.
    """

    def __init__(self, peer: MemoryPeer, subprotocol: str | None) -> None:
        self._peer = peer
        self._subprotocol = subprotocol
        self._closing = False

    @property
    def closed(self) -> bool:
        """Whether the socket is gone."""
        return self._peer.closed

    @property
    def subprotocol(self) -> str | None:
        """What the server chose."""
        return self._subprotocol

    @property
    def has_unread(self) -> bool:
        """Whether something waits to be read."""
        return self._peer.has_unread

    async def receive(self) -> tuple[Kind, bytes]:
        """Return the next message; see :class:`~gateway.net.transport.Transport`."""
        return await self._peer.next()

    async def pump(
        self, on_data: Callable[[bytes, bool], None], on_control: Callable[[Kind, bytes], None]
    ) -> NoReturn:
        """Hand over every message until the end."""
        while True:
            kind, payload = await self._peer.next()
            if kind is Kind.TEXT or kind is Kind.BINARY:
                on_data(payload, kind is Kind.BINARY)
            else:
                on_control(kind, payload)

    async def send(self, frame: Frame) -> None:
        """Send a message."""
        if isinstance(frame, str):
            await self._send(Kind.TEXT, frame.encode())
        else:
            await self._send(Kind.BINARY, frame)

    async def ping(self, payload: bytes) -> None:
        """Send a ping."""
        await self._send(Kind.PING, payload)

    async def pong(self, payload: bytes) -> None:
        """Send a pong."""
        await self._send(Kind.PONG, payload)

    async def close(self, code: int = 1000, *, within: float = 3.0) -> None:
        """Close politely, at most ``within`` seconds, then abort."""
        unheard = self._peer.muted or self._peer.ignores_close()
        takes = math.inf if unheard else self._peer.close_takes
        self._closing = True
        try:
            gone = await self._gone_within(min(takes, within))
        finally:
            self._closing = False
        self._peer.leave(code if not gone and takes <= within else None)

    def abort(self) -> None:
        """Drop the socket at once."""
        self._peer.leave(None)

    async def _send(self, kind: Kind, payload: bytes) -> None:
        if self.closed or self._closing:
            raise self._peer.fault()
        try:
            gone = await self._gone_within(self._peer.send_takes)
        except asyncio.CancelledError:
            self._peer.torn_sends += 1
            raise
        if gone:
            raise self._peer.fault()
        self._peer.take(kind, payload)

    async def _gone_within(self, seconds: float) -> bool:
        """Wait ``seconds`` and return whether the socket was gone before; no time means no wait."""
        if seconds > 0 and not self.closed:
            try:
                async with asyncio.timeout(seconds):
                    await self._peer.gone.wait()
            except TimeoutError:
                return False
        return self.closed
