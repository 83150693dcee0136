"""Sixteen threads read and command while connections churn: whatever one reads is one consistent version."""

import os
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from typing import Any

from gateway import ConnectionState as S
from gateway import ThreadedGateway
from gateway.engine.registry import ConnectionRegistry, RegistrySnapshot
from gateway.errors import SlowConsumer, TransitionError

SECONDS = float(os.environ.get("THREADS_SECONDS", "3"))
READERS, COMMANDERS, SUBSCRIBERS = 8, 5, 3
CONNECTIONS = [f"mock/stream/{number}" for number in range(6)]


class Published:
    """Every snapshot that the registry of a gateway publishes."""

    def __init__(self, registry: ConnectionRegistry) -> None:
        self.versions: dict[int, RegistrySnapshot] = {0: registry.snapshot}
        swap = registry._swap

        def recording(*maps: Any) -> None:
            swap(*maps)
            self.versions[registry.snapshot.version] = registry.snapshot

        registry._swap = recording  # type: ignore[method-assign]


class Crew:
    """Threads that work until told to stop; what went wrong in one is raised at the end."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.wrong: list[BaseException] = []
        self.rounds: Counter[str] = Counter()
        self._threads: list[threading.Thread] = []

    def add(self, count: int, work: Callable[[random.Random], None]) -> None:
        for number in range(count):
            thread = threading.Thread(target=self._run, args=(work, random.Random(number)), daemon=True)
            self._threads.append(thread)

    def work(self, seconds: float) -> None:
        for thread in self._threads:
            thread.start()
        self.stopped.wait(seconds)
        self.stopped.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(20)
        assert not [thread for thread in self._threads if thread.is_alive()], "a thread waits in vain"
        if self.wrong:
            raise self.wrong[0]

    def _run(self, work: Callable[[random.Random], None], rng: random.Random) -> None:
        try:
            while not self.stopped.is_set():
                work(rng)
                self.rounds[work.__name__] += 1
        except BaseException as exc:  # noqa: BLE001  # raised by join()
            if not (isinstance(exc, RuntimeError) and str(exc) == "the gateway was stopped"):
                self.wrong.append(exc)
                self.stopped.set()


class Witness:
    """What the readers saw, kept until it can be compared with what was published."""

    def __init__(self, gateway: ThreadedGateway) -> None:
        self._gateway = gateway
        self._registry = gateway.gateway.registry
        self.snapshots: list[RegistrySnapshot] = []
        self.stats: list[dict[str, Any]] = []
        self.details: list[tuple[int, dict[str, Any], int]] = []

    def read(self, rng: random.Random) -> None:
        before = self._registry.snapshot
        details = dict(self._gateway.get_connection_details())
        stats = dict(self._gateway.get_stats())
        exchanges = self._gateway.gateway.operations.get_exchange_details()
        after = self._registry.snapshot
        assert before.version <= stats["version"] <= after.version, "versions only grow"
        assert exchanges["mock"]["limits"].keys() == {"mock-dials", "mock-weight"}
        self.snapshots += [before, after]
        self.stats.append(stats)
        self.details.append((before.version, details, after.version))
        self._handle(rng.choice(CONNECTIONS))
        self._gateway.problems()
        self._gateway.get_unhealthy_connections()

    def _handle(self, id_: str) -> None:
        handle = self._gateway.get_connection(id_)
        if handle is not None:
            assert isinstance(handle.state, S)
            info = handle.get_connection_info()
            assert not info or consistent(info)

    def check(self, published: Published) -> None:
        versions = published.versions
        assert sorted(versions) == list(range(len(versions))), "each change is a version of its own"
        for one in versions.values():
            assert one.live == {id_: view for id_, view in one.supervised.items() if view.state is S.CONNECTED}
        for one in self.snapshots:
            assert one is versions[one.version]
        for stats in self.stats:
            one = versions[stats["version"]]
            states = Counter(str(view.state) for view in one.supervised.values())
            assert stats["state_breakdown"] == {str(state): states[str(state)] for state in S}
            assert stats["total_connections"] == len(one.supervised)
            assert stats["live_connections"] == len(one.live)
            assert stats["healthy_connections"] <= stats["live_connections"]
        for first, details, last in self.details:
            assert all(consistent(info) for info in details.values())
            assert any(is_of(details, versions[number]) for number in range(first, last + 1)), (
                "no version was like it"
            )


def is_of(details: dict[str, Any], snapshot: RegistrySnapshot) -> bool:
    """Whether all of ``details`` is what ``snapshot`` has; a connection that has just come may be missing."""
    return all(
        (view := snapshot.supervised.get(id_)) is not None
        and (info["state"], info["epoch"], info["since_us"]) == (str(view.state), view.epoch, view.since_us)
        for id_, info in details.items()
    )


def consistent(info: dict[str, Any]) -> bool:
    """Whether the facts about one connection agree with each other."""
    last = info["history"][-1] if info["history"] else None
    agreed = last is None or (last["after"], last["epoch"]) == (info["state"], info["epoch"])
    return agreed and info["is_connected"] is (info["state"] == "CONNECTED") >= info["is_healthy"]


@contextmanager
def quick_switches() -> Iterator[None]:
    """Switch threads a thousand times as often as usual."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


class Users:
    """Those who command and subscribe, at random."""

    def __init__(self, gateway: ThreadedGateway) -> None:
        self._gateway = gateway

    def command(self, rng: random.Random) -> None:
        id_ = rng.choice(CONNECTIONS)
        match rng.randrange(6):
            case 0 | 1:
                self._gateway.connect_account(id_, wait=rng.random() < 0.5)
            case 2:
                self._gateway.disconnect_account(id_)
            case 3:
                self._gateway.auto_reconnect(id_, rng.random() < 0.8)
            case 4:
                self._gateway.gateway.reconnect(id_).result()
            case 5:
                with suppress(TransitionError):
                    self._gateway.gateway.connection(id_).set_state(rng.choice(list(S)))

    def subscribe(self, rng: random.Random) -> None:
        self._gateway.connect_account(rng.choice(CONNECTIONS), wait=False)
        messages = self._gateway.messages(f"mock:trades:{rng.randrange(60)}", queue_size=1000)
        with suppress(SlowConsumer), closing(messages):
            for _ in islice(messages, 2):
                pass


def test_sixteen_threads_see_one_consistent_version_each_time(threaded) -> None:
    crew = Crew()
    with threaded(every=0.01, lives=0.02) as gateway, quick_switches():
        published, witness, users = Published(gateway.gateway.registry), Witness(gateway), Users(gateway)
        gateway.gateway.hub._linger = 0.0
        crew.add(READERS, witness.read)
        crew.add(COMMANDERS, users.command)
        crew.add(SUBSCRIBERS, users.subscribe)
        crew.work(SECONDS)
        gateway.stop()
        crew.join()
    witness.check(published)
    assert len(published.versions) > 100, "the connections did churn"
    assert len({one.version for one in witness.snapshots}) > 10, "and the readers saw it"
    assert gateway.network.held == ()
    assert min(crew.rounds[name] for name in ("read", "command", "subscribe")) >= 1
