"""
What one client of a hundred that stops reading costs the gateway and the others, and what it gets itself.

``python bench/slow_consumers.py --help`` lists the options; README.md says how to read it.
"""

import argparse
import json
import sys
import threading
import urllib.error
import urllib.request  # noqa: TID251  # an operator from outside
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import crowd_stage
from crowd_stage import MEBI, Stage, losses
from table import heading

GOAL: Final = 2.0
"""Times the others' p99 without the slow one."""
TOO_SLOW: Final = "4408"
LAG: Final = 64 * 1024
SLACK: Final = 256 * 1024
"""Bytes that may wait besides: a socket's buffer has one high-water mark, and what one write added to it."""
CROWDED: Final = 16 * MEBI
"""Bytes by which a process may grow of itself."""
LOOK: Final = 0.25
"""Seconds between two looks at the one that does not read."""


@dataclass(frozen=True, slots=True)
class Case:
    """A policy and what is subscribed to; ``most`` bytes may wait for a client that does not read."""

    name: str
    channel: str
    on_lag: str
    most: int
    stream: str
    account: bool = False
    apart: bool = False
    """Whether each record is a message of its own."""

    @property
    def wish(self) -> dict[str, Any]:
        """What all the clients subscribe to."""
        chosen = {"account": "main", "symbols": []} if self.account else {"symbols": ["BTC-USDT"]}
        return {"channel": self.channel, "on_lag": self.on_lag, **chosen}


CASES: Final = (
    Case("conflate", "quotes", "conflate", LAG, "quotes.btc_usdt"),
    Case("conflate-book", "book", "conflate", LAG, "book.btc_usdt", apart=True),
    Case("drop_oldest", "trades", "drop_oldest", LAG + MEBI, "trades.btc_usdt"),
    Case("drop_oldest-book", "book", "drop_oldest", LAG, "book.btc_usdt", apart=True),
    Case("disconnect", "trades", "disconnect", 2 * MEBI, "trades.btc_usdt"),
    Case("account", "orders", "disconnect", 2 * MEBI, "orders", account=True),
)


@dataclass(slots=True)
class Found:
    """What one case showed; ``without`` and ``beside`` are the others' delays in milliseconds, round by round."""

    name: str
    others: int
    without: list[dict[str, float]] = field(default_factory=list)
    beside: list[dict[str, float]] = field(default_factory=list)
    """``cpu`` is the gateway's, as a share of a core."""
    grown: int = 0
    """Bytes of the gateway's memory while one did not read, at most, beyond what it had before."""
    queued: int = 0
    """Bytes that waited for that one at most."""
    slow: dict[str, Any] = field(default_factory=dict)
    """What that one got."""
    told: dict[str, Any] = field(default_factory=dict)
    """What the gateway says of it."""
    back: dict[str, Any] = field(default_factory=dict)
    """What it got when it had been closed and came back."""
    wrong: list[str] = field(default_factory=list)

    def ratio(self, share: str) -> float:
        """Return the median of the rounds' ratios."""
        return median(
            after[share] / before[share] for before, after in zip(self.without, self.beside, strict=True)
        )

    def delay(self, rounds: Sequence[dict[str, float]], share: str) -> float:
        """Return the median of the rounds."""
        return median(one[share] for one in rounds)


class Operator:
    """
    Somebody who looks at the clients.

    Args:
        on: where.
    """

    def __init__(self, on: Stage) -> None:
        self._server = on.server
        self._base = f"http://127.0.0.1:{on.port}/api/v1"
        self.queued = 0
        """Bytes that waited for the client that was watched, at most."""
        self.resident = 0
        """Bytes of the gateway, at most."""

    def newest(self) -> str:
        """Return who came last."""
        found: str = self._get("/clients")["clients"][-1]["id"]
        return found

    def client(self, name: str) -> dict[str, Any]:
        """Return how it is, nothing once it is gone."""
        found: dict[str, Any] = self._get(f"/clients/{name}")
        return found

    def closed_with(self, name: str) -> str:
        """Return the code with which the gateway has closed it, nothing if it has not."""
        events = self._get("/events?format=json")["events"]
        codes = [one["facts"]["code"] for one in events if one.get("client") == name and one["what"] == "closed"]
        return str(codes[0]) if codes else ""

    @contextmanager
    def watching(self, name: str) -> Iterator[None]:
        """Look at a client again and again meanwhile."""
        self.queued, self.resident, over = 0, 0, threading.Event()

        def look() -> None:
            while not over.wait(LOOK):
                self.queued = max(self.queued, self.client(name).get("queue_bytes", 0))
                self.resident = max(self.resident, self._server.resident())

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(self._base + path, timeout=10) as reply:  # noqa: TID251  # same
                return json.loads(reply.read())
        except urllib.error.HTTPError as refused:
            refused.close()
            return {}


def run(on: Stage, case: Case, given: argparse.Namespace) -> Found:
    """Measure one policy: in each round the others alone, then beside a client that does not read."""
    found, others = Found(case.name, given.clients - 1), list(range(given.clients - 1))
    operator = Operator(on)
    on.crowd.ask("connect", count=len(others))
    on.crowd.ask("subscribe", members=others, **{**case.wish, "on_lag": "disconnect"})
    on.venue.tell(
        rate=given.rate, streams=[case.stream], records=max(1, given.records // (5 if case.apart else 1))
    )
    on.crowd.ask("listen", seconds=0.5)
    watched = operator.newest()
    for _ in range(given.rounds):
        with operator.watching(watched):  # the same looks as beside the slow one
            found.without.append(heard(on, given.seconds))
        beside(on, case, found, operator, given.seconds)
        found.wrong += judge(case, found)
    found.wrong += [f"the others: {what}" for what in losses(on.crowd.ask("settle"))]
    on.venue.tell(rate=1, streams=[])
    on.crowd.ask("leave", members=others)
    return found


def heard(on: Stage, seconds: float) -> dict[str, float]:
    """Return how old the messages were that the others got, and what that cost the gateway."""
    told = on.measure(seconds)
    return {**told["delays"], "cpu": told["cpu"]["server"]}


def beside(on: Stage, case: Case, found: Found, operator: Operator, seconds: float) -> None:
    """Let one come and read nothing while the others are measured; then let it read what is left for it."""
    one = found.others
    on.crowd.ask("connect", count=1, small=True)
    name = operator.newest()
    on.crowd.ask("subscribe", members=[one], **case.wish)
    on.crowd.ask("pause", member=one)
    before = on.server.resident()
    with operator.watching(name):
        found.beside.append(heard(on, seconds))
    found.grown = max(found.grown, operator.resident - before)
    found.queued = max(found.queued, operator.queued)
    found.slow = on.crowd.ask("read_on", member=one)
    found.told = operator.client(name) or {"closed": operator.closed_with(name)}
    if case.account and found.slow["ended"]:
        found.back = on.crowd.ask("come_back", member=one, **case.wish)
    on.crowd.ask("leave", members=[one])


def judge(case: Case, found: Found) -> Iterator[str]:
    """Yield what one that did not read got otherwise than the protocol says."""
    slow, told = found.slow, found.told
    if slow["jumps"]:
        yield f"{slow['jumps']} jumps between offsets"
    if found.queued > case.most + SLACK:
        yield f"{found.queued} bytes waited"
    if found.grown > case.most + SLACK + CROWDED:
        yield f"the gateway grew by {found.grown} bytes"
    if case.on_lag == "disconnect":
        yield from _judge_cut(case, found)
    elif slow["ended"]:
        yield f"it was cut off: {slow['ended']}"
    elif slow["dropped"] != told["dropped"]:
        yield f"it was told of {slow['dropped']} that were dropped, and {told['dropped']} were"
    elif (case.on_lag == "conflate") == bool(slow["dropped"]):
        yield f"{slow['dropped']} messages were dropped"
    elif case.on_lag == "conflate" and slow["stood_for"] == slow["updates"]:
        yield "nothing was conflated"


def _judge_cut(case: Case, found: Found) -> Iterator[str]:
    if found.told.get("closed") != TOO_SLOW:
        yield f"it was not closed with {TOO_SLOW}: {found.told}"
    if found.slow["dropped"] or found.slow["stood_for"] != found.slow["updates"]:
        yield "some of what it got was merged or dropped"
    if case.account and (found.back.get("jumps") or found.back.get("acks") != 1):
        yield f"it came back and got {found.back}"


def fate(case: Case, found: Found) -> str:
    """Say what became of the one that did not read."""
    slow = found.slow
    if case.on_lag == "conflate":
        return f"{slow['updates']} messages stood for {slow['stood_for']}; none dropped"
    if case.on_lag == "drop_oldest":
        whole = f", {slow['snapshots'] - 1} whole books in their place" if case.channel == "book" else ""
        return f"{slow['dropped']} dropped, all of them told in {slow['lags']} lag messages{whole}"
    read = "and it read that" if slow["ended"] == TOO_SLOW else f"it saw the {slow['ended']}"
    if not case.account:
        return f"closed with {found.told.get('closed')} ({read}); contiguous until then"
    missed = "got all that it had missed" if found.back.get("recovered") else "was told that not all is kept"
    return f"closed with {found.told.get('closed')} ({read}); came back and {missed}"


def report(cases: Sequence[Case], results: Sequence[Found]) -> None:
    """Say what was found."""
    for case, found in zip(cases, results, strict=True):
        print(f"{case.name}: {case.channel}, {found.others} read and 1 does not")
        print(f"  it: {fate(case, found)}")
        waited, bound, grown = (size // 1024 for size in (found.queued, case.most + SLACK, found.grown))
        print(f"  memory: {waited} KiB waited at most (bound {bound}), the gateway grew by {grown} KiB")
        for share in ("p50", "p99"):
            alone, with_it = found.delay(found.without, share), found.delay(found.beside, share)
            figures = f"{alone:.2f} ms without, {with_it:.2f} ms beside, ratio {found.ratio(share):.2f}"
            print(f"  others' {share}: {figures}")
        alone, with_it = (100 * found.delay(rounds, "cpu") for rounds in (found.without, found.beside))
        print(f"  the gateway's CPU: {alone:.0f} % of a core without, {with_it:.0f} % beside")
        for wrong in found.wrong:
            print(f"  WRONG: {wrong}")
    worst = max(found.ratio("p99") for found in results)
    print(f"\nthe worst ratio of p99 is {worst:.2f}; the goal is {GOAL:g} at most")


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round of each, about a minute")
    parser.add_argument("--clients", type=int, default=100, metavar="N", help="with the slow one (%(default)s)")
    parser.add_argument("--rate", type=float, default=200.0, metavar="R", help="messages/s (%(default)g)")
    parser.add_argument(
        "--records", type=int, default=60, metavar="N", help="in each, a fifth of a book's (%(default)s)"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured (3)")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long, with and without (8)")
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES], help="these policies")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    sizes = {"rounds": 1, "seconds": 8.0} if given.quick else {"rounds": 3, "seconds": 8.0}
    for name, size in sizes.items():
        if getattr(given, name) is None:
            setattr(given, name, size)
    return given


def main() -> int:
    """Measure and report; the exit status is 1 if anything was not as the protocol says."""
    given = options()
    cases = [case for case in CASES if given.only is None or case.name in given.only]
    results = []
    with crowd_stage.gateway() as on:
        for case in cases:
            results.append(run(on, case, given))
            print(f"{case.name} is done", file=sys.stderr)
    print(heading(given.rounds))
    print(f"{given.rate:g} messages/s of {given.records} records; delays are from the venue to the client\n")
    report(cases, results)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(found) for found in results]))
    return int(any(found.wrong for found in results))


if __name__ == "__main__":
    sys.exit(main())
