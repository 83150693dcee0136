"""A gateway, the mock exchange in memory, and all that watches them while one fault of the catalogue is played."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from oracles import Dials, Ledger, Levels, Moves

from gateway import Gateway
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.scenario import Scenario, playing
from gateway.testing.virtual import run
from gateway_mock.plugin import MockExchange
from gateway_mock.venue import MockVenue

PUBLIC: Final = "mock/stream/0"
ACCOUNT: Final = "main"
PRIVATE: Final = f"mock/private@{ACCOUNT}"
TRADES: Final = ("btc_usdt", "eth_usdt", "sol_usdt")
STREAMS: Final = {*(f"trades.{one}" for one in TRADES), "quotes.eth_usdt", "book.sol_usdt", "orders"}
SECRET: Final = "mock-secret"
BEGUN_US: Final = 1_792_567_650_000_000
"""When it begins, by the wall clock: 21 October 2026, 07:27:30, half a minute before a date that a row names."""
ORDERED: Final = 5.0
"""Seconds between two orders."""
LOOKS: Final = 3_000
"""How often it is looked for ghosts, at least every :data:`QUIET` seconds where the play is short."""
QUIET: Final = 0.1

Meanwhile = Callable[["Played"], Awaitable[None]]


@dataclass
class Played:
    """What came of one fault, and what was there meanwhile."""

    gateway: Gateway
    venue: MockVenue
    network: MemoryVenue
    moves: Moves
    dials: Dials
    ledgers: dict[str, Ledger | Levels] = field(default_factory=dict)
    noticed: list[tuple[float, str, dict[str, object]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    """The state of each connection in the end."""
    final: dict[str, str] = field(default_factory=dict)
    """What each topic is in the end."""
    wanted: set[str] = field(default_factory=set)
    """What the exchange serves in the end."""
    ahead: float = 0.0
    """Seconds by which the wall clock of the gateway's machine is ahead of the truth."""
    found: dict[str, Any] = field(default_factory=dict)
    """What a row's own part has found out."""

    def states(self, id_: str = PUBLIC) -> list[str]:
        """Return the states that a connection went through, each with its reason."""
        return [f"{change.after} {change.reason}" for change in self.moves.of(id_)]

    def reasons(self) -> set[str]:
        """Return why connections failed."""
        return {str(change.reason) for change in self.moves.changes if change.after == "ERROR"}

    def at(self, id_: str, after: str, *, since: float = 0.0) -> list[float]:
        """Return at which seconds a connection became ``after``, from ``since`` on."""
        times = [(one.at_us - BEGUN_US) / 1e6 for one in self.moves.of(id_) if one.after == after]  # unless ahead
        return [time for time in times if time >= since]

    def statuses(self, topic: str) -> list[str]:
        """Return what was told of a topic."""
        return [status for _, status, _ in self.ledgers[topic].statuses]


class _Watching:
    """The rest of an observer, which :class:`oracles.Moves` is only in part."""

    def __init__(self, played: Played, now: Callable[[], float]) -> None:
        self._played = played
        self._now = now

    def changed(self, change: Any) -> None:
        self._played.moves.changed(change)

    def entered(self, *_: object) -> None:
        """Phases are details."""

    @contextmanager
    def during(self, *_: object) -> Iterator[None]:
        yield

    def noticed(self, _: str, __: int, what: str, **facts: object) -> None:
        self._played.noticed.append((self._now(), what, facts))


def play(
    scenario: Scenario | None,
    seconds: float,
    *,
    rate: float = 1.0,
    meanwhile: Meanwhile | None = None,
    seed: int = 0,
) -> Played:
    """
    Play ``scenario`` to a gateway for so many virtual seconds; nothing may be left when it has stopped.

    ``seed`` decides in which order happens what happens in one instant.
    """
    return run(_play(scenario, seconds, rate, meanwhile), seed=seed)


async def _play(scenario: Scenario | None, seconds: float, rate: float, meanwhile: Meanwhile | None) -> Played:
    loop = asyncio.get_running_loop()

    def wall_us() -> int:
        return BEGUN_US + round(loop.time() * 1e6)

    venue = MockVenue(now=wall_us, rate=rate)
    network = MemoryVenue(venue)
    played = Played(None, venue, network, Moves(network), Dials(network, loop.time))  # type: ignore[arg-type]
    endpoints = {**network.addresses, "allow_plaintext": True}
    account = {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}
    played.gateway = Gateway(
        {"exchanges": {"mock": {"endpoints": endpoints}}, "accounts": {ACCOUNT: account}},
        plugins={"mock": MockExchange()},
        environ={"KEY": "mock-key", "SECRET": SECRET},
        network=network,
        observers=[_Watching(played, loop.time)],
        now=loop.time,
        wall_us=lambda: wall_us() + round(played.ahead * 1e6),
        rng=Random(1),
    )
    played.moves.watch(played.gateway.registry)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(network)
        await stack.enter_async_context(played.gateway)
        await _listen(played)
        tasks = [asyncio.create_task(_orders(venue)), asyncio.create_task(_look(played, seconds))]
        await stack.enter_async_context(playing(scenario, venue))
        if meanwhile is not None:
            tasks.append(asyncio.create_task(_run(meanwhile, played)))
        await asyncio.sleep(seconds + 0.5 / rate)  # between two data
        _settle(played)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        venue.faults.clear()
        venue.thaw()
    if network.held:
        played.wrong.append(f"LEAK: {len(network.held)} sockets are held")
    return played


async def _listen(played: Played) -> None:
    for native in TRADES:
        await _hear(played, f"mock:trades:{native.upper().replace('_', '-')}", Ledger(lambda one: int(one.id)))
    await _hear(played, "mock:quotes:ETH-USDT", Ledger(lambda one: int(one.seq)))
    await _hear(played, "mock:book:SOL-USDT", Levels())
    await _hear(played, "mock:orders:@main", Ledger(lambda one: int(one.order_id)))


async def _hear(played: Played, topic: str, ledger: Ledger | Levels) -> None:
    played.ledgers[topic] = ledger
    await played.gateway.listen(topic, ledger.hear)


async def _orders(venue: MockVenue) -> None:
    """Give orders, but while nothing happens at the exchange: of an account nobody can tell that from a loss."""
    number = 0
    while True:
        await asyncio.sleep(ORDERED)
        if venue.faults.stall:
            continue
        number += 1
        order = {"symbol": "btc_usdt", "order_id": str(number), "side": "buy", "type": "limit", "status": "new"}
        venue.emit_order({**order, "price": "1", "size": "1", "filled": "0"})


async def _look(played: Played, seconds: float) -> None:
    while True:
        await asyncio.sleep(max(QUIET, seconds / LOOKS))
        played.moves.sample(played.gateway.registry)


async def _run(meanwhile: Meanwhile, played: Played) -> None:
    await meanwhile(played)


def _settle(played: Played) -> None:
    """Write down how all stands in the end."""
    picture = played.gateway.registry.snapshot.supervised
    played.ends = {id_: str(view.state) for id_, view in picture.items()}
    played.wanted = set(played.venue.wanted())
    played.wrong += played.moves.wrong
    for topic, ledger in played.ledgers.items():
        played.final[topic] = ledger.status
        if isinstance(ledger, Ledger):
            played.wrong += [f"{topic}: {one}" for one in ledger.wrong]
            if not ledger.came:
                played.wrong.append(f"{topic}: LEDGER: nothing ever came")
        elif ledger.status == "live":
            played.wrong += ledger.differs(played.venue.markets["sol_usdt"].book())
