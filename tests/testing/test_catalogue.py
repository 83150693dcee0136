"""Every row of the catalogue is there, and what it plays changes what a client of the mock exchange sees."""

import asyncio
import hashlib
import hmac
import json
from itertools import count

import pytest

from gateway.errors import ConnectionFault
from gateway.net.transport import Kind, Transport
from gateway.spi.steps import Fetch, Open
from gateway.testing.catalogue import Row, catalogue
from gateway.testing.chaos import ChaosProxy
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.scenario import Scenario, playing
from gateway.testing.scenario_files import read
from gateway.testing.virtual import run
from gateway_mock.venue import MockVenue

ROWS = catalogue()
SIZES = {"A": 23, "B": 17, "C": 18, "D": 13, "E": 20, "F": 22}
STREAMS = ["trades.btc_usdt", "quotes.eth_usdt", "book.sol_usdt"]
AFTERWARDS = 40.0
"""Seconds that clients go on after the last step."""
SHORTEST = 90.0


def test_every_fault_of_the_six_groups_is_there_in_order() -> None:
    assert list(ROWS) == [f"{group}{number:02}" for group, size in SIZES.items() for number in range(1, size + 1)]


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_is_played_by_something_or_says_why_not(row: Row) -> None:
    assert bool(row.scenario or row.proxy) is not bool(row.reason)
    assert 10 < len(row.fault) < 80


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.proxy], ids=lambda row: row.id)
async def test_what_a_row_wants_of_the_proxy_is_there(row: Row) -> None:
    found = ChaosProxy(1)
    for name in row.proxy.split("."):
        found = getattr(found, name)


# --- what a client sees


class Client:
    """Keeps a connection to the mock exchange, loses it, comes back, and writes down all it sees."""

    def __init__(self, memory: MemoryVenue, path: str, pace: float) -> None:
        self.seen: list[str] = []
        self._memory = memory
        self._path = path
        self._pace = pace
        self._ids = count(1)

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(10):
                    transport = await self._memory.open(
                        Open(self._memory.addresses[self._path]), max_frame=1 << 22
                    )
                self.seen.append("open")
                await self._live(transport)
            except (ConnectionFault, TimeoutError) as end:
                self.seen.append(f"{type(end).__name__} {end}")
            await asyncio.sleep(1.01)

    async def _live(self, transport: Transport) -> None:
        pinging = asyncio.create_task(self._ping(transport))
        loop = asyncio.get_running_loop()
        try:
            if self._path == "private":
                await self._login(transport)
            for stream in STREAMS if self._path == "stream" else ["orders"]:
                await self._ask(transport, op="subscribe", streams=[stream])
            async with asyncio.timeout(self._pace * 6):
                while True:
                    kind, payload = await transport.receive()
                    self.seen.append(f"{kind.value} {payload[:200]!r}")
        finally:
            pinging.cancel()
            await asyncio.wait({pinging})
            began = loop.time()
            await transport.close()
            self.seen.append(f"closed in {loop.time() - began:.1f}")

    async def _login(self, transport: Transport) -> None:
        kind, payload = await transport.receive()
        nonce = json.loads(payload).get("nonce", "") if kind is Kind.TEXT and payload.startswith(b"{") else ""
        signature = hmac.new(b"mock-secret", nonce.encode(), hashlib.sha256).hexdigest()
        await self._ask(transport, op="login", key="mock-key", signature=signature)
        self.seen.append(repr(await transport.receive()))

    async def _ask(self, transport: Transport, **about: object) -> None:
        await transport.send(json.dumps({"id": next(self._ids), **about}))

    async def _ping(self, transport: Transport) -> None:
        for number in count():
            await asyncio.sleep(self._pace)
            await transport.ping(b"%d" % number)


class Asker:
    """Asks over REST again and again."""

    def __init__(self, memory: MemoryVenue, pace: float) -> None:
        self.seen: list[str] = []
        self._memory = memory
        self._pace = pace

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._pace)
            began = loop.time()
            try:
                async with asyncio.timeout(10):
                    reply = await self._memory.fetch(Fetch("GET", f"{self._memory.addresses['rest']}/time"))
                self.seen.append(f"{reply.status} {reply.body!r} {loop.time() - began:.1f}")
            except (ConnectionFault, TimeoutError) as end:
                self.seen.append(repr(end))


def seen(scenario: Scenario | None, seconds: float) -> dict[str, list[str]]:
    """Return what each client of the mock exchange sees in so many virtual seconds."""
    pace = max(5.137, seconds / 200)

    async def main() -> dict[str, list[str]]:
        async with MemoryVenue(MockVenue(now=lambda: 1, rate=min(1.0, 200 / seconds))) as memory:
            clients = {
                "public": Client(memory, "stream", pace),
                "private": Client(memory, "private", pace),
                "other session": Client(memory, "private", pace * 1.3),
                "rest": Asker(memory, pace),
            }
            async with playing(scenario, memory.venue):
                tasks = [asyncio.create_task(one.run()) for one in clients.values()]
                await asyncio.sleep(seconds)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            memory.venue.faults.clear()
            memory.venue.thaw()
            return {name: one.seen for name, one in clients.items()}

    return run(main())


def length(scenario: Scenario) -> float:
    last = max((moment.at for moment in scenario.moments()), default=0.0)
    return max(SHORTEST, last + AFTERWARDS)


PLAYED = [row for row in ROWS.values() if row.scenario is not None]
QUIET: dict[float, dict[str, list[str]]] = {}
"""What is seen of a venue without faults, by how long it is watched."""


def quiet(seconds: float) -> dict[str, list[str]]:
    if seconds not in QUIET:
        QUIET[seconds] = seen(None, seconds)
    return QUIET[seconds]


@pytest.mark.parametrize("row", PLAYED, ids=lambda row: row.id)
def test_what_a_row_plays_is_noticed(row: Row) -> None:
    assert row.scenario is not None
    seconds = length(row.scenario)
    assert (seen(row.scenario, seconds) == quiet(seconds)) is row.unseen


def test_what_is_noticed_is_the_scenario_and_not_chance() -> None:
    nothing = read('steps = [{ at = 10, do = "heal", every = 1.7, until = 60 }]')
    assert seen(nothing, SHORTEST) == quiet(SHORTEST)
    assert all(len(log) > 10 for log in quiet(SHORTEST).values())
