"""
Does anything stay behind when connections end and come back, a million times if need be? And is any a ghost?

``python bench/ghosts.py --help`` lists the options; README.md says how to read it.
"""

import argparse
import asyncio
import gc
import platform
import sys
import time
from typing import Final

import lines_in_memory
import lines_on_loopback
from levels import Levels
from lines import Lines
from lines_in_memory import MemoryLines
from lines_on_loopback import SocketLines

from gateway.testing.virtual import run

CONNECTIONS: Final = 10
SAMPLES: Final = 100
FEWEST_REAL: Final = 5
"""Reconnects of each between two samples over sockets: of fewer the noise is such that a leak could hide in it."""
WARM: Final = 2500
"""Reconnects before the first sample: what is of a fixed size must have reached it."""


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10,000 reconnects, some seconds")
    parser.add_argument("--reconnects", type=int, metavar="N", default=100_000, help="how many (100,000)")
    parser.add_argument("--real", action="store_true", help="over sockets on loopback, in real time")
    given = parser.parse_args()
    if given.quick:
        given.reconnects = 10_000
    fewest = CONNECTIONS * SAMPLES * (FEWEST_REAL if given.real else 1)
    if given.reconnects < fewest:
        parser.error(f"need {fewest} reconnects at least")
    return given


async def measure(lines: Lines, reconnects: int, *, samples: int = SAMPLES, warm: int = WARM) -> Levels:
    """End every connection of ``lines`` so often, all told; sample in between, when all of them work."""
    levels = Levels(samples + 1)
    many = len(lines.by_id)
    times = reconnects // (samples * many)
    async with lines.gateway:
        await lines.open()
        gc.freeze()  # what was there before need not be looked at each time
        await lines.cut(warm // many)
        for number in range(samples + 1):
            await lines.cut(times if number else 0)
            await lines.settle()
            levels.sample(number * times * many)
        gc.unfreeze()
    await lines.settle()
    return levels


def in_memory(reconnects: int, **sizes: int) -> tuple[Lines, Levels]:
    """Measure in virtual time, where nothing may be left behind in the end either."""

    async def main() -> tuple[Lines, Levels]:
        lines = MemoryLines(CONNECTIONS)
        return lines, await measure(lines, reconnects, **sizes)

    return run(main())


def on_loopback(reconnects: int, **sizes: int) -> tuple[Lines, Levels]:
    """Measure over real sockets."""

    async def main() -> tuple[Lines, Levels]:
        async with SocketLines(CONNECTIONS) as lines:
            return lines, await measure(lines, reconnects, **sizes)

    return asyncio.run(main())


def report(lines: Lines, levels: Levels) -> str:
    """Say what was found, a line for each figure."""
    many = lines.looks + lines.ups
    told = [
        f"ghosts: {len(lines.ghosts)} in {lines.looks:,} looks and {lines.ups:,} times that a connection came up"
        + (f"; 95 %: less than 1 in {many / 3:,.0f}" if not lines.ghosts else ""),
        f"{'for each reconnect':20} {'slope (95 % interval)':36} {'first':>14} {'last':>14}",
    ]
    for name, found in levels.trends().items():
        values = levels.samples[name]
        told.append(f"{name:20} {found!s:36} {values[0]:14,.0f} {values[-1]:14,.0f}")
    told += [f"GROWS: {name}, more than {levels.most(name):g} for each reconnect" for name in levels.growing()]
    told += [f"NO RESULT: {name}, the interval is too wide; more reconnects" for name in levels.unsure()]
    return "\n".join(told)


def main() -> int:
    """Measure and report; the exit status is 1 if there was a ghost, or something grows or cannot be told."""
    given = options()
    begun = time.perf_counter()
    lines, levels = (on_loopback if given.real else in_memory)(given.reconnects)
    ways = lines_on_loopback.ENDS if given.real else lines_in_memory.ENDS
    print(
        f"Python {platform.python_version()}, {int(levels.at[-1]):,} reconnects of {CONNECTIONS} connections "
        f"({', '.join(ways)}, in turn), {time.perf_counter() - begun:.0f} s"
    )
    print(report(lines, levels))
    return int(bool(lines.ghosts or levels.growing() or levels.unsure()))


if __name__ == "__main__":
    sys.exit(main())
