"""The server: one port for the stream protocol and REST, and how it stops without losing what waits."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final

from aiohttp import web

from gateway.engine.hub import Hub
from gateway.engine.operations import Configuration, Operations, StandingWishes
from gateway.serving.asks import Asks
from gateway.serving.auth.audit import audit
from gateway.serving.auth.credentials import offered
from gateway.serving.auth.door import ACCESS, door
from gateway.serving.auth.entrance import Entrance
from gateway.serving.auth.reception import Reception
from gateway.serving.codes import CloseCode
from gateway.serving.config import Config
from gateway.serving.guard import bound, guard, harden, is_exposed, visitors
from gateway.serving.limits import Limits
from gateway.serving.lines import Lines
from gateway.serving.listening import BACKLOG, Site, Tls
from gateway.serving.problems import explain, problem
from gateway.serving.rest import Rest
from gateway.serving.session import Ground, Session
from gateway.serving.tickets import TicketRoutes
from gateway.serving.wishes import Wishes
from gateway.store import Token

SUBPROTOCOL: Final = "gateway.v1"
ANSWERING: Final = 0.5
"""Seconds that a request may still take once all clients have left."""


class Server:
    """
    Serves topics to clients; :meth:`start`, later :meth:`stop`.

    Args:
        hub: all topics; somebody else sweeps it.
        operations: the running gateway.
        host: a loopback address, or with all that more needs another one.
        port: 0 chooses a free one.
        allowed_hosts: names under which a proxy may reach us.
        allowed_origins: web pages that may connect.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
        version: of the gateway.
        limits: for each client.
        standing: keeps standing subscriptions; without it there is no REST for them.
        configuration: what is configured; without it there is no REST for it.
        tokens: those that there are; :meth:`know` replaces them.
        must: whether a token must be shown even if there is none.
        tls: speaks TLS.
        behind_tls_proxy: whether a proxy does that in front of us.

    Raises:
        UnsafeError: If others than this machine could reach ``host``, and tokens or TLS are missing.
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
        tokens: Iterable[Token] = (),
        must: bool = False,
        tls: Tls | None = None,
        behind_tls_proxy: bool = False,
    ) -> None:
        self._ground = Ground(hub, limits or Limits(), Lines(now), now, wall_us)
        exposed = is_exposed(host, behind_tls_proxy=behind_tls_proxy)
        self._reception = Reception(hub, now, wall_us, must=must or exposed, delay=self._ground.limits.refusing)
        self._reception.know(tokens)
        self._host = bound(
            host, tls=tls is not None, behind_tls_proxy=behind_tls_proxy, tokens=self._reception.keeper.has_good
        )
        self._tls = tls
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
        enter = door(self._reception, lambda: self._ground.limits)
        app = web.Application(
            middlewares=[audit(now), explain, check, enter], client_max_size=self._ground.limits.message
        )
        app.on_response_prepare.append(harden)
        rest = (
            *Asks(operations).routes(),
            *Rest(operations, info).routes(),
            *TicketRoutes(self._reception).routes(),
        )
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
            shutdown_timeout=ANSWERING,
            lingering_time=self._ground.limits.closing,
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
        self._reception.shares.renew()

    def know(self, tokens: Iterable[Token]) -> None:
        """Have these tokens from now on; who is there by another one, or by none, is closed."""
        self._reception.know(tokens)
        self.expire()

    def renew_tls(self) -> None:
        """Have handshakes from now on show the certificate that is in its file by now."""
        if self._tls is not None:
            self._tls.renew()

    @property
    def next_end_us(self) -> int:
        """When the next token expires; :meth:`expire` is to be called then. Microseconds since 1970."""
        return self._reception.keeper.next_end_us

    def expire(self) -> None:
        """Close the sockets of all whose token is no good any more."""
        for session in self._sessions:
            self._check(session)

    @staticmethod
    def _check(session: Session) -> None:
        if not session.entrance.stands():
            session.shut(CloseCode.UNAUTHORIZED, "the token was revoked or has expired")

    async def start(self, taken: socket.socket | None = None) -> None:
        """
        Listen, on ``taken`` if somebody has listened there for us already.

        Raises:
            OSError: If the address cannot be had.
        """
        await self._runner.setup()
        site: web.BaseSite
        if taken is None:
            site = web.TCPSite(
                self._runner,
                self._host,
                self._port,
                backlog=BACKLOG,
                ssl_context=None if self._tls is None else self._tls.context,
            )
        elif self._tls is not None:
            site = Site(self._runner, taken, self._tls.context, self._ground.limits.header)
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
        entrance = Entrance(self._reception, request.get(ACCESS), self._ground.limits)
        refusal = self._refusal(request, address, entrance)
        if refusal is not None:
            return refusal
        self._per_address[address] += 1
        entrance.enter()
        try:
            return await self._serve(request, entrance)
        finally:
            entrance.leave()
            self._per_address[address] -= 1
            self._per_address += Counter()  # forgets the addresses nobody is left of

    def _refusal(self, request: web.Request, address: str, entrance: Entrance) -> web.Response | None:
        if self._stopping:
            return problem(503, "shutting_down", "the gateway is shutting down")
        if self._per_address[address] >= self._ground.limits.sockets:
            return problem(429, "too_many_sockets", "this address has as many sockets as it may")
        if entrance.is_full:
            return problem(429, "too_many_sockets", "this token has as many sockets as it may")
        protocols = offered(request)
        if protocols and SUBPROTOCOL not in protocols:
            return problem(400, "unknown_subprotocol", f"only {SUBPROTOCOL} is spoken here")
        return None

    async def _serve(self, request: web.Request, entrance: Entrance) -> web.StreamResponse:
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
        session = Session(f"c{next(self._numbers)}", ws, transport, writer.drain, self._ground, entrance)
        self._sessions.add(session)
        self._check(session)  # the token may have been revoked while the socket was upgraded
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            self._left.set()
        return ws
