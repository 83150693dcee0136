"""
How many clients one gateway serves: many on quiet topics, then many on one busy topic, and none misses anything.

``python bench/scale.py --help`` lists the options; README.md says how to read it.
"""

import argparse
import json
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cores
import crowd_stage
from crowd_stage import Stage, losses

BUSY: Final = "trades.btc_usdt"
TOPICS: Final = 500
"""Quiet ones."""
QUIET: Final = 0.5
"""Messages a second of each."""
COLUMNS: Final = (
    "",
    "clients",
    "connects/s",
    "KiB/client",
    "deliveries/s",
    "server",
    "clients' share",
    "venue",
    "p50 ms",
    "p99 ms",
    "most ms",
)


@dataclass(frozen=True, slots=True)
class Case:
    """What was found; ``cpu`` are shares of a core, and ``delays`` milliseconds from the venue to the client."""

    name: str
    clients: int
    connects: float
    memory: float
    """Bytes a client."""
    seconds: float
    updates: int
    expected: float
    """As many updates as the venue's rate makes."""
    cpu: dict[str, float]
    delays: dict[str, float]
    lost: list[str] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        """Return its line of the table."""
        shares = [f"{100 * self.cpu[name]:.0f} %" for name in ("server", "clients", "venue")]
        delays = [f"{self.delays.get(name, float('nan')):.2f}" for name in ("p50", "p99", "most")]
        counts = (f"{self.clients}", f"{self.connects:.0f}", f"{self.memory / 1024:.1f}")
        return (self.name, *counts, f"{self.updates / self.seconds:,.0f}", *shares, *delays)


def run(on: Stage, name: str, clients: int, seconds: float, streams: list[str], rate: float) -> Case:
    """Let so many come, listen, and count."""
    before = on.server.resident()
    connected = on.crowd.ask("connect", count=clients)
    symbols = [stream.partition(".")[2].upper().replace("_", "-") for stream in streams]
    subscribed = on.crowd.ask(
        "subscribe", members=list(range(clients)), symbols=symbols, channel="trades", on_lag="disconnect"
    )
    memory = (on.server.resident() - before) / clients
    on.venue.tell(rate=rate, streams=streams)
    on.crowd.ask("listen", seconds=1.0 + 1 / rate)  # until everybody has had something
    heard = on.measure(seconds)
    settled = on.crowd.ask("settle")
    on.crowd.ask("leave", members=list(range(clients)))
    lost = losses(settled)
    if subscribed["refused"]:
        lost.append(f"{subscribed['refused']} were refused")
    expected = heard["seconds"] * rate * clients
    return Case(
        name,
        clients,
        clients / connected["seconds"],
        memory,
        heard["seconds"],
        heard["updates"],
        expected,
        heard["cpu"],
        heard["delays"],
        lost,
    )


def measure(given: argparse.Namespace) -> list[Case]:
    """Run the gateway's two cases, and the plain server's."""
    quiet = [f"trades.sym{number:03}_usdt" for number in range(1, given.topics + 1)]
    with crowd_stage.gateway(given.topics) as on:
        cases = [run(on, "gateway, quiet topics", given.quiet, given.seconds, quiet, QUIET)]
    with crowd_stage.gateway() as on:
        cases.append(run(on, "gateway, one topic", given.busy, given.seconds, [BUSY], given.rate))
    if not given.alone:
        with crowd_stage.plain() as on:
            cases.append(run(on, "plain aiohttp, one topic", given.busy, given.seconds, [BUSY], given.rate))
    return cases


def table(cases: list[Case]) -> str:
    """Return a line for each."""
    rows = [COLUMNS, *(case.row() for case in cases)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the clients, some seconds")
    parser.add_argument("--quiet", type=int, metavar="N", help="clients on quiet topics (2000)")
    parser.add_argument("--busy", type=int, metavar="N", help="clients on one topic (1000)")
    parser.add_argument("--topics", type=int, default=TOPICS, metavar="N", help="quiet topics (%(default)s)")
    parser.add_argument(
        "--rate", type=float, default=100.0, metavar="R", help="messages/s of the one (%(default)g)"
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="how long each is measured (30)")
    parser.add_argument("--alone", action="store_true", help="without the plain server")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    sizes = (
        {"quiet": 200, "busy": 100, "seconds": 3.0}
        if given.quick
        else {"quiet": 2000, "busy": 1000, "seconds": 30.0}
    )
    for name, size in sizes.items():
        if getattr(given, name) is None:
            setattr(given, name, size)
    return given


def main() -> int:
    """Measure and report; the exit status is 1 if anybody missed anything."""
    given = options()
    cases = measure(given)
    places = len(cores.free()) or "?"
    print(f"\nPython {platform.python_version()}, {places} cores. Each was measured for {given.seconds:g} s.")
    print("CPU in shares of a core; memory when all have subscribed; delays from the venue to the client.\n")
    print(table(cases))
    for case in cases:
        missed = ", ".join(case.lost) or "nothing"
        print(f"{case.name}: {case.updates:,} of some {case.expected:,.0f}; missed: {missed}")
    if given.json is not None:
        told = [{name: getattr(case, name) for name in Case.__dataclass_fields__} for case in cases]
        given.json.write_text(json.dumps(told))
    return int(any(case.lost for case in cases if case.name.startswith("gateway")))


if __name__ == "__main__":
    sys.exit(main())
