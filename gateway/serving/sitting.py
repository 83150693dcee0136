"""
One client's socket from upgrade to close, whatever protocol is spoken on it.

A client that says nothing, wants nothing, breaks the protocol or does not read is
closed with a code that tells it whether to come back. Whatever happens, its
subscriptions end with it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from aiohttp import WSMessage, WSMsgType

from gateway.engine.hub import Hub
from gateway.serving.auth.entrance import Entrance
from gateway.serving.codes import CloseCode
from gateway.serving.figures import Figures
from gateway.serving.limits import Limits
from gateway.serving.lines import Lines
from gateway.serving.pace import SOON, Pace
from gateway.serving.pipe import Pipe
from gateway.serving.presence import Facts, Kind
from gateway.serving.upgrading import Wire

PING: Final = b"\x89\x00"
_PONG: Final = 0x8A


@dataclass(frozen=True, slots=True)
class Farewell:
    """Why a session ends; ``drain`` is how long what waits may take to be written."""

    code: CloseCode
    text: str
    drain: float


@dataclass(frozen=True, slots=True)
class Ground:
    """What all sessions stand on."""

    hub: Hub
    limits: Limits
    lines: Lines
    now: Callable[[], float]
    wall_us: Callable[[], int]
    figures: Figures


class Sitting(ABC):
    """
    One client; :meth:`run` is its whole life. Event-loop only.

    Args:
        name: for logs.
        wire: the upgraded socket.
        ground: hub, limits and clocks.
        entrance: who the client is.
    """

    kind: ClassVar[Kind] = "native"

    def __init__(self, name: str, wire: Wire, ground: Ground, entrance: Entrance) -> None:
        self.name = name
        self.entrance = entrance
        self._ws = wire.ws
        self._ground = ground
        self._limits = ground.limits
        self.pipe = Pipe(wire.transport, wire.drain, ground.limits, self._too_slow, ground.figures)
        now = ground.now()
        self._pace = Pace(ground.limits, ground.now, lambda: entrance.share.requests)
        self._since = now
        self._wrongs = 0
        self._busy = False
        self._heard = now
        self._ping_due = now + ground.limits.ping_interval
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._ended: asyncio.Future[Farewell | None] = self._loop.create_future()

    # --- what depends on the protocol

    @property
    @abstractmethod
    def idle_since(self) -> float | None:
        """Since when the client has no subscription, nothing while it has one."""

    def topics(self) -> Sequence[str]:
        """Return the names of the topics that the client has."""
        return ()

    async def begin(self) -> None:  # noqa: B027  # most addresses ask for nothing
        """Do what the client's address asks for, before anything is read."""

    @abstractmethod
    async def obey(self, text: str) -> None:
        """Do what a message asks, and answer."""

    @abstractmethod
    def refuse_binary(self) -> None:
        """Answer a binary message."""

    @abstractmethod
    def leave(self) -> None:
        """Hear no more of any topic; what waits can still be written. Idempotent."""

    # --- its life

    async def run(self) -> None:
        """Serve the client until either side ends it."""
        self._watch()
        try:
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read(), name=f"gateway-client-{self.name}")
                reading.add_done_callback(lambda _: self._settle(None))
                farewell = await self._ended
                reading.cancel()
            self.leave()
            if farewell is not None:
                await self._part(farewell)
        finally:
            self._release()
            await self.pipe.close()

    def end(self, code: CloseCode, text: str, *, drain: float | None = None) -> None:
        """Close with ``code``, when what waits is written or ``drain`` seconds are over; the first stands."""
        self._settle(Farewell(code, text, self._limits.closing if drain is None else drain))

    def shut(self, code: CloseCode, text: str) -> None:
        """Close with ``code`` at once: nothing more of any topic is written."""
        self.leave()
        self.pipe.stop()
        self.end(code, text, drain=0)

    def cut(self) -> None:
        """Drop the socket and all that waits."""
        self.pipe.cut()

    def facts(self) -> Facts:
        """Return how the client fares."""
        outbox = self.pipe.outbox
        return Facts(
            kind=self.kind,
            topics=self.topics(),
            queue_bytes=self.pipe.unsent,
            lagging=outbox.lagging(),
            sent=outbox.queued,
            dropped=outbox.dropped,
        )

    def wrong(self) -> None:
        """Count a message that cannot be understood; too many end the session."""
        self._wrongs += 1
        if self._wrongs >= self._limits.protocol_errors:
            self.end(CloseCode.PROTOCOL_ERROR, "too many requests that cannot be understood")

    def _settle(self, farewell: Farewell | None) -> None:
        if not self._ended.done():
            self._ended.set_result(farewell)

    async def _part(self, farewell: Farewell) -> None:
        self._ground.lines.closed(self.name, farewell.code, farewell.text)
        try:
            async with asyncio.timeout(farewell.drain):
                await self.pipe.until_empty()
        except TimeoutError:
            pass  # it had its time
        self.pipe.stop()
        await self._ws.close(code=farewell.code, message=farewell.text.encode(), drain=False)

    def _release(self) -> None:
        """Let go of everything, once; a client that leaves by itself ends this in the middle of something."""
        ended = self._ended
        farewell = ended.result() if ended.done() and not ended.cancelled() else None
        self._ground.figures.end(None if farewell is None else farewell.code)
        self.leave()
        if self._timer is not None:
            self._timer.cancel()

    def _too_slow(self) -> None:
        self.end(CloseCode.TOO_SLOW, "too slow: more waits to be read than may")

    # --- what the client sends

    async def _read(self) -> None:
        try:
            await self.begin()
            while await self._take(await self._ws.receive()):
                pass
        except TimeoutError:
            self._too_slow()
        except Exception as failure:  # noqa: BLE001  # a defect ends this client alone; the log has it
            self._ground.lines.failed(self.name, failure)
            self.end(CloseCode.INTERNAL_ERROR, "internal error")

    async def _take(self, message: WSMessage) -> bool:
        """Handle what the client sent; false if the socket is over or is to be closed."""
        self._busy = True
        try:
            return await self._handle(message) and not self._ended.done()
        finally:
            self._busy = False
            self._heard = self._ground.now()

    async def _handle(self, message: WSMessage) -> bool:
        match message.type:
            case WSMsgType.TEXT:
                await self.obey(message.data)
            case WSMsgType.BINARY:
                self.refuse_binary()
            case WSMsgType.PING:
                await self._pace.control()
                self.pipe.outbox.put(bytes((_PONG, len(message.data))) + message.data)
            case WSMsgType.PONG:
                await self._pace.control()
            case _:
                return False
        return True

    # --- what it does not

    def _watch(self) -> None:
        """Ping, and end a client that is silent or wants nothing; runs again when the next of these is due."""
        now, limits = self._ground.now(), self._limits
        if self._busy:
            self._heard = now
        lonely = self.idle_since
        if now - self._heard >= limits.silence:
            self.end(CloseCode.SILENT, "nothing was heard for too long")
        elif self.entrance.access is None and now - self._since >= limits.introduction:
            self.end(CloseCode.UNAUTHORIZED, "no token was shown in time")
        elif lonely is not None and now - lonely >= limits.idle:
            self.end(CloseCode.POLICY, "no subscription for too long")
        else:
            if now >= self._ping_due:
                self.pipe.outbox.put(PING)
                self._ping_due = now + limits.ping_interval
            due = min(self._ping_due, self._heard + limits.silence)
            if lonely is not None:
                due = min(due, lonely + limits.idle)
            if self.entrance.access is None:
                due = min(due, self._since + limits.introduction)
            self._timer = self._loop.call_later(max(due - now, SOON), self._watch)
