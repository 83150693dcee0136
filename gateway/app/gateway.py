"""
The gateway inside a program: an async context manager that owns every exchange connection.

What it tells, any thread may ask; what it is told, any thread may say. An intent is
recorded before the call returns where the caller is on the gateway's event loop.
"""

import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from random import Random, SystemRandom
from typing import Any, Self, TypeVar
from weakref import WeakSet

from gateway.app.assembly import Assembly, Surroundings
from gateway.app.configuration import Configuration, Reloaded
from gateway.app.connections import Connections
from gateway.app.details import Observatory
from gateway.app.given import Given, settings_of
from gateway.app.listening import QUEUE, Listening, called_back
from gateway.app.metering import Metering
from gateway.app.naming import Naming
from gateway.app.outcome import Loop, Outcome
from gateway.app.roster import Roster
from gateway.app.threaded import ThreadedGateway
from gateway.config import Settings
from gateway.engine.hub import Hub
from gateway.engine.messages import Message, Notice
from gateway.engine.observer import Observer
from gateway.engine.operations import StandingWishes
from gateway.model.subscriptions import Subscription, parse_topic
from gateway.net.transport import Network
from gateway.runtime.finish import finish

T = TypeVar("T")


class Gateway(Connections):
    """
    Owns exchange connections; ``async with`` starts and stops it.

    Args:
        settings: the configuration: a file, its tables, where they are from, or what
            :func:`gateway.config.load` returned. Nothing means no exchange but those of ``plugins``.
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
        provided = tuple(plugins or ())
        beginning = settings_of(settings, environ, provided)
        self._now = now
        self._wall_us = wall_us
        rng = rng or SystemRandom()
        around = Surroundings(
            environ=environ, network=network, observers=observers, now=now, wall_us=wall_us, rng=rng
        )
        self._assembly = parts = Assembly(beginning, dict(plugins or {}), around)
        self.configuration = Configuration(settings, beginning, parts, environ, provided)
        self._listenings: WeakSet[Listening] = WeakSet()
        operations = Observatory(
            parts.exchanges, parts.broken, parts.standing.problems, parts.registry, now, parts.departed
        )
        parts.departs = operations.departs
        self.metering = Metering(parts.exchanges, parts.broken, parts.registry, parts.hub)
        """What is counted of exchanges and topics. Event-loop only."""
        naming = Naming(parts.exchanges, lambda: self.settings.accounts)
        super().__init__(parts.registry, operations, naming)
        self.roster = Roster(self, naming, lambda: self.settings.accounts, parts.exchanges, parts.broken)
        """The accounts that are configured and the plugins that are installed. Event-loop only."""

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
        Close every connection, each within its bound. Safe to repeat; goes on if cancelled.

        Iterations over topics end; whoever asks for something from now on gets a RuntimeError.
        """
        loop = self._there()
        loop.refuse()
        try:
            await finish(self._close())
        finally:
            for listening in tuple(self._listenings):
                listening.end()
            loop.end()

    async def _close(self) -> None:
        await self.configuration.stop()
        await self._assembly.stop()

    @property
    def settings(self) -> Settings:
        """The configuration that is in effect. Any thread."""
        return self.configuration.settings

    def reload(self, settings: Given = None, *, dry_run: bool = False) -> Outcome[Reloaded]:
        """
        Have a changed configuration take effect without dropping a connection. Any thread.

        Connections that had stopped for good, on a wrong key for instance, are tried again.

        Args:
            settings: as the constructor takes it; by default what that was given is read anew.
            dry_run: only tell what would come of it.

        Returns:
            The keys that were changed, and those that need a restart.

        Raises:
            ConfigError: By the outcome, if it is wrong; nothing was changed.
            ShuttingDown: The same, if the gateway was being stopped.
        """
        return self._there().ask(lambda: self.configuration.reload(settings, dry_run=dry_run))

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

    # --- its event loop

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
