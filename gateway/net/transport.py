"""What the runtime needs of a network: this protocol is the only seam to sockets and HTTP."""

import enum
from collections.abc import Callable
from typing import NoReturn, Protocol

from gateway.spi.steps import Fetch, Frame, HttpReply, Open


class Kind(enum.Enum):
    """What was received."""

    TEXT = "text"
    BINARY = "binary"
    PING = "ping"
    PONG = "pong"


class Transport(Protocol):
    """
    One open WebSocket. Not thread-safe: one task reads, one task writes.

    Pings are not answered here: the owner sees each and answers through its
    writer, so that pongs are counted like everything else that is sent.
    """

    @property
    def closed(self) -> bool:
        """Whether the socket is gone."""

    @property
    def subprotocol(self) -> str | None:
        """What the server chose."""

    @property
    def has_unread(self) -> bool:
        """Whether something has arrived that nobody has read yet: maybe just what is missed."""

    async def receive(self) -> tuple[Kind, bytes]:
        """
        Return the next message. Cancelling it loses none.

        Raises:
            TransportLost: If the socket closed or broke; code and reason say how.
            ProtocolViolation: If the peer broke the WebSocket protocol.
        """

    async def pump(
        self, on_data: Callable[[bytes, bool], None], on_control: Callable[[Kind, bytes], None]
    ) -> NoReturn:
        """
        Hand over every message (payload, is binary) until the end; ends only by raising as :meth:`receive` does.

        ``on_data`` is the hot path: nothing is awaited between two messages
        that are already there, except that after a quarter of a megabyte, or less
        where that takes long, others get their turn: clients must be written to,
        and other sockets read.
        """

    async def send(self, frame: Frame) -> None:
        """Send a message. Must not be cancelled; a lost socket raises TransportLost."""

    async def ping(self, payload: bytes) -> None:
        """Send a ping. Must not be cancelled."""

    async def pong(self, payload: bytes) -> None:
        """Send a pong. Must not be cancelled."""

    async def close(self, code: int = 1000, *, within: float = 3.0) -> None:
        """Close politely, at most ``within`` seconds, then abort. Never raises; safe to repeat."""

    def abort(self) -> None:
        """Drop the socket at once."""


class Network(Protocol):
    """Opens WebSockets and performs REST requests. The caller sets the deadlines."""

    async def open(self, step: Open, *, max_frame: int) -> Transport:
        """
        Dial and upgrade; no redirect is followed.

        Raises:
            TransportLost: If no connection came about; its reason says why.
            UpgradeRefused: If an HTTP status came instead.
        """

    async def fetch(self, request: Fetch) -> HttpReply:
        """
        Perform ``request`` and return the reply whatever its status; no redirect is followed.

        Raises:
            TransportLost: If no reply came about.
        """

    async def close(self) -> None:
        """Close what is pooled. Safe to repeat."""
