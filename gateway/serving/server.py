"""The server: one loopback port for the stream protocol and REST, and how it stops without losing what waits."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final

from aiohttp import hdrs, web

from gateway.engine.hub import Hub
from gateway.engine.operations import Configuration, Operations, StandingWishes
from gateway.serving.asks import Asks
from gateway.serving.codes import CloseCode
from gateway.serving.config import Config
from gateway.serving.guard import guard, harden, loopback, visitors
from gateway.serving.limits import Limits
from gateway.serving.lines import Lines
from gateway.serving.problems import explain, problem
from gateway.serving.rest import Rest
from gateway.serving.session import Ground, Session
from gateway.serving.wishes import Wishes

SUBPROTOCOL: Final = "gateway.v1"
BACKLOG: Final = 1024


class Server:
    """
    Serves topics to clients; :meth:`start`, later :meth:`stop`.

    Args:
        hub: all topics; somebody else sweeps it.
        operations: the running gateway.
        host: a loopback address.
        port: 0 chooses a free one.
        allowed_hosts: names under which a proxy may reach us.
        allowed_origins: web pages that may connect.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
        version: of the gateway.
        limits: for each client.
        standing: keeps standing subscriptions; without it there is no REST for them.
        configuration: what is configured; without it there is no REST for it.

    Raises:
        UnsafeError: If ``host`` is not loopback.
    """

    def __init__(  # noqa: PLR0913  # every setting of the server, each by its name
        self,
        hub: Hub,
        operations: Operations,
        *,
        host: str,
        port: int,
        allowed_hosts: Sequence[str] = (),
        allowed_origins: Sequence[str] = (),
        now: Callable[[], float],
        wall_us: Callable[[], int],
        version: str,
        limits: Limits | None = None,
        standing: StandingWishes | None = None,
        configuration: Configuration | None = None,
    ) -> None:
        self._ground = Ground(hub, limits or Limits(), Lines(now), now, wall_us)
        self._host = loopback(host)
        self._port = port
        self._sessions: set[Session] = set()
        self._per_address: Counter[str] = Counter()
        self._numbers = count(1)
        self._left = asyncio.Event()
        self._stopping = False
        info: dict[str, Any] = {"version": version, "protocol": SUBPROTOCOL, "started_us": wall_us()}
        self._name = f"[{self._host}]" if ":" in self._host else self._host
        self._visitors = visitors((self._name, *allowed_hosts), allowed_origins)
        check = guard(lambda: self._port, lambda: self._visitors)
        app = web.Application(middlewares=[explain, check], client_max_size=self._ground.limits.message)
        app.on_response_prepare.append(harden)
        rest = (*Asks(operations).routes(), *Rest(operations, info).routes())
        app.add_routes([web.get("/v1/ws", self._upgrade), *rest])
        if standing is not None:
            app.add_routes(Wishes(standing).routes())
        if configuration is not None:
            app.add_routes(Config(configuration).routes())
        self._runner = web.AppRunner(
            app,
            keepalive_timeout=self._ground.limits.header,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=1.0,
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port is known after :meth:`start`."""
        return self._host, self._port

    @property
    def clients(self) -> int:
        """How many sockets are open."""
        return len(self._sessions)

    def admit(self, *, allowed_hosts: Sequence[str], allowed_origins: Sequence[str], limits: Limits) -> None:
        """Judge whoever comes from now on by these; a client that is there keeps the limits that it came with."""
        self._visitors = visitors((self._name, *allowed_hosts), allowed_origins)
        self._ground = replace(self._ground, limits=limits)

    async def start(self, taken: socket.socket | None = None) -> None:
        """
        Listen, on ``taken`` if somebody has listened there for us already.

        Raises:
            OSError: If the address cannot be had.
        """
        await self._runner.setup()
        site: web.BaseSite
        if taken is None:
            site = web.TCPSite(self._runner, self._host, self._port, backlog=BACKLOG)
        else:
            site = web.SockSite(self._runner, taken, backlog=BACKLOG)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]

    async def stop(self, within: float = 5.0) -> None:
        """
        Accept nobody, write what waits, tell every client and close; those who take longer are cut. Idempotent.

        Args:
            within: seconds that clients may take.
        """
        self._stopping = True
        for site in tuple(self._runner.sites):
            await site.stop()
        for session in self._sessions:
            session.end(CloseCode.SHUTTING_DOWN, "the gateway is shutting down", drain=within / 2)
        try:
            async with asyncio.timeout(within):
                await self._all_left()
        except TimeoutError:
            for session in tuple(self._sessions):
                session.pipe.cut()
        await self._runner.cleanup()

    async def _all_left(self) -> None:
        while self._sessions:
            self._left.clear()
            await self._left.wait()

    async def _upgrade(self, request: web.Request) -> web.StreamResponse:
        address = request.remote or ""
        refusal = self._refusal(request, address)
        if refusal is not None:
            return refusal
        self._per_address[address] += 1
        try:
            return await self._serve(request)
        finally:
            self._per_address[address] -= 1
            self._per_address += Counter()  # forgets the addresses nobody is left of

    def _refusal(self, request: web.Request, address: str) -> web.Response | None:
        if self._stopping:
            return problem(503, "shutting_down", "the gateway is shutting down")
        if self._per_address[address] >= self._ground.limits.sockets:
            return problem(429, "too_many_sockets", "this address has as many sockets as it may")
        offered = [
            name.strip()
            for line in request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ())
            for name in line.split(",")
        ]
        if offered and SUBPROTOCOL not in offered:
            return problem(400, "unknown_subprotocol", f"only {SUBPROTOCOL} is spoken here")
        return None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        limits = self._ground.limits
        ws = web.WebSocketResponse(
            timeout=limits.closing,
            autoping=False,
            compress=False,
            max_msg_size=limits.message + 1,  # the library refuses what reaches it
            protocols=(SUBPROTOCOL,),
        )
        writer = await ws.prepare(request)
        transport = request.transport
        if transport is None:
            return ws
        session = Session(f"c{next(self._numbers)}", ws, transport, writer.drain, self._ground)
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            self._left.set()
        return ws
