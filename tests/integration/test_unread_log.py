"""A log that a full disk does not take, or that nobody reads, costs lines: clients miss nothing, and it ends."""

import asyncio
import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from process import Process

from gateway.client import connect
from gateway_mock.venue import MockVenue

TOPIC = "mock:trades:BTC-USDT"
CUTS, TRADES = 2, 200
PATIENCE = 60.0
SMALLEST = 4096
"""Bytes that a pipe holds at least: less than is logged until clients can connect."""

pytestmark = pytest.mark.timeout(180)


@contextmanager
def full_disk(stderr: Path) -> Iterator[None]:
    if not Path("/dev/full").exists():
        pytest.skip("there is no full disk to be had")
    stderr.symlink_to("/dev/full")
    yield


@contextmanager
def nobody_reads(stderr: Path) -> Iterator[None]:
    os.mkfifo(stderr)
    reader = os.open(stderr, os.O_RDONLY | os.O_NONBLOCK)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, SMALLEST)
    try:
        yield
    finally:
        os.close(reader)


def tables(venue: MockVenue) -> dict[str, Any]:
    return {
        "server": {"listen": "127.0.0.1:0"},
        "log": {"level": "debug"},
        "exchanges": {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}},
    }


@pytest.mark.parametrize("log", [full_disk, nobody_reads])
async def test_clients_are_sent_everything_all_the_same(log: Any, tmp_path: Path) -> None:
    with log(tmp_path / "stderr"):
        async with MockVenue() as venue, Process(tmp_path, tables(venue)) as process:
            async with connect(f"ws://{await process.address()}") as client, asyncio.timeout(PATIENCE):
                await client.subscribe(TOPIC)
                for _ in range(CUTS):  # each of them is told in the log
                    await venue.wait_for(lambda: bool(venue.streams()))
                    venue.drop()
                    await venue.wait_for(lambda: not venue.streams())
                await venue.wait_for(lambda: bool(venue.streams()))
                for _ in range(TRADES):
                    venue.emit_trade("btc_usdt")
                numbers: list[int] = []
                async for message in client:
                    numbers += [record["id"] for record in message.get("data", ())]
                    if len(numbers) >= TRADES:
                        break
                assert numbers == list(range(numbers[0], numbers[0] + TRADES))
            process.tell(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE):
                assert await process._process.wait() == 0
