"""No connection is ever live before its handshake is done, however it fails, and a failed one leaves nothing."""

import asyncio
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway import Gateway, spi
from gateway.engine.registry import RegistrySnapshot
from gateway.model.states import ConnectionState as S
from gateway.testing.faults import Refusal
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.venue import Venue
from gateway.testing.virtual import run
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import MockVenue

ACCOUNTS = {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}}
ENVIRON = {"KEY": "mock-key", "SECRET": "mock-secret"}
PUBLIC, PRIVATE = "mock/stream/0", "main"

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
