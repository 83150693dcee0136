"""The command line of Binance's venue."""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from gateway.testing.scenario import Scenario
    from gateway_binance.venue.private.accounts import Account

QUIET: Final = 0.5
"""Seconds without a new SUBSCRIBE after which everybody has asked for what they want."""
_LONGEST: Final = 3600.0
_MOST_SYMBOLS: Final = 10_000
_DAY: Final = 86_400.0

Wait = float | frozenset[str]
"""When the replay begins: after so many quiet seconds, or when these streams are subscribed to."""


class Options(argparse.Namespace):
    """The arguments. ``speed`` :obj:`None` means as fast as the clients read."""

    capture: Sequence[Path]
    listen: tuple[str, int]
    speed: float | None
    wait: Wait
    stay: bool
    rate: float
    seed: int
    symbols: int
    accounts: "Sequence[Account] | None"
    max_age: float
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
        "--listen",
        metavar="HOST:PORT",
        type=_listen,
        default=("127.0.0.1", 0),
        help="a loopback address (default 127.0.0.1:0, a free port)",
    )
    _add_replay(command)
    _add_market(command)
    command.add_argument(
        "--accounts",
        metavar="FILE",
        type=_accounts,
        default=None,
        help="a TOML file of those who may log in (default: one, with the key demoKey123)",
    )
    command.add_argument(
        "--max-age",
        metavar="SECONDS",
        type=_seconds,
        default=_DAY,
        help="how old a connection gets (default a day)",
    )
    command.add_argument(
        "--scenario", metavar="FILE", type=_scenario, default=None, help="what is to go wrong, and when"
    )
    return command


def _add_replay(command: Command) -> None:
    command.add_argument(
        "--capture",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="a recording: lines of JSON with recv_ns and frame; may be given once for each market, and "
        "without it a market is made up",
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


def _add_market(command: Command) -> None:
    command.add_argument(
        "--rate",
        metavar="TICKS_PER_SECOND",
        type=_rate,
        default=20.0,
        help="how fast time passes in markets that are made up: 20 is the real pace (default 20)",
    )
    command.add_argument("--seed", type=_seed, default=1, help="the same seed makes the same markets (default 1)")
    command.add_argument(
        "--symbols",
        metavar="N",
        type=_symbols,
        default=0,
        help="so many symbols besides the usual ones, in each market that is made up (default 0)",
    )


# The readers of values import what they need themselves: --help does not need it.


def _listen(text: str) -> tuple[str, int]:
    from gateway.testing.simulation import listen_address  # noqa: PLC0415  # see above

    return listen_address(text)


def _rate(text: str) -> float:
    from gateway.testing.simulation import rate  # noqa: PLC0415  # see above

    return rate(text)


def _seed(text: str) -> int:
    from gateway.testing.simulation import seed  # noqa: PLC0415  # see above

    return seed(text)


def _scenario(text: str) -> "Scenario":
    from gateway.testing.simulation import scenario  # noqa: PLC0415  # see above
    from gateway_binance.venue.words import WORDS  # noqa: PLC0415  # see above

    return scenario(text, WORDS)


def _accounts(text: str) -> "Sequence[Account]":
    from gateway_binance.venue.private.accounts import load  # noqa: PLC0415  # see above

    try:
        return load(Path(text))
    except OSError as exc:
        raise argparse.ArgumentTypeError(f"cannot read {exc.filename}: {exc.strerror or exc}") from None
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text}: {exc}") from None


def _symbols(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_SYMBOLS:
        raise argparse.ArgumentTypeError(f"need a number from 0 to {_MOST_SYMBOLS}, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"need seconds above 0, got {text!r}")
    return number


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
