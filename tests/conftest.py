"""A stage for one exchange of the runtime: virtual time, a network in memory, and witnesses."""

import asyncio
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, Self

import pytest

sys.path.append(str(Path(__file__).parent))  # leaking, measured

from leaking import pytest_runtest_makereport  # noqa: F401  # a hook
from measured import pytest_terminal_summary  # noqa: F401  # a hook

from gateway import spi
from gateway.app.listening import Callback
from gateway.engine.budgets import Budgets
from gateway.engine.hub import Hub
from gateway.engine.messages import Message, Notice
from gateway.engine.registry import ConnectionRegistry, ConnectionView
from gateway.engine.topics import Topic
from gateway.host import PluginHost
from gateway.model.changes import Change
from gateway.model.states import Phase
from gateway.model.subscriptions import parse_topic
from gateway.runtime.clock import ExchangeClock
from gateway.runtime.exchange import Exchange
from gateway.runtime.ground import Ground
from gateway.runtime.link import Link
from gateway.runtime.stalls import Stalls
from gateway.testing.memory import Accept, MemoryNetwork
from gateway.testing.memory_peer import MemoryPeer
from gateway_mock.plugin import MockDialect, MockExchange

URLS = {"stream": "ws://memory", "private": "ws://memory/private", "rest": "http://memory"}
PUBLIC = "mock/stream/0"
BOOK = {"bids": [["99", "1"]], "asks": [["101", "1"]]}


class Unlisted(MockExchange):
    """The mock exchange without a list of instruments: symbols are the exchange's own."""

    @spi.hookimpl
    def gateway_instruments(self) -> None:
        """Have none."""


class Seen:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.phases: list[Phase] = []
        self.steps: list[str] = []
        self.notices: list[tuple[str, str, dict[str, object]]] = []

    def changed(self, change: Change) -> None:
        self.changes.append(change)

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        self.phases.append(phase)

    @contextmanager
    def during(self, connection_id: str, epoch: int, what: str) -> Iterator[None]:
        self.steps.append(what)
        yield

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        self.notices.append((connection_id, what, facts))

    def noticed_of(self, what: str) -> list[dict[str, object]]:
        return [facts for _, name, facts in self.notices if name == what]


class Ear:
    """Hears a topic."""

    def __init__(self, stage: "Stage", topic: str) -> None:
        self.heard: list[Message | Notice] = []
        self.listener = Callback(self.heard.append)
        self._stage = stage
        self._name = topic

    async def open(self) -> Self:
        hub = self._stage.hub
        self.topic: Topic = hub.attach(await hub.resolve(parse_topic(self._name)), self.listener)
        return self

    def leave(self) -> None:
        """Hear no more, and let nobody linger."""
        now = asyncio.get_running_loop().time()
        self._stage.hub.detach(self.topic, self.listener, now)
        self._stage.hub.sweep(now + 3600)

    @property
    def statuses(self) -> list[str]:
        """What was told, statuses with their reasons."""
        return [f"{one.status} {one.reason}".strip() for one in self.heard if isinstance(one, Notice)]

    @property
    def records(self) -> list[Any]:
        messages = [one for one in self.heard if isinstance(one, Message)]
        return [record for one in messages for record in one.records]

    @property
    def story(self) -> list[str]:
        """Statuses and messages in their order."""
        return [f"{one.status}" if isinstance(one, Notice) else one.kind for one in self.heard]


class Far:
    """The exchange's half of one socket, played by hand: what it was asked, and what it says."""

    def __init__(self, peer: MemoryPeer) -> None:
        self.peer = peer

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.peer.sent]

    def asked(self, op: str = "subscribe") -> list[str]:
        """Return every stream of every request of that kind."""
        return [stream for one in self.requests if one["op"] == op for stream in one["streams"]]

    def say(self, **message: Any) -> None:
        self.peer.say(json.dumps(message, separators=(",", ":")))

    def ack(self, *streams: str, op: str = "subscribe") -> None:
        """Accept the newest request that names these streams; the newest of all if none is named."""
        wanted = [one for one in self.requests if one["op"] == op and {*streams} <= {*one["streams"]}]
        self.say(op="ok", id=wanted[-1]["id"])

    def ack_all(self) -> None:
        for one in self.requests:
            self.say(op="ok", id=one["id"])

    def nack(self, stream: str, reason: str = "no such stream") -> None:
        """Reject one stream by name and accept the others of its request."""
        [request] = [one for one in self.requests if stream in one.get("streams", ())][-1:]
        self.say(op="error", id=request["id"], reason=reason, rejected=[stream])

    def trade(self, symbol: str, number: int) -> None:
        """Send a trade of that id; a trades stream's ids have no holes."""
        trade = {"id": number, "price": "100", "size": "1", "side": "buy", "ts": number}
        self.say(stream=f"trades.{symbol}", ts=number, data=[trade])

    def quote(self, symbol: str, number: int = 1) -> None:
        quote = {"bid": "99", "bid_size": "1", "ask": "101", "ask_size": "1", "ts": number}
        self.say(stream=f"quotes.{symbol}", ts=number, data=[quote])

    def snapshot(self, symbol: str, last: int) -> None:
        self.say(stream=f"book.{symbol}", kind="snapshot", ts=last, data=[{**BOOK, "last": last, "ts": last}])

    def delta(self, symbol: str, last: int, previous: int | None = None) -> None:
        previous = last - 1 if previous is None else previous
        delta = {"bids": [["98", str(last)]], "asks": [], "last": last, "previous": previous, "ts": last}
        self.say(stream=f"book.{symbol}", ts=last, data=[delta])


class Stage:
    """See the module's docstring; must be made in a running virtual loop."""

    def __init__(
        self,
        plugin: object | None = None,
        *,
        network: Any = None,
        accounts: Mapping[str, spi.Signer] | None = None,
        urls: Mapping[str, str] = URLS,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.network: Any = network or MemoryNetwork(lambda _: Accept())
        self.registry = ConnectionRegistry()
        self.seen = Seen()
        self.accounts = dict(accounts or {})
        self.urls = urls
        self.wall = 0
        """Microseconds by which the wall clock is ahead of the loop's."""
        host = PluginHost(failed=lambda exchange, exc: self.seen.noticed(exchange, 0, "failed", error=str(exc)))
        host.register("mock", plugin or Unlisted())
        binding = host.bind("mock")
        self.budgets = Budgets()
        self.budgets.register(binding.info.limits)
        self.clock = ExchangeClock(self.wall_us)
        self.ground = Ground(
            exchange="mock",
            environment="live",
            info=binding.info,
            binding=binding,
            network=self.network,
            budgets=self.budgets,
            registry=self.registry,
            observer=self.seen,
            target=self._target,
            now=loop.time,
            wall_us=self.wall_us,
            rng=Random(1),
        )
        self.exchange = Exchange(self.ground, self.clock, frozenset(self.accounts))
        self.links = self.exchange.links
        self.hub = Hub(lambda: "epoch")
        self.hub.connect("mock", self.exchange)

    async def __aenter__(self) -> Self:
        self.exchange.start()
        await self.quiet()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.exchange.stop()
        assert self.network.held == ()
        assert all(peer.torn_sends == 0 for peer in self.network.peers)

    async def quiet(self) -> None:
        """Let everything happen that can without time passing, to speak of."""
        await asyncio.sleep(1e-4)

    async def hear(self, topic: str) -> Ear:
        """Listen to ``topic``, and let everything happen."""
        ear = await Ear(self, topic).open()
        await self.quiet()
        return ear

    async def hear_now(self, topic: str) -> Ear:
        """Listen to ``topic``, and let nothing happen yet."""
        return await Ear(self, topic).open()

    async def hear_all(self, *topics: str) -> list[Ear]:
        """Listen to all of ``topics`` in one step, so that one epoch plans them all."""
        ears = [await Ear(self, topic).open() for topic in topics]
        await self.quiet()
        return ears

    def connect(self, number: int = 0, *, retry: bool = False) -> "asyncio.Future[bool]":
        """Ask for a shared connection as an operator does."""
        endpoint = self.ground.info.endpoints[0]
        return self.links.connect(self.links.get(endpoint, number), retry=retry, anew=False)

    @property
    def far(self) -> Far:
        """The far half of the newest socket."""
        return Far(self.network.peers[-1])

    def link(self, connection_id: str = PUBLIC) -> Link:
        return self.links.all[connection_id]

    def view(self, connection_id: str = PUBLIC) -> ConnectionView:
        return self.registry.snapshot.supervised[connection_id]

    def state(self, connection_id: str = PUBLIC) -> str:
        """Return the state, or nothing if the connection is not there."""
        view = self.registry.snapshot.supervised.get(connection_id)
        return "" if view is None else str(view.state)

    def story(self, connection_id: str = PUBLIC) -> list[str]:
        """Return the states it has been in since it was made, each with its reason."""
        return [f"{one.after} {one.reason}" for one in self.seen.changes if one.connection_id == connection_id]

    def wall_us(self) -> int:
        return round(asyncio.get_running_loop().time() * 1e6) + self.wall

    def _target(self, endpoint: str, account: str | None) -> spi.Target:
        return spi.Target(
            exchange="mock",
            environment="live",
            endpoint=endpoint,
            urls=self.urls,
            now=self.clock.now,
            nonce=self.clock.nonce,
            account=account,
            signer=None if account is None else self.accounts.get(account),
        )


def pytest_configure(config: pytest.Config) -> None:
    """Say what a mark means."""
    config.addinivalue_line("markers", "writes_secrets: it logs what is to be hidden, to see it hidden")


@pytest.fixture
def stage() -> type[Stage]:
    """What makes a stage."""
    return Stage


@pytest.fixture
def unlisted() -> type[Unlisted]:
    """A plugin to change in one place."""
    return Unlisted


@pytest.fixture
def variant() -> Callable[..., Unlisted]:
    """What makes a plugin that has another dialect, or answers some hooks otherwise."""

    def made(dialect: type[MockDialect] = MockDialect, **hooks: Callable[..., Any]) -> Unlisted:
        def gateway_dialect(instruments: spi.Instruments) -> MockDialect:
            return dialect(instruments)

        answers = {"gateway_dialect": gateway_dialect, **hooks}
        marked: dict[str, Any] = {name: staticmethod(spi.hookimpl(hook)) for name, hook in answers.items()}
        return type("Made", (Unlisted,), marked)()

    return made


@pytest.fixture
def kit() -> SimpleNamespace:
    """The parts of a stage, for those who need one alone."""
    return SimpleNamespace(Seen=Seen, Far=Far, Unlisted=Unlisted)


@pytest.fixture(autouse=True)
def venues_may_be_quiet(request, monkeypatch):
    """Let venues say nothing for as long as they like, but where it is tested what silence means."""
    if not request.module.__name__.endswith(("test_stalls", "test_mute")):
        monkeypatch.setattr(Stalls, "check", lambda *_: None)


@pytest.fixture
def bench(monkeypatch) -> Iterator[Callable[[str], Any]]:
    """What imports a module of the folder ``bench``, which is no package."""
    folder = Path(__file__).parents[1] / "bench"
    monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module
    for name, one in list(sys.modules.items()):
        if Path(getattr(one, "__file__", None) or "/").parent == folder:
            del sys.modules[name]
