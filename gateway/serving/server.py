"""The server: one port for the stream protocol and REST, and how it stops without losing what waits."""

import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from aiohttp import web

from gateway.engine.hub import Hub
from gateway.engine.operations import Configuration, Operations, Roster, StandingWishes
from gateway.serving.accepting import Callers, Door, listening
from gateway.serving.accounts import AccountRoutes
from gateway.serving.arrivals import Arrivals
from gateway.serving.asks import Asks
from gateway.serving.auth.audit import audit
from gateway.serving.auth.door import door
from gateway.serving.auth.reception import Reception
from gateway.serving.books import Books
from gateway.serving.clients import Clients
from gateway.serving.config import Config
from gateway.serving.documents.room import Documents
from gateway.serving.events import EventRoutes
from gateway.serving.events_model import Events
from gateway.serving.events_tell import ServerEvents
from gateway.serving.figures import Figures
from gateway.serving.guard import bound, guard, harden, is_exposed, visitors
from gateway.serving.limits import Limits
from gateway.serving.lines import Lines
from gateway.serving.listening import BACKLOG, Site, Tls
from gateway.serving.lobby import Lobby
from gateway.serving.metrics import Metrics
from gateway.serving.native.room import NativeDoors
from gateway.serving.pages import Pages
from gateway.serving.plugins import Plugins
from gateway.serving.problems import explain
from gateway.serving.rest import Rest
from gateway.serving.sitting import Ground
from gateway.serving.sse.topics import TopicEvents
from gateway.serving.stream import SUBPROTOCOL, Stream
from gateway.serving.tickets import TicketRoutes
from gateway.serving.topics import Topics
from gateway.serving.wishes import Wishes
from gateway.store import Token
from gateway.telemetry.metrics.model import Reading

ANSWERING: Final = 0.5
"""Seconds that a request may still take once all clients have left."""


class Room(Protocol):
    """Some of the routes."""

    def routes(self) -> Sequence[web.RouteDef]:
        """Return them."""


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
        roster: accounts and plugins; without it there is no REST for them.
        tokens: those that there are; :meth:`know` replaces them.
        must: whether a token must be shown even if there is none.
        metrics: reads all metrics; without it there is no page of them.
        events: what happens is kept there; without it there is no REST for it.
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
        roster: Roster | None = None,
        tokens: Iterable[Token] = (),
        must: bool = False,
        metrics: Callable[[], Reading] | None = None,
        events: Events | None = None,
        tls: Tls | None = None,
        behind_tls_proxy: bool = False,
    ) -> None:
        self.figures = Figures(wall_us)
        """What is counted of clients."""
        told = ServerEvents(events, now)
        self._ground = Ground(hub, limits or Limits(), Lines(now, told.closed), now, wall_us, self.figures)
        exposed = is_exposed(host, behind_tls_proxy=behind_tls_proxy)
        self._reception = Reception(hub, now, wall_us, must=must or exposed, delay=self._ground.limits.refusing)
        self._reception.know(tokens)
        self._host = bound(
            host, tls=tls is not None, behind_tls_proxy=behind_tls_proxy, tokens=self._reception.keeper.has_good
        )
        self._tls = tls
        self._port = port
        self._arrivals = Arrivals(self._reception, lambda: self._ground.limits, wall_us, told)
        self._callers = Callers(self._arrivals.there, lambda: self._ground.limits, now)
        info: dict[str, Any] = {"version": version, "protocol": SUBPROTOCOL, "started_us": wall_us()}
        self._name = f"[{self._host}]" if ":" in self._host else self._host
        self._visitors = visitors((self._name, *allowed_hosts), allowed_origins)
        check = guard(
            lambda: self._port, lambda: self._visitors, "https" if tls is not None or behind_tls_proxy else "http"
        )
        enter = door(self._reception, lambda: self._ground.limits)
        app = web.Application(
            middlewares=[audit(now, told.audited), explain, check, enter],
            client_max_size=self._ground.limits.message,
        )
        app.on_response_prepare.append(harden)
        lobby = Lobby(lambda: self._ground, self._reception, self._arrivals)
        rooms: list[Room] = [
            Stream(lobby),
            TopicEvents(lobby),
            NativeDoors(hub, operations, lobby, now),
            Asks(operations),
            Rest(operations, info),
            TicketRoutes(self._reception),
            Clients(self._arrivals),
            Books(hub, self._reception, lambda: self._ground.limits),
            Topics(hub),
            Pages(),
        ]
        if standing is not None:
            rooms.append(Wishes(standing))
        if configuration is not None:
            rooms.append(Config(configuration))
        if metrics is not None:
            rooms.append(Metrics(metrics, now))
        if roster is not None:
            rooms += [AccountRoutes(roster), Plugins(roster)]
        if events is not None:
            rooms.append(EventRoutes(events, lobby))
        rooms.append(Documents(app, version))
        for room in rooms:
            app.add_routes(room.routes())
        self._runner = web.AppRunner(
            app,
            keepalive_timeout=self._ground.limits.header,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=ANSWERING,
            lingering_time=self._ground.limits.closing,
            auto_decompress=False,
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port is known after :meth:`start`."""
        return self._host, self._port

    @property
    def clients(self) -> int:
        """How many sockets are open."""
        return len(self._arrivals.visitors)

    @property
    def is_behind(self) -> bool:
        """Whether something waits for any client; whoever makes what is served can wait until nothing does."""
        return self._arrivals.is_behind

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
        self._arrivals.expire()

    async def start(self, taken: socket.socket | None = None) -> None:
        """
        Listen, on ``taken`` if somebody has listened there for us already.

        Raises:
            OSError: If the address cannot be had.
        """
        await self._runner.setup()
        context = None if self._tls is None else self._tls.context
        try:
            entry = Door(taken or listening(self._host, self._port, BACKLOG), self._callers)
            await Site(self._runner, entry, context, self._ground.limits.header).start()
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
        self._arrivals.close()
        for site in tuple(self._runner.sites):
            await site.stop()
        await self._arrivals.part(within)
        await self._runner.cleanup()

    def cut(self) -> None:
        """Wait for no client any more: end those who are still there, whatever they have not read."""
        self._arrivals.cut()
