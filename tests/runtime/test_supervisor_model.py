"""
The supervisor against every order of calls, faults and instants that hypothesis can think of.

The same examples each time, so that a red build is everybody's. For others, and
more: ``MODEL_EXAMPLES=5000 pytest tests/runtime/test_supervisor_model.py``.
"""

import os
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from supervised import World
from supervised_played import Played
from supervised_real import Real

from gateway.model.states import ConnectionState as S

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "0"))
GAPS = st.sampled_from([0.0, 0.0, 0.005, 0.03, 0.051, 0.06, 0.5])
CALLS = st.sampled_from(["connect", "last", "disconnect", "reconnect", "replace", "roll", "auto", "no auto"])


class Supervised(RuleBasedStateMachine):
    """Whatever is called and whatever fails, the rules of the lifecycle hold."""

    def __init__(self, new_world: type[World]) -> None:
        super().__init__()
        self.new_world = new_world
        self.world = None

    @initialize(seed=st.integers(0, 2**16))
    def boot(self, seed: int) -> None:
        self.world = self.new_world(seed)

    def call(self, name: str) -> Callable[[], None]:
        world = self.world
        return {
            "connect": partial(world.connect, lasting=False),
            "last": partial(world.connect, lasting=True),
            "disconnect": world.disconnect,
            "reconnect": world.reconnect,
            "roll": world.roll,
            "auto": partial(world.set_auto, enabled=True),
            "no auto": partial(world.set_auto, enabled=False),
            "replace": partial(world.replace, lasting=False),
            "cancel": world.stray_cancel,
            "past": world.past_speaks,
        }[name]

    @rule(name=CALLS, times=st.integers(1, 3), gap=GAPS)
    def repeat(self, name: str, times: int, gap: float) -> None:
        self.world.do(*[self.call(name)] * times, gap)

    @rule(calls=st.lists(st.tuples(CALLS, GAPS), min_size=2, max_size=6))
    def storm(self, calls: list[tuple[str, float]]) -> None:
        """The last call wins."""
        self.world.do(*(step for name, gap in calls for step in (self.call(name), gap)))
        if calls[-1][0] == "disconnect":
            self.world.advance(3.5)
            assert self.world.supervisor.state == "DISCONNECTED"

    @rule(name=st.sampled_from(["connect", "last", "disconnect", "replace", "roll", "cancel"]))
    def collide(self, name: str) -> None:
        """At the very instant of a timer: a deadline, a retry, an answer."""
        self.world.at_next_timer(self.call(name))

    @rule(seconds=st.sampled_from([0.01, 0.05, 0.07, 0.09, 1, 6, 40, 100]))
    def wait(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule(data=st.data())
    def network(self, data: st.DataObject) -> None:
        self.world.mode = data.draw(st.sampled_from(self.world.modes))

    @rule(seconds=st.sampled_from([0.0, 0.02, 1.0, float("inf")]))
    def closing_takes(self, seconds: float) -> None:
        self.world.close_takes = seconds

    @rule(how=st.sampled_from(["drop", "close", "violate", "mute"]))
    def peer(self, how: str) -> None:
        self.world.do(*(getattr(peer, how) for peer in self.world.network.open_peers))

    @rule(gap=st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.6, 1.0, 1.2, 12.0]), mode=st.sampled_from(["ok", None]))
    def roll(self, gap: float, mode: str | None) -> None:
        """What comes next befalls a second epoch on its way, or one that has just taken over."""
        world = self.world
        if world.supervisor.state is not S.CONNECTED:
            world.mode = "ok"
            world.do(partial(world.connect, lasting=True))
            world.advance(60)
        world.mode = mode or world.mode
        world.do(world.roll, gap)

    @rule()
    def past_speaks(self) -> None:
        before = self.world.supervisor.state
        self.world.do(self.call("past"))
        assert self.world.supervisor.state is before

    @rule(gap=GAPS)
    def stray_cancel(self, gap: float) -> None:
        self.world.do(self.call("cancel"), gap)

    @rule(gaps=st.lists(GAPS, max_size=2))
    def restart(self, gaps: list[float]) -> None:
        self.world.cancel(*gaps)
        self.world.start()

    @rule()
    def heal(self) -> None:
        """Once the network is well, whoever is wanted comes up, and stays up."""
        world = self.world
        world.mode = "ok"
        world.advance(90)
        assert world.supervisor.state == ("CONNECTED" if world.wish.up else "DISCONNECTED")

    @invariant()
    @precondition(lambda self: self.world is not None)
    def rules_hold(self) -> None:
        self.world.loop.settle()
        self.world.check()

    def teardown(self) -> None:
        if self.world is not None:
            try:
                self.world.finish()
            finally:
                self.world.loop.finish()


@pytest.mark.parametrize(("world", "examples"), [(Played, 400), (Real, 200)])
def test_no_order_of_events_breaks_the_rules(world: type[World], examples: int) -> None:
    run_state_machine_as_test(
        partial(Supervised, world),
        settings=settings(
            max_examples=EXAMPLES or examples,
            stateful_step_count=30,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
