"""The port of a simulated venue: which dials are accepted, which reset, and where each request goes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from gateway.testing.wire import Entrance, reset

PATIENCE: Final = 1.0
"""Seconds that a client has to leave when the venue stops."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = Callable[[web.Request, bytes], web.Response]
"""A REST route: request and body to reply, at once."""


def reply(data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return ``data`` as a JSON reply."""
    body = orjson.dumps(data)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


class Listener:
    """
    An HTTP server on one address that can be closed and opened again.

    Args:
        host: where to listen.
        port: 0 chooses a free one, which is kept from then on.
        admits: asked at each dial; one that is not admitted is reset.
    """

    def __init__(self, host: str, port: int, admits: Callable[[], bool]) -> None:
        self.host = host
        self.port = port
        self._admits = admits
        self.closed = False
        """Whether every dial is refused."""
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    @property
    def place(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def start(self, routes: Mapping[str, Handler]) -> None:
        """
        Listen; each route is a method and a path (``GET /symbols``).

        Raises:
            OSError: If the address cannot be had.
        """
        app = web.Application()
        for route, handler in routes.items():
            method, _, path = route.partition(" ")
            app.router.add_route(method, path, handler)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=PATIENCE)
        await self._runner.setup()
        try:
            await self.open()
        except OSError:
            await self.stop()
            raise

    async def open(self) -> None:
        """Listen, on the same port as before if there was one; one that was never started only says so."""
        self.closed = False
        if self._runner is None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, self.host, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Refuse every dial; what is open stays."""
        self.closed = True
        if self._server is not None:
            self._server.close()

    async def stop(self) -> None:
        """Close the port and every connection. Safe to repeat."""
        self.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _accept(self) -> asyncio.BaseProtocol:
        server = self._runner.server if self._runner is not None else None
        if server is None or not self._admits():
            return _Slam()
        return Entrance(server())


class _Slam(asyncio.Protocol):
    """Resets whoever dials."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        reset(transport)
