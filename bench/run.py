"""
The benchmark: who takes how many messages a second, and at how much CPU each, side by side in one run.

``python bench/run.py --help`` lists the options; README.md says how to read it.
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import cores
import peer
import processes
from processes import Venue
from results import Run, cost, judge, rate, ratios, spread, values

TITLES: Final = {
    "small": "trades and quotes (aggTrade, bookTicker)",
    "large": "book (depth@100ms, 40 to 80 levels a message)",
}
PEER: Final = "cryptofeed, callback"


@dataclass(frozen=True, slots=True)
class Case:
    """Something that is measured; ``looks`` tells whether it looks into messages."""

    name: str
    measure: Callable[[Venue, str, int], dict[str, Any]]
    looks: bool = True


CASES: Final = (
    Case("nobody: bytes read, and no more", processes.floor, looks=False),
    Case("gateway, callback", processes.inside),
    Case("gateway, callback that makes Decimals", partial(processes.inside, decimals=True)),
    Case("gateway, served to one client", processes.served),
)

Results = Mapping[str, Mapping[str, Sequence[Run]]]
"""Runs by tape and case."""


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a look, in less than a minute without the peer")
    parser.add_argument("--messages", type=int, metavar="N", help="trades and quotes in a run")
    parser.add_argument("--books", type=int, metavar="N", help="changes of a book in a run")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often everything is run")
    parser.add_argument(
        "--peers", action="store_true", help=f"install {peer.REQUIREMENT} apart, and run it beside"
    )
    parser.add_argument("--peer-python", metavar="PYTHON", help="the Python to run the peer on, 3.13 or newer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there")
    given = parser.parse_args()
    sizes = (60_000, 10_000, 3) if given.quick else (300_000, 50_000, 5)
    for name, size in zip(("messages", "books", "rounds"), sizes, strict=True):
        if getattr(given, name) is None:
            setattr(given, name, size)
        if getattr(given, name) < (1 if name == "rounds" else 2):
            parser.error(f"--{name} is too small")
    return given


def cases(given: argparse.Namespace) -> Sequence[Case]:
    """Return what is measured."""
    if not given.peers:
        print("cryptofeed was not run: --peers installs it into an environment of its own and runs it beside.")
        return CASES
    try:
        python = peer.environment(given.peer_python)
    except peer.NoPeerError as exc:
        print(f"cryptofeed was not run: {exc}.")
        return CASES
    return (*CASES, Case(PEER, partial(processes.cryptofeed, python)))


def measure(given: argparse.Namespace, which: Sequence[Case]) -> Results:
    """Run everything, round by round, so that what else the machine does hits all alike."""
    counts = {"small": given.messages, "large": given.books}
    results: dict[str, dict[str, list[Run]]] = {tape: {case.name: [] for case in which} for tape in counts}
    with processes.venue(given.messages, given.books) as venue:
        for number in range(given.rounds):
            for tape, count in counts.items():
                for case in which:
                    venue.hurry()
                    proof = venue.proofs[tape] if case.looks else None
                    run = judge(case.measure(venue, tape, count), count, proof)
                    results[tape][case.name].append(run)
                    if run.problem is not None:
                        print(f"NO RESULT: round {number + 1}, {TITLES[tape]}, {case.name}: {run.problem}")
            print(f"round {number + 1} of {given.rounds} is done", file=sys.stderr)
    return results


def report(given: argparse.Namespace, results: Results) -> None:
    """Print a table for each tape."""
    used = "pinned" if len(cores.free()) > 1 else "not pinned"
    print(
        f"\nPython {platform.python_version()}, {len(cores.free()) or '?'} cores, processes {used}. "
        f"Medians of {given.rounds} rounds (least..most); ratios are paired by round."
    )
    for tape, runs in results.items():
        count = given.messages if tape == "small" else given.books
        print(f"\n{TITLES[tape]}, {count:,} messages a run\n")
        peers = runs.get(PEER)
        rows = [("", "messages/s", "CPU us/message", "messages/s : cryptofeed", "cryptofeed : CPU")]
        rows += [_row(name, mine, peers) for name, mine in runs.items()]
        widths = [max(len(row[column]) for row in rows) for column in range(5 if peers else 3)]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip())


def _row(name: str, runs: Sequence[Run], peers: Sequence[Run] | None) -> tuple[str, str, str, str, str]:
    figures = spread(values(runs, rate)), spread(values(runs, cost), 2)
    if peers is None or peers is runs or name == CASES[0].name:
        return (name, *figures, "", "")
    return (name, *figures, spread(ratios(runs, peers, rate), 2), spread(ratios(peers, runs, cost), 2))


def main() -> int:
    """Measure and report; the exit status is 1 if a run was no result."""
    given = options()
    results = measure(given, cases(given))
    report(given, results)
    if given.json is not None:
        listed = {
            tape: {
                name: [
                    {"counted": run.counted, "seconds": run.seconds, "cpu": run.cpu, "problem": run.problem}
                    for run in runs
                ]
                for name, runs in cases_.items()
            }
            for tape, cases_ in results.items()
        }
        given.json.write_text(json.dumps(listed, indent=1))
    return int(any(run.problem for runs in results.values() for some in runs.values() for run in some))


if __name__ == "__main__":
    sys.exit(main())
