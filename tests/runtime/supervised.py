"""
A supervisor in a world of its own: virtual time, a network in memory, and a witness of everything it does.

The witness knows the rules (I1 to I7 of the lifecycle) but not how they are
kept. ``wrong`` collects every breach; :meth:`World.check` raises the first.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, ClassVar

from gateway.engine.observer import Observers
from gateway.engine.registry import ConnectionRegistry, ConnectionView, RegistrySnapshot
from gateway.engine.retry import CAP, Backoff, GiveUp, Retry
from gateway.errors import GatewayError, Reason
from gateway.model.states import TRANSITIONS
from gateway.model.states import ConnectionState as S
from gateway.runtime.attempt import Attempt, Candidate, Ties
from gateway.runtime.rollover import ROLLING, Rolling
from gateway.runtime.rolls import OVERLAP
from gateway.runtime.supervisor import Supervisor
from gateway.spi.steps import Open
from gateway.testing.memory import Accept, Hang, Later, MemoryNetwork
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.virtual import VirtualLoop

OPEN = {S.CONNECTING, S.CONNECTED}
T_DIAL = 0.05
T_CLOSE = 3.0
SLACK_TURNS = 3
"""Turns within which whoever is told to stop may still begin something."""


class Witness(ConnectionRegistry):
    """Shows each snapshot in the very step in which it is published."""

    def __init__(self, published: Callable[[RegistrySnapshot], None]) -> None:
        super().__init__()
        self._published = published

    def _swap(self, *maps: Any) -> None:
        super()._swap(*maps)
        self._published(self.snapshot)


def number_of(task: "asyncio.Task[Any]") -> int:
    """Return which epoch a task is."""
    return int(task.get_name().rpartition(" ")[2])


@dataclass(slots=True)
class Wish:
    """What is wanted, as the calls and their outcomes have it; said again, independently of the supervisor."""

    up: bool = False
    lasting: bool = False
    again: bool = False
    auto: bool = True

    def connect(self, *, lasting: bool) -> None:
        self.lasting = lasting or (self.up and self.lasting)
        self.up = True

    def end(self) -> None:
        self.up = self.lasting = self.again = False

    def failed(self, before: S, *, fatal: bool) -> None:
        if self.up:
            self.lasting = self.lasting or (self.auto and before is S.CONNECTED)
        if fatal or not (self.lasting or self.again):
            self.end()


@dataclass(eq=False)
class Promise:
    """A future that the supervisor gave, and what had happened until it was given and until it was kept."""

    kind: str
    lasting: bool
    anew: bool
    state: S
    at: float
    begun: int
    future: "asyncio.Future[Any]" = field(repr=False)
    log: list[str] = field(repr=False)

    def kept(self) -> str | None:
        """Return what is untrue about its result, if anything."""
        between = self.log[self.begun :]
        if self.kind == "disconnect":
            return None if self.state is S.DISCONNECTED or {"DISCONNECTED", "connect"} & {*between} else "not down"
        if self.kind == "roll":
            return self._rolled(between)
        if self.future.result():
            was_up = self.state is S.CONNECTED and not self.anew
            return None if was_up or "CONNECTED" in between else "not up"
        patient = self.lasting and "no auto" not in between
        enough = {"disconnect", "fatal"} if patient else {"disconnect", "fatal", "ERROR"}
        return None if enough & {*between} else "nothing failed"

    def _rolled(self, between: list[str]) -> str | None:
        if self.future.result():
            return None if "rolled" in between else "not replaced"
        excuses = {"not rolled", "disconnect", "ERROR", "ended on purpose", "DISCONNECTING"}
        return None if self.state is not S.CONNECTED or excuses & {*between} else "nothing was in the way"


class World:
    """
    One supervised connection, everything around it, and all that went wrong.

    Subclasses say what an epoch is and how the far side behaves.
    """

    modes: ClassVar[tuple[str, ...]]
    handshake: ClassVar[float]
    """Seconds from the dial to being fully operational, at most."""
    id = "mock/private@main"

    def __init__(self, seed: int) -> None:
        self.loop = VirtualLoop(seed)
        self.rng = Random(seed)
        self.mode = "ok"
        self.close_takes = 0.0
        self.wrong: list[str] = []
        self.log: list[str] = []
        self.wish = Wish()
        self.unwanted_since = 0
        self.promises: list[Promise] = []
        self.ups: list[Callable[[], None]] = []
        self.strays: set[int] = set()
        self.accepted_before = 0
        self.served_by = 0
        """The newest socket there was when the present epoch began to serve."""
        self.begun: set[int] = set()
        """Epochs that were not only numbered, but made."""
        self.second: Callable[[], None] | None = None
        """What a second epoch calls when it is restored; nothing once that may not be heard."""
        self.registry = Witness(self._published)
        self.view: ConnectionView | None = None
        self.views: list[ConnectionView] = []
        """Each that was ever published."""
        self.network = self.make_network()
        self.network.on_dial = partial(self._dialled, self.network.on_dial)
        self.registry.add(self.id, "mock", "private")
        self.start()

    # --- what subclasses say

    def make_network(self) -> MemoryNetwork:
        raise NotImplementedError

    def make_attempt(self, number: int, ties: Ties) -> Attempt:
        raise NotImplementedError

    def make_candidate(self, number: int, ties: Ties) -> Candidate:
        raise NotImplementedError

    def judge(self, fault: GatewayError) -> Retry | GiveUp:
        raise NotImplementedError

    def established(self, peer: MemoryPeer) -> bool:
        """Whether the far side has seen the whole handshake through."""
        raise NotImplementedError

    # --- what is done to it

    def start(self) -> None:
        def attempt(number: int, ties: Ties) -> Attempt:
            self.ups.append(ties.up)
            self.begun.add(number)
            return self.make_attempt(number, ties)

        def candidate(number: int, ties: Ties) -> Candidate:
            self.ups.append(ties.up)
            self.begun.add(number)
            self.second = ties.up
            return self.make_candidate(number, ties)

        self.supervisor = Supervisor(
            self.id,
            self.registry,
            attempt,
            self.judge,
            Observers((self,)),
            self.wall_us,
            rolling=Rolling(candidate, lambda _: 0.0, Backoff(self.rng, base=1.0, cap=60.0)),
        )
        self.wish = Wish()
        self.task = self.loop.create_task(self.supervisor.run(), name="gateway supervisor")

    def connect(self, *, lasting: bool, anew: bool = False) -> "asyncio.Future[bool]":
        self.log.append("connect")
        self.wish.connect(lasting=lasting)
        return self._promise(
            "connect", partial(self.supervisor.connect, lasting=lasting, anew=anew), lasting=lasting
        )

    def disconnect(self) -> "asyncio.Future[None]":
        self.unwanted()
        return self._promise("disconnect", self.supervisor.disconnect)

    def set_auto(self, *, enabled: bool) -> None:
        self.log += [] if enabled else ["no auto"]
        self.wish.auto = enabled
        self.wish.lasting = enabled and self.wish.up
        self.supervisor.set_auto(enabled=enabled)

    def reconnect(self) -> None:
        alive = self.view is not None and self.view.state in OPEN and self.view.epoch in self.begun
        self.wish.again = self.wish.up and alive
        self.supervisor.reconnect(Reason.ASKED, "asked")

    def roll(self) -> "asyncio.Future[bool]":
        return self._promise("roll", partial(self.supervisor.roll, "asked"))

    def replace(self, *, lasting: bool) -> "asyncio.Future[bool]":
        self.reconnect()
        return self.connect(lasting=lasting, anew=self.supervisor.state is S.CONNECTED)

    def stray_cancel(self) -> None:
        """Cancel the epoch, as nobody but its supervisor may; a library can do such things."""
        for task in asyncio.all_tasks(self.loop):
            if task.get_name().startswith("gateway epoch"):
                self.strays.add(number_of(task))
                task.cancel()

    def past_speaks(self) -> None:
        """Every epoch says that it is fully operational now, though it is over, or has said so before."""
        opening = self.ups[-1] if self.supervisor.state is S.CONNECTING else None
        restoring = self.second if self.rolling is not None else None
        for up in self.ups:
            if up is not opening and up is not restoring:
                up()

    def advance(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.loop.settle()

    def do(self, *steps: Callable[[], object] | float) -> None:
        """Call what can be called and wait the seconds between, in one go."""

        async def main() -> None:
            for step in steps:
                if callable(step):
                    step()
                else:
                    await asyncio.sleep(step)

        self.loop.run_until_complete(main())
        self.loop.settle()

    def at_next_timer(self, step: Callable[[], object]) -> None:
        """Call ``step`` at the very instant at which the next timer fires, before or after it."""
        when = self.loop.next_due
        if when is None or when == math.inf:
            self.do(step)
        else:
            self.loop.call_at(when, step)
            self.advance(when - self.loop.time())

    def unwanted(self) -> None:
        """Note that from now on it shall be down."""
        if self.wish.up:
            self.unwanted_since = self.loop.turns
        self.wish.end()
        self.log.append("disconnect")

    def cancel(self, *gaps: float) -> None:
        """Cancel the supervisor's own task, again after each gap, and see it end in order."""
        self.unwanted()
        self.task.cancel()
        for gap in gaps:
            self.advance(gap)
            self.task.cancel()
        self.end()
        assert self.task.cancelled()

    def close(self) -> None:
        self.unwanted()
        self.do(self.supervisor.close)
        self.end()
        self.task.result()

    def end(self) -> None:
        """See the supervisor's task end in time, with nothing left of it."""
        self.loop.run_until_complete(asyncio.wait({self.task}, timeout=T_CLOSE + 0.5))
        self.loop.settle()
        assert self.task.done(), "the supervisor does not end"
        assert self.supervisor.state is S.DISCONNECTED
        assert (self.network.held, self.network.dialling) == ((), 0), "a socket is left"
        assert not self.pending(), f"nobody tells {self.pending()}"

    def finish(self) -> None:
        """End everything and demand that nothing is left."""
        if not self.task.done():
            self.close()
        self.check_wrong()
        self.loop.check()

    # --- the rules

    def check(self) -> None:
        """Everything that holds whenever nothing can happen without time passing."""
        self.check_wrong()
        assert not self.task.done(), "the supervisor has ended"
        state, wanted, network = self.supervisor.state, self.supervisor.wanted, self.network
        assert wanted is self.wish.up, f"wanted is {wanted} in {state}"
        if wanted:
            assert state is not S.DISCONNECTED, "wanted, but nobody dials"
        else:
            assert state not in {*OPEN, S.RECONNECTING}, f"unwanted, but {state}"
        assert len(network.held) + network.dialling <= 2, "more than two sockets"
        if state is S.CONNECTED:
            if self.rolling is None and not self.supervisor._rollover._ending:
                assert len(network.held) == 1, "a socket is left of an epoch that was replaced"
            assert any(map(self.established, network.open_peers)), "CONNECTED before the handshake is done"
        if state in {S.DISCONNECTED, S.RECONNECTING}:
            assert (network.held, network.dialling) == ((), 0), f"a socket is open in {state}"
        self._check_promises(state)

    def check_wrong(self) -> None:
        assert not self.wrong, self.wrong[0]

    @property
    def rolling(self) -> object:
        """The second epoch, while it has neither taken over nor come to nothing."""
        return self.supervisor._rollover._candidate

    def pending(self, kind: str = "connect disconnect roll") -> list[Promise]:
        return [one for one in self.promises if not one.future.done() and one.kind in kind]

    def _check_promises(self, state: S) -> None:
        now = self.loop.time()
        if state is S.CONNECTED:
            assert not self.pending("connect"), "up, and those who hoped are not told"
        if state is S.DISCONNECTED:
            assert not self.pending(), "down, and somebody still waits"
        if state is not S.CONNECTED:
            assert not self.pending("roll"), "there is nothing to replace, and somebody still hopes"
        allowed = {
            "connect": CAP + self.handshake + 2 * T_CLOSE + 1,
            "disconnect": T_CLOSE + 0.5,
            "roll": ROLLING + OVERLAP + 2 * T_CLOSE + 1,
        }
        for one in self.pending():
            assert one.lasting or now - one.at <= allowed[one.kind], f"{one} is not kept in time"

    def _published(self, snapshot: RegistrySnapshot) -> None:
        live = {id_ for id_, view in snapshot.supervised.items() if view.state is S.CONNECTED}
        if {*snapshot.live} != live:
            self.wrong.append(f"I5: live are {[*snapshot.live]}, CONNECTED are {live}")
        before, after = self.view, snapshot.supervised.get(self.id)
        self.view = after
        self.views += [] if after is None else [after]
        if before is not None and after is not None and before.state is not after.state:
            self._moved(before, after)
        elif before is not None and after is not None and before.epoch != after.epoch:
            self._rolled(before, after)

    def _rolled(self, before: ConnectionView, after: ConnectionView) -> None:
        self.log += ["rolled", after.state]
        self.wish.again = False
        if after.state is not S.CONNECTED or after.reason is not Reason.ROLLOVER:
            self.wrong.append(f"I2: epoch {before.epoch} became {after.epoch} in {after.state}")
        if after.epoch < before.epoch or after.epoch not in self.begun:
            self.wrong.append(f"I2: epoch {before.epoch} became {after.epoch}")
        if not any(self.established(peer) for peer in self.network.held if peer.number > self.served_by):
            self.wrong.append("I4: replaced by an epoch without a handshake")
        self.served_by = max(peer.number for peer in self.network.held)

    def _moved(self, before: ConnectionView, after: ConnectionView) -> None:
        on_purpose = after.state is S.ERROR and self.wish.again and not after.fatal
        self.log.append("ended on purpose" if on_purpose else after.state)
        if after.state not in TRANSITIONS[before.state]:
            self.wrong.append(f"I1: {before.state} became {after.state}")
        if (after.epoch > before.epoch) is not (after.state is S.CONNECTING) or after.epoch < before.epoch:
            self.wrong.append(f"I2: epoch {before.epoch} became {after.epoch} in {after.state}")
        if after.reason is Reason.PLUGIN_ERROR:
            self.wrong.append(after.text)
        if after.reason is Reason.INTERNAL_ERROR and after.epoch not in self.strays:
            self.wrong.append(f"nobody disturbed it, but {after.text!r}")
        entered = {
            S.CONNECTING: self._dials,
            S.CONNECTED: self._is_up,
            S.ERROR: self._failed,
            S.RECONNECTING: self._waits,
        }
        if after.state in entered:
            entered[after.state](before, after)

    def _dials(self, before: ConnectionView, after: ConnectionView) -> None:
        self.wish.again = False
        self.accepted_before = self.network.accepted
        if before.retry_at_us is not None and self.wall_us() < before.retry_at_us - 1:
            self.wrong.append("dialled before the backoff was over")

    def _is_up(self, before: ConnectionView, after: ConnectionView) -> None:
        peers = [peer for peer in self.network.held if peer.number > self.accepted_before]
        if not any(self.established(peer) for peer in peers):
            self.wrong.append("I4: CONNECTED without a handshake")
        self.served_by = self.network.accepted

    def _failed(self, before: ConnectionView, after: ConnectionView) -> None:
        self.log += ["fatal"] if after.fatal else []
        self.wish.failed(before.state, fatal=after.fatal)
        self.unwanted_since = self.loop.turns

    def _waits(self, before: ConnectionView, after: ConnectionView) -> None:
        delay = ((after.retry_at_us or 0) - self.wall_us()) / 1e6
        if not 0 <= delay <= CAP:
            self.wrong.append(f"a backoff of {delay:.1f} s")

    def _dialled(self, script: Callable[[Open], Any], step: Open) -> Any:
        late = self.loop.turns - self.unwanted_since > SLACK_TURNS
        if not self.wish.up and late:
            self.wrong.append("I7: a dial that nobody wants")
        if self.supervisor.state not in OPEN and late:
            self.wrong.append(f"I7: a dial in {self.supervisor.state}")
        beside = len(self.network.held) + self.network.dialling - 1
        if beside > (self.rolling is not None):
            self.wrong.append(f"I3: a socket is dialled beside {beside}")
        outcome = script(step)
        if isinstance(outcome, Accept):
            outcome = Accept(partial(self._opened, outcome.opened), outcome.subprotocol)
        return outcome if isinstance(outcome, Hang) else Later(T_DIAL, outcome)

    def _opened(self, opened: Callable[[MemoryPeer], None] | None, peer: MemoryPeer) -> None:
        peer.close_takes = self.close_takes
        if opened is not None:
            opened(peer)

    # --- as an observer

    def changed(self, change: object) -> None:
        """Nothing: the registry has shown it already."""

    def entered(self, *facts: object) -> None:
        """Nothing: phases are detail."""

    @contextmanager
    def during(self, *facts: object) -> Iterator[None]:
        yield

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        if what == "internal_error":
            self.wrong.append(f"an internal error: {facts}")
        if what == "rollover_failed":
            self.log.append("not rolled")

    # --- details

    def wall_us(self) -> int:
        return round(self.loop.time() * 1e6)

    def _promise(
        self, kind: str, ask: Callable[[], "asyncio.Future[Any]"], *, lasting: bool = False, anew: bool = False
    ) -> Any:
        state, begun = self.supervisor.state, len(self.log)
        future = ask()
        promise = Promise(kind, lasting, anew, state, self.loop.time(), begun, future, self.log)
        self.promises.append(promise)
        future.add_done_callback(lambda _: self._kept(promise))
        return future

    def _kept(self, promise: Promise) -> None:
        self.promises.remove(promise)
        if untrue := promise.kept():
            self.wrong.append(f"{promise} was told otherwise, but {untrue}")
