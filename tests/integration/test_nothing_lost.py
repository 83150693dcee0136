"""
Numbered messages over many faults: where a venue can be asked again, nothing is lost, doubled or reordered.

Where it cannot, or does not answer, every hole is announced right before the datum that follows, with its bounds.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import orjson
import pytest
from faulty import ID, Faulty, Forgetful, Reckoning, Unlimited, newest, speak
from measured import counted, happened, took

from gateway import Gateway
from gateway.client import Client, connect
from gateway.engine.messages import Message, Notice, TopicStatus
from gateway.model.subscriptions import parse_topic
from gateway.runtime.backfill import PATIENCE
from gateway.serving import Server
from gateway.testing.chaos import ChaosProxy
from gateway.testing.faults import Refusal
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.virtual import run
from gateway_mock.venue import MockVenue

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
MESSAGES, FAULTS = (1_000_000, 1_000) if FULL else (20_000, 40)
REAL_SECONDS, REAL_FAULTS = (180.0, 150) if FULL else (3.0, 6)
SYMBOLS = 10
RATE = 20.0
REMEMBERED = 5_000
"""Trades of each symbol that the venue can tell of: more than are made during several faults in a row."""

pytestmark = pytest.mark.timeout(900 if FULL else 240)


class Listener:
    """Gets the bytes that a client gets, and reckons them up."""

    wants_frames = True

    def __init__(self) -> None:
        self.reckoning = Reckoning()
        self.held = 0.0
        """Seconds for which a datum that came by itself was held back, at most, while its topic was live."""
        self._now = asyncio.get_running_loop().time
        self._live_since: dict[str, float] = {}

    def put(self, message: Message, /) -> None:
        at = message.recv_us / 1e6
        if message.ts is not None and at >= self._live_since[message.subscription.topic]:
            self.held = max(self.held, self._now() - at)
        self._read(message.frame)

    def notify(self, notice: Notice, frame: bytes, /) -> None:
        if notice.status is TopicStatus.LIVE:
            self._live_since[notice.subscription.topic] = self._now()
        self._read(frame)

    def _read(self, frame: bytes) -> None:
        self.reckoning.take(orjson.loads(frame[frame.index(b'{"topic"') :]))


async def played(plugin: object, seed: int, *, brittle: bool = False) -> tuple[Reckoning, Faulty]:
    """Play all faults in virtual time while everything is said; ``brittle`` has the past fail, too."""
    loop, rng = asyncio.get_running_loop(), Random(seed)
    venue = MockVenue(now=lambda: round(loop.time() * 1e6), symbols=SYMBOLS - 3, seed=seed)
    for market in venue.markets.values():
        market.trades = deque(maxlen=REMEMBERED)
    async with MemoryVenue(venue) as network:
        gateway = Gateway(
            {"exchanges": {"mock": {}}},
            plugins={"mock": plugin},
            network=network,
            now=loop.time,
            wall_us=lambda: round(loop.time() * 1e6),
            rng=rng,
        )
        async with gateway:
            one = Listener()
            for market in venue.markets.values():
                gateway.hub.attach(parse_topic(f"mock:trades:{market.symbol}"), one)
            await asyncio.sleep(2)
            faulty = Faulty(venue, lambda: gateway.rollover(ID), rng)
            if brittle:
                fail(faulty)
            speaking = asyncio.create_task(speak(venue, MESSAGES, RATE))
            every = MESSAGES / (RATE * SYMBOLS) / FAULTS
            await faulty.go_wrong(FAULTS, lambda: rng.uniform(0.0, 2.0) * every * 0.95)
            await speaking
            venue.faults.clear()
            await speak(
                venue, 30 * int(RATE) * SYMBOLS, RATE
            )  # whatever was broken is mended, and the last hole shows
            await asyncio.sleep(10)
            assert sum(faulty.done.values()) == FAULTS
            assert gateway.get_stats()["live_connections"] == 1
            assert one.reckoning.last == newest(venue)
            assert one.reckoning.came + one.reckoning.told == sum(newest(venue).values())
            assert (gateway.get_stats()["filled"] > 0) is (type(plugin) is Unlimited)
            assert gateway.get_stats()["unfilled"] == one.reckoning.told
            assert one.held <= PATIENCE + 0.01
            took("seconds that a datum was held back, at most in each run", [one.held], bound=PATIENCE + 0.01)
    return one.reckoning, faulty


def fail(faulty: Faulty) -> None:
    """Have the past fail in ways that take longer than anybody waits, or for ever."""
    venue, faults = faulty.venue, faulty.venue.faults

    def forget() -> None:
        """What was lost just now, and much before it, cannot be told."""
        faults.lose(faulty.stream(), 3)
        for market in venue.markets.values():
            market.trades.clear()

    async def refuse() -> None:
        faults.refuse_requests.arm(Refusal(503))
        faults.lose(faulty.stream(), 3)
        await asyncio.sleep(faulty.rng.uniform(1.0, 10.0))
        faults.refuse_requests.clear()

    faulty.all |= {
        "past forgotten": forget,
        "past refused": refuse,
        "past limited": lambda: faulty.lose_and(faults.refuse_requests.arm, Refusal(429, {"retry-after": "5"})),
        "past hangs": lambda: faulty.cut_and(faults.hang_requests.arm, times=2),
        "numbers skipped": lambda: faults.skip(faulty.stream(), faulty.rng.randrange(1, 9)),
    }


def tell(where: str, reckoning: Reckoning, faulty: Faulty) -> None:
    """Add it to what is shown."""
    counted(f"{where}: faults", sum(faulty.done.values()))
    counted(f"{where}: messages told to be missing, right before what followed", reckoning.told)
    said = reckoning.came + reckoning.told
    for what in ("lost", "doubled", "reordered"):
        happened(f"{where}: messages {what}, and nobody told", getattr(reckoning, what), said)


def test_nothing_is_lost_doubled_or_reordered_where_the_past_can_be_asked_for() -> None:
    reckoning, faulty = run(played(Unlimited(), seed=1))
    tell("with a past", reckoning, faulty)
    assert reckoning.wrong == []
    assert (reckoning.lost, reckoning.told, reckoning.doubled, reckoning.reordered) == (0, 0, 0, 0)
    assert reckoning.came > MESSAGES


def test_every_hole_is_announced_before_what_follows_it_where_there_is_no_past() -> None:
    reckoning, faulty = run(played(Forgetful(), seed=2))
    tell("without a past", reckoning, faulty)
    assert reckoning.wrong == []
    assert (reckoning.lost, reckoning.doubled, reckoning.reordered) == (0, 0, 0)
    assert reckoning.told > FAULTS


def test_what_a_past_that_fails_does_not_tell_is_announced_and_the_rest_comes() -> None:
    reckoning, faulty = run(played(Unlimited(), seed=3, brittle=True))
    tell("with a past that fails", reckoning, faulty)
    assert reckoning.wrong == []
    assert (reckoning.lost, reckoning.doubled, reckoning.reordered) == (0, 0, 0)
    assert reckoning.told > sum(faulty.done[name] for name in ("past forgotten", "numbers skipped"))


# --- over sockets, in real time


class Wired(Faulty):
    """What a network does to bytes, beside what a venue does."""

    def __init__(self, venue: MockVenue, proxy: ChaosProxy, roll: Callable[[], object], rng: Random) -> None:
        super().__init__(venue, roll, rng)
        self.proxy = proxy
        kept = ("cut by Close", "shutdown notice", "rollover", "data lost", "data repeated", "data swapped")
        self.all = {name: self.all[name] for name in (*kept, "history bent", "stream ended")} | {
            "cut by FIN": proxy.drop,
            "cut by RST": lambda: proxy.drop(rst=True),
            "FIN within a frame": lambda: proxy.down.cut_after(rng.randrange(1, 3000), rst=False),
            "RST within a frame": lambda: proxy.down.cut_after(rng.randrange(1, 3000)),
            "half-open": self.swallow,
            "dials refused": self.refuse,
            "frozen": self.freeze,
            "byte by byte": self.split,
        }

    async def swallow(self) -> None:
        """Take everything and pass nothing on, until the peer is left."""
        self.proxy.down.swallow()
        await asyncio.sleep(2.0)
        self.proxy.drop()
        self.proxy.down.thaw()

    async def refuse(self) -> None:
        """Refuse whoever comes back, for a moment."""
        self.proxy.refuse()
        self.proxy.drop(rst=True)
        await asyncio.sleep(self.rng.uniform(0.1, 1.0))
        await self.proxy.admit()

    async def freeze(self) -> None:
        """Pass on later what came meanwhile."""
        self.proxy.down.freeze()
        await asyncio.sleep(0.7)
        self.proxy.down.thaw()

    async def split(self) -> None:
        """Write a few bytes at a time."""
        self.proxy.down.piece = 7
        await asyncio.sleep(0.3)
        self.proxy.down.piece = 1 << 16


async def heard(client: Client, reckoning: Reckoning) -> None:
    async for message in client:
        reckoning.take(message)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what messages bring about."""
    async with asyncio.timeout(100):
        while not holds():  # noqa: ASYNC110  # nothing signals it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("plugin", [Unlimited(), Forgetful()], ids=["past", "no past"])
async def test_over_sockets_that_break_anywhere_it_is_the_same(plugin: object) -> None:
    rng, reckoning = Random(4), Reckoning()
    async with MockVenue() as venue, ChaosProxy(venue.port) as proxy:
        endpoints = {**venue.addresses, "stream": f"ws://127.0.0.1:{proxy.port}", "allow_plaintext": True}
        settings = {"exchanges": {"mock": {"endpoints": endpoints, "heartbeat_interval": 1}}}
        async with (
            Gateway(settings, plugins={"mock": plugin}) as gateway,
            serving(gateway) as address,
            connect(f"ws://{address}/v1/ws", queue=100_000) as client,
        ):
            topics = [f"mock:trades:{market.symbol}" for market in venue.markets.values()]
            for topic in topics:
                [ack] = await client.subscribe([topic])
                assert ack["success"], ack
            listening = asyncio.create_task(heard(client, reckoning))
            await until(lambda: gateway.get_stats()["live_connections"] == 1 and len(venue.streams()) == 3)
            faulty = Wired(venue, proxy, lambda: gateway.rollover(ID), rng)
            speaking = asyncio.create_task(speak(venue, 10**9, 100))
            await asyncio.sleep(0.5)
            every = REAL_SECONDS / REAL_FAULTS
            await faulty.go_wrong(REAL_FAULTS, lambda: rng.uniform(0.5, 1.5) * every)
            await until(lambda: gateway.get_stats()["live_connections"] == 1 and len(venue.sockets) == 1)
            before = newest(venue)
            await until(lambda: all(reckoning.last.get(topic, 0) > before[topic] for topic in topics))
            speaking.cancel()
            await until(lambda: reckoning.last == newest(venue))
            listening.cancel()
            await asyncio.wait({speaking, listening})
    tell("with a past" if type(plugin) is Unlimited else "without a past", reckoning, faulty)
    assert reckoning.wrong == []
    assert (reckoning.lost, reckoning.doubled, reckoning.reordered) == (0, 0, 0)
    assert reckoning.came + reckoning.told == sum(newest(venue).values())
    assert (reckoning.told == 0) is (type(plugin) is Unlimited)


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[str]:
    """Serve ``gateway`` to clients."""
    server = Server(
        gateway.hub,
        gateway.operations,
        host="127.0.0.1",
        port=0,
        now=time.monotonic,
        wall_us=lambda: time.time_ns() // 1000,
        version="0",
    )
    await server.start()
    yield "{}:{}".format(*server.address)
    await server.stop()
