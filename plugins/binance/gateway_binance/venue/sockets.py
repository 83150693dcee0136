"""One client's stream connection: what the exchange allows it, and how the replay waits for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from aiohttp import WSMsgType

from gateway.testing.sockets import VenueSocket

MOST_MESSAGES: Final = 5
PER: Final = 1.0
"""Five messages a second, pings and pongs among them: web-socket-streams.md, "WebSocket limits", 2026-07-21."""
PATIENCE: Final = 10.0
"""Seconds that a replay at full speed waits for one client."""
POLICY: Final = 1008


class BinanceSocket(VenueSocket):
    """A connection that may be waited for and is closed when it says too much. Event-loop only."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.combined = self.path == "/stream"
        """Whether data are wrapped with the names of their streams."""
        self.heard_at = asyncio.get_running_loop().time()
        """When it last answered a ping, or came."""
        self._said: deque[float] = deque(maxlen=MOST_MESSAGES + 1)
        self._over = False
        self._less = asyncio.Event()

    def datum(self, payload: bytes) -> bool:
        """Send a datum as text; false if it is lost because the client is cut off."""
        if self._ending or self.muted or self._faults.mute:
            return False
        self.text(payload)
        return True

    @property
    def waiting(self) -> int:
        """How many frames wait to be written."""
        return len(self._outbox)

    async def below(self, count: int) -> None:
        """Wait until fewer than ``count`` frames wait to be written; a client that is too slow is dropped."""
        if len(self._outbox) < count:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                while len(self._outbox) >= count and not (self._over or self._ending):
                    self._less.clear()
                    await self._less.wait()
        except TimeoutError:
            self.drop(rst=True)

    async def serve(self, received: Callable[[bytes, bool], None]) -> None:
        """Read until the socket is gone; then nobody need wait for it."""
        try:
            await super().serve(received)
        finally:
            self._over = True
            self._less.set()

    async def _write_one(self, opcode: WSMsgType, payload: bytes) -> None:
        await super()._write_one(opcode, payload)
        self._less.set()

    def _take(self, kind: WSMsgType, payload: bytes, received: Callable[[bytes, bool], None]) -> None:
        now = asyncio.get_running_loop().time()
        self._said.append(now)
        if kind is WSMsgType.PONG:
            self.heard_at = now
        if len(self._said) > MOST_MESSAGES and now - self._said[0] < PER:
            self.close(POLICY, "Too many requests")
            return
        super()._take(kind, payload, received)
