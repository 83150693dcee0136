"""One client's connection: where it stands, what the exchange allows it, and how a replay waits for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from aiohttp import WSMsgType, web

from gateway.testing.shared import Shared
from gateway.testing.sockets import VenueSocket
from gateway_binance.venue.events import combined
from gateway_binance.venue.hosts import Door, Way
from gateway_binance.venue.rules import SocketRules

PER: Final = 1.0
PATIENCE: Final = 10.0
"""Seconds that a replay at full speed waits for one client."""
POLICY: Final = 1008
GOING: Final = 1001
_CONTROL: Final = frozenset({WSMsgType.PING, WSMsgType.PONG})


class BinanceSocket(VenueSocket):
    """
    A connection. Event-loop only.

    Args:
        number: the socket's id, unique within its venue.
        request: the upgrade.
        ws: the upgraded response.
        shared: the venue's.
        way: where its path leads.
        rules: what its market allows.
    """

    def __init__(  # the engine's four, and ours
        self,
        number: int,
        request: web.Request,
        ws: "web.WebSocketResponse[Literal[False]]",
        shared: Shared,
        way: Way,
        rules: SocketRules,
    ) -> None:
        super().__init__(number, request, ws, shared)
        self.door: Door = way.door
        self.named = way.rest
        """What of the path follows the door."""
        self.raw_query = request.raw_path.partition("?")[2]
        self.combined = way.door.combined
        """Whether data are wrapped with the names of their streams."""
        self.in_micros = (
            request.query.get("timeUnit", "").upper() == "MICROSECOND" and not way.door.market.is_futures
        )
        self.events: dict[str, frozenset[str]] = {}
        """The events that are wanted of a listenKey, where not all are."""
        self.rules = rules
        self._said: deque[float] = deque(maxlen=rules.most_messages + 1)
        self._pinged: dict[bytes, float] = {}
        self._timers: list[asyncio.TimerHandle] = []
        self.offended = False
        """Whether it was ended because the client said too much."""
        self._over = False
        self._less = asyncio.Event()

    # --- what it is sent

    def datum(self, name: str, payload: bytes) -> bool:
        """Send a datum of the stream called ``name``; false if it is lost because the client is cut off."""
        if self._ending or self.muted or self._faults.mute:
            return False
        self.publish(combined(name, payload) if self.combined else payload)
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

    # --- its life

    async def serve(self, received: Callable[[bytes, bool], None]) -> None:
        """Read until the socket is gone; then nobody need wait for it."""
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(self.rules.max_age, self.close, GOING),
            loop.call_later(self.rules.ping_every, self._keep_pinging),
        ]
        try:
            await super().serve(received)
        finally:
            for timer in self._timers:
                timer.cancel()
            self._over = True
            self._less.set()

    def _keep_pinging(self) -> None:
        """Ping; whoever has not answered one for too long is closed."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._pinged and now - min(self._pinged.values()) >= self.rules.pong_within:
            self.close(POLICY, "Pong timeout")
            return
        payload = str(int(now * 1000)).encode()
        if not self._faults.no_pings:
            self._pinged.setdefault(payload, now)
        self.ping(payload)
        self._timers[1] = loop.call_later(self.rules.ping_every, self._keep_pinging)

    async def _write_one(self, opcode: WSMsgType, payload: bytes) -> None:
        await super()._write_one(opcode, payload)
        self._less.set()

    def _take(self, kind: WSMsgType, payload: bytes, received: Callable[[bytes, bool], None]) -> None:
        if kind is WSMsgType.PONG and bytes(payload) in self._pinged:
            self._pinged.clear()
        if kind in _CONTROL or not self.door.api:
            now = asyncio.get_running_loop().time()
            self._said.append(now)
            if len(self._said) > self.rules.most_messages and now - self._said[0] < PER:
                self.offended = True
                self.close(POLICY, "Too many requests")
                return
        super()._take(kind, payload, received)
