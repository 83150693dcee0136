"""
What it costs to ask the gateway how it is, and what it holds of each connection, with few of them and many.

``python bench/asking.py --help`` lists the options; README.md says how to read it.
"""

import argparse
import gc
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from lines_in_memory import MemoryLines

from gateway import Gateway
from gateway.testing.virtual import run

CUTS: Final = 14
"""How often each connection is cut before: its history is full then."""
TIMES: Final = 5
ASKED: Final[Mapping[str, Callable[[Gateway], object]]] = {
    "get_stats": Gateway.get_stats,
    "get_connection_details": Gateway.get_connection_details,
    "get_unhealthy_connections": Gateway.get_unhealthy_connections,
    "get_connection_info": lambda gateway: gateway.connection("mock").get_connection_info(),
    "problems": Gateway.problems,
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a question that was asked before: seconds of CPU, the least of some times, and its calls."""

    seconds: float
    calls: int


def cost(ask: Callable[[], object]) -> Cost:
    """Return what ``ask`` costs."""
    ask()
    taken = []
    for _ in range(TIMES):
        begun = time.thread_time()
        ask()
        taken.append(time.thread_time() - begun)
    return Cost(min(taken), calls(ask))


def calls(ask: Callable[[], object]) -> int:
    """Return how many functions ``ask`` calls, those written in C too."""
    count = 0

    def called(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(called)
    try:
        ask()
    finally:
        sys.setprofile(None)
    return count - 1  # the last one ends the counting


def costs(connections: int, cuts: int) -> Mapping[str, Cost]:
    """Return what each question costs with so many connections."""

    async def main() -> Mapping[str, Cost]:
        lines = MemoryLines(connections)
        async with lines.gateway as gateway:
            await lines.open()
            await lines.cut(cuts)
            found = {name: cost(lambda ask=ask: ask(gateway)) for name, ask in ASKED.items()}
        await lines.settle()
        return found

    return run(main())


def held(connections: int, cuts: int) -> int:
    """Return the bytes that the gateway's own lines have allocated and hold, with so many connections."""

    async def main() -> int:
        lines = MemoryLines(connections)
        async with lines.gateway as gateway:
            await lines.open()
            await lines.cut(cuts)
            gateway.get_connection_details()
            gc.collect()
            own = tracemalloc.take_snapshot().filter_traces(
                [tracemalloc.Filter(True, "*/gateway/*"), tracemalloc.Filter(False, "*/gateway/testing/*")]
            )
        await lines.settle()
        return sum(one.size for one in own.statistics("filename"))

    tracemalloc.start()
    try:
        return run(main())
    finally:
        tracemalloc.stop()


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="up to a hundred connections, some seconds")
    return parser.parse_args()


def main() -> int:
    """Measure and report."""
    sizes = (1, 10, 100) if options().quick else (1, 100, 1000)
    print(f"Python {platform.python_version()}; histories are full, and each question was asked before\n")
    print(f"{'':28}" + "".join(f"{size:>12,} connection{'s' if size > 1 else ' '}" for size in sizes))
    found = {size: costs(size, CUTS) for size in sizes}
    for name in ASKED:
        cells = [f"{found[size][name].seconds * 1e3:12.3f} ms {found[size][name].calls:>8,}" for size in sizes]
        print(f"{name:28}" + "".join(cells))
    few, many = sizes[1], sizes[1] * 2
    for cuts in (CUTS, 3 * CUTS):
        each = (held(many, cuts) - held(few, cuts)) / (many - few)
        print(f"held of each connection with one stream, after {cuts} reconnects: {each / 1024:.1f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
