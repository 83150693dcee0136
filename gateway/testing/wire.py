"""The TCP connection below a venue's HTTP server: what the server writes can be held, bent and slowed."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any, Final

MOST_HELD: Final = 1 << 20
"""Bytes that may wait; with more of them the connection is dropped."""
_PASSED: Final = (
    "get_extra_info",
    "is_closing",
    "close",
    "abort",
    "set_protocol",
    "get_protocol",
    "is_reading",
    "pause_reading",
    "resume_reading",
    "set_write_buffer_limits",
    "get_write_buffer_size",
    "get_write_buffer_limits",
    "can_write_eof",
    "write_eof",
)
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
Bytes = bytes | bytearray | memoryview


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Drop a connection with RST: what is buffered is lost on both sides."""
    if transport is None or transport.is_closing():
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    tcp: Any = transport  # uvloop's are no asyncio.Transport
    tcp.abort()


class Wire(asyncio.Transport):
    """
    A transport that is ``transport``, until it is told to :meth:`hold` what is written. Event-loop only.

    While nothing is held it costs nothing: its methods are those of ``transport``.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        for name in _PASSED:
            setattr(self, name, getattr(transport, name))
        self._transport = transport
        self._held = bytearray()
        self._holding = False
        self._through()

    @property
    def holding(self) -> bool:
        """Whether what is written waits for :meth:`release` or :meth:`drip`."""
        return self._holding

    def hold(self) -> None:
        """Keep what is written from now on."""
        self._holding = True
        setattr(self, "write", self._keep)  # noqa: B010  # mypy takes a method for one that stays
        setattr(self, "writelines", self._keep_lines)  # noqa: B010  # same

    def release(self, bend: Callable[[bytes], bytes] = bytes) -> None:
        """Write what was held, bent and in one piece, and whatever comes from now on."""
        held = bend(bytes(self._held))
        self._holding = False
        self._held.clear()
        self._through()
        if held:
            self._transport.write(held)

    def drip(self, bend: Callable[[bytes], bytes] = bytes, *, every: float) -> None:
        """Write what was held, bent, a byte each ``every`` seconds; what is written meanwhile follows."""
        self._holding = False
        self._held = bytearray(bend(bytes(self._held)))
        self._drop(every)

    def _drop(self, every: float) -> None:
        if self._transport.is_closing():
            return
        if not self._held:
            self._through()
            return
        self._transport.write(bytes(self._held[:1]))
        del self._held[:1]
        asyncio.get_running_loop().call_later(every, self._drop, every)

    def _through(self) -> None:
        for name in ("write", "writelines"):
            setattr(self, name, getattr(self._transport, name))

    def _keep(self, data: Bytes) -> None:
        self._held += data
        if len(self._held) > MOST_HELD:
            self._transport.abort()

    def _keep_lines(self, lines: Iterable[Bytes]) -> None:
        for line in lines:
            self._keep(line)


class Entrance(asyncio.Protocol):
    """Hands a new connection to ``inner``, as a :class:`Wire`; all that comes later goes there by itself."""

    def __init__(self, inner: asyncio.Protocol) -> None:
        self._inner = inner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Step aside."""
        tcp: Any = transport
        tcp.set_protocol(self._inner)
        self._inner.connection_made(Wire(tcp))
