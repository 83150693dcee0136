"""
Everything a gateway runs: loads plugins, starts exchanges, gives up topics that nobody hears, stops it all.

A plugin that is broken is told by name and harms no other.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from gateway.app.composition import World, compose
from gateway.app.departed import Departed
from gateway.app.egress import egress_of
from gateway.app.fitting import ca_file_of
from gateway.app.plugins import PluginsObserver
from gateway.app.signers import Signers
from gateway.app.standing import Standing
from gateway.config import ExchangeSettings, RetentionSettings, Settings, StoreSettings
from gateway.engine.absence import Names
from gateway.engine.budgets import Budgets
from gateway.engine.hub import Hub
from gateway.engine.observer import LATE_MESSAGE, Observer, Observers
from gateway.engine.registry import ConnectionRegistry
from gateway.engine.ring import Ring
from gateway.errors import ConfigError, PluginError, StoreError
from gateway.host import PluginHost
from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.net.transport import Network
from gateway.runtime.exchange import Exchange
from gateway.runtime.finish import finish
from gateway.runtime.ground import Quiet
from gateway.store import Ban, Store, TransientStore, is_transient

SWEEP: Final = 1.0
"""Seconds between two looks for topics that nobody listens to any more, and at the limits."""
EPOCH: Final = 6
"""Bytes of a topic's random epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """
    What a gateway is given of the world.

    ``network`` replaces sockets and HTTP; without one each exchange gets its
    own, so that dials which hang at one hold up no other. ``now`` is monotonic
    seconds, ``wall_us`` microseconds since 1970, ``rng`` draws jitter.
    """

    environ: Mapping[str, str]
    network: Network | None
    observers: Sequence[Observer]
    now: Callable[[], float]
    wall_us: Callable[[], int]
    rng: Random


class Assembly:
    """
    The running parts of one gateway. Event-loop only, but what is said of ``registry``.

    Args:
        settings: the configuration.
        plugins: plugins by exchange that need not be installed.
        surroundings: the world.
    """

    def __init__(self, settings: Settings, plugins: Mapping[str, object], surroundings: Surroundings) -> None:
        self.exchanges: dict[str, Exchange] = {}
        self.broken: dict[str, str] = {}
        """Why an exchange does not run."""
        self.signers: dict[str, Signers] = {}
        """Who signs for the accounts of each exchange; replaced when they change."""
        self.registry = ConnectionRegistry(settings.retention.changes)
        self.budgets = Budgets()
        self.names = Names()
        self.departed = Departed(settings.retention.connections, settings.retention.most_connections)
        self.hub = _hub(settings.retention)
        self.departs: Callable[[str], None] = lambda _: None
        """Told of each connection right before it is forgotten."""
        self._settings = settings
        self._plugins = plugins
        self._surroundings = surroundings
        self._host = PluginHost(self._slow, self._failed)
        self._observer = Observers((*surroundings.observers, PluginsObserver(self._host)))
        self._networks: list[Network] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._notes: set[asyncio.Task[None]] = set()
        """What is being kept for the next start."""
        self._store = _store(settings.store)
        self.standing = Standing(self.hub, self._store, self._refused, surroundings.now, surroundings.wall_us)

    async def start(self) -> None:
        """
        Load and start every exchange that is configured or given.

        Raises:
            ConfigError: If a setting is wrong for its plugin, a secret cannot be had, or no plugin can be used.
        """
        now_us = self._surroundings.wall_us()
        try:
            for sentence in await self._store.open(now_us):
                self._observer.noticed("store", 0, "store_notice", text=sentence)
            self._load_all()
            self._heed(await self._store.bans(now_us), now_us)
            await self.standing.load(self._settings.subscriptions)
        except BaseException:
            await finish(self._let_go())
            raise
        for exchange in self.exchanges.values():
            exchange.start()
        self._tasks = {
            asyncio.create_task(self._sweep(), name="gateway sweep"),
            asyncio.create_task(
                self.standing.restore(self._settings.subscriptions), name="gateway standing subscriptions"
            ),
        }
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Close every connection, all at once, each within its bound. Safe to repeat."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        async with asyncio.TaskGroup() as tasks:
            for exchange in self.exchanges.values():
                tasks.create_task(exchange.stop())
        self._tell_late()
        await self._let_go()

    def remember(self, retention: RetentionSettings) -> None:
        """Remember so much of what is over from now on."""
        self.registry.keep(retention.changes)
        self.departed.change(retention.connections, retention.most_connections)
        self.hub.retain(
            linger=retention.topics,
            idle=retention.most_topics,
            max_messages=retention.messages,
            max_bytes=retention.bytes,
        )

    async def retain(self, retention: float | None) -> None:
        """Remember bans for ``retention`` seconds after their end from now on, without it for ever."""
        try:
            await self._store.retain(retention, self._surroundings.wall_us())
        except StoreError as exc:
            self.notice("store_failed", text=str(exc))

    def notice(self, what: str, **facts: object) -> None:
        """Tell the observers of something that concerns the whole gateway."""
        self._observer.noticed("gateway", 0, what, **facts)

    def _heed(self, bans: Sequence[Ban], now_us: int) -> None:
        """Keep quiet where an exchange wanted it before we were started."""
        for ban in bans:
            exchange = self.exchanges.get(ban.exchange)
            if exchange is not None:
                budgets = self.budgets.for_connection(exchange.ground.info.limits, ban.account, ban.exchange)
                budgets.block(ban.scope, ban.seconds_left(now_us), self._surroundings.now())

    def _banned(self, quiet: Quiet) -> None:
        wait = (quiet.until_us - self._surroundings.wall_us()) / 1e6
        facts = {"scope": quiet.scope, "reason": quiet.reason, "seconds": round(wait, 1), "account": quiet.account}
        said = {name: fact for name, fact in facts.items() if fact is not None}
        self._observer.noticed(f"{quiet.exchange}/rest", 0, "kept_quiet", **said)
        ban = Ban(
            exchange=quiet.exchange,
            scope=quiet.scope,
            account=quiet.account,
            until_us=quiet.until_us,
            reason=quiet.reason,
            noted_us=self._surroundings.wall_us(),
        )
        task = asyncio.create_task(self._note(ban), name=f"gateway ban of {quiet.exchange}")
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _note(self, ban: Ban) -> None:
        try:
            await self._store.note_ban(ban)
        except StoreError as exc:
            self._observer.noticed(ban.exchange, 0, "store_failed", text=str(exc))

    def _load_all(self) -> None:
        names = dict.fromkeys((*self._settings.exchanges, *self._plugins))
        for name in names:
            try:
                self._load(name)
            except PluginError as broken:
                self.broken[name] = str(broken)
                self._failed(name, broken)
        if names and not self.exchanges:
            name, problem = next(iter(self.broken.items()))
            raise ConfigError(f"exchanges.{name}", f"no plugin can be used; the first says: {problem}")

    def _load(self, name: str) -> None:
        if name in self._plugins:
            self._host.register(name, self._plugins[name])
        else:
            self._host.load(name, self._settings.plugins.allow)
        exchange = compose(self._world(name), self._host.bind(name))
        self.exchanges[name] = exchange
        self.hub.connect(name, exchange)

    def _world(self, name: str) -> World:
        around = self._surroundings
        network = around.network or self._network(name)
        self._networks.append(network)
        return World(
            settings=self._settings,
            environ=around.environ,
            network=network,
            budgets=self.budgets,
            names=self.names,
            registry=self.registry,
            observer=self._observer,
            now=around.now,
            wall_us=around.wall_us,
            rng=around.rng,
            banned=self._banned,
            departs=self.departs,
            signers=self.signers,
        )

    def _network(self, name: str) -> Network:
        settings = self._settings.exchanges.get(name, ExchangeSettings())
        return AiohttpNetwork(
            ca_file=ca_file_of(name, settings),
            found=lambda host: self.names.found(host, self._surroundings.now()),
            egress=egress_of(name, self._host.bind(name).info, settings),
        )

    async def _let_go(self) -> None:
        for network in self._networks:
            await network.close()
        if self._notes:
            await asyncio.wait(tuple(self._notes))
        await self._store.close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            now = self._surroundings.now()
            self.hub.sweep(now)
            for exchange in self.exchanges.values():
                exchange.look_at_limits(now)
            self._tell_late()

    def _tell_late(self) -> None:
        """Tell of each message that came late since the last time."""
        for name in self.exchanges:
            for begun_us, at_us in self.hub.flow(name).late():
                self._observer.noticed(name, 0, LATE_MESSAGE, leg="transit", begun_us=begun_us, at_us=at_us)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """One that fails is a defect of ours and is said aloud."""
        if not task.cancelled() and (exc := task.exception()) is not None:
            self.notice("internal_error", error=repr(exc))

    def _refused(self, topic: str, problem: str) -> None:
        exchange = topic.partition(":")[0]
        self._observer.noticed(exchange, 0, "standing_subscription_refused", topic=topic, text=problem)

    def _slow(self, exchange: str, hook: str, seconds: float) -> None:
        self._observer.noticed(exchange, 0, "plugin_slow", hook=hook, seconds=round(seconds, 3))

    def _failed(self, exchange: str, error: Exception) -> None:
        self._observer.noticed(exchange, 0, "plugin_error", error=str(error))


def _hub(retention: RetentionSettings) -> Hub:
    return Hub(
        lambda: secrets.token_urlsafe(EPOCH),
        linger=retention.topics,
        idle=retention.most_topics,
        new_ring=partial(Ring, max_messages=retention.messages, max_bytes=retention.bytes),
    )


def _store(settings: StoreSettings) -> Store | TransientStore:
    if is_transient(settings.path):
        return TransientStore()
    return Store(settings.path, retention=settings.retention)
