"""A stage before a whole simulated venue, and a witness of all that its topics are told."""

import asyncio
import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import msgspec

from gateway import spi
from gateway.engine.bookshadow import BookShadow
from gateway.engine.messages import Message
from gateway.engine.shadow import RecordShadow
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.sockets import VenueSocket
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import MockVenue

ID = "mock/stream/0"


class Unlimited(MockExchange):
    """The mock exchange with limits that nothing reaches."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        return replace(INFO, limits=tuple(replace(limit, count=10**9) for limit in INFO.limits))


class Rolled:
    """
    The mock exchange and its venue, which says something on every stream ``rate`` times a second.

    Args:
        stage: makes what stands between them.
        symbols: how many there are.
        plugin: another plugin than the mock exchange's.
        rate: ticks a second; may be changed at any moment, 0 for silence.
    """

    def __init__(
        self,
        stage: Callable[..., Any],
        *,
        symbols: int = 3,
        plugin: object | None = None,
        rate: float = 20,
        **more: Any,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.rate = rate
        self.venue = MockVenue(now=lambda: round(loop.time() * 1e6), symbols=symbols - 3)
        self.network = MemoryVenue(self.venue)
        self.stage = stage(plugin or MockExchange(), network=self.network, urls=self.network.addresses, **more)
        self.ears: dict[str, Any] = {}
        self._epoch = 1
        self._ticking = asyncio.create_task(self._tick())

    async def __aenter__(self) -> Self:
        await self.network.__aenter__()
        await self.stage.__aenter__()
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        self._ticking.cancel()
        await self.stage.__aexit__()
        await self.network.__aexit__(kind, error, trace)  # type: ignore[arg-type]

    async def _tick(self) -> None:
        while True:
            if self.rate:
                self.venue.tick()
            await asyncio.sleep(1 / self.rate if self.rate else 0.5)

    async def hear(self, *topics: str) -> None:
        """Listen to topics such as ``trades:BTC-USDT``, and be live."""
        for name, ear in zip(
            topics, await self.stage.hear_all(*(f"mock:{topic}" for topic in topics)), strict=True
        ):
            self.ears[name] = ear
        await asyncio.sleep(1)
        assert self.stage.state() == "CONNECTED"

    @property
    def supervisor(self) -> Any:
        return self.stage.link().supervisor

    @property
    def newest(self) -> VenueSocket:
        """The venue's half of the newest socket."""
        return self.venue.sockets[max(self.venue.sockets)]

    @property
    def epoch(self) -> int:
        return self.stage.view().epoch

    def epoch_is_new(self) -> bool:
        """Whether another epoch serves than when this was last true."""
        is_new, self._epoch = self.epoch != self._epoch, self.epoch
        return is_new

    @property
    def failures(self) -> list[str]:
        """Why second connections came to nothing."""
        return [str(facts["text"]) for facts in self.stage.seen.noticed_of("rollover_failed")]

    def is_restored(self) -> bool:
        """Whether a second connection is restored and has not taken over."""
        run = self.supervisor._rollover._candidate
        return run is not None and run.is_restored

    async def roll(self, within: float = 15) -> bool:
        """Ask for a rollover as an operator does."""
        async with asyncio.timeout(within):
            result: bool = await self.supervisor.roll("asked for")
        return result

    async def until(self, holds: Callable[[], bool], within: float = 60) -> None:
        """Wait until something holds that the network, or time, brings about."""
        async with asyncio.timeout(within):
            while not holds():  # noqa: ASYNC110  # time brings it about
                await asyncio.sleep(0.01)

    def check(self) -> None:
        """Demand that every topic has heard everything once and in order, and of nothing else."""
        assert self.network.most_held <= 2, "more than two sockets"
        for name, ear in self.ears.items():
            assert [status for status in ear.statuses if status != "live"] == [], name
            WITNESSES[name.partition(":")[0]](name, [one for one in ear.heard if isinstance(one, Message)])
            offsets = [one.offset for one in ear.heard if isinstance(one, Message)]
            assert offsets == list(range(offsets[0], offsets[0] + len(offsets))), name

    def check_forgotten(self) -> None:
        """Demand that nothing is left of any rollover."""
        link = self.stage.link()
        assert link.candidate is None
        gc.collect()
        assert not [each for each in gc.get_objects() if isinstance(each, RecordShadow | BookShadow)]
        assert len(self.venue.sockets) == 1
        assert {stream for _, stream in self.venue.streams()} == {*link.connection.feeds}
        for feed in link.connection.feeds.values():
            assert feed.overlap is feed.raw_overlap is None


def numbered(name: str, numbers: list[int]) -> None:
    assert len(numbers) > 10, f"{name} said next to nothing"
    missing = sorted({*range(numbers[0], numbers[-1] + 1)} - {*numbers})
    doubled = len(numbers) - len({*numbers})
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"{name}: {missing=} {doubled=}"


def trades(name: str, messages: list[Message]) -> None:
    numbered(name, [record.id for message in messages for record in message.records])


def quotes(name: str, messages: list[Message]) -> None:
    numbered(name, [record.seq for message in messages for record in message.records])


def tickers(name: str, messages: list[Message]) -> None:
    """They have no number, but each has a time of its own."""
    times = [record.ts for message in messages for record in message.records]
    assert times == sorted({*times}), name
    assert len(times) > 10, name


def books(name: str, messages: list[Message]) -> None:
    """A whole book's updates are numbered, and whoever joins then would be shown what whoever applies them has."""
    sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
    snapshots = [message for message in messages if message.kind == "snapshot"]
    assert len(snapshots) == 1, f"{name} was shown {len(snapshots)} times"
    for message in messages:
        for record in message.records:
            for side, sizes in sides.items():
                if message.kind == "snapshot":
                    sizes.clear()
                sizes |= dict(getattr(record, side))
                for price in [price for price, size in sizes.items() if size == "0"]:
                    del sizes[price]
            assert name.count(":") > 1 or len(sides["bids"]) == len(sides["asks"]) == 20, name
    if name.count(":") == 1:
        numbered(name, [record.seq for message in messages for record in message.records])


def frames(name: str, messages: list[Message]) -> None:
    read = [msgspec.json.decode(message.records) for message in messages]
    data = [frame["data"][0] for frame in read if frame.get("kind") != "snapshot"]
    numbered(name, [one.get("id") or one.get("seq") or one.get("last") for one in data])


WITNESSES: dict[str, Callable[[str, list[Message]], None]] = {
    "trades": trades,
    "quotes": quotes,
    "ticker": tickers,
    "book": books,
    "raw": frames,
}
