"""No connection is ever live without a socket, however one fails or ends, and nothing of it stays behind."""

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway import Gateway, spi
from gateway.engine import registry
from gateway.engine.ledger import StreamLedger
from gateway.engine.registry import RegistrySnapshot
from gateway.model.states import ConnectionState as S
from gateway.runtime.epoch import Epoch
from gateway.testing.faults import Refusal
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.venue import Venue
from gateway.testing.virtual import VirtualLoop, run
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import MockVenue

ACCOUNTS = {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}}
ENVIRON = {"KEY": "mock-key", "SECRET": "mock-secret"}
PUBLIC, PRIVATE = "mock/stream/0", "main"
FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
RECONNECTS = 1_000_000 if FULL else 9_000
WARM = 1_000
"""Reconnects before it is looked at what there is."""
COUNTED = {"tasks", "timers", "descriptors"}
"""What a few hundred reconnects say something of; memory needs thousands."""

Attempt = tuple[str, Callable[[Venue], None]]


def refused_upgrade(status: int) -> Callable[[Venue], None]:
    return lambda venue: venue.faults.refuse_upgrades.arm(Refusal(status), times=1)


ATTEMPTS: list[Attempt] = [
    (PUBLIC, lambda venue: venue.faults.reset_dials.arm(times=1)),
    *((PUBLIC, refused_upgrade(status)) for status in (401, 403, 429, 503)),
    (PRIVATE, lambda venue: venue.faults.refuse_logins.arm("no such account", times=1)),
    (PUBLIC, lambda venue: venue.faults.close_at_subscribe.arm(1008, times=1)),
]
"""Who is asked for, and what goes wrong at the venue."""


class Unlimited(MockExchange):
    """The mock exchange with limits that nothing reaches, which also ignores verdicts that ask to wait."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        return replace(INFO, limits=tuple(replace(limit, count=10**9) for limit in INFO.limits))

    @spi.hookimpl
    def gateway_classify(self) -> spi.Verdict:
        return spi.Verdict(action=spi.Action.RETRY)


class Recorder:
    """Keeps every snapshot that the registry of a gateway publishes, in order."""

    def __init__(self, gateway: Gateway) -> None:
        self.snapshots: list[RegistrySnapshot] = []
        registry = gateway.registry
        swap = registry._swap

        def recording(*maps: Any) -> None:
            swap(*maps)
            self.snapshots.append(registry.snapshot)

        registry._swap = recording

    def check(self) -> None:
        """Live is what is CONNECTED, in each of them, and none is missing."""
        assert [one.version for one in self.snapshots] == list(range(1, len(self.snapshots) + 1))
        for one in self.snapshots:
            assert one.live == {id_: view for id_, view in one.supervised.items() if view.state is S.CONNECTED}


def settings(venue: Venue | MemoryVenue) -> dict[str, Any]:
    endpoints = {**venue.addresses, "allow_plaintext": True}
    return {"exchanges": {"mock": {"endpoints": endpoints}}, "accounts": ACCOUNTS}


async def wish(gateway: Gateway) -> None:
    """Want a stream on the public connection, which an operator holds down."""
    gateway.connect_account(PUBLIC)
    await gateway.disconnect_account(PUBLIC)
    await gateway.listen("mock:trades:BTC-USDT", lambda _: None)


async def refuse_in_turn(gateway: Gateway, venue: Venue, times: int) -> None:
    for number in range(times):
        asked, break_it = ATTEMPTS[number % len(ATTEMPTS)]
        break_it(venue)
        assert await gateway.connect_account(asked) is False
        assert gateway.get_connection(asked) is None


def test_a_thousand_refused_connects_publish_no_ghost_and_leave_nothing() -> None:
    """``run`` demands that no task and no timer is left; sockets are counted here."""

    async def main() -> tuple[Recorder, int]:
        async with MemoryVenue(MockVenue()) as network:
            loop = asyncio.get_running_loop()
            gateway = Gateway(
                settings(network),
                plugins={"mock": Unlimited()},
                environ=ENVIRON,
                network=network,
                now=loop.time,
                wall_us=lambda: round(loop.time() * 1e6),
            )
            recorder = Recorder(gateway)
            async with gateway:
                await wish(gateway)
                before = len(recorder.snapshots)
                live_at_first = [one for one in recorder.snapshots if one.live]
                await asyncio.sleep(0)  # the task of the connection that was given up at first has ended
                tasks = len(asyncio.all_tasks())
                await refuse_in_turn(gateway, network.venue, 1000)
                assert len(asyncio.all_tasks()) == tasks
                assert network.held == ()
                assert len(live_at_first) <= 1
                assert not any(one.live for one in recorder.snapshots[before:])
            return recorder, network.accepted

    recorder, accepted = run(main())
    recorder.check()
    states = [change.state for one in recorder.snapshots for change in one.supervised.values()]
    assert states.count(S.ERROR) >= 1000
    assert accepted >= 1000 // len(ATTEMPTS) * 2, "logins and subscribes got as far as a socket"


async def test_the_same_over_real_sockets_watched_from_another_thread() -> None:
    times = 200
    async with MockVenue() as venue:
        gateway = Gateway(settings(venue), plugins={"mock": Unlimited()}, environ=ENVIRON)
        recorder = Recorder(gateway)
        async with gateway:
            await wish(gateway)
            watcher = Watcher(gateway)
            descriptors = open_descriptors()
            with watcher:
                await refuse_in_turn(gateway, venue, times)
            assert not watcher.ghosts
            assert watcher.looks > times
            await venue.wait_for(lambda: not venue.sockets)
            assert open_descriptors() <= descriptors + 2, "pooled REST connections aside"
            # and it still works
            assert await gateway.connect_account(PRIVATE) is True
            handle = gateway.get_connection(PRIVATE)
            assert handle is not None
            assert handle.is_connected
    recorder.check()


# --- those that were live


@pytest.mark.timeout(7200 if FULL else 240)
def test_nothing_stays_behind_in_ten_thousand_reconnects(bench: Any) -> None:
    """A million of them with ``GATEWAY_FULL_SIZE``; ``bench/ghosts.py`` does the same. With ``-s``: figures."""
    lines, levels = bench("ghosts").in_memory(RECONNECTS, warm=WARM)
    print(f"\n{bench('ghosts').report(lines, levels)}")  # noqa: T201  # for people
    assert lines.ghosts == []
    assert lines.ups == RECONNECTS + WARM + len(lines.by_id)
    assert lines.looks > lines.ups, "each end was looked at, those of failed attempts too"
    assert lines.network.most_held == len(lines.by_id), "one socket for each connection"
    assert lines.network.held == ()
    assert not levels.growing(), levels.trends()
    assert not levels.unsure(), levels.trends()


def test_nor_in_hundreds_over_real_sockets(bench: Any) -> None:
    lines, levels = bench("ghosts").on_loopback(300, samples=10, warm=100)
    assert lines.ghosts == []
    assert lines.ups == 400 + len(lines.by_id)
    assert not COUNTED & levels.growing().keys(), levels.trends()
    assert not COUNTED & levels.unsure().keys(), levels.trends()


# --- the same with mistakes in it: else nobody knows that they would be found


@pytest.fixture
def small(bench: Any) -> Callable[[], tuple[Any, Any]]:
    """Do the same some hundred times, and let the event loop say nothing of what is left."""

    async def main() -> tuple[Any, Any]:
        lines = bench("lines_in_memory").MemoryLines(10)
        return lines, await bench("ghosts").measure(lines, 200, samples=20, warm=50)

    def measured() -> tuple[Any, Any]:
        loop = VirtualLoop()
        try:
            return loop.run_until_complete(main())
        finally:
            loop.finish()

    return measured


def test_whoever_is_live_before_its_handshake_is_done_is_found(monkeypatch, small) -> None:
    monkeypatch.setattr(StreamLedger, "plan_settled", property(lambda _: True))
    assert small()[0].ghosts


def test_whoever_is_live_after_its_end_is_found(monkeypatch, small) -> None:
    swap = registry.ConnectionRegistry._swap

    def late(self: Any, supervised: Any, live: Any) -> None:
        """Take out of those that are live only with the change after the next."""
        swap(self, supervised, {**getattr(self, "before", {}), **live})
        self.before = live

    monkeypatch.setattr(registry.ConnectionRegistry, "_swap", late)
    assert small()[0].ghosts


def test_a_history_that_is_kept_for_ever_is_found(monkeypatch, small) -> None:
    monkeypatch.setattr(registry, "deque", lambda maxlen: deque())  # as it is called
    assert {"objects", "blocks of memory"} <= small()[1].growing().keys()


async def lives_on() -> None:
    await asyncio.Event().wait()


LEFT: dict[str, tuple[int, Callable[[], Any]]] = {
    "tasks": (5, lambda: asyncio.create_task(lives_on())),
    "timers": (5, lambda: asyncio.get_running_loop().call_later(1e9, print)),
    "descriptors": (5, lambda: os.open(os.devnull, os.O_RDONLY)),
    "objects": (5, list),
    "blocks of memory": (1, lambda: bytes(100)),
}
"""What one epoch in so many leaves behind."""


@pytest.mark.parametrize("what", LEFT)
def test_what_epochs_leave_behind_is_found(monkeypatch, small, what: str) -> None:
    every, leave = LEFT[what]
    kept: list[Any] = []
    close = Epoch.close

    async def closes(self: Epoch) -> None:
        await close(self)
        if self.number % every == 0:
            kept.append(leave())

    monkeypatch.setattr(Epoch, "close", closes)
    try:
        assert what in small()[1].growing()
    finally:
        for descriptor in kept if what == "descriptors" else ():
            os.close(descriptor)


class Watcher:
    """Looks at the registry from a thread of its own, as fast as it can."""

    def __init__(self, gateway: Gateway) -> None:
        self.looks = 0
        self.ghosts: list[RegistrySnapshot] = []
        self._registry = gateway.registry
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)  # else the event loop hardly gets a turn
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        sys.setswitchinterval(self._interval)

    def _watch(self) -> None:
        while not self._stop.is_set():
            snapshot = self._registry.snapshot
            self.looks += 1
            if snapshot.live:
                self.ghosts.append(snapshot)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
