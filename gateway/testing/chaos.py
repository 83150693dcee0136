"""
A chaos proxy: TCP on loopback between any client and any server, with everything that a network can do to it.

It knows bytes alone, so it does the same to plain and encrypted connections.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, Self

from gateway.testing.chaos_links import Ends, Line, Link
from gateway.testing.chaos_ways import Way
from gateway.testing.faults import Countdown
from gateway.testing.loopback import loopback
from gateway.testing.records import Watch
from gateway.testing.wire import reset

_BACKLOG: Final = 1024
_BIND_TRIES: Final = 200
_BIND_EVERY: Final = 0.01


class ChaosProxy:
    """
    A port on loopback whose connections lead to another. Event-loop only; a context manager.

    Args:
        port: of the server.
        host: of the server.

    Raises:
        ValueError: If ``host`` is not on this machine's loopback.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.target = (loopback(host), port)
        """Where new connections lead."""
        self.port = 0
        self.up = Way()
        """From the clients to the server."""
        self.down = Way()
        """From the server to the clients."""
        self.accepted = 0
        self.reset_dials = Countdown()
        self.links: list[Link] = []
        """Those that are open."""
        self._watch = Watch()
        self._listening: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._fillers: list[socket.socket] = []
        self._served: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.admit()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Close the port and every connection. Safe to repeat."""
        self.refuse()
        for task in self._served:
            task.cancel()
        if self._served:
            await asyncio.wait(self._served)

    async def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until ``holds``; it is asked after everything that happens. The caller sets the deadline."""
        await self._watch.wait_for(holds)

    # --- connections that there are

    def drop(self, *, rst: bool = False) -> None:
        """End every connection now, on both sides: by FIN, or by RST."""
        for link in tuple(self.links):
            link.drop(rst=rst)

    def half_close(self, way: Way) -> None:
        """End one direction of every connection; its sender is not told, and the other direction goes on."""
        for link in self.links:
            (link.up if way is self.up else link.down).end()

    # --- connections to come

    def refuse(self) -> None:
        """Refuse every dial; what is open stays."""
        self._stop_serving()
        for one in (self._listening, *self._fillers):
            if one is not None:
                one.close()
        self._listening = None
        self._fillers.clear()

    def hang(self) -> None:
        """Let dials succeed and do nothing with them before the next :meth:`admit`."""
        self._stop_serving()

    def vanish(self) -> None:
        """
        Answer no dial at all, not even with a refusal: a client goes on trying. Works where Linux does.

        The queue of dials is made as short as can be, and filled.
        """
        self._stop_serving()
        assert self._listening is not None, "it refuses"
        self._listening.listen(0)
        for _ in range(2):
            filler = socket.socket(self._listening.family)
            filler.setblocking(False)  # its only argument
            filler.connect_ex(self._listening.getsockname())
            self._fillers.append(filler)

    async def admit(self) -> None:
        """
        Serve dials, those that hang among them.

        Raises:
            OSError: If the port was taken meanwhile.
        """
        if self._server is not None:
            return
        if self._fillers:
            self.refuse()
        if self._listening is None:
            self._listening = await self._bound()
        self._server = await asyncio.start_server(self._serve, sock=self._listening.dup(), backlog=_BACKLOG)

    async def _bound(self) -> socket.socket:
        """Return a socket that listens, on the same port as ever; the event loop may need time to leave it."""
        family = socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET
        for tries in range(_BIND_TRIES):
            one = socket.socket(family)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((self.target[0], self.port))
                one.listen(_BACKLOG)
            except OSError:
                one.close()
                if tries == _BIND_TRIES - 1:
                    raise
                await asyncio.sleep(_BIND_EVERY)
            else:
                break
        self.port = one.getsockname()[1]
        return one

    def _stop_serving(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._watch.changed()
        task = asyncio.current_task()
        assert task is not None
        self._served.add(task)
        try:
            await self._connect((reader, writer))
        except asyncio.CancelledError:
            reset(writer.transport)  # the proxy stops; asyncio would complain of a handler that was cancelled
        finally:
            self._served.discard(task)

    async def _connect(self, client: Ends) -> None:
        if self.reset_dials.strike():
            reset(client[1].transport)
            return
        try:
            server = await asyncio.open_connection(*self.target)
        except OSError:
            reset(client[1].transport)
            return
        link = Link(Line(self.up, self._watch.changed), Line(self.down, self._watch.changed))
        self.links.append(link)
        self._watch.changed()
        try:
            await link.run(client, server)
        finally:
            self.links.remove(link)
            self._watch.changed()
