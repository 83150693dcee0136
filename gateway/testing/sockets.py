"""One client's WebSocket at a simulated venue: what it sent, when, and what it is sent, never waiting for it."""

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import WSMsgType, web

from gateway.testing.acks import Acks, pongs
from gateway.testing.limits import Limits
from gateway.testing.noise import EVERY, REPEATED, Noise
from gateway.testing.shared import Shared
from gateway.testing.ways import VANISHED
from gateway.testing.wire import Wire, reset

KEPT: Final = 10_000
"""Frames, pings and pongs remembered of one socket; the oldest go first."""
_GONE: Final = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})
_RAW: Final = WSMsgType.CONTINUATION
"""Stands in an outbox for bytes that are written as they are; no venue sends continuations by itself."""


@dataclass(frozen=True, slots=True)
class Received:
    """A frame from the client; ``at`` is the event loop's time."""

    at: float
    payload: bytes
    binary: bool


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
        self, number: int, request: web.Request, ws: "web.WebSocketResponse[Literal[False]]", shared: Shared
    ) -> None:
        self.id = number
        self.path = request.path
        self.query: Mapping[str, str] = request.query
        self.headers: Mapping[str, str] = request.headers
        self.streams: dict[str, float] = {}
        """Live subscriptions and when each was accepted."""
        self.frames: deque[Received] = deque(maxlen=KEPT)
        self.pings: deque[tuple[float, bytes]] = deque(maxlen=KEPT)
        self.pongs: deque[tuple[float, bytes]] = deque(maxlen=KEPT)
        self.muted = False
        self.overflowed = False
        self.goodbye: int | None = None
        """The code of the Close frame with which the client ended it; :obj:`None` if it did not, or sent none."""
        self._account: str | None = None
        self._transport = request.transport
        self._ws = ws
        self._shared = shared
        self._faults = shared.faults
        self._acks = Acks(shared.faults, shared.astray)
        self._limits = Limits(shared.faults, self.close)
        self._outbox: deque[tuple[WSMsgType, bytes]] = deque()
        self._wake = asyncio.Event()
        self._later: set[asyncio.TimerHandle] = set()
        self._ending = False

    @property
    def ignores_closes(self) -> bool:
        """Whether a Close of the client is not answered: on request, or since nothing is heard or said."""
        faults = self._faults
        return self.muted or faults.mute or faults.deaf or faults.ignore_closes

    @property
    def account(self) -> str | None:
        """Whoever logged in; set by the venue."""
        return self._account

    @account.setter
    def account(self, account: str | None) -> None:
        self._account = account
        code = self._faults.one_session
        if code is None or account is None:
            return
        for socket in self._shared.sockets.values():
            if socket is not self and socket.account == account:
                socket.close(code)

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
        """Send an ack or a refusal as text: scripted faults lose, delay or bend it."""
        for ack in self._acks.instead_of(payload):
            self._put_later(self._faults.ack_delay, WSMsgType.TEXT, ack)

    def publish(self, payload: bytes) -> None:
        """Send a datum as text, and the acks that scripted faults have wait for one."""
        self._put(WSMsgType.TEXT, payload)
        for ack in self._acks.after_data():
            self._put(WSMsgType.TEXT, ack)

    def ping(self, payload: bytes = b"") -> None:
        """Ping the client; its answer appears in ``pongs``."""
        if not self._faults.no_pings:
            self._put(WSMsgType.PING, payload)

    def pong(self, payload: bytes = b"") -> None:
        """Send a pong that nobody asked for."""
        self._put(WSMsgType.PONG, payload)

    def noise(self, noise: Noise) -> None:
        """Send nonsense."""
        opcode, payload = noise.value
        self._put(_RAW if opcode is None else opcode, payload)

    def close(self, code: int = 1000, text: str = "") -> None:
        """Send a Close frame after everything that waits, and nothing after it; 1006 ends without one."""
        if self._ending:
            return
        if code == VANISHED:
            self.drop()
            return
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

    def _put_later(self, seconds: float, opcode: WSMsgType, payload: bytes) -> None:
        if seconds <= 0:
            self._put(opcode, payload)
            return

        def due() -> None:
            self._later.discard(handle)
            self._put(opcode, payload)

        handle = asyncio.get_running_loop().call_later(seconds, due)
        self._later.add(handle)

    # --- its life

    async def serve(self, received: Callable[[bytes, bool], None]) -> None:
        """Read until the socket is gone, handing messages to ``received``; owns the task that writes."""
        writer = asyncio.create_task(self._write())
        self._limits.begin()
        while self._shared.astray:
            self.text(self._shared.astray.popleft())
        try:
            await self._read(received)
        finally:
            self._ending = True
            self._limits.stop()
            for handle in self._later:
                handle.cancel()
            writer.cancel()
            await asyncio.wait({writer})
        if not writer.cancelled():
            writer.result()

    async def _read(self, received: Callable[[bytes, bool], None]) -> None:
        while True:
            message = await self._ws.receive()
            await self._shared.thawed.wait()
            if message.type in _GONE:
                break
            if not self._faults.deaf:
                self._limits.heard(asyncio.get_running_loop().time())
                self._take(message.type, message.data, received)
                self._shared.watch.changed()
        if message.type is WSMsgType.CLOSE:
            self.goodbye = message.data
            if self.ignores_closes:
                await self._shared.stopping.wait()  # or the end of the connection, which cancels
            await self._ws.close(drain=False)

    def _take(self, kind: WSMsgType, payload: bytes, received: Callable[[bytes, bool], None]) -> None:
        at = asyncio.get_running_loop().time()
        if kind is WSMsgType.PING:
            self._shared.counts.pings += 1
            self.pings.append((at, payload))
            for pong in pongs(self._faults, payload):
                self._put_later(self._faults.pong_delay, WSMsgType.PONG, pong)
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
            await self._write_all()
            if isinstance(self._transport, Wire) and self._transport.holding:
                self._transport.release()
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._write_all()
        except ConnectionError:
            return  # The reader sees the end, too, and says so.

    async def _write_all(self) -> None:
        while self._outbox:
            await self._shared.thawed.wait()
            await self._write_one(*self._outbox.popleft())

    async def _write_one(self, opcode: WSMsgType, payload: bytes) -> None:
        if opcode is WSMsgType.CLOSE:
            await self._ws.close(code=struct.unpack("!H", payload[:2])[0], message=payload[2:])
        elif opcode is _RAW:
            await self._write_raw(payload)
        else:
            await self._ws.send_frame(payload, opcode)

    async def _write_raw(self, payload: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(payload)
        while payload in REPEATED:
            await asyncio.sleep(EVERY)
            self._transport.write(REPEATED[payload])
