"""
A venue that counts what it says and goes wrong again and again, and a client that reckons up what it was sent.

Everything is drawn from a seed; the same seed gives the same faults.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any

from gateway import spi
from gateway.testing.faults import Refusal
from gateway.testing.ways import Ack, Body
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import MockVenue

ID = "mock/stream/0"
BENT = (Body.EMPTY, Body.GARBAGE, Body.PAGE, Body.CUT)


class Unlimited(MockExchange):
    """The mock exchange with limits that nothing reaches."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        return replace(INFO, limits=tuple(replace(limit, count=10**9) for limit in INFO.limits))


class Forgetful(Unlimited):
    """The same, whose past nobody can ask for."""

    @spi.hookimpl
    def gateway_backfill(self) -> None:
        """Have none."""


class Reckoning:
    """
    What one client was sent of each topic of trades: messages as the stream protocol has them.

    ``lost`` counts numbers that neither came nor were told to be missing right
    before the datum that follows, ``told`` those that were.
    """

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.first: dict[str, int] = {}
        self.came = self.lost = self.doubled = self.reordered = self.told = 0
        self.wrong: list[str] = []
        self.status: dict[str, str] = {}
        self._at: dict[str, int] = {}
        """When the last one was traded."""
        self._gaps: dict[str, list[dict[str, Any]]] = {}
        self._offsets: dict[str, tuple[str, int]] = {}

    def take(self, message: dict[str, Any]) -> None:
        topic = message["topic"]
        if message["type"] == "status":
            if message["status"] == "gap":
                self._gaps.setdefault(topic, []).append(message)
            elif message["status"] != "restored":
                self.status[topic] = message["status"]
            return
        if self.status.get(topic, "live") != "live":
            self.wrong.append(f"{topic}: {message} came while it was {self.status[topic]}")
        epoch, offset = self._offsets.get(topic, (message["epoch"], message["offset"] - 1))
        if (message["epoch"], message["offset"]) != (epoch, offset + 1):
            self.wrong.append(
                f"{topic}: offset {message['offset']} of {message['epoch']} after {offset} of {epoch}"
            )
        self._offsets[topic] = message["epoch"], message["offset"]
        for record in message["data"]:
            self._trade(topic, record["id"], record["ts"])

    def _trade(self, topic: str, number: int, at: int) -> None:
        self.came += 1
        last = self.last.get(topic)
        gaps = self._gaps.pop(topic, [])
        if last is None:
            self.first[topic] = number
        elif number == last:
            self.doubled += 1
        elif number < last:
            self.reordered += 1
            return
        elif number > last + 1:
            self._hole(topic, (last + 1, number - 1, self._at[topic], at), gaps)
        elif gaps:
            self.wrong.append(f"{topic}: {gaps} was told and nothing is missing before {number}")
        self.last[topic], self._at[topic] = number, at

    def _hole(self, topic: str, bounds: tuple[int, int, int, int], gaps: list[dict[str, Any]]) -> None:
        told = [tuple(gap.get(name) for name in ("from", "to", "from_ts", "to_ts")) for gap in gaps]
        missing = bounds[1] + 1 - bounds[0]
        if told == [bounds]:
            self.told += missing
        else:
            self.lost += missing
            self.wrong.append(f"{topic}: {bounds} is missing, told was {told}")


class Faulty:
    """
    Does one thing after the other to a venue.

    Args:
        venue: whose clients suffer.
        roll: has a second connection take over.
        rng: draws what, and when.
    """

    def __init__(self, venue: MockVenue, roll: Callable[[], object], rng: Random) -> None:
        self.venue = venue
        self.rng = rng
        self.done: Counter[str] = Counter()
        self.roll = roll
        faults = venue.faults
        self.all: dict[str, Callable[[], Awaitable[None] | object]] = {
            "cut by FIN": venue.drop,
            "cut by RST": lambda: venue.drop(rst=True),
            "cut by Close": lambda: venue.drop(code=rng.choice((1000, 1001, 1006, 1011))),
            "half-open": self.mute,
            "dials reset": lambda: self.cut_and(faults.reset_dials.arm, times=rng.randrange(1, 4)),
            "upgrades refused": lambda: self.cut_and(faults.refuse_upgrades.arm, Refusal(503), times=2),
            "upgrades hang": lambda: self.cut_and(faults.hang_upgrades.arm, times=1),
            "acks lost": lambda: self.cut_and(faults.lose_acks.arm, times=1),
            "acks bent": lambda: self.cut_and(faults.bend_acks.arm, rng.choice(list(Ack)), times=1),
            "shutdown notice": lambda: venue.announce_closing(10.0),
            "rollover": roll,
            "cut while rolling": self.cut_while_rolling,
            "stream ended": lambda: venue.end_stream(self.stream(), "moved"),
            "data lost": lambda: faults.lose(self.stream(), rng.randrange(1, 8)),
            "data repeated": lambda: faults.repeat(self.stream(), rng.randrange(1, 8)),
            "data swapped": lambda: faults.swap(self.stream(), rng.randrange(1, 4)),
            "history refused": lambda: self.lose_and(faults.refuse_requests.arm, Refusal(rng.choice((500, 503)))),
            "history bent": lambda: self.lose_and(faults.bend_replies.arm, rng.choice(BENT)),
            "history slow": self.slow_history,
        }
        """Everything that can be done, by name; they may overlap."""

    def stream(self) -> str:
        """Draw a stream."""
        return f"trades.{self.rng.choice(sorted(self.venue.markets))}"

    async def go_wrong(self, times: int, between: Callable[[], float]) -> None:
        """Do ``times`` of them, with seconds between."""
        names = sorted(self.all)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(times):
                await asyncio.sleep(between())
                name = self.rng.choice(names)
                self.done[name] += 1
                lasting = self.all[name]()
                if asyncio.iscoroutine(lasting):
                    tasks.create_task(lasting)

    def mute(self) -> None:
        """Let sockets that are open say nothing more; they stay so until a heartbeat is missed."""
        for socket in self.venue.sockets.values():
            socket.muted = True

    def cut_and(self, arm: Callable[..., None], *how: Any, times: int) -> None:
        """Have whoever comes back find something wrong."""
        arm(*how, times=times)
        self.venue.drop()

    def lose_and(self, arm: Callable[..., None], how: Any) -> None:
        """Have whoever asks for what was lost be told nothing twice."""
        arm(how, times=2)
        self.venue.faults.lose(self.stream(), 3)

    async def cut_while_rolling(self) -> None:
        """Cut the first, the second or both."""
        self.roll()
        await asyncio.sleep(self.rng.uniform(0.0, 2.0))
        for number in self.rng.sample(
            sorted(self.venue.sockets), k=min(len(self.venue.sockets), self.rng.choice((1, 2)))
        ):
            self.venue.sockets[number].drop(rst=True)

    async def slow_history(self) -> None:
        """Let answers take a while."""
        self.venue.faults.reply_delay = self.rng.uniform(0.1, 1.0)
        self.venue.faults.lose(self.stream(), 3)
        await asyncio.sleep(2.0)
        self.venue.faults.reply_delay = 0.0


async def speak(venue: MockVenue, messages: int, rate: float) -> None:
    """Trade every symbol in turn, whoever listens, until there were so many; ``rate`` is of each symbol."""
    loop = asyncio.get_running_loop()
    names, said, begun = sorted(venue.markets), 0, loop.time()
    while said < messages:
        await asyncio.sleep(max(0.0, begun + said / (rate * len(names)) - loop.time()))
        for name in names:
            venue.emit_trade(name)
        said += len(names)


def newest(venue: MockVenue) -> dict[str, int]:
    """Return the number of each topic's last trade."""
    return {f"mock:trades:{one.symbol}": one.trades[-1]["id"] for one in venue.markets.values()}
