"""A plugin that holds the event loop is named, once for each time; nobody is blamed for a machine that slept."""

import asyncio
import logging
import threading
from collections.abc import Iterable, Iterator

import pytest

from gateway import Gateway, spi
from gateway.app.watchdog import BEAT, Watchdog, watched
from gateway.engine.histogram import Histogram
from gateway.engine.observer import Observers
from gateway_mock.plugin import MockDialect, MockExchange
from gateway_mock.venue import MockVenue

HERE = __name__
HELD = 2.7
"""Seconds: long enough for a name."""


class Noticing(Observers):
    """Remembers the blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[dict[str, object]] = []
        self.threads: set[int] = set()

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        assert (connection_id, epoch, what) == ("gateway", 0, "loop_blocked")
        self.threads.add(threading.get_ident())
        self.blocks.append(facts)


class SlowDialect(MockDialect):
    """Waits for something else at its first trade, which no dialect may."""

    def __init__(self, instruments: spi.Instruments, held: threading.Event) -> None:
        super().__init__(instruments)
        self._held = held

    def decode(self, payload: bytes, binary: bool, /) -> Iterable[spi.Event]:
        if b"trades" in payload and not self._held.is_set():
            threading.Event().wait(HELD)
            self._held.set()
        return super().decode(payload, binary)


class Slow(MockExchange):
    """The mock exchange with a slow dialect."""

    def __init__(self) -> None:
        self.held = threading.Event()

    @spi.hookimpl
    def gateway_dialect(self, instruments: spi.Instruments) -> MockDialect:
        return SlowDialect(instruments, self.held)


async def test_a_dialect_that_holds_the_loop_is_named_once() -> None:
    noticing, plugin = Noticing(), Slow()
    async with MockVenue(rate=20) as venue, watched(noticing):
        tables = {"exchanges": {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}}}
        async with Gateway(tables, plugins={"mock": plugin}) as gateway, asyncio.timeout(60):
            heard = aiter(gateway.subscribe("mock:trades:BTC-USDT"))
            await anext(heard)
            while not noticing.blocks:
                await anext(heard)
            await anext(heard)
    assert [(one["function"], one["called"]) for one in noticing.blocks] == [(f"{HERE}:SlowDialect.decode",) * 2]
    assert HELD <= noticing.blocks[0]["seconds"] < HELD + 30
    assert noticing.threads == {threading.get_ident()}, "observers live on the loop"


async def test_a_loop_that_turns_is_left_alone_and_no_thread_stays_behind() -> None:
    noticing = Noticing()
    before = threading.active_count()
    async with watched(noticing):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert noticing.blocks == []


# --- the decision, without a thread of its own


@pytest.fixture
def parked() -> Iterator[int]:
    """The identity of a thread that is held up by :func:`park`."""
    entered, go_on = threading.Event(), threading.Event()

    def park() -> None:
        entered.set()
        go_on.wait(30)

    thread = threading.Thread(target=park)
    thread.start()
    assert entered.wait(10)
    yield thread.ident or 0
    go_on.set()
    thread.join()


@pytest.fixture
def dog(parked: int) -> Watchdog:
    """One that has just seen a beat, at 100 s."""
    return Watchdog(Noticing(), parked, 100.0)


def blocks(dog: Watchdog) -> list[object]:
    return [one["seconds"] for one in dog._observer.blocks]


def looks(dog: Watchdog, start: float, end: float) -> None:
    """Look four times a second, while nobody uses the CPU."""
    for quarter in range(int(start * 4) + 1, int(end * 4) + 1):
        dog.look(quarter / 4, 0.0)


def test_a_second_without_a_turn_is_allowed_and_more_is_named(dog: Watchdog) -> None:
    looks(dog, 100.0, 101.0)
    dog.beat(101.0)
    assert blocks(dog) == []
    looks(dog, 101.0, 102.25)
    dog.beat(102.25)
    assert blocks(dog) == [1.25]


def test_each_block_is_told_once_and_the_next_one_again(dog: Watchdog) -> None:
    for end, told in ((103.0, [3.0]), (105.0, [3.0, 2.0])):
        looks(dog, end - 3.0 if end == 103.0 else 103.0, end)
        dog.beat(end)
        assert blocks(dog) == told
        dog.beat(end)
        assert blocks(dog) == told
    dog.beat(105.25)
    assert blocks(dog) == [3.0, 2.0]


def test_one_that_lasts_is_said_at_once_and_once(dog: Watchdog, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "gateway"):
        looks(dog, 100.0, 105.0)
        assert caplog.messages == []
        looks(dog, 105.0, 120.0)
    (line,) = caplog.messages
    assert line.startswith(f"the event loop has not turned for 5 s: {HERE}:parked.<locals>.park (")
    assert blocks(dog) == [], "the observers live on the loop, which does not turn"
    dog.beat(120.0)
    assert blocks(dog) == [20.0]


def test_a_process_that_was_stopped_as_a_whole_held_nothing_up(dog: Watchdog) -> None:
    dog.look(160.0, 0.1)
    dog.beat(160.0)
    assert blocks(dog) == []


def test_an_onlooker_who_was_kept_out_by_somebody_at_work_names_who_it_sees_then(dog: Watchdog) -> None:
    dog.look(103.0, 2.9)
    dog.beat(103.0)
    assert blocks(dog) == [3.0]


def test_a_loop_that_turns_while_it_is_looked_at_is_not_reported(
    dog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.app import watchdog

    def turns_meanwhile(thread: int) -> object:
        dog.beat(101.5)
        return real(thread)

    real = watchdog.holder
    monkeypatch.setattr(watchdog, "holder", turns_meanwhile)
    looks(dog, 100.0, 101.5)
    dog.beat(101.75)
    assert blocks(dog) == []


def test_how_late_the_loop_is_is_counted_at_every_beat() -> None:
    lag = Histogram((0.1, 1.0))
    dog = Watchdog(Noticing(), 0, 0.0, lag)
    for at in (BEAT, 2 * BEAT + 0.5, 3 * BEAT + 0.5):
        dog.beat(at)
    assert lag.counts == [2, 1, 0]
    assert lag.sum == pytest.approx(0.5)


async def test_a_loop_that_is_watched_counts_its_lag() -> None:
    lag = Histogram((0.1, 1.0))
    async with watched(Observers(), lag), asyncio.timeout(30):
        while not sum(lag.counts):  # noqa: ASYNC110  # what is waited for signals nobody
            await asyncio.sleep(0.01)
