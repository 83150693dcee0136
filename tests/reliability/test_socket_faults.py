"""Faults that need real sockets, descriptors or processes: a whole gateway over loopback, or a part of it."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from oracles import Ledger

from gateway import Gateway
from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.spi.steps import Open
from gateway.testing.chaos import ChaosProxy
from gateway.testing.records import Watch
from gateway_mock.venue import MockVenue

PUBLIC = "mock/stream/0"
TOPIC = "mock:trades:BTC-USDT"
PATIENCE = 20.0


class Heard:
    """What came of one topic."""

    def __init__(self) -> None:
        self.ledger = Ledger(lambda one: int(one.id))
        self.trades: dict[int, tuple[str, str]] = {}
        self._watch = Watch()

    def hear(self, message: Any) -> None:
        self.ledger.hear(message)
        for record in getattr(message, "records", ()):
            self.trades[int(record.id)] = (record.price, record.size)
        self._watch.changed()

    async def come(self, more: int) -> None:
        """Wait for so many data more than there are."""
        wanted = self.ledger.came + more
        async with asyncio.timeout(PATIENCE):
            await self._watch.wait_for(lambda: self.ledger.came >= wanted)


@asynccontextmanager
async def running(venue: MockVenue, stream: str, **mock: Any) -> AsyncIterator[tuple[Gateway, Heard]]:
    endpoints = {**venue.addresses, "stream": stream, "allow_plaintext": True}
    async with Gateway({"exchanges": {"mock": {"endpoints": endpoints, **mock}}}) as gateway:
        heard = Heard()
        await gateway.listen(TOPIC, heard.hear)
        await heard.come(3)
        yield gateway, heard


def descriptors() -> list[int]:
    return [int(one.name) for one in Path("/proc/self/fd").iterdir()]


def every_descriptor() -> Iterator[int]:
    """Take all that there are."""
    with suppress(OSError):
        while True:
            yield os.open(os.devnull, os.O_RDONLY)


def opened(gateway: Gateway) -> int:
    return sum(change.after == "CONNECTED" for change in gateway.registry.history(PUBLIC))


async def test_a_dial_that_nobody_answers_ends_at_its_deadline_and_leaves_nothing() -> None:
    async with MockVenue() as venue, ChaosProxy(venue.port) as proxy:
        network = AiohttpNetwork()
        proxy.vanish()
        await asyncio.sleep(0)
        before = descriptors()
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await network.open(Open(f"ws://127.0.0.1:{proxy.port}"), max_frame=1024)
        assert asyncio.get_running_loop().time() - began < 1.0
        await asyncio.sleep(0)
        assert descriptors() == before
        await network.close()


async def test_a_slow_line_costs_no_connection() -> None:
    """Three quarters of what the line takes are sent over it, for several of the pings' intervals."""
    async with (
        MockVenue(rate=40) as venue,
        ChaosProxy(venue.port) as proxy,
        running(venue, f"ws://127.0.0.1:{proxy.port}", heartbeat_interval=1) as (gateway, heard),
    ):
        began, sent = asyncio.get_running_loop().time(), proxy.down.passed
        await heard.come(40)
        rate = (proxy.down.passed - sent) / (asyncio.get_running_loop().time() - began)
        proxy.down.rate = rate * 4 / 3
        await heard.come(120)
        assert opened(gateway) == 1
        assert heard.ledger.wrong == []


@pytest.mark.parametrize("after", [1, 40, 90, 200])
async def test_a_byte_that_was_changed_is_never_taken_for_data(after: int) -> None:
    """A changed digit cannot be told from another; any byte that leaves ASCII can."""
    async with (
        MockVenue(rate=50) as venue,
        ChaosProxy(venue.port) as proxy,
        running(venue, f"ws://127.0.0.1:{proxy.port}") as (_, heard),
    ):
        proxy.down.flip(after=after, mask=0x80)
        await heard.come(50)
        made = {trade["id"]: (trade["price"], trade["size"]) for trade in venue.markets["btc_usdt"].trades}
        assert heard.ledger.wrong == []
        assert heard.trades.items() <= made.items()


async def test_without_a_descriptor_left_what_is_open_goes_on_and_what_is_not_comes_later() -> None:
    async with MockVenue(rate=50) as venue, running(venue, venue.addresses["stream"]) as (gateway, heard):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(descriptors())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        taken = list(every_descriptor())
        try:
            dialled = gateway.connect_account("mock/stream/1")
            assert await dialled is False
            await heard.come(20)
            assert opened(gateway) == 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for descriptor in taken:
                os.close(descriptor)
        assert await gateway.connect_account("mock/stream/1") is True
        assert heard.ledger.wrong == []


async def test_it_serves_without_a_home_a_locale_or_anything_else_in_its_environment(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--demo", "--listen", "127.0.0.1:0"),
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            assert b"127.0.0.1" in await process.stdout.readline()
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert b"Traceback" not in errors
