"""
A whole gateway with sessions and clients against the mock exchange in memory, for a hundred virtual seconds.

Everything is drawn from one seed: what goes wrong, what operators and clients do, what runs before what.
The same seed gives the same run to the last message, in every process.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from clients import Client
from exchange import KEY, SECRET, Limited, Venue
from following import Books
from invariants import Broken
from mishaps import HEALED, PRIVATE, PUBLIC, TOPICS, delay, end, is_calm, plan
from network import Overheard
from recovering import BOUND
from standing import Standing
from watching import EVERY, Watching

from gateway import Gateway
from gateway.errors import GatewayError
from gateway.serving.auth.reception import Reception
from gateway.serving.codes import CloseCode
from gateway.serving.figures import Figures
from gateway.serving.limits import Limits
from gateway.serving.lines import Lines
from gateway.serving.sitting import Ground
from gateway.testing.leaks import Leaks
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.virtual import LeftBehindError, VirtualLoop

SECONDS: Final = 100.0
DOWN: Final = 3.5
LEAKS: Final = Leaks({"a secret": SECRET})
KEPT: Final = {"changes": 16, "messages": 24, "bytes": 2048, "topics": "5s"}
LIMITS: Final = Limits(queue=1 << 12, lag=1 << 11, high_water=1 << 11, closing=1.0)
ENVIRON: Final = {"KEY": KEY, "SECRET": SECRET}


@dataclass
class Times:
    """Seconds of waits before dials, of dials once nothing went wrong, until all was well, and of the end."""

    waits: list[float] = field(default_factory=list)
    ups: list[float] = field(default_factory=list)
    well: float = 0.0
    end: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What came of one seed: what was broken, a digest of all that happened, and how much that was."""

    seed: int
    broken: Broken
    digest: str
    events: int
    counts: dict[str, int]
    compared: int
    """How often a client's book was compared with the exchange's."""
    times: Times


class Quiet(Lines):
    """Writes no line; a session that fails is a failure."""

    def closed(self, client: str, code: CloseCode, reason: str) -> None:
        """Say nothing."""

    def failed(self, client: str, failure: Exception) -> None:
        raise failure


class World:
    """The gateway, the exchange, the clients, and what is noted of them."""

    def __init__(self, seed: int, loop: VirtualLoop, broken: Broken) -> None:
        self.seed = seed
        self.now = loop.time
        self.broken = broken
        self.calm = is_calm(seed)
        self.limits = LIMITS
        self.down: set[str] = set()
        self.clients: list[Client] = []
        self.counts: dict[str, int] = {}
        """How often each thing happened."""
        self.told: list[str] | None = None
        """Everything that happened, if somebody wants to read it."""
        self.events = 0
        self.ahead = 0.0
        """Seconds by which the wall clock is ahead of what it was set to at first."""
        self.times = Times()
        self._said: list[str] = []
        self._digest = hashlib.sha256()
        self._rng = Random(seed)
        self._loop = loop
        self._doing: set[asyncio.Future[Any]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._muted: set[int] = set()
        self._pace = 5
        self._order = 0
        self.venue = Venue(loop.time, broken, seed)
        self.books = Books(self.venue.books)
        self._watching = Watching(self)
        self._standing = Standing(self)
        self.network = Overheard(self.venue, self._watching, broken, loop.time)
        self.gateway = Gateway(
            self._settings(),
            plugins={"mock": Limited()},
            environ=ENVIRON,
            network=self.network,
            observers=[self._watching],
            now=loop.time,
            wall_us=self.wall_us,
            rng=Random(seed),
        )
        self._watching.watch(self.gateway.registry)

    def wall_us(self) -> int:
        return round((self.now() + self.ahead) * 1e6)

    @property
    def links(self) -> Mapping[str, Any]:
        """What the gateway has of each connection."""
        return self.gateway._assembly.exchanges["mock"].links.all

    def trace(self, *facts: object) -> None:
        """Remember that something happened."""
        line = f"{self.now():.6f} {' '.join(map(str, facts))}\n"
        self._digest.update(line.encode())
        self.events += 1
        if self.told is not None:
            self.told.append(line)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def _settings(self) -> dict[str, Any]:
        endpoints = {**self.network.addresses, "allow_plaintext": True}
        return {
            "exchanges": {"mock": {"endpoints": endpoints, "heartbeat_interval": self._pace}},
            "accounts": {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}},
            "retention": KEPT,
        }

    # --- what happens

    def later(self, seconds: float, does: Callable[[], object]) -> None:
        self._timers.add(self._loop.call_later(seconds, does))

    def ask(self, what: Callable[[str], Awaitable[object]], id_: str) -> None:
        """Ask for something that may fail, since things go wrong."""
        self._do(_asked(what, id_))

    def reload(self, pace: int) -> None:
        self._pace = pace
        self._do(self._reload())

    async def _reload(self) -> None:
        await self.gateway.reload(self._settings())

    def hold_down(self, id_: str) -> None:
        self.down.add(id_)
        self._do(self._hold_down(id_))

    async def _hold_down(self, id_: str) -> None:
        begun = self.now()
        await self.gateway.disconnect_account(id_)
        if self.now() - begun > DOWN:
            self.broken.add("down", self.now(), f"it took {self.now() - begun:.3f} s to disconnect {id_}")

    def let_up(self, id_: str) -> None:
        self.down.discard(id_)
        self.gateway.connect_account(id_, wait=False, retry=True)

    def lapse(self, client: Client, seconds: float) -> None:
        """Have a client not read for a while."""
        client.lapse(reads=False)
        self.later(seconds, lambda: client.lapse(reads=True))

    def mute(self, number: int) -> None:
        socket: Any = self.venue.sockets[number]
        socket.muted = True
        self._muted.add(socket._transport._peer.number)

    def is_mute(self, peer: MemoryPeer) -> bool:
        return peer.number in self._muted

    def heal(self) -> None:
        """Let nothing more go wrong; what is broken stays so until it is found."""
        self.venue.faults.clear()
        self.venue.shut = False
        delay(self, self._rng)
        self.venue.thaw()
        for id_ in (PUBLIC, PRIVATE):
            self.let_up(id_)
        self.later(2.0, lambda: self.let_up(PRIVATE))  # a login's refusal may have been on its way

    def _do(self, doing: Any) -> None:
        task = asyncio.ensure_future(doing)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    # --- the run

    async def run(self) -> None:
        """Live through it all."""
        delay(self, self._rng)
        async with self.network:
            await self._live()
            self._check_secrets()
        if self.network.held:
            self.broken.add("nothing left", self.now(), f"{len(self.network.held)} sockets are held")

    async def _live(self) -> None:
        async with self.gateway:
            reception = Reception(self.gateway.hub, self.now, self.wall_us, delay=0.1)
            ground = Ground(
                self.gateway.hub, LIMITS, Quiet(self.now), self.now, self.wall_us, Figures(self.wall_us)
            )
            self.clients = [
                Client(n, ground, reception, self._broken_of(n), self.trace, self.books) for n in range(3)
            ]
            for topic in ("mock:trades:BTC-USDT", "mock:orders:@main"):
                self.clients[0].want(topic)
            for client in self.clients:
                for topic in self._rng.sample(TOPICS, k=2):
                    client.want(topic)
                client.connect()
            saying, looking = (asyncio.create_task(one) for one in (self._say(), self._look()))
            await self._happen()
            await asyncio.sleep(SECONDS - self.now())
            self._check_end()
            saying.cancel()
            looking.cancel()
            for timer in self._timers:
                timer.cancel()
            for client in self.clients:
                await client.end()
            await asyncio.wait({saying, looking, *self._doing})
            await end(self, self._rng)
            begun = self.now()
        self.times.end = self.now() - begun
        if self.times.end > DOWN:
            self.broken.add("exit", self.now(), f"it took {self.times.end:.3f} s to close the gateway")

    def _broken_of(self, number: int) -> Callable[[str, str], None]:
        return lambda name, text: self.broken.add(name, self.now(), f"client {number}: {text}")

    async def _happen(self) -> None:
        for at, name, does in plan(self.seed, self._rng):
            await asyncio.sleep(at - self.now())
            self.trace("does", name)
            self.counts[name] = self.counts.get(name, 0) + 1
            does(self, self._rng)

    async def _say(self) -> None:
        rng = Random(self.seed)
        while True:
            await asyncio.sleep(rng.uniform(0.5, 1.5))
            self.venue.say()
            if rng.random() < 0.25:
                self._order += 1
                order = {"symbol": "btc_usdt", "order_id": str(self._order), "side": "buy", "type": "limit"}
                self.venue.emit_order({**order, "status": "new", "price": "1", "size": "1", "filled": "0"})

    async def _look(self) -> None:
        is_well = False
        while True:
            await asyncio.sleep(EVERY)
            self._watching.look()
            self._standing.look()
            if self.now() < HEALED:
                continue
            wrong = self._unwell()
            if wrong or not is_well:
                self.times.well = self.now() - HEALED
            is_well = not wrong
            if wrong and self.now() > HEALED + BOUND:
                self.broken.add("recovery", self.now(), wrong)

    # --- what must be

    def say(self, *what: object) -> None:
        """Keep what observers are told, of whom those who write logs are some."""
        self._said.append(str(what))

    def _check_secrets(self) -> None:
        told = (self.gateway.get_connection_details(), self.gateway.get_stats())
        heard = b"".join(bytes(client.heard) for client in self.clients)
        for leak in LEAKS.found(heard) + LEAKS.found("".join((*self._said, str(told)))):
            self.broken.add("secrets", self.now(), leak)

    def _unwell(self) -> str:
        """Say what is not well, if anything."""
        for id_, view in self.gateway.registry.snapshot.supervised.items():
            if view.state != "CONNECTED":
                return f"{id_} is {view.state}: {view.reason} {view.text}"
        for topic in self.gateway.hub.topics.values():
            if topic.status != "live":
                return f"{topic.name} is {topic.status}: {topic.reason}"
        return ""

    def _check_end(self) -> None:
        wanted = sorted({_stream(topic) for client in self.clients for topic in client.wanted})
        served = sorted(stream for _, stream in self.venue.streams())
        if served != wanted:
            self.broken.add("wishes", self.now(), f"{served} are served, {wanted} are wanted")
        for client in self.clients:
            if client.keeps_up and client.topics.keys() != client.wanted:
                self.broken.add("wishes", self.now(), f"client {client.number} has {sorted(client.topics)}")
        registry = self.gateway.registry
        for id_, link in self.links.items():
            outstanding = link.connection.ledger._outstanding
            if [*outstanding._waiting, *outstanding._overdue]:
                self.broken.add("answers", self.now(), f"{id_} waits for an answer")
            if len(registry.history(id_)) > KEPT["changes"]:
                self.broken.add("bounded", self.now(), f"{id_} remembers {len(registry.history(id_))} changes")
        for topic in self.gateway.hub.topics.values():
            if topic.ring is not None and len(topic.ring._frames) > KEPT["messages"]:
                self.broken.add("bounded", self.now(), f"{topic.name} keeps {len(topic.ring._frames)} messages")


async def _asked(what: Callable[[str], Awaitable[object]], id_: str) -> None:
    with suppress(GatewayError):  # it was told
        await what(id_)


def _stream(topic: str) -> str:
    _, channel, symbol = topic.split(":")
    return channel if symbol.startswith("@") else f"{channel}.{symbol.lower().replace('-', '_')}"


def play(seed: int, told: list[str] | None = None) -> Outcome:
    """Run one seed; ``told`` gets everything that happens."""
    loop, broken = VirtualLoop(seed), Broken()
    try:
        world = World(seed, loop, broken)
        world.told = told
        loop.run_until_complete(world.run())
        loop.check()
    except LeftBehindError as left:
        broken.add("nothing left", loop.time(), f"{left} {left.__cause__ or ''}")
    finally:
        loop.finish()
    return Outcome(seed, broken, world.digest, world.events, world.counts, world.books.compared, world.times)
