"""One client's WebSocket at a simulated venue: what it sent, when, and what it is sent, never waiting for it."""

import asyncio
import socket as sockets
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import WSMsgType, web

from gateway.testing.faults import Faults, Noise
from gateway.testing.records import Counts, Watch

KEPT: Final = 10_000
"""Frames, pings and pongs remembered of one socket; the oldest go first."""
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_GONE: Final = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})


@dataclass(frozen=True, slots=True)
class Received:
    """A frame from the client; ``at`` is the event loop's time."""

    at: float
    payload: bytes
    binary: bool


@dataclass(frozen=True, slots=True)
class Shared:
    """What the sockets of one venue share; ``outbox`` frames may wait for each client."""

    faults: Faults
    counts: Counts
    watch: Watch
    outbox: int


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Drop a connection with RST: what is buffered is lost on both sides."""
    if transport is None or transport.is_closing():
        return
    transport.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _RESET_ON_CLOSE)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


class VenueSocket:
    """
    One upgraded connection. Event-loop only.

    Nothing but :meth:`serve` waits: a client that does not read fills its
    outbox and is dropped.

    Args:
        number: the socket's id, unique within its venue.
        request: the upgrade.
        ws: the upgraded response.
        shared: the venue's.
    """

    def __init__(
        self, number: int, request: web.Request, ws: "web.WebSocketResponse[Literal[False]]", shared: "Shared"
    ) -> None:
        self.id = number
        self.path = request.path
        self.query: Mapping[str, str] = request.query
        self.headers: Mapping[str, str] = request.headers
        self.account: str | None = None
        """Whoever logged in; set by the venue."""
        self.streams: dict[str, float] = {}
        """Live subscriptions and when each was accepted."""
        self.frames: deque[Received] = deque(maxlen=KEPT)
        self.pings: deque[tuple[float, bytes]] = deque(maxlen=KEPT)
        self.pongs: deque[tuple[float, bytes]] = deque(maxlen=KEPT)
        self.muted = False
        self.overflowed = False
        self._transport = request.transport
        self._ws = ws
        self._shared = shared
        self._faults = shared.faults
        self._outbox: deque[tuple[WSMsgType, bytes]] = deque()
        self._wake = asyncio.Event()
        self._later: set[asyncio.TimerHandle] = set()
        self._ending = False

    # --- what it is sent

    def send(self, frame: str | bytes) -> None:
        """Send a message: ``str`` as text, ``bytes`` as binary. Nothing happens where it is muted or closing."""
        if isinstance(frame, str):
            self._put(WSMsgType.TEXT, frame.encode())
        else:
            self._put(WSMsgType.BINARY, frame)

    def text(self, payload: bytes) -> None:
        """Send ``payload``, already UTF-8, as text."""
        self._put(WSMsgType.TEXT, payload)

    def answer(self, payload: bytes) -> None:
        """Send an ack or a refusal as text: scripted faults lose or delay it."""
        if self._faults.lose_acks.strike():
            return
        if self._faults.ack_delay <= 0:
            self.text(payload)
            return
        self._delay(self._faults.ack_delay, payload)

    def ping(self, payload: bytes = b"") -> None:
        """Ping the client; its answer appears in ``pongs``."""
        self._put(WSMsgType.PING, payload)

    def noise(self, noise: Noise) -> None:
        """Send nonsense."""
        opcode, payload = noise.value
        if opcode is not None:
            self._put(opcode, payload)
        elif self._transport is not None:
            self._transport.write(payload)

    def close(self, code: int = 1000, text: str = "") -> None:
        """Send a Close frame after everything that waits; nothing else is sent after it."""
        if not self._ending:
            self._ending = True
            self._outbox.append((WSMsgType.CLOSE, struct.pack("!H", code) + text.encode()))
            self._wake.set()

    def drop(self, *, rst: bool = False) -> None:
        """End the connection without a Close frame: FIN, or RST at once."""
        self._ending = True
        if rst:
            reset(self._transport)
        elif self._transport is not None:
            self._transport.close()

    def _put(self, opcode: WSMsgType, payload: bytes) -> None:
        if self._ending or self.muted or self._faults.mute:
            return
        if len(self._outbox) >= self._shared.outbox:
            self.overflowed = True
            self._shared.counts.overflows += 1
            self.drop(rst=True)
            return
        self._outbox.append((opcode, payload))
        self._wake.set()

    def _delay(self, seconds: float, payload: bytes) -> None:
        def due() -> None:
            self._later.discard(handle)
            self.text(payload)

        handle = asyncio.get_running_loop().call_later(seconds, due)
        self._later.add(handle)

    # --- its life

    async def serve(self, received: Callable[[bytes, bool], None]) -> None:
        """Read until the socket is gone, handing messages to ``received``; owns the task that writes."""
        writer = asyncio.create_task(self._write())
        try:
            await self._read(received)
        finally:
            self._ending = True
            for handle in self._later:
                handle.cancel()
            writer.cancel()
            await asyncio.wait({writer})
        if not writer.cancelled():
            writer.result()

    async def _read(self, received: Callable[[bytes, bool], None]) -> None:
        while (message := await self._ws.receive()).type not in _GONE:
            self._take(message.type, message.data, received)
            self._shared.watch.changed()

    def _take(self, kind: WSMsgType, payload: bytes, received: Callable[[bytes, bool], None]) -> None:
        at = asyncio.get_running_loop().time()
        if kind is WSMsgType.PING:
            self._shared.counts.pings += 1
            self.pings.append((at, payload))
            self._put(WSMsgType.PONG, payload)
        elif kind is WSMsgType.PONG:
            self.pongs.append((at, payload))
        else:
            self._shared.counts.frames += 1
            binary = kind is WSMsgType.BINARY
            self.frames.append(Received(at, payload, binary))
            if not (self._ending or self.muted or self._faults.mute):
                received(payload, binary)

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._outbox:
                    await self._write_one(*self._outbox.popleft())
        except ConnectionError:
            return  # The reader sees the end, too, and says so.

    async def _write_one(self, opcode: WSMsgType, payload: bytes) -> None:
        if opcode is WSMsgType.CLOSE:
            await self._ws.close(code=struct.unpack("!H", payload[:2])[0], message=payload[2:])
        else:
            await self._ws.send_frame(payload, opcode)
