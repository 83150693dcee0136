"""The gateway's own epoch, with the mock plugin and its venue, over memory instead of sockets."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import chain
from random import Random

from supervised import World

from gateway import spi
from gateway.config.credentials import Secret
from gateway.config.signing import AccountSigner
from gateway.engine.budgets import Budgets
from gateway.engine.feeds import Feed
from gateway.engine.observer import Observers
from gateway.engine.retry import GiveUp, Retry
from gateway.errors import GatewayError
from gateway.host import Binding, PluginHost
from gateway.runtime import candidate
from gateway.runtime.attempt import Attempt, Candidate, Ties
from gateway.runtime.connection import Connection
from gateway.runtime.epoch import Epoch
from gateway.runtime.ground import Ground
from gateway.runtime.judge import Judge
from gateway.runtime.link import Link
from gateway.testing.faults import Refusal
from gateway.testing.memory import MemoryNetwork
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.memory_venue import MemoryVenue
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import ACCOUNTS, MockVenue

STREAMS = ("orders", "balances")
[(KEY, SECRET)] = ACCOUNTS.items()


class Unlimited(MockExchange):
    """The mock exchange with limits that nothing reaches: waits for them are not what is tested."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        return replace(INFO, limits=tuple(replace(limit, count=10**9) for limit in INFO.limits))


def bound() -> Binding:
    host = PluginHost()
    host.register("mock", Unlimited())
    return host.bind("mock")


class Real(World):
    """An account's connection: greeting, login, two streams, pings."""

    modes = (
        "ok", "refuse", "hang", "silent", "unavailable", "forbidden", "no login", "no streams", "closes", "slow"
    )  # fmt: skip
    handshake = 20.0
    binding = bound()

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.budgets = Budgets()
        self.budgets.register(self.binding.info.limits)
        self.ground = Ground(
            exchange="mock",
            environment="live",
            info=self.binding.info,
            binding=self.binding,
            network=self.network,
            budgets=self.budgets,
            registry=self.registry,
            observer=Observers((self,)),
            target=self._target,
            now=self.loop.time,
            wall_us=self.wall_us,
            rng=Random(seed),
        )
        target = self._target("private", "main")
        [endpoint] = [one for one in self.binding.info.endpoints if one.name == "private"]
        judge = Judge(self.id, target, self.ground, lambda: None)
        self.link = Link(Connection(self.id, endpoint, "main", target), judge, target)
        for stream in STREAMS:
            self.link.connection.add(Feed(stream))
            self.link.connection.ledger.want(stream)

    def make_network(self) -> MemoryNetwork:
        self.memory = MemoryVenue(MockVenue(now=self.wall_us))
        self.memory.on_dial = partial(self._armed, self.memory.on_dial)
        return self.memory

    def make_attempt(self, number: int, ties: Ties) -> Attempt:
        return Epoch(number, self.link.connection, self.ground, self.link.judge, ties)

    def make_candidate(self, number: int, ties: Ties) -> Candidate:
        return candidate.Candidate(number, self.link, self.ground, ties)

    def judge(self, fault: GatewayError) -> Retry | GiveUp:
        return self.link.judge.decide(fault, worked=self.link.connection.worked)

    def established(self, peer: MemoryPeer) -> bool:
        """Logged in, and every stream granted or refused by name; sockets are numbered alike on both sides."""
        venue = self.memory.venue
        sockets: Iterable = chain(venue.sockets.values(), venue.closed)
        [socket] = [one for one in sockets if one.id == peer.number]
        asked = {stream for wish in venue.subscribes if wish.socket == socket.id for stream in wish.streams}
        return socket.account == KEY and asked == {*STREAMS}

    def check_wrong(self) -> None:
        assert not self.memory.venue.failures
        assert all(peer.torn_sends == 0 for peer in self.network.peers), "a send was cancelled"
        super().check_wrong()

    def _armed(self, script: Callable, step: spi.Open) -> object:
        faults = self.memory.venue.faults
        faults.clear()
        match self.mode:
            case "refuse":
                faults.reset_dials.arm()
            case "hang":
                faults.hang_upgrades.arm()
            case "silent":
                faults.mute = True
            case "unavailable":
                faults.refuse_upgrades.arm(Refusal(503))
            case "forbidden":
                faults.refuse_upgrades.arm(Refusal(401))
            case "no login":
                faults.refuse_logins.arm("no such account")
            case "no streams":
                faults.refused_streams = {"orders"}
            case "closes":
                faults.close_at_subscribe.arm(1008)
            case "slow":
                faults.ack_delay = 3.0
        return script(step)

    def _target(self, endpoint: str, account: str | None) -> spi.Target:
        return spi.Target(
            exchange="mock",
            environment="live",
            endpoint=endpoint,
            urls=self.memory.addresses,
            now=self.wall_us,
            nonce=self.wall_us,
            account=account,
            signer=AccountSigner(Secret(KEY), Secret(SECRET)),
        )
