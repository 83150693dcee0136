"""
How soon data flow again: after connections were cut, one by one and all at once, and after peers went half-open.

``python bench/recovery.py --help`` lists the options; README.md says how to read it.
"""

import argparse
import asyncio
import gc
import json
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Self

import half_open
from inside import run
from outages import Outages, percentile, spread

from gateway import Gateway, spi
from gateway.cli.loop import RARELY
from gateway_mock.plugin import INFO, MockExchange

HERE: Final = Path(__file__).resolve().parent
MIDDLE: Final = 1.0
"""Seconds that half of the streams may be without data."""
MOST: Final = 2.5
"""Seconds that 99 of 100 may."""
ONE_BY_ONE: Final = "one by one"
AT_ONCE: Final = "all at once"
"""That has no bound: what a process can do at once is the machine's, and how often it may dial the exchange's."""
PATIENCE: Final = 60.0
"""Seconds after which a stream that does not come back is not waited for."""


class Sharded(MockExchange):
    """
    The mock exchange without a list, without limits to speak of and without a past: so many streams a connection.

    Streams are sparse ones, which may be quiet for as long as they like.
    """

    def __init__(self, streams: int) -> None:
        self._streams = streams

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        stream, *others = INFO.endpoints
        return replace(
            INFO,
            endpoints=(replace(stream, max_streams=self._streams), *others),
            limits=tuple(replace(limit, count=10**9) for limit in INFO.limits),
            channels=(spi.Channel("trades", rhythm=spi.Rhythm.SPARSE, contiguous=True),),
        )

    @spi.hookimpl
    def gateway_instruments(self) -> None:
        return None

    @spi.hookimpl
    def gateway_backfill(self) -> None:
        return None


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 connections of 20 streams, some seconds")
    parser.add_argument("--connections", type=int, metavar="N", default=1000)
    parser.add_argument("--streams", type=int, metavar="N", default=100, help="of each connection")
    parser.add_argument("--rate", type=float, metavar="N", default=10.0, help="cuts a second, one by one")
    parser.add_argument("--half-open", type=int, metavar="N", default=100, help="connections that go half-open")
    parser.add_argument("--interval", type=float, metavar="S", default=2.0, help="their heartbeat interval")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    given = parser.parse_args()
    if given.quick:
        given.connections, given.streams, given.rate, given.half_open, given.interval = 20, 20, 20.0, 20, 0.5
    if not 1 <= given.streams <= 100:
        parser.error("need 1 to 100 streams a connection: a request of the mock exchange may name a hundred")
    return given


class CutVenue:
    """The venue's process. An async context manager."""

    def __init__(self, connections: int, streams: int) -> None:
        self._words = [str(HERE / "cuts.py"), "--connections", str(connections), "--streams", str(streams)]

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(sys.executable, *self._words, stdin=pipe, stdout=pipe)
        self.url = await self._told()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def ask(self, *words: object) -> None:
        """Have it do something, and wait for the end of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        await self._told()

    async def _told(self) -> str:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the venue is gone")
        return line.decode().strip()


@dataclass(frozen=True, slots=True)
class Found:
    """
    What was measured.

    ``outages`` are seconds without data, by how connections were cut, ``left``
    heartbeat intervals, by what had gone dead.
    """

    outages: Mapping[str, Sequence[float]]
    left: Mapping[str, Sequence[float]]
    expected: int
    lost: int
    unannounced: int
    doubled: int

    def complaints(self) -> list[str]:
        """Return what is not as it must be, whatever the machine does."""
        told = [
            f"{how}: {len(lasted):,} of {self.expected:,} streams were told to be cut off and came back"
            for how, lasted in self.outages.items()
            if len(lasted) != self.expected
        ]
        told += [f"{self.unannounced:,} records are missing and nobody said so"] if self.unannounced else []
        return told + ([f"{self.doubled:,} records came twice"] if self.doubled else [])

    def late(self) -> list[str]:
        """Return what took longer than it may."""
        lasted = self.outages[ONE_BY_ONE]
        told = [
            f"{ONE_BY_ONE}: p{per_cent} is above {most:g} s"
            for per_cent, most in {50: MIDDLE, 99: MOST}.items()
            if lasted and percentile(lasted, per_cent / 100) > most
        ]
        return told + half_open.late(self.left)


async def measure(given: argparse.Namespace) -> Found:
    """Let some go half-open; then cut every one of many others twice: one after the other, and all at once."""
    left = await half_open.measure(given.half_open, given.interval)
    heard, lasted = Outages(time.monotonic), {}
    async with CutVenue(given.connections, given.streams) as venue:
        settings = {"exchanges": {"mock": {"endpoints": {"stream": venue.url, "allow_plaintext": True}}}}
        async with Gateway(settings, plugins={"mock": Sharded(given.streams)}) as gateway:
            for group in range(given.connections):
                for name in (f"g{group}s{one}" for one in range(given.streams)):
                    await gateway.listen(f"mock:trades:{name}", heard.listener(name))
            expected = len(heard.streams)
            await heard.wait_for(lambda: heard.heard == expected)
            say(f"{gateway.get_stats()['live_connections']:,} connections with {expected:,} streams are up")
            await venue.ask("each", given.rate)
            await wait(heard, lambda: len(heard.lasted) >= expected)
            lasted[ONE_BY_ONE], heard.lasted, heard.since = heard.lasted, [], time.monotonic()
            say("each was cut")
            await venue.ask("all")
            await wait(heard, lambda: len(heard.lasted) >= expected)
            lasted[AT_ONCE] = heard.lasted
            say("all were cut")
    return Found(lasted, left, expected, heard.lost, heard.unannounced, heard.doubled)


async def wait(heard: Outages, holds: Callable[[], bool]) -> None:
    """Wait until ``holds``, or for as long as there is hope."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await heard.wait_for(holds)


def say(what: str) -> None:
    """Tell how far it is."""
    print(what, file=sys.stderr, flush=True)


def main() -> int:
    """Measure and report; the exit status is 1 if something got lost or took longer than it may."""
    given = options()
    open_more_files()
    gc.set_threshold(*RARELY)  # as the gateway's own process does
    found = run(measure(given))
    print(f"Python {platform.python_version()}")
    print(half_open.report(found.left, given.interval))
    print(f"{given.connections:,} connections, {given.streams} streams each")
    print("seconds from the last good datum to the first good one, by how connections were cut")
    for how, lasted in found.outages.items():
        print(f"  {how:26} {spread(lasted)}")
    print(f"  {found.lost:,} records missed and told, {found.unannounced:,} not told, {found.doubled:,} doubled")
    wrong = [*found.complaints(), *found.late()]
    for one in wrong:
        print(f"WRONG: {one}")
    if given.json is not None:
        given.json.write_text(
            json.dumps({**asdict(found), "complaints": found.complaints(), "late": found.late()})
        )
    return int(bool(wrong))


def open_more_files() -> None:
    """Let this process and the venue's have as many sockets as they may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
