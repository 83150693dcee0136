"""
Which figures there are, by what prints them. ``python tests/reliability/figures.py NAME...`` runs them.

What a command printed is kept in docs/reliability/, with the machine, the versions and the date; page.py shows it.
Each has a size that takes less than a minute or so, and a full one, which is asked for with ``--full``.
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
FULL: Final = "GATEWAY_FULL_SIZE=1"


@dataclass(frozen=True)
class Figure:
    """
    A command whose words are figures.

    ``bound`` is what must hold, which the command itself checks: its status is 0 only then. The
    interpreter is written ``python``. ``quick`` is what the command says of its small size, and
    ``full`` of the other; who has neither heeds ``GATEWAY_FULL_SIZE``.
    """

    kind: str
    about: str
    bound: str
    command: str
    quick: str = ""
    full: str = ""

    def shown(self, *, full: bool = False) -> str:
        """Return the command as one types it."""
        if self.quick:
            return f"{self.command} {self.full if full else self.quick}".strip()
        return f"{FULL} {self.command}" if full else self.command


PYTEST: Final = "python -m pytest -q -s -p no:cacheprovider --no-header"
FIGURES: Final[Mapping[str, Figure]] = {
    "detection-simulated": Figure(
        "simulated",
        "detection: peers that are half-open, that answer no ping, or whose streams are silent",
        "half-open ones are left within 1.5 heartbeat intervals, those that answer no ping within 22.5 s "
        "(and what looks are late by), connections of silent streams within twice the streams' own limit: once "
        "until the stream is asked for anew, once more until the connection is replaced",
        f"{PYTEST} tests/runtime/test_mute.py tests/integration/test_recovery.py -k 'is_left or are_left'",
    ),
    "recovery-simulated": Figure(
        "simulated",
        "recovery: how soon a connection that was cut is back",
        "within a second where it had worked; half a second, and a second at most, for each dial that fails; "
        "and what one datum of each stream is behind the other",
        f"{PYTEST} tests/integration/test_recovery.py -k 'worked or once or fail'",
    ),
    "seeds-simulated": Figure(
        "simulated",
        "a whole gateway under random faults: invariants, and recovery once nothing more goes wrong",
        "no invariant is broken by any seed; all is well within the bound that its settings make",
        f"{PYTEST} tests/virtual/test_seeds.py",
    ),
    "ghosts-simulated": Figure(
        "simulated",
        "ghosts, and what reconnects leave behind",
        "no connection is live without a socket; no slope whose interval lies above what is no leak",
        "python bench/ghosts.py",
        quick="--quick",
        full="--reconnects 1000000",
    ),
    "loss-simulated": Figure(
        "simulated",
        "loss: numbered messages over many faults",
        "none lost, doubled or reordered where the past can be asked for, else each hole told before what follows",
        f"{PYTEST} tests/integration/test_nothing_lost.py -k 'not sockets'",
    ),
    "false-alarms-simulated": Figure(
        "simulated",
        "false alarms: healthy exchanges that are quiet, for hours",
        "no connection is left",
        f"{PYTEST} tests/runtime/test_mute.py tests/runtime/test_stalls.py -k 'let_be'",
    ),
    "detection-loopback": Figure(
        "loopback",
        "detection: peers that are half-open, one way or the other frozen or swallowing",
        "left within 1.5 heartbeat intervals, and a tenth for the machine",
        "python bench/half_open.py",
        quick="--quick",
        full="--connections 250",
    ),
    "recovery-loopback": Figure(
        "loopback",
        "recovery: cuts one by one and all at once, and half-open peers before",
        "half of the streams back within 1 s, 99 of 100 within 2.5 s, where cut one by one; "
        "nothing lost untold, nothing twice; half-open ones left within 1.6 heartbeat intervals",
        "python bench/recovery.py",
        quick="--quick",
        full="--connections 1000 --streams 100",
    ),
    "ghosts-loopback": Figure(
        "loopback",
        "ghosts over sockets, and what reconnects leave behind",
        "as in virtual time",
        "python bench/ghosts.py --real",
        quick="--quick",
        full="--reconnects 100000",
    ),
    "loss-loopback": Figure(
        "loopback",
        "loss over sockets that break anywhere",
        "as in virtual time",
        f"{PYTEST} tests/integration/test_nothing_lost.py -k sockets",
    ),
    "drain-loopback": Figure(
        "loopback",
        "drain: SIGTERM in every phase, and whoever does not answer",
        "status 0 within ten seconds, each socket closed with a goodbye, whoever reads loses nothing",
        f"{PYTEST} tests/integration/test_sigterm.py",
    ),
    "kill-loopback": Figure(
        "loopback",
        "kill -9 at any moment, and a start afterwards",
        "what was acknowledged is there, what was acknowledged to be gone is not",
        f"{PYTEST} tests/integration/test_kill.py tests/store/test_kill.py",
    ),
    "cuts-recorded": Figure(
        "recorded",
        "cuts of a replayed recording, at its pace",
        "every record in order or its hole told; the book agrees with every quote",
        f"{PYTEST} tests/integration/test_real_cuts.py",
    ),
}


def run(name: str, *, full: bool) -> bool:
    """Run a command and keep what it printed; false if something did not hold, which is kept nowhere."""
    shown = FIGURES[name].shown(full=full)
    environ = {one: value for one, value in os.environ.items() if one != "GATEWAY_FULL_SIZE"}
    words = [sys.executable if word == "python" else word for word in shlex.split(shown.removeprefix(FULL))]
    if shown.startswith(FULL):
        environ["GATEWAY_FULL_SIZE"] = "1"
    began = time.monotonic()
    ran = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    lines = [line.rstrip() for line in ran.stdout.splitlines() if line.strip(" .")]
    print(f"{name}: status {ran.returncode}, {time.monotonic() - began:.0f} s", *lines, sep="\n  ")
    if ran.returncode != 0 or any("skipped" in line for line in lines[-1:]):
        print(ran.stderr)
        return False
    write(KEPT / f"{name}.json", {"command": shown, "size": "full" if full else "small", "printed": lines})
    return True


def main() -> int:
    """Run those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=FIGURES, metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--full", action="store_true", help="of the full size, which may take many minutes")
    given = parser.parse_args()
    held = [run(name, full=given.full) for name in given.names]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
