"""
The benchmark: who takes how many messages a second, and at how much CPU each, side by side in one run.

``python bench/run.py --help`` lists the options; README.md says how to read it.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import peer
import processes
from processes import Venue
from results import Run, judge
from table import heading, table

TITLES: Final = {
    "ticks": "trades and quotes (aggTrade, bookTicker)",
    "book": "book (depth@100ms, 40 to 80 levels a message)",
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
    counts = {"ticks": given.messages, "book": given.books}
    results: dict[str, dict[str, list[Run]]] = {tape: {case.name: [] for case in which} for tape in counts}
    with processes.venue(given.messages, given.books) as venue:
        for number in range(given.rounds):
            for tape, count in counts.items():
                for case in which:
                    venue.hold()
                    proof = venue.proofs[tape] if case.looks else None
                    run = judge(case.measure(venue, tape, count), count, proof)
                    results[tape][case.name].append(run)
                    if run.problem is not None:
                        print(f"NO RESULT: round {number + 1}, {TITLES[tape]}, {case.name}: {run.problem}")
            print(f"round {number + 1} of {given.rounds} is done", file=sys.stderr)
    return results


def main() -> int:
    """Measure and report; the exit status is 1 if a run was no result."""
    given = options()
    results = measure(given, cases(given))
    counts = {"ticks": given.messages, "book": given.books}
    print(heading(given.rounds))
    for tape, runs in results.items():
        print(f"\n{TITLES[tape]}, {counts[tape]:,} messages a run\n")
        print(table(runs, PEER))
    if given.json is not None:
        listed = {
            tape: {name: [asdict(run) for run in some] for name, some in runs.items()}
            for tape, runs in results.items()
        }
        given.json.write_text(json.dumps(listed, indent=1))
    return int(any(run.problem for runs in results.values() for some in runs.values() for run in some))


if __name__ == "__main__":
    sys.exit(main())
