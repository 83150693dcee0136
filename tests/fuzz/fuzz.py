"""
Write anything into every parser, area by area: ``python tests/fuzz/fuzz.py --minutes 30``.

Each round has a seed of its own. What fails is shown with the seed and the blob that make it again,
and the run goes on; it ends with 1 if anything failed.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from random import SystemRandom
from typing import Final

import parsertable

MINUTES: Final = 12.0
LONGEST: Final = 900
"""Seconds that one test may take in a long run."""


def command(tests: Sequence[str], seed: int) -> list[str]:
    """Return how ``tests`` are run with ``seed``."""
    return [
        *(sys.executable, "-m", "pytest", "-q", "-p", "longer", "-p", "no:cacheprovider", "--no-header"),
        *(f"--timeout={LONGEST}", "--hypothesis-profile=long", f"--hypothesis-seed={seed}", *tests),
    ]


def shares(seconds: float, areas: Sequence[str] = tuple(parsertable.AREAS)) -> Iterator[tuple[str, float]]:
    """Yield the areas, each with its part of the time."""
    for area in areas:
        yield area, seconds / len(areas)


def rounds(area: str, seconds: float, seed: int | None) -> Iterator[bool]:
    """Run an area again and again until its time is over, with ``seed`` once; yield whether all was well."""
    until = time.monotonic() + seconds
    environ = {**os.environ, "GATEWAY_FULL_SIZE": "1", "PYTHONPATH": str(parsertable.LIST.parent)}
    while True:
        chosen = SystemRandom().randrange(1 << 32) if seed is None else seed
        say(f"{area}: seed {chosen}")
        words = command(parsertable.ids(area), chosen)
        done = subprocess.run(words, env=environ, cwd=parsertable.ROOT, check=False)
        if done.returncode:
            say(f"again: python tests/fuzz/fuzz.py --area {area} --seed {chosen}")
        yield done.returncode == 0
        if seed is not None or time.monotonic() >= until:
            return


def say(text: str) -> None:
    """Tell what is done, before the tests that are run say anything."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Write anything into every parser.")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="all areas together, about (default 12)")
    parser.add_argument("--area", choices=parsertable.AREAS, help="one of them alone")
    parser.add_argument("--seed", type=int, help="one round with this seed")
    asked = parser.parse_args()
    areas = tuple(parsertable.AREAS) if asked.area is None else (asked.area,)
    wells = [
        well for area, seconds in shares(asked.minutes * 60, areas) for well in rounds(area, seconds, asked.seed)
    ]
    say(f"{len(wells)} rounds, {wells.count(False)} of them failed")
    return int(not all(wells))


if __name__ == "__main__":
    sys.exit(main())
