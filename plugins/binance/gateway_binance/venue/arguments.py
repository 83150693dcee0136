"""The command line of Binance's venue."""

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from gateway.testing.scenario import Scenario

QUIET: Final = 0.5
"""Seconds without a new SUBSCRIBE after which everybody has asked for what they want."""
_LONGEST: Final = 3600.0

Wait = float | frozenset[str]
"""When the replay begins: after so many quiet seconds, or when these streams are subscribed to."""


class Options(argparse.Namespace):
    """The arguments. ``speed`` :obj:`None` means as fast as the clients read."""

    capture: Path
    listen: tuple[str, int]
    speed: float | None
    wait: Wait
    stay: bool
    scenario: "Scenario | None"


class Command(argparse.ArgumentParser):
    """A command line whose errors are one sentence on standard error, with exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave."""
        sys.stderr.write(f"{self.prog}: {message}\n")
        raise SystemExit(2)


def parser(name: str, summary: str) -> Command:
    """Return what parses the arguments into :class:`Options`."""
    command = Command(prog=f"simulate {name}", description=summary, allow_abbrev=False)
    command.add_argument(
        "--capture",
        metavar="FILE",
        type=Path,
        required=True,
        help="the recording: lines of JSON with recv_ns and frame",
    )
    command.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=_listen,
        default=("127.0.0.1", 0),
        help="a loopback address (default 127.0.0.1:0, a free port)",
    )
    command.add_argument(
        "--speed",
        metavar="X|max",
        type=_speed,
        default=1.0,
        help="times as fast as it was recorded; 'max' as fast as the clients read (default 1)",
    )
    command.add_argument(
        "--wait",
        metavar="SECONDS|NAMES",
        type=_wait,
        default=QUIET,
        help="begin so long after the last SUBSCRIBE once a recorded stream is subscribed to (default "
        f"{QUIET}), or as soon as all of these streams are, separated by commas",
    )
    command.add_argument(
        "--stay", action="store_true", help="go on after the end, silent, until stopped; without it the venue ends"
    )
    command.add_argument(
        "--scenario", metavar="FILE", type=_scenario, default=None, help="what is to go wrong, and when"
    )
    return command


def _listen(text: str) -> tuple[str, int]:
    from gateway.testing.simulation import listen_address  # noqa: PLC0415  # --help does not need it

    return listen_address(text)


def _scenario(text: str) -> "Scenario":
    from gateway.testing.simulation import scenario  # noqa: PLC0415  # --help does not need it

    return scenario(text)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"need a number above 0, or 'max', got {text!r}")
    return number


def _wait(text: str) -> Wait:
    number = _number(text)
    if 0 <= number <= _LONGEST:
        return number
    names = frozenset(name.strip() for name in text.split(","))
    if not math.isnan(number) or not all("@" in name for name in names):
        raise argparse.ArgumentTypeError(
            f"need seconds from 0 to {_LONGEST:.0f}, or names of streams with commas between them, got {text!r}"
        )
    return names


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
