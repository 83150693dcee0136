"""
Which figures there are, by what prints them. ``python tests/reliability/figures.py NAME...`` runs them.

What a command printed is kept in docs/reliability/, with the machine, the versions and the date; page.py shows it.
"""

# ruff: noqa: T201  # a command's output
import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from faultmap import ROOT
from told import write

KEPT: Final = ROOT / "docs" / "reliability"
KINDS: Final[Mapping[str, str]] = {
    "simulated": "In virtual time, in memory: what the code decides, and nothing of what a machine needs for it.",
    "loopback": "Over sockets on one machine, with everything else that ran on it.",
    "recorded": "With what exchanges really sent, played back.",
}


@dataclass(frozen=True)
class Figure:
    """
    A command whose words are figures.

    ``bound`` is what must hold, which the command itself checks: its status is 0 only then.
    """

    kind: str
    about: str
    bound: str
    command: str
    environ: Mapping[str, str]


def figure(kind: str, about: str, bound: str, command: str, **environ: str) -> Figure:
    """Return a figure; the interpreter is written ``python``."""
    return Figure(kind, about, bound, command, environ)


PYTEST: Final = "python -m pytest -q -s -p no:cacheprovider --no-header"
FIGURES: Final[Mapping[str, Figure]] = {
    "recovery-simulated": figure(
        "simulated",
        "recovery: how soon a connection that was cut is back",
        "within a second where it had worked; half a second, and a second at most, for each dial that fails",
        f"{PYTEST} tests/integration/test_recovery.py -k 'worked or once or fail'",
    ),
    "recovery-loopback": figure(
        "loopback",
        "detection and recovery: half-open peers, cuts one by one and all at once",
        "left within 1.6 heartbeat intervals; half of the streams back within 1 s, 99 of 100 within 2.5 s; "
        "nothing lost untold, nothing twice",
        "python bench/recovery.py --quick",
    ),
    "ghosts-simulated": figure(
        "simulated",
        "ghosts, and what reconnects leave behind",
        "no connection is live without a socket; no slope whose interval lies above nought",
        "python bench/ghosts.py --quick",
    ),
    "ghosts-loopback": figure(
        "loopback",
        "ghosts over sockets",
        "no connection is live without a socket; tasks, timers and descriptors do not grow",
        "python bench/ghosts.py --real --reconnects 1000",
    ),
    "loss-simulated": figure(
        "simulated",
        "loss: numbered messages over many faults",
        "none lost, doubled or reordered where the past can be asked for, else each hole told before what follows",
        f"{PYTEST} tests/integration/test_nothing_lost.py -k 'not sockets'",
    ),
    "loss-loopback": figure(
        "loopback",
        "loss over sockets that break anywhere",
        "the same",
        f"{PYTEST} tests/integration/test_nothing_lost.py -k sockets",
    ),
    "false-alarms-simulated": figure(
        "simulated",
        "false alarms: healthy exchanges that are quiet, for hours",
        "no connection is left",
        f"{PYTEST} tests/runtime/test_mute.py tests/runtime/test_stalls.py -k 'let_be or restless'",
    ),
    "drain-loopback": figure(
        "loopback",
        "drain: SIGTERM in every phase",
        "status 0 within the bound, each socket closed with a goodbye, whoever reads loses nothing",
        f"{PYTEST} tests/integration/test_sigterm.py --durations 12",
    ),
    "kill-loopback": figure(
        "loopback",
        "kill -9 at any moment, and a start afterwards",
        "what was acknowledged is there",
        f"{PYTEST} tests/integration/test_kill.py tests/store/test_kill.py --durations 4",
    ),
    "cuts-recorded": figure(
        "recorded",
        "cuts of a replayed recording, at its pace",
        "every record in order or its hole told; the book agrees with every quote",
        f"{PYTEST} tests/integration/test_real_cuts.py",
    ),
}


def run(name: str) -> bool:
    """Run a command and keep what it printed; false if something did not hold, which is kept nowhere."""
    one = FIGURES[name]
    words = [sys.executable if word == "python" else word for word in shlex.split(one.command)]
    began = time.monotonic()
    ran = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **one.environ}, capture_output=True, text=True, check=False
    )
    lines = [line.rstrip() for line in ran.stdout.splitlines() if line.strip(" .")]
    print(f"{name}: status {ran.returncode}, {time.monotonic() - began:.0f} s", *lines, sep="\n  ")
    if ran.returncode != 0:
        print(ran.stderr)
        return False
    write(KEPT / f"{name}.json", {"command": shown(one), "printed": lines})
    return True


def shown(one: Figure) -> str:
    """Return the command as one types it."""
    return " ".join((*(f"{name}={value}" for name, value in one.environ.items()), one.command))


def main() -> int:
    """Run those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=FIGURES, metavar="NAME", help=", ".join(FIGURES))
    held = [run(name) for name in parser.parse_args().names]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
