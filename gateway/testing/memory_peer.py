"""The far half of a WebSocket without a wire: what a test sees of the client, and does to it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from gateway.errors import ConnectionFault, ProtocolViolation, Reason, TransportLost
from gateway.net.transport import Kind
from gateway.spi.steps import Frame, Open


class Hearing(Protocol):
    """Whoever acts for the peer; called on the event loop, a turn after what it hears of."""

    def heard(self, kind: Kind, payload: bytes) -> None:
        """Take what the client sent: messages, pings and pongs."""

    def ended(self) -> None:
        """Note that the socket is gone."""


class MemoryPeer:
    """
    The far half of a socket: what the client sent, and everything that can be done to it.

    Nothing happens where it says something while it is muted or the socket is gone.

    Args:
        number: 1 for the first socket of its network.
        step: what the client asked for: URL, headers, subprotocols.
        max_frame: bytes; a larger message ends the socket.
        happened: called after everything that happens.
    """

    def __init__(self, number: int, step: Open, max_frame: int, happened: Callable[[], None]) -> None:
        self.number = number
        self.step = step
        self.sent: list[Frame] = []
        """Messages that the client sent."""
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.hearing: Hearing | None = None
        self.auto_pong = True
        self.muted = False
        self.close_takes = 0.0
        """Seconds before a Close of the client is answered; ``math.inf`` for never."""
        self.ignores_close: Callable[[], bool] = lambda: False
        """Asked when the client closes."""
        self.send_takes = 0.0
        """Seconds for which each send of the client is held up."""
        self.torn_sends = 0
        """How many sends were cancelled, which must never happen."""
        self.close_code: int | None = None
        """With which the client closed; :obj:`None` if it did not, or aborted."""
        self.gone = asyncio.Event()
        self.released = False
        """Whether the client has closed or dropped its half, as it must even when the socket is gone."""
        self.max_frame = max_frame
        self._happened = happened
        self._inbound: deque[tuple[Kind, bytes]] = deque()
        self._arrived = asyncio.Event()
        self._reading = False
        self.fault: Callable[[], ConnectionFault] = closed_by_us
        """Makes what a client is told that still uses a socket that is gone."""

    @property
    def closed(self) -> bool:
        """Whether the socket is gone."""
        return self.gone.is_set()

    @property
    def has_unread(self) -> bool:
        """Whether the client has not taken all that was said."""
        return bool(self._inbound)

    # --- what the test does to the client

    def say(self, frame: Frame) -> None:
        """Send a message: ``str`` as text, ``bytes`` as binary."""
        if isinstance(frame, str):
            self.put(Kind.TEXT, frame.encode())
        else:
            self.put(Kind.BINARY, frame)

    def ping(self, payload: bytes = b"") -> None:
        """Ping the client; its answer appears in ``pongs``."""
        self.put(Kind.PING, payload)

    def pong(self, payload: bytes = b"") -> None:
        """Send a pong, asked for or not."""
        self.put(Kind.PONG, payload)

    def put(self, kind: Kind, payload: bytes) -> None:
        """Send a frame of any kind; text must be UTF-8 already."""
        if self.muted or self.closed:
            return
        if len(payload) > self.max_frame:
            self.violate("message too big")
            return
        self._inbound.append((kind, payload))
        self._arrived.set()

    def mute(self) -> None:
        """Say nothing any more, pongs and the answer to a Close included; the socket stays open."""
        self.muted = True

    def unmute(self) -> None:
        """Speak again; what was not said stays unsaid."""
        self.muted = False

    def close(self, code: int = 1000, text: str = "") -> None:
        """Close politely: the client still gets what was said before."""
        self._end(lambda: TransportLost(text or f"closed with {code}", code=code))

    def drop(self, reason: Reason = Reason.CONNECTION_RESET) -> None:
        """End the connection without a word; the client still gets what was said before."""
        self._end(lambda: TransportLost("dropped", reason=reason))

    def violate(self, text: str = "no WebSocket frame") -> None:
        """Break the protocol, which ends the connection."""
        self._end(lambda: ProtocolViolation(text))

    # --- what the client's half does

    async def next(self) -> tuple[Kind, bytes]:
        """Wait for what the client shall get next, or raise why there is nothing any more."""
        if self._reading:
            raise RuntimeError("a socket is read by one task at a time")
        self._reading = True
        try:
            while not self._inbound:
                if self.closed:
                    raise self.fault()
                self._arrived.clear()
                await self._arrived.wait()
            return self._inbound.popleft()
        finally:
            self._reading = False

    def take(self, kind: Kind, payload: bytes) -> None:
        """Take what the client sent; the answer comes a turn later, as from afar."""
        match kind:
            case Kind.TEXT:
                self.sent.append(payload.decode())
            case Kind.BINARY:
                self.sent.append(payload)
            case Kind.PING:
                self.pings.append(payload)
            case Kind.PONG:
                self.pongs.append(payload)
        self._happened()
        asyncio.get_running_loop().call_soon(self._react, kind, payload)

    def leave(self, code: int | None) -> None:
        """Note that the client gives its half back; it gets nothing any more."""
        self.released = True
        self._inbound.clear()
        if not self.closed:
            self.close_code = code
        self._end(closed_by_us)
        self._happened()

    def _react(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.PING and self.auto_pong:
            self.pong(payload)
        if self.hearing is not None and not self.muted:
            self.hearing.heard(kind, payload)

    def _end(self, fault: Callable[[], ConnectionFault]) -> None:
        if self.closed:
            return
        self.fault = fault
        self.gone.set()
        self._arrived.set()
        self._happened()
        if self.hearing is not None:
            asyncio.get_running_loop().call_soon(self.hearing.ended)


def closed_by_us() -> ConnectionFault:
    """Return what whoever still uses a socket that we closed is told."""
    return TransportLost("closed by ourselves", reason=Reason.STOPPED)
