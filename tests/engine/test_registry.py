"""No order of moves, and no number of threads, brings the registry into a picture that is not true."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import booleans, integers, one_of, sampled_from

from gateway.engine.registry import (
    HISTORY,
    ConnectionRegistry,
    ConnectionView,
    RegistrySnapshot,
    StaleEpochError,
)
from gateway.errors import Reason, TransitionError
from gateway.model.changes import Change
from gateway.model.states import TRANSITIONS, ConnectionState, Phase

S = ConnectionState


class Recorded(ConnectionRegistry):
    """Keeps every snapshot it ever published."""

    def __init__(self) -> None:
        super().__init__()
        self.published = [self._snapshot]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "_snapshot" and hasattr(self, "published"):
            self.published.append(value)


def is_true(snapshot: RegistrySnapshot) -> None:
    """``live`` is exactly what is CONNECTED, by the same views."""
    connected = {i: view for i, view in snapshot.supervised.items() if view.state is S.CONNECTED}
    assert dict(snapshot.live) == connected
    assert all(snapshot.live[i] is snapshot.supervised[i] for i in connected)
    assert all(view.id == i for i, view in snapshot.supervised.items())
    assert all(view.phase is None or view.state is S.CONNECTING for view in snapshot.supervised.values())


class RegistryMachine(RuleBasedStateMachine):
    """Adds, moves and removes in any order, each with a right or a wrong idea of the epoch."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.registry = Recorded()
        self.names = count()
        self.views: dict[str, ConnectionView] = {}
        self.histories: dict[str, list[Change]] = {}
        self.clock = count(1)
        self.dials = 0
        self.changes = 0

    @rule(target=ids, exchange=sampled_from(["mock", "binance"]), account=sampled_from([None, "main"]))
    def add(self, exchange: str, account: str | None) -> str:
        name = f"{exchange}/{next(self.names)}"
        self.registry.add(name, exchange, "stream", account)
        self.views[name] = ConnectionView(id=name, exchange=exchange, endpoint="stream", account=account)
        self.histories[name] = []
        self.changes += 1
        return name

    @rule(name=ids)
    def add_twice(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"^{name} is supervised already$"):
            self.registry.add(name, "mock", "stream")

    @rule(
        name=ids,
        state=sampled_from(ConnectionState),
        reason=sampled_from(Reason),
        fenced=one_of(sampled_from(["not", "right"]), integers(-2, 2)),
        text=sampled_from(["", "1006"]),
        fatal=booleans(),
        retry_at_us=sampled_from([None, 7]),
    )
    def move(
        self, name: str, state: S, reason: Reason, fenced: Any, text: str, fatal: bool, retry_at_us: Any
    ) -> None:
        before = self.views[name]
        epochs = {"not": None, "right": before.epoch}
        epoch = epochs[fenced] if isinstance(fenced, str) else before.epoch + fenced
        at_us = next(self.clock)
        held = self.registry.snapshot

        def act() -> Change:
            return self.registry.move(
                name, state, reason, at_us=at_us, epoch=epoch, text=text, fatal=fatal, retry_at_us=retry_at_us
            )

        if epoch not in {None, before.epoch}:
            with pytest.raises(StaleEpochError, match=f"epoch {epoch} is over, {before.epoch} is current"):
                act()
        elif state not in TRANSITIONS[before.state]:
            with pytest.raises(TransitionError, match=f"{before.state} cannot become {state}"):
                act()
        else:
            self.dials += state is S.CONNECTING
            number = self.dials if state is S.CONNECTING else before.epoch
            change = act()
            assert change == Change(
                connection_id=name,
                epoch=number,
                before=before.state,
                after=state,
                reason=reason,
                at_us=at_us,
                text=text,
            )
            self.views[name] = ConnectionView(
                id=name,
                exchange=before.exchange,
                endpoint=before.endpoint,
                account=before.account,
                state=state,
                epoch=number,
                since_us=at_us,
                reason=reason,
                text=text,
                retry_at_us=retry_at_us,
                fatal=fatal,
            )
            self.histories[name].append(change)
            self.changes += 1
            return
        assert self.registry.snapshot is held, "a refused move changed something"

    @rule(name=ids, chosen=integers(0, 5))
    def step(self, name: str, chosen: int) -> None:
        """Take a step that the table has, so that every state is reached often."""
        targets = sorted(TRANSITIONS[self.views[name].state])
        self.move(name, targets[chosen % len(targets)], Reason.ASKED, "right", "", False, None)

    @rule()
    def dial_another(self) -> None:
        """A number is taken, and nobody sees a change."""
        held = self.registry.snapshot
        self.dials += 1
        assert self.registry.next_epoch() == self.dials
        assert self.registry.snapshot is held

    @rule(name=ids, fresh=booleans(), back=integers(0, 3))
    def roll(self, name: str, fresh: bool, back: int) -> None:
        before, held, at_us = self.views[name], self.registry.snapshot, next(self.clock)
        if fresh:
            self.dial_another()
        epoch = self.dials - back
        if before.state is not S.CONNECTED:
            with pytest.raises(TransitionError, match=f"{name} is {before.state} and nothing can take its place"):
                self.registry.roll(name, epoch, at_us=at_us)
        elif epoch <= before.epoch:
            with pytest.raises(StaleEpochError, match=f"epoch {epoch} is over, {before.epoch} is current"):
                self.registry.roll(name, epoch, at_us=at_us)
        else:
            change = self.registry.roll(name, epoch, at_us=at_us, text="asked for")
            assert change == Change(
                connection_id=name,
                epoch=epoch,
                before=S.CONNECTED,
                after=S.CONNECTED,
                reason=Reason.ROLLOVER,
                at_us=at_us,
                text="asked for",
            )
            self.views[name] = replace(
                before, epoch=epoch, since_us=at_us, reason=Reason.ROLLOVER, text="asked for"
            )
            self.histories[name].append(change)
            self.changes += 1
            return
        assert self.registry.snapshot is held, "a refused roll changed something"

    @rule(name=ids, phase=sampled_from(Phase), late=booleans())
    def set_phase(self, name: str, phase: Phase, late: bool) -> None:
        view = self.views[name]
        epoch = view.epoch - 1 if late else view.epoch
        told = self.registry.set_phase(name, phase, epoch=epoch)
        assert told is (view.state is S.CONNECTING and not late)
        if told:
            self.views[name] = replace(view, phase=phase)
            self.changes += 1

    @rule(name=consumes(ids))
    def remove(self, name: str) -> None:
        view = self.views[name]
        if view.state is not S.DISCONNECTED:
            with pytest.raises(TransitionError, match=f"{name} is {view.state} and cannot be forgotten"):
                self.registry.remove(name)
            for state in ROUTES_HOME[view.state]:
                self.move(name, state, Reason.STOPPED, "not", "", False, None)
        self.registry.remove(name)
        del self.views[name], self.histories[name]
        self.changes += 1
        self.is_unknown(name)

    @rule()
    def ask_for_a_stranger(self) -> None:
        self.is_unknown("stranger")

    def is_unknown(self, name: str) -> None:
        for ask in (
            lambda: self.registry.history(name),
            lambda: self.registry.remove(name),
            lambda: self.registry.set_phase(name, Phase.DIAL, epoch=0),
            lambda: self.registry.move(name, S.CONNECTING, Reason.ASKED, at_us=0),
            lambda: self.registry.roll(name, 10**9, at_us=0),
        ):
            with pytest.raises(KeyError):
                ask()

    @invariant()
    def it_is_as_we_know_it(self) -> None:
        assert dict(self.registry.snapshot.supervised) == self.views
        for name, history in self.histories.items():
            assert list(self.registry.history(name)) == history[-HISTORY:]

    @invariant()
    def each_change_is_one_version(self) -> None:
        assert self.registry.snapshot.version == self.changes
        published = self.registry.published
        assert [snapshot.version for snapshot in published] == list(range(self.changes + 1))

    def teardown(self) -> None:
        for snapshot in self.registry.published:
            is_true(snapshot)
        for before, after in pairwise(self.registry.published):
            for name in before.supervised.keys() & after.supervised.keys():
                assert after.supervised[name].epoch >= before.supervised[name].epoch
                if after.supervised[name].state is not before.supervised[name].state is S.CONNECTING:
                    assert after.supervised[name].epoch == before.supervised[name].epoch


ROUTES_HOME = {
    S.CONNECTING: (S.DISCONNECTING, S.DISCONNECTED),
    S.CONNECTED: (S.ERROR, S.DISCONNECTED),
    S.DISCONNECTING: (S.DISCONNECTED,),
    S.ERROR: (S.DISCONNECTED,),
    S.RECONNECTING: (S.DISCONNECTED,),
}


def test_no_order_of_moves_makes_a_picture_that_is_not_true() -> None:
    run_state_machine_as_test(
        RegistryMachine, settings=settings(max_examples=100, stateful_step_count=40, deadline=None)
    )


def test_a_history_keeps_the_last_64_changes() -> None:
    registry = ConnectionRegistry()
    registry.add("c", "mock", "stream")
    for at_us in range(0, 300, 3):
        registry.move("c", S.CONNECTING, Reason.ASKED, at_us=at_us)
        registry.move("c", S.ERROR, Reason.CONNECTION_REFUSED, at_us=at_us + 1)
        registry.move("c", S.DISCONNECTED, Reason.STOPPED, at_us=at_us + 2)
    history = registry.history("c")
    assert [change.at_us for change in history] == list(range(300 - HISTORY, 300))
    assert HISTORY == 64
    for before, after in pairwise(history):
        assert after.before is before.after


def test_a_history_may_become_shorter_or_longer_while_it_is_written() -> None:
    registry = ConnectionRegistry()
    registry.add("a", "mock", "stream")

    def dial(times: int) -> None:
        for _ in range(times):
            registry.move("a", S.CONNECTING, Reason.ASKED, at_us=1)
            registry.move("a", S.DISCONNECTING, Reason.STOPPED, at_us=1)
            registry.move("a", S.DISCONNECTED, Reason.STOPPED, at_us=1)

    dial(2)
    registry.keep(4)
    assert [change.epoch for change in registry.history("a")] == [1, 2, 2, 2]
    registry.keep(5)
    dial(1)
    assert [change.epoch for change in registry.history("a")] == [2, 2, 3, 3, 3]
    registry.add("b", "mock", "stream")
    assert registry._histories["b"].maxlen == 5


def test_a_history_is_as_long_as_the_operator_wants() -> None:
    registry = ConnectionRegistry(history=2)
    registry.add("c", "mock", "stream")
    registry.move("c", S.CONNECTING, Reason.ASKED, at_us=1)
    registry.move("c", S.ERROR, Reason.CONNECTION_REFUSED, at_us=2)
    registry.move("c", S.DISCONNECTED, Reason.STOPPED, at_us=3)
    assert [change.at_us for change in registry.history("c")] == [2, 3]


def test_what_is_supervised_is_neither_added_twice_nor_forgotten_while_it_lives() -> None:
    registry = ConnectionRegistry()
    registry.add("c", "mock", "stream")
    with pytest.raises(ValueError, match=r"^c is supervised already$"):
        registry.add("c", "mock", "stream")
    registry.move("c", S.CONNECTING, Reason.ASKED, at_us=0)
    with pytest.raises(TransitionError, match="c is CONNECTING and cannot be forgotten"):
        registry.remove("c")
    with pytest.raises(StaleEpochError, match="c: epoch 7 is over, 1 is current"):
        registry.move("c", S.CONNECTED, Reason.HANDSHAKE_DONE, at_us=0, epoch=7)
    assert registry.snapshot.version == 2


def test_an_epoch_number_is_never_used_again_even_by_a_connection_of_the_same_name() -> None:
    registry = ConnectionRegistry()
    epochs = []
    for _ in range(3):
        registry.add("c", "mock", "stream")
        epochs.append(registry.move("c", S.CONNECTING, Reason.ASKED, at_us=0).epoch)
        registry.move("c", S.DISCONNECTING, Reason.STOPPED, at_us=0)
        registry.move("c", S.DISCONNECTED, Reason.STOPPED, at_us=0)
        registry.remove("c")
    assert epochs == [1, 2, 3]


def test_a_second_dial_takes_the_place_of_the_one_that_serves() -> None:
    registry = Recorded()
    registry.add("c", "mock", "stream")
    with pytest.raises(TransitionError, match="c is DISCONNECTED and nothing can take its place"):
        registry.roll("c", registry.next_epoch(), at_us=1)
    registry.move("c", S.CONNECTING, Reason.ASKED, at_us=2)
    second = registry.next_epoch()
    registry.move("c", S.CONNECTED, Reason.HANDSHAKE_DONE, at_us=3)
    change = registry.roll("c", second, at_us=4)
    assert (change.before, change.after, change.epoch, change.reason) == (
        S.CONNECTED,
        S.CONNECTED,
        second,
        Reason.ROLLOVER,
    )
    assert registry.snapshot.live["c"].epoch == second
    with pytest.raises(StaleEpochError, match=f"epoch {second} is over, {second} is current"):
        registry.roll("c", second, at_us=5)
    assert [one.reason for one in registry.history("c")] == [Reason.ASKED, Reason.HANDSHAKE_DONE, Reason.ROLLOVER]
    for snapshot in registry.published:
        is_true(snapshot)


def test_a_picture_cannot_be_changed() -> None:
    registry = ConnectionRegistry()
    registry.add("c", "mock", "stream")
    snapshot = registry.snapshot
    with pytest.raises(TypeError):
        snapshot.live["c"] = snapshot.supervised["c"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        snapshot.supervised["c"].state = S.CONNECTED  # type: ignore[misc]
    with pytest.raises(AttributeError):
        snapshot.version = 7  # type: ignore[misc]


def test_a_state_given_by_its_plain_name_is_live_all_the_same() -> None:
    registry = ConnectionRegistry()
    registry.add("c", "mock", "stream")
    registry.move("c", "CONNECTING", Reason.ASKED, at_us=0)  # type: ignore[arg-type]
    registry.move("c", "CONNECTED", Reason.HANDSHAKE_DONE, at_us=0, epoch=1)  # type: ignore[arg-type]
    is_true(registry.snapshot)
    assert set(registry.snapshot.live) == {"c"}


# --- threads

READERS = 12
MOVERS = 4
ROUNDS = 150
CYCLE = (
    S.CONNECTING,
    S.CONNECTED,
    S.ERROR,
    S.RECONNECTING,
    S.CONNECTING,
    S.CONNECTED,
    S.DISCONNECTING,
    S.DISCONNECTED,
)


@contextmanager
def impatient_threads() -> Iterator[None]:
    """Let the interpreter switch threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class Churn:
    """Four threads that move and twelve that read one registry."""

    def __init__(self) -> None:
        self.registry = Recorded()
        self.start = threading.Barrier(READERS + MOVERS)
        self.done = threading.Event()
        self.seen: list[list[RegistrySnapshot]] = [[] for _ in range(READERS)]
        self.faults: list[BaseException] = []

    def move(self, name: str) -> None:
        self.start.wait()
        for _ in range(ROUNDS):
            self.registry.add(name, "mock", "stream")
            epoch = 0
            for state in CYCLE:
                dials = state is S.CONNECTING
                change = self.registry.move(name, state, Reason.ASKED, at_us=0, epoch=None if dials else epoch)
                assert (change.epoch > epoch) is dials
                epoch = change.epoch
                self.registry.set_phase(name, Phase.DIAL, epoch=epoch)
            self.registry.remove(name)

    def read(self, mine: list[RegistrySnapshot]) -> None:
        self.start.wait()
        while not self.done.is_set():
            snapshot = self.registry.snapshot
            if not mine or mine[-1] is not snapshot:
                mine.append(snapshot)
            for name in snapshot.supervised:
                try:
                    history = self.registry.history(name)
                except KeyError:
                    assert self.registry.snapshot.version > snapshot.version, "it was removed meanwhile"
                else:
                    assert len(history) <= HISTORY

    def run(self) -> None:
        readers = [self.thread(self.read, mine) for mine in self.seen]
        movers = [self.thread(self.move, f"c{number}") for number in range(MOVERS)]
        for thread in movers:
            thread.join()
        self.done.set()
        for thread in readers:
            thread.join()

    def thread(self, work: Any, *args: Any) -> threading.Thread:
        def guarded() -> None:
            try:
                work(*args)
            except BaseException as exc:  # noqa: BLE001  # told by the main thread
                self.faults.append(exc)

        thread = threading.Thread(target=guarded)
        thread.start()
        return thread


def test_sixteen_threads_never_see_a_picture_that_is_not_true() -> None:
    """Each reader sees whole versions, and never an older one after a newer one."""
    churn = Churn()
    with impatient_threads():
        churn.run()
    assert churn.faults == []
    dials = CYCLE.count(S.CONNECTING)
    expected = MOVERS * ROUNDS * (len(CYCLE) + dials + 2)
    published = churn.registry.published
    assert [snapshot.version for snapshot in published] == list(range(expected + 1)), "no change was lost"
    for snapshot in published:
        is_true(snapshot)
    for mine in churn.seen:
        assert mine, "every reader saw something"
        assert all(published[snapshot.version] is snapshot for snapshot in mine)
        assert all(before.version < after.version for before, after in pairwise(mine))
    epochs = [view.epoch for snapshot in published for view in snapshot.supervised.values()]
    assert max(epochs) == MOVERS * ROUNDS * dials, "no two dials share a number"
