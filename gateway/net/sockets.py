"""One open WebSocket: how it is read, written to and ended."""

import asyncio
import select
import socket
import struct
from collections.abc import Callable
from copy import copy
from typing import Final, NoReturn

import aiohttp
from aiohttp import WSMsgType
from aiohttp.http import WebSocketError

from gateway.errors import ConnectionFault
from gateway.net.faults import closed_by_peer, dropped, fault_of, loss_of
from gateway.net.transport import Kind
from gateway.net.upgrading import Upgraded
from gateway.spi.steps import Frame

TEXT: Final = WSMsgType.TEXT
BINARY: Final = WSMsgType.BINARY
PROTOCOL_ERROR: Final = 1002
TURN: Final = 1 << 18
"""Bytes that a socket may hand over in a row before others get their turn."""
FIRST: Final = 1 << 14
"""Bytes after which it is first seen how long they take."""
LEAST: Final = 1 << 11
LONG: Final = 0.1
"""Seconds that a turn should take at most; where messages take long it is of fewer bytes, down to the least."""
_SENDABLE: Final = {0: 1000, 1005: 1000, 1006: 1000, 1015: 1000}
"""What is answered to codes that must not be sent."""
_KINDS: Final = {TEXT: Kind.TEXT, BINARY: Kind.BINARY, WSMsgType.PING: Kind.PING, WSMsgType.PONG: Kind.PONG}


class AiohttpTransport:
    """
    An upgraded connection, as :class:`gateway.net.transport.Transport` has it.

    The messages of a socket wait in aiohttp's queue, which stops reading the
    socket at about half a mebibyte: whoever owns this keeps a task in
    :meth:`receive` or :meth:`pump`, and that task waits for nobody else.

    Sends must not be cancelled: those that wait for a full socket wait for one
    future, and whoever cancels his wait cancels everybody's. The one writer of
    a connection sees to that; it ends because the socket does.
    """

    def __init__(self, upgraded: Upgraded) -> None:
        self._upgraded = upgraded
        self._messages = upgraded.messages
        self._tcp = upgraded.tcp
        self._gone = upgraded.gone
        self._gone.add_done_callback(_look_at)
        self._reading = False
        self._fault: ConnectionFault | None = None
        self._answer: int | None = None
        """The code that the peer is to hear once the stream has ended."""
        self._ended = asyncio.Event()
        self._left = False
        """Whether this side has said goodbye or dropped the socket."""

    @property
    def closed(self) -> bool:
        """Whether the socket is gone."""
        return self._gone.done() or self._tcp.is_closing()

    @property
    def subprotocol(self) -> str | None:
        """What the server chose."""
        return self._upgraded.protocol

    @property
    def has_unread(self) -> bool:
        """Whether something has arrived that nobody has read, here or in the system's buffer."""
        return self._has_waiting() or is_readable(self._tcp.get_extra_info("socket"))

    def _has_waiting(self) -> bool:
        return bool(self._messages._buffer)  # noqa: SLF001  # see there

    # --- reading

    async def receive(self) -> tuple[Kind, bytes]:
        """
        Return the next message. Cancelling it loses none.

        Raises:
            TransportLost: If the socket closed or broke.
            ProtocolViolation: If the peer broke the WebSocket protocol.
        """
        self._begin_reading()
        try:
            kind, payload, text = await self._messages.read()
            if kind in _KINDS:
                return _KINDS[kind], bytes(payload)
            self._closed_by_peer(payload, text)
        except Exception as exc:  # noqa: BLE001  # whatever the parser met: it keeps it and raises it here
            self._broken(exc)
        finally:
            self._reading = False
        raise self._why()

    async def pump(
        self, on_data: Callable[[bytes, bool], None], on_control: Callable[[Kind, bytes], None]
    ) -> NoReturn:
        """Hand over every message until the end; what a callback raises ends it, too, and is raised as it is."""
        self._begin_reading()
        read = self._messages.read
        now = asyncio.get_running_loop().time
        taken, turn, began = 0, FIRST, now()
        try:
            while True:
                if taken > turn:
                    waits = self._has_waiting()  # else others have their turn while this one waits
                    turn = next_turn(turn, now() - began) if waits else FIRST
                    if waits:
                        await asyncio.sleep(0)
                    taken, began = 0, now()
                try:
                    kind, payload, text = await read()
                except Exception as exc:  # noqa: BLE001  # as in receive()
                    self._broken(exc)
                    break
                if kind is TEXT:
                    taken += len(payload)
                    on_data(payload, False)
                elif kind is BINARY:
                    taken += len(payload)
                    on_data(payload, True)
                elif kind in _KINDS:
                    on_control(_KINDS[kind], bytes(payload))
                else:
                    self._closed_by_peer(payload, text)
                    break
        finally:
            self._reading = False
        raise self._why()

    def _begin_reading(self) -> None:
        if self._reading:
            raise RuntimeError("a socket is read by one task at a time")
        if self._fault is not None:
            raise self._why()
        self._reading = True

    def _closed_by_peer(self, code: int, text: str | None) -> None:
        fault = dropped() if self._left else closed_by_peer(code, text or "")
        self._end(fault, _SENDABLE.get(code, code))

    def _broken(self, exc: Exception) -> None:
        if isinstance(exc, aiohttp.EofStream | aiohttp.ClientError):
            self._end(self._loss(), None)
        else:
            self._end(fault_of(exc), exc.code if isinstance(exc, WebSocketError) else PROTOCOL_ERROR)

    def _loss(self) -> ConnectionFault:
        """Return why the connection is over; the library's exceptions do not tell a reset from an end."""
        if self._left:
            return dropped()
        broken = self._gone.exception() if self._gone.done() and not self._gone.cancelled() else None
        return loss_of(broken.__cause__ if broken is not None else None)

    def _end(self, fault: ConnectionFault, answer: int | None) -> None:
        self._fault, self._answer = fault, answer
        self._ended.set()

    def _why(self) -> ConnectionFault:
        """Return what to raise: a copy, since a traceback would tie this to itself until the next collection."""
        return copy(self._fault) if self._fault is not None else self._loss()

    # --- writing

    async def send(self, frame: Frame) -> None:
        """Send a message. Must not be cancelled; a lost socket raises TransportLost."""
        if isinstance(frame, str):
            await self._send(frame.encode(), TEXT)
        else:
            await self._send(frame, BINARY)

    async def ping(self, payload: bytes) -> None:
        """Send a ping. Must not be cancelled."""
        await self._send(payload, WSMsgType.PING)

    async def pong(self, payload: bytes) -> None:
        """Send a pong. Must not be cancelled."""
        await self._send(payload, WSMsgType.PONG)

    async def _send(self, payload: bytes, kind: WSMsgType) -> None:
        if self._left:
            raise dropped()
        try:
            await self._upgraded.send_frame(payload, kind)
        except (aiohttp.ClientError, OSError):
            pass  # told below, where the library's error does not hang on it
        else:
            return
        raise self._why()

    # --- ending

    async def close(self, code: int = 1000, *, within: float = 3.0) -> None:
        """
        Close politely, at most ``within`` seconds, then abort. Never raises; safe to repeat.

        Cancelling it aborts at once. A task that still reads sees the end.
        """
        try:
            async with asyncio.timeout(within):
                await self._part(code)
        except TimeoutError:
            pass  # the peer had its time
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the socket at once."""
        self._left = self._left or not self.closed
        self._tcp.abort()
        self._upgraded.response.close()

    async def _part(self, code: int) -> None:
        if self.closed:
            return
        if not self._left:
            await self._say_goodbye(self._answer or code)
            await self._hear_goodbye()
            self._tcp.close()
        await asyncio.wait({self._gone})

    async def _say_goodbye(self, code: int) -> None:
        """Send a Close frame; when time is up the send is not cancelled, but ends with the socket."""
        self._left = True
        sending = asyncio.ensure_future(self._upgraded.send_frame(struct.pack("!H", code), WSMsgType.CLOSE))
        sending.add_done_callback(_look_at)
        await asyncio.wait({sending})

    async def _hear_goodbye(self) -> None:
        """Wait for the peer's Close frame; what it says before that is not wanted any more."""
        while self._fault is None:
            if self._reading:
                await self._ended.wait()
            else:
                await self._discard()

    async def _discard(self) -> None:
        try:
            await self.receive()
        except ConnectionFault:
            return


def next_turn(turn: int, seconds: float) -> int:
    """Return how many bytes may be handed over in a row where ``turn`` of them took ``seconds``."""
    return max(LEAST, min(TURN, int(turn * LONG / max(seconds, LONG / TURN))))


def is_readable(tcp: socket.socket | None) -> bool:
    """Whether the system holds something for ``tcp``, its end included; false if nobody can tell."""
    number = -1 if tcp is None else tcp.fileno()
    if number < 0 or not hasattr(select, "poll"):  # not on Windows
        return False
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


def _look_at(future: "asyncio.Future[None]") -> None:
    """Take note of an exception, so that asyncio does not report it as lost."""
    if not future.cancelled():
        future.exception()
