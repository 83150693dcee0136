"""
A whole gateway in virtual time that can be ended at any of its awaits, and everything that must be gone then.

Whoever is told to end it is told at the n-th await of the gateway's tasks, and
somebody else, or the same, once more at the m-th of the clean-up.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

from swept_exchange import Elaborate, Venue

import gateway as package
from gateway import Gateway
from gateway.model.states import ConnectionState as S
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.stepping import Awaits, Moment
from gateway.testing.virtual import VirtualLoop

PUBLIC, PRIVATE = "mock/stream/0", "mock/private@main"
TOPICS = (
    "mock:trades:BTC-USDT", "mock:quotes:BTC-USDT", "mock:raw:ticker.btc_usdt", "mock:book:ETH-USDT",
    "mock:orders:@main", "mock:balances:@main",
)  # fmt: skip
ACCOUNTS = {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}}
ENVIRON = {"KEY": "mock-key", "SECRET": "mock-secret"}
LATENCY = 0.05
BOUND = 3.5
"""Seconds in which a disconnect is done."""
UP = 40.0
"""Seconds in which a connection is up again once all is well."""
OURS = str(Path(package.__file__).parent)
THEIRS = f"{OURS}/testing/"
STAYING = ("gateway reference", "gateway sweep", "gateway native", "gateway supervisor", "program")
"""Tasks that a connection which is held down leaves; the last two wait without a timer."""


class Way(enum.Enum):
    """How somebody ends it."""

    DISCONNECT = "both connections are wanted down"
    STOP = "the gateway is stopped"
    CANCEL = "the supervisors' tasks are cancelled"
    LEAVE = "the program's task is cancelled, which leaves the gateway"
    TEAR = "whoever stops the gateway is cancelled"
    STRAY = "the epochs' tasks are cancelled, as only their supervisors may"


class World:
    """One gateway, the exchange that it talks to, and the program around it."""

    LINGER = 1.0
    """Seconds for which a topic outlives its last listener."""

    def __init__(self, loop: VirtualLoop, network: MemoryVenue) -> None:
        self.loop = loop
        self.awaits = Awaits(loop, self._is_ours)
        self.network = network
        self.venue: Venue = network.venue  # type: ignore[assignment]
        self.faults = self.venue.faults
        self.exchange = Elaborate()
        self.gateway = Gateway(
            {
                "exchanges": {"mock": {"endpoints": {**network.addresses, "allow_plaintext": True}}},
                "accounts": ACCOUNTS,
                "store": {"path": ":memory:"},
            },
            plugins={"mock": self.exchange},
            environ=ENVIRON,
            network=network,
            now=loop.time,
            wall_us=self.wall_us,
            rng=Random(1),  # type: ignore[arg-type]
        )
        self.gateway.hub._linger = self.LINGER
        self._leaving: dict[str, Callable[[], None]] = {}
        self.ends: list[asyncio.Future[Any]] = []
        self.is_stopping = False
        self._stops = False
        """Whether it has begun; what is cancelled before it has begun does nothing."""
        self._ready = asyncio.Event()
        self.program = loop.create_task(self._run(), name="program")
        self.all_is_well()

    def wall_us(self) -> int:
        return round(self.loop.time() * 1e6)

    async def _run(self) -> None:
        async with self.gateway:
            self._ready.set()
            await self.loop.create_future()

    async def running(self) -> None:
        await self._ready.wait()

    def all_is_well(self) -> None:
        """Nothing goes wrong, and everything takes a while."""
        self.faults.clear()
        self.venue.thaw()
        self.faults.upgrade_delay = self.faults.reply_delay = self.faults.ack_delay = LATENCY
        self.exchange.expires_in = None
        for peer in self.network.open_peers:
            peer.close_takes = LATENCY

    # --- what a scenario does

    async def listen(self, *topics: str) -> None:
        for topic in topics or TOPICS:
            self._leaving[topic] = await self.gateway.listen(topic, lambda _: None)

    def leave(self, *topics: str) -> None:
        """Listen to these no longer, or to none."""
        for topic in topics or tuple(self._leaving):
            self._leaving.pop(topic)()

    async def up(self) -> None:
        """Wait until both connections are fully operational."""
        await self.reach({S.CONNECTED})

    async def reach(self, states: set[S]) -> None:
        """Wait until both connections are in one of ``states``."""
        async with asyncio.timeout(UP):
            while not {self.gateway.connection(id_).state for id_ in (PUBLIC, PRIVATE)} <= states:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)

    async def tick(self, seconds: float = 1.0) -> None:
        """Let ``seconds`` pass with data."""
        until = self.loop.time() + seconds
        while self.loop.time() < until:
            self.venue.tick()
            self.venue.emit_balance({"asset": "BTC", "free": "1"})
            await asyncio.sleep(0.2)

    def budgets(self) -> Any:
        exchange = self.gateway._assembly.exchanges["mock"]
        return self.gateway._assembly.budgets.for_connection(exchange.ground.info.limits, None)

    # --- how it ends

    def end(self, way: Way) -> list["asyncio.Future[Any]"]:
        """End it; returns what is done when that is."""
        ends: list[asyncio.Future[Any]] = []
        match way:
            case Way.DISCONNECT if self.is_stopping:
                pass  # it would be refused
            case Way.DISCONNECT:
                ends += [asyncio.ensure_future(self.gateway.disconnect_account(id_)) for id_ in (PUBLIC, PRIVATE)]
            case Way.STOP:
                self.is_stopping = True
                ends.append(self.loop.create_task(self._stop(), name="stop"))
            case Way.CANCEL:
                ends += self._cancel("gateway supervisor") or self.end(Way.STOP)  # there may be none yet
            case Way.LEAVE:
                self.is_stopping = True
                ends += self._cancel("program")
            case Way.TEAR:
                ends += self._cancel("stop") if self._stops else []
            case Way.STRAY:
                ends += self._cancel("gateway epoch")
        self.ends += ends
        return ends

    async def _stop(self) -> None:
        self._stops = True
        await self.gateway.stop()

    @staticmethod
    def _cancel(name: str) -> list["asyncio.Task[Any]"]:
        tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith(name)]
        for task in tasks:
            task.cancel()
        return tasks

    async def ended(self) -> None:
        """Wait for all ends, a bounded time."""
        async with asyncio.timeout(BOUND):
            while open_ := [one for one in self.ends if not one.done()]:  # another may end it meanwhile
                await asyncio.wait(open_)

    # --- what must be gone

    def _is_ours(self, task: "asyncio.Task[Any]", place: str) -> bool:
        own = place.startswith(OURS) and not place.startswith(THEIRS)
        return own or place.endswith("/memory_transport.py") or task.get_name() in {"program", "stop"}

    def tasks(self) -> Iterator[str]:
        """Return the names of the gateway's tasks."""
        return (task.get_name() for task in asyncio.all_tasks() if self._is_ours(task, _file(task)))

    def timers(self) -> list[str]:
        return sorted(repr(timer) for timer in self.loop._timers())

    async def check_down(self) -> None:
        """Both are down, and nothing is left of them."""
        for _ in range(20):
            await asyncio.sleep(0)
        for id_ in (PUBLIC, PRIVATE):
            view = self.gateway.registry.snapshot.supervised.get(id_)
            assert view is None or view.state is S.DISCONNECTED, f"{id_} is {view.state}"
        assert not self.gateway.registry.snapshot.live
        assert (self.network.held, self.network.dialling) == ((), 0), "a socket is left"
        assert not self.venue.sockets, "the exchange sees a socket that is open"
        assert all(peer.torn_sends == 0 for peer in self.network.peers), "a send was cancelled"
        left = [name for name in self.tasks() if not name.startswith(STAYING)]
        assert not left, f"tasks are left: {left}"
        asked = sum(name.startswith("gateway native request") for name in self.tasks())
        assert len(self.timers()) <= 3 + asked, self.timers()  # of the reference, the sweep, and the one who asks

    async def check_up_again(self) -> None:
        """Nothing stands in the way of another beginning: each stream is served once, each answer is there."""
        self.all_is_well()
        async with asyncio.timeout(UP):
            for id_ in (PUBLIC, PRIVATE):
                assert await self.gateway.connect_account(id_, retry=True) is True
            await asyncio.sleep(2.0)
        wanted = set(self.wanted())
        got = sorted(stream for _, stream in self.venue.streams())
        assert got == sorted(wanted), f"{got} instead of {sorted(wanted)}"
        for link in self.gateway._assembly.exchanges["mock"].links.all.values():
            outstanding = link.connection.ledger._outstanding
            assert not [*chain(outstanding._waiting, outstanding._overdue)], "an answer is waited for"

    def wanted(self) -> Iterator[str]:
        for link in self.gateway._assembly.exchanges["mock"].links.all.values():
            yield from link.connection.feeds


def _file(task: "asyncio.Task[Any]") -> str:
    code = getattr(task.get_coro(), "cr_code", None)
    return "" if code is None else code.co_filename


Body = Callable[[World], Awaitable[None]]


@dataclass(frozen=True)
class Strike:
    """At which await it is ended, how, and at which await after that once more."""

    at: int
    way: Way
    moment: Moment = Moment.BEGUN
    after: int = 0
    again: Way = Way.STOP


@dataclass(frozen=True)
class Swept:
    """Where the gateway's tasks stood at each await of a scenario, and of the clean-up after it."""

    scenario: list[str]
    cleaning: list[str]


def sweep(prelude: Body, body: Body, strike: Strike | None = None, seed: int = 0) -> Swept:
    """Run a scenario, ended as ``strike`` says; until then it goes the same way each time."""
    loop = VirtualLoop(seed)
    try:
        swept = loop.run_until_complete(_main(loop, prelude, body, strike))
        loop.check()
    finally:
        loop.finish()
    return swept


async def _main(loop: VirtualLoop, prelude: Body, body: Body, strike: Strike | None) -> Swept:
    async with MemoryVenue(Venue(symbols=3, now=lambda: round(loop.time() * 1e6))) as network:
        world = World(loop, network)
        await world.running()
        await prelude(world)
        swept = await _disturbed(world, loop.create_task(body(world), name="body"), strike)  # type: ignore[arg-type]
        await world.check_down()
        if not world.is_stopping and not (strike and Way.CANCEL in {strike.way, strike.again}):
            await world.check_up_again()
        for way in (Way.STOP, Way.LEAVE):
            world.end(way)
            await world.ended()
        await world.check_down()
        assert not [*world.tasks()], f"tasks are left: {[*world.tasks()]}"
    return swept


async def _disturbed(world: World, doing: "asyncio.Task[None]", strike: Strike | None) -> Swept:
    """Let the scenario happen, until it is ended as ``strike`` says, or by itself."""
    awaits, is_struck = world.awaits, False

    def first(_: object) -> None:
        nonlocal is_struck
        assert strike is not None
        is_struck = True
        doing.cancel()
        if strike.after:
            awaits.at(strike.after, lambda _: world.end(strike.again))
        world.end(strike.way)

    if strike is not None:
        awaits.at(strike.at, first, strike.moment)
    begun = awaits.count
    await asyncio.wait({doing})
    ended = awaits.count
    if not is_struck:  # otherwise it does not matter what became of it
        assert strike is None or strike.moment is Moment.OVER, "the scenario went another way"
        doing.result()
    elif not doing.cancelled():
        doing.exception()
    if not world.ends:
        world.end(Way.STOP)
    await world.ended()
    awaits.never()
    return Swept(awaits.places[begun:ended], awaits.places[ended:])
