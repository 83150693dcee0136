"""
A gateway for as long as you like: under load, with something that goes wrong every half a minute.

``gateway serve`` is a process as users run it, on uvloop. A venue of the mock exchange is another: it
trades on all streams, one for each connection, so many times a second in all, and that much is what each of
two clients reads. Between the venue and the gateway, and before one of the clients, is a chaos proxy. It is
a command, since a run lasts for as long as one likes; ``test_soak.py`` runs it for seconds, on a gateway
with a planted bug.

``tox -e soak`` takes ten minutes, ``tox -e soak -- --minutes 600`` ten hours. The exit status is 1 if
something that is promised does not hold: a record is missing and nobody said so, or came twice; gateway and
venue do not agree on connections and streams within 90 s of a fault (a ghost); a reload drops a connection;
something grows for certain.
"""

import argparse
import asyncio
import json
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Final

HERE: Final = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "integration")]

from soak_faults import FAULTS, deck, venue_killed  # noqa: E402  # they are no package
from soak_levels import HOUR, Levels, outside  # noqa: E402  # same
from soak_report import Found, defects, lines  # noqa: E402  # same
from soak_stage import PLANTS, Size, Stage  # noqa: E402  # same

from gateway.net.loops import loop_factory  # noqa: E402  # after them

KILLED: Final = "venue_killed"
RELOADED: Final = "reloaded"
OFTEN: Final = 2.5
"""A run of less than as many hours has as many reloads, and kills of the venue, evenly spread."""
SAMPLE: Final = 2.0
"""Seconds between two samples at rest."""


def options(given: list[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, metavar="N", default=10.0, help="how long (10)")
    parser.add_argument("--connections", type=int, metavar="N", default=50, help="of one stream each (50)")
    parser.add_argument("--rate", type=float, metavar="N", default=2000.0, help="messages a second in all (2000)")
    parser.add_argument("--every", type=float, metavar="S", default=30.0, help="seconds between two faults (30)")
    parser.add_argument("--pulse", type=float, metavar="S", default=2.0, help="the heartbeat interval (2)")
    parser.add_argument("--seed", type=int, metavar="N", default=1, help="of what goes wrong, and in which order")
    parser.add_argument("--only", choices=FAULTS, nargs="+", default=[*FAULTS], help="let only these go wrong")
    parser.add_argument(
        "--plant", choices=PLANTS, nargs="+", default=(), help="bugs that the gateway is given to be found"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args(given)


def kinds(drawn: Iterator[str], period: float, passed: Callable[[], float]) -> Iterator[str]:
    """Yield what goes wrong next: a reload or a kill if it is due, each once in ``period``, else what is drawn."""
    due = {RELOADED: period * 0.6, KILLED: period}
    while True:
        late = next((kind for kind, at in due.items() if passed() >= at), None)
        if late is None:
            yield next(drawn)
        else:
            due[late] += period
            yield late


class Soak:
    """One run."""

    def __init__(self, stage: Stage, given: argparse.Namespace) -> None:
        self.found = Found()
        self._stage = stage
        self._rng = Random(given.seed)
        self._every = given.every
        self._seconds = given.minutes * 60
        drawn = deck(self._rng, given.only)
        self._kinds = kinds(drawn, min(HOUR, self._seconds / OFTEN), self._passed)
        self._begun = time.monotonic()
        self._levels = Levels()

    async def run(self) -> None:
        """Begin, let things go wrong to the end, and count what came."""
        try:
            await self._run()
        except OSError as exc:
            if not self._stage.over:
                raise
            self._complain(f"the gateway is gone: {exc}")
        finally:
            self._count()

    def _count(self) -> None:
        stage, found = self._stage, self.found
        for one in stage.readers:
            found.counts[one.name] = one.ledger.counts
            found.wrong += [f"{one.name} was cut off for good: {why}" for why in one.ended]
        if stage.steady.ledger.counts.lags:
            self._complain(f"{stage.steady.name} was told of a lag")
        found.seconds = self._passed()
        found.traded = sum(stage.traded.read()) - stage.steady.ledger.skipped
        found.judged = self._levels.judged()
        found.rests, found.means = self._levels.at, self._levels.means

    async def _run(self) -> None:
        stage = self._stage
        if not await stage.reached([1] * stage.size.connections):
            self._complain("not all streams flow at the beginning")
        self._begun = time.monotonic()
        due = self._every
        while due <= self._seconds and not stage.over:
            await self._rest(due)
            await self._disturb(next(self._kinds))
            due = max(due, self._passed()) + self._every
        if not stage.over:
            await self._rest(max(self._seconds, self._passed() + SAMPLE))
        await self._settle()

    def _passed(self) -> float:
        return time.monotonic() - self._begun

    async def _rest(self, until: float) -> None:
        """Sample what the gateway holds until then."""
        while True:
            self._levels.sample(self._passed(), outside(self._stage.pid))
            if (left := until - self._passed()) <= SAMPLE:
                break
            await asyncio.sleep(SAMPLE)
        await asyncio.sleep(max(0.0, left))
        self._levels.sample(self._passed(), outside(self._stage.pid) | await self._stage.probe())
        self._levels.disturbed()

    async def _disturb(self, kind: str) -> None:
        stage = self._stage
        say(f"{self._passed():8.1f} s  {kind}")
        if kind == RELOADED:
            if wrong := await stage.reload():
                self._complain(wrong)
        elif kind == KILLED:
            await venue_killed(stage, self._rng)
        else:
            await FAULTS[kind](stage, self._rng)
        whole = time.monotonic()
        numbers = [number + 1 for number in stage.traded.read()]
        if not await stage.reached(numbers):
            behind = {one.name: one.ended or one.ledger.behind(numbers)[:3] for one in stage.readers}
            self._complain(f"after {kind} not all flows again: {behind}")
            return
        self.found.recoveries.setdefault(kind, []).append(time.monotonic() - whole)
        if differing := await stage.ghosts():
            self._complain(f"after {kind}: {differing}")

    async def _settle(self) -> None:
        """See that both clients come to the present number of every stream; ask what the gateway counted."""
        stage, found = self._stage, self.found
        numbers = stage.traded.read()
        if not await stage.reached(numbers):
            behind = {one.name: one.ended or one.ledger.behind(numbers)[:3] for one in stage.readers}
            self._complain(f"what was traded has not come in the end: {behind}")
        found.metrics = await stage.metrics()
        found.wrong += defects(found.metrics)

    def _complain(self, of: str) -> None:
        self.found.wrong.append(of)
        say(f"WRONG: {of}")


async def soak(given: argparse.Namespace) -> Found:
    """Run one; what was found so far is told of one that is ended early."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    size = Size(given.connections, given.rate, given.pulse, given.plant)
    with tempfile.TemporaryDirectory() as place:
        async with Stage(size, Path(place)) as stage:
            run = Soak(stage, given)
            try:
                await run.run()
            except asyncio.CancelledError:
                task.uncancel()
                run.found.wrong.append("it was ended early")
            run.found.wrong += await stage.end()
        return run.found


def say(what: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"{what}\n")


def main() -> int:
    """Run and report."""
    given = options()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        found = runner.run(soak(given))
    about = (
        f"Python {platform.python_version()}, {given.connections} connections, {given.rate:,.0f} messages/s, "
        f"something every {given.every:g} s, seed {given.seed}"
    )
    told = [
        about,
        *lines(found),
        *(f"WRONG: {one}" for one in found.complaints),
        found.verdict,
    ]
    sys.stdout.write("\n".join(told) + "\n")
    if given.json is not None:
        given.json.write_text(json.dumps({**asdict(found), "complaints": found.complaints}))
    return int(bool(found.complaints))


if __name__ == "__main__":
    sys.exit(main())
