"""
What a service manager is told of us: ready, reloading, stopping, and that the event loop turns.

The protocol is systemd's: datagrams to the socket that ``NOTIFY_SOCKET`` names.
Nothing is sent where there is none, and what cannot be sent holds nothing up.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

SOCKET: Final = "NOTIFY_SOCKET"
WATCHDOG: Final = "WATCHDOG_USEC"
WATCHED: Final = "WATCHDOG_PID"
SHARE: Final = 1 / 3
"""Of the time after which the manager ends a process that is mute, what passes between two signs of life."""
_DIGITS: Final = 18
"""Of a number of microseconds."""


class ServiceManager:
    """
    Whoever started this process and wants to know how it fares, if anybody does.

    Args:
        address: the socket's path, with an ``@`` first where it is an abstract one; :obj:`None` tells nobody.
        watchdog: seconds of silence after which we are ended, if the manager looks on.
    """

    def __init__(self, address: str | None, watchdog: float | None = None) -> None:
        self._address = address
        self.watchdog = watchdog
        self._stopping = False

    @classmethod
    def of(cls, environ: Mapping[str, str], process: int) -> "ServiceManager":
        """Return the one that ``environ`` tells of; its watchdog may be meant for another process."""
        address = environ.get(SOCKET, "")
        if not address.startswith(("/", "@")):
            return cls(None)
        meant, microseconds = environ.get(WATCHED, ""), environ.get(WATCHDOG, "")
        is_number = microseconds.isdecimal() and len(microseconds) <= _DIGITS
        ours = meant in {"", str(process)} and is_number and int(microseconds) > 0
        return cls(address, int(microseconds) / 1e6 if ours else None)

    def ready(self) -> None:
        """Clients can connect, with whatever configuration was read last; never told after :meth:`stopping`."""
        if not self._stopping:
            self._tell("READY=1")

    def reloading(self) -> None:
        """The configuration is being read anew; :meth:`ready` ends that."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """It ends, in its own time."""
        self._stopping = True
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """The event loop turns."""
        self._tell("WATCHDOG=1")

    def _tell(self, text: str) -> None:
        if self._address is None:
            return
        to = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            datagrams.setblocking(False)
            datagrams.sendto(text.encode(), to)


@asynccontextmanager
async def supervised(environ: Mapping[str, str]) -> AsyncIterator[ServiceManager]:
    """Yield the service manager, which meanwhile hears that the running loop turns, as often as it asked to."""
    manager = ServiceManager.of(environ, os.getpid())
    if manager.watchdog is None:
        yield manager
        return
    loop, pause = asyncio.get_running_loop(), manager.watchdog * SHARE
    timer: asyncio.Handle

    def turn() -> None:
        nonlocal timer
        manager.alive()
        timer = loop.call_later(pause, turn)

    timer = loop.call_soon(turn)
    try:
        yield manager
    finally:
        timer.cancel()


def announced(manager: ServiceManager, reload: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
    """Return ``reload`` with its begin and its end told, however it ends."""

    async def told() -> object:
        manager.reloading()
        try:
            return await reload()
        finally:
            manager.ready()

    return told
