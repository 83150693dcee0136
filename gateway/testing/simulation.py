"""A venue that runs by itself: its command line, and where it may listen."""

import argparse
import math
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from gateway.testing.loopback import loopback
from gateway.testing.scenario import Moment, Scenario, playing
from gateway.testing.scenario_files import NONE, ScenarioError, Words, load
from gateway.testing.venue import Venue

_FASTEST: Final = 100_000.0
_LAST_PORT: Final = 65535


class Arguments(argparse.ArgumentParser):
    """A command line whose errors are one sentence on standard error, with exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave."""
        sys.stderr.write(f"{self.prog}: {message}\n")
        raise SystemExit(2)


@dataclass(frozen=True, slots=True)
class Simulator:
    """
    What an entry point of ``gateway.venues`` resolves to.

    ``build`` makes the venue of the parsed arguments, among which ``host``,
    ``port``, ``rate`` and ``seed`` always are; ``declare`` adds the venue's own.
    ``words`` are what its scenarios may say beside the words of every venue.
    """

    name: str
    summary: str
    build: Callable[[argparse.Namespace], Venue]
    declare: Callable[[argparse.ArgumentParser], None]
    words: Words = field(default_factory=dict)

    @asynccontextmanager
    async def simulate(self, arguments: Sequence[str]) -> AsyncIterator[Venue]:
        """
        Run the venue while the context lasts; it tells its ``addresses`` and can be waited for.

        Raises:
            SystemExit: If ``arguments`` are wrong or the address cannot be had; a sentence was printed.
        """
        parser = self._parser()
        parsed = parser.parse_args(arguments)
        parsed.host, parsed.port = parsed.listen
        venue = self.build(parsed)
        try:
            await venue.start()
        except OSError as exc:
            parser.error(f"cannot listen on {parsed.host}:{parsed.port}: {exc.strerror or exc}")
        try:
            async with playing(parsed.scenario, venue, say):
                yield venue
        finally:
            await venue.stop()

    def _parser(self) -> Arguments:
        parser = Arguments(prog=f"simulate {self.name}", description=self.summary, allow_abbrev=False)
        parser.add_argument("--listen", metavar="HOST:PORT", type=listen_address, default=("127.0.0.1", 0))
        parser.add_argument(
            "--rate", type=rate, default=20.0, metavar="MESSAGES_PER_SECOND", help="on each stream (default 20)"
        )
        parser.add_argument("--seed", type=seed, default=1, help="the same seed gives the same data (default 1)")
        add_scenario(parser, self.words)
        self.declare(parser)
        return parser


def add_scenario(parser: argparse.ArgumentParser, own: Words = NONE) -> None:
    """
    Let ``parser`` take the file of a scenario, for :func:`~gateway.testing.scenario.playing`.

    ``own`` are the words of the venue's own.
    """
    read = partial(scenario, own=own)
    parser.add_argument(
        "--scenario", metavar="FILE", type=read, default=None, help="what is to go wrong, and when"
    )


def say(moment: Moment) -> None:
    """Tell on standard error what is played."""
    sys.stderr.write(f"{moment}\n")


def scenario(text: str, own: Words = NONE) -> Scenario:
    """
    Return the scenario in the file called ``text``; ``own`` are the venue's own words.

    Raises:
        ArgumentTypeError: If there is none, or it cannot be played.
    """
    try:
        return load(Path(text), own)
    except OSError as exc:
        raise argparse.ArgumentTypeError(f"cannot read {text}: {exc.strerror or exc}") from None
    except ScenarioError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def listen_address(text: str) -> tuple[str, int]:
    """
    Return host and port of ``HOST:PORT``.

    Raises:
        ArgumentTypeError: If it is none, or not on this machine's loopback: a venue knows no access control.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"need HOST:PORT, got {text!r}")
    try:
        return loopback(host), int(port)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def seed(text: str) -> int:
    """
    Return a whole number.

    Raises:
        ArgumentTypeError: If it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"need a whole number, got {text!r}") from None


def rate(text: str) -> float:
    """
    Return a number of messages per second.

    Raises:
        ArgumentTypeError: If it is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= _FASTEST:
        raise argparse.ArgumentTypeError(f"need a number above 0 and up to {_FASTEST:.0f}, got {text!r}")
    return number
