"""
The gateway inside a program: an async context manager that owns every exchange connection.

What it tells, any thread may ask; what it is told, any thread may say. An intent is
recorded before the call returns where the caller is on the gateway's event loop.
"""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from random import Random, SystemRandom
from typing import Any, Self, TypeVar
from weakref import WeakSet

from gateway.app.assembly import Assembly, Surroundings
from gateway.app.details import Observatory
from gateway.app.given import Given, settings_of
from gateway.app.handle import ConnectionHandle
from gateway.app.listening import QUEUE, Listening, called_back
from gateway.app.naming import Naming
from gateway.app.outcome import Loop, Outcome, known
from gateway.app.threaded import ThreadedGateway
from gateway.engine.hub import Hub
from gateway.engine.messages import Message, Notice
from gateway.engine.observer import Observer
from gateway.engine.operations import Details, StandingWishes
from gateway.engine.registry import ConnectionRegistry
from gateway.errors import Reason
from gateway.model.subscriptions import Subscription, parse_topic
from gateway.net.transport import Network

T = TypeVar("T")


class Gateway:
    """
    Owns exchange connections; ``async with`` starts and stops it.

    Args:
        settings: the configuration: a file, its tables, or what :func:`gateway.config.load` returned.
            Nothing means no exchange but those of ``plugins``.
        plugins: plugins by exchange that need not be installed.
        environ: where ``env:`` secrets and ``GATEWAY_...`` settings come from.
        network: replaces sockets and HTTP, e.g. in tests.
        observers: told of every change.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
        rng: draws jitter.

    Raises:
        ConfigError: If the configuration is wrong.
    """

    def __init__(  # noqa: PLR0913  # its seams to the world, each with a default
        self,
        settings: Given = None,
        *,
        plugins: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
        network: Network | None = None,
        observers: Sequence[Observer] = (),
        now: Callable[[], float] = time.monotonic,
        wall_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        rng: Random | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        self.settings = settings_of(settings, environ)
        self._now = now
        self._wall_us = wall_us
        rng = rng or SystemRandom()
        around = Surroundings(
            environ=environ, network=network, observers=observers, now=now, wall_us=wall_us, rng=rng
        )
        self._assembly = parts = Assembly(self.settings, dict(plugins or {}), around)
        self.operations = Observatory(parts.exchanges, parts.broken, parts.standing.problems, parts.registry, now)
        self._naming = Naming(parts.exchanges, self.settings)
        self._listenings: WeakSet[Listening] = WeakSet()
        self._loop: Loop | None = None

    # --- its life

    async def __aenter__(self) -> Self:
        """
        Load the plugins and start; :meth:`problems` has the broken ones, which harm no other.

        Raises:
            ConfigError: If a setting is wrong for its plugin, a secret cannot be had, or no plugin can be used.
        """
        self._loop = Loop()
        await self._assembly.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """
        Close every connection, each within its bound. Safe to repeat.

        Iterations over topics end; whoever asks for something from now on gets a RuntimeError.
        """
        loop = self._there()
        loop.refuse()
        try:
            await self._assembly.stop()
        finally:
            for listening in tuple(self._listenings):
                listening.end()
            loop.end()

    @property
    def registry(self) -> ConnectionRegistry:
        """Every connection's state; its snapshots may be read by any thread."""
        return self._assembly.registry

    @property
    def standing(self) -> StandingWishes:
        """The subscriptions that stand whether anybody listens or not. Event-loop only."""
        return self._assembly.standing

    @property
    def hub(self) -> Hub:
        """All topics. Event-loop only."""
        return self._assembly.hub

    # --- data

    def subscribe(self, *topics: str | Subscription, queue: int = QUEUE) -> Listening:
        """
        Return an async iterator over the records of ``topics``, e.g. ``"mock:trades:BTC-USDT"``.

        Event-loop only; its ``messages()`` have gaps and other statuses too. ``queue`` messages may wait.

        Raises:
            ValueError: If one of them is no topic, or none is given.
        """
        if not topics:
            raise ValueError("need a topic")
        self._there().check()
        wishes = [topic if isinstance(topic, Subscription) else parse_topic(topic) for topic in topics]
        listening = Listening(self.hub, wishes, self._now, self._wall_us, queue=queue)
        self._listenings.add(listening)
        return listening

    async def listen(
        self, topic: str | Subscription, heard: Callable[[Message | Notice], None]
    ) -> Callable[[], None]:
        """
        Have ``heard`` called with every message and status of ``topic``, in the data's path.

        First come what is wrong already, and a snapshot if there is one. ``heard`` runs on
        the event loop, must not block and must not raise. Returns what ends it.

        Raises:
            SubscriptionError: If the exchange does not offer it.
        """
        wish = topic if isinstance(topic, Subscription) else parse_topic(topic)
        resolved = await self.hub.resolve(wish)
        self._there().check()
        return called_back(self.hub, resolved, heard, self._now, self._wall_us)

    # --- connections: any thread

    def connect_account(self, id: str, *, wait: bool = True, retry: bool = False) -> Outcome[bool]:  # noqa: A002  # the name that older callers use
        """
        Want a connection up. Any thread.

        Args:
            id: of an account, of a connection (``binance/stream/0``) or of an exchange, whose first one is meant.
            wait: whether the outcome waits until it is known; else it is true at once.
            retry: whether to go on trying; otherwise a failed attempt leaves nothing behind.

        Returns:
            Whether it is fully operational. A connection that is CONNECTED but unhealthy is replaced.

        Raises:
            KeyError: If there is no such account, endpoint or exchange.
        """
        place = self._naming.find(id)

        def intend() -> "asyncio.Future[bool]":
            links = place.exchange.links
            link = links.get(place.endpoint, place.number, place.account)
            handle = ConnectionHandle(self, place.id)
            sick = handle.is_connected and not handle.is_healthy()
            if sick:
                link.supervisor.reconnect(Reason.ASKED, "it was asked for and not healthy")
            hope = links.connect(link, retry=retry, anew=sick)
            return hope if wait else known(value=True)

        return self._there().ask(intend)

    def disconnect_account(self, id: str) -> Outcome[None]:  # noqa: A002  # the name that older callers use
        """
        Want a connection down until it is asked for again; ``id`` as in :meth:`connect_account`. Any thread.

        Raises:
            KeyError: If there is no such account, endpoint or exchange.
        """
        place = self._naming.find(id)
        return self._there().ask(lambda: place.exchange.links.hold_down(place.id) or known(value=None))

    def reconnect(self, id: str) -> Outcome[None]:  # noqa: A002  # the name that older callers use
        """End a connection's present epoch and let the next follow; otherwise as :meth:`disconnect_account`."""
        place = self._naming.find(id)

        def intend() -> "asyncio.Future[None]":
            place.exchange.links.reconnect(place.id)
            return known(value=None)

        return self._there().ask(intend)

    def rollover(self, id: str) -> Outcome[bool]:  # noqa: A002  # as in the others
        """
        Have a second connection take over from one that is CONNECTED, without a gap.

        The result says whether it has; if not, the first one is untouched, and another attempt follows
        later. Otherwise as :meth:`disconnect_account`.
        """
        place = self._naming.find(id)
        return self._there().ask(lambda: place.exchange.links.roll(place.id))

    def auto_reconnect(self, id: str, enabled: bool = True) -> Outcome[None]:  # noqa: A002  # the name that older callers use
        """
        Say whether a connection that ends by itself is dialled again, whether it exists yet or not.

        Otherwise as :meth:`disconnect_account`.
        """
        place = self._naming.find(id)

        def intend() -> "asyncio.Future[None]":
            place.exchange.links.set_auto(place.id, enabled=enabled)
            return known(value=None)

        return self._there().ask(intend)

    def get_connection(self, id: str) -> ConnectionHandle | None:  # noqa: A002  # the name that older callers use
        """
        Return a connection that is fully operational, :obj:`None` if it is not. Any thread.

        Raises:
            KeyError: If there is no such account, endpoint or exchange.
        """
        handle = self.connection(id)
        return handle if handle.id in self.registry.snapshot.live else None

    def connection(self, id: str) -> ConnectionHandle:  # noqa: A002  # the name that older callers use
        """
        Return a connection, whatever its state; ``id`` as in :meth:`connect_account`. Any thread.

        Raises:
            KeyError: If there is no such account, endpoint or exchange.
        """
        return ConnectionHandle(self, self._naming.find(id).id)

    def get_connection_details(self) -> Mapping[str, Details]:
        """Return every connection's details by its id. Any thread."""
        return self.operations.get_connection_details()

    def get_unhealthy_connections(self) -> Mapping[str, Details]:
        """Return those that are not healthy, with the reason in ``unhealthy_because``. Any thread."""
        return self.operations.get_unhealthy_connections()

    def get_stats(self) -> Details:
        """Return totals, from one consistent picture. Any thread."""
        return self.operations.get_stats()

    def problems(self) -> Sequence[str]:
        """Return why the gateway is not ready, a sentence each; empty when it is. Any thread."""
        return self.operations.problems()

    def call(self, work: Callable[[], T]) -> T:
        """Call ``work`` on the gateway's event loop and return its result. Any thread."""
        return self._there().call(work)

    def start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """
        Start ``work`` on the gateway's event loop. Any other thread; cancelling the future ends it.

        So does stopping the gateway.
        """
        return self._there().start(work)

    @classmethod
    def in_thread(cls, *args: Any, **kwargs: Any) -> "ThreadedGateway":
        """
        Return a gateway for programs without an event loop; it lives on a thread of its own.

        Takes what the constructor takes; ``with`` starts and stops it.
        """
        return ThreadedGateway(lambda: cls(*args, **kwargs))

    def _there(self) -> Loop:
        if self._loop is None:
            raise RuntimeError("the gateway was not started: use 'async with Gateway(...)'")
        return self._loop
