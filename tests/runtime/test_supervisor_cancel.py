"""
A cancellation at every single await of a connection's life, and a second one soon after it.

A scenario goes through all phases: refused, backing off, logging in, up, cut,
replaced, followed by a second epoch or not, closing slowly, given up. It is run once to count the awaits and then
once for each of them; what a second cancellation meets is sampled, unless ``GATEWAY_FULL_SIZE`` asks for all.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

import pytest
from supervised import World, number_of
from supervised_played import Played
from supervised_real import Real

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
TURNS = (1, 2, 4, 8)
"""Turns of the event loop between two cancellations."""
SUPERVISOR, EPOCH, PART = "the supervisor", "an epoch", "a part of an epoch"
PARTS = {"MemoryTransport.pump", "Service._watch", "Writer._run"}
LEAST = 20
"""Awaits that each kind of task must come by, else the scenario does not get about."""
Script = list[Callable[[], object] | float]


def scenario(world: World) -> Script:
    def mode(name: str) -> Callable[[], None]:
        return partial(setattr, world, "mode", name)

    def cut() -> None:
        for peer in world.network.open_peers:
            peer.drop()

    last, once = (partial(world.connect, lasting=lasting) for lasting in (True, False))
    return [
        mode("refuse"), once, 1.0, last, 3.0, mode("ok"), 40.0, cut, 5.0, world.reconnect, 5.0,
        world.roll, 14.0, mode("silent"), world.roll, 1.0, mode("ok"), 30.0,
        world.roll, 0.3, world.reconnect, 14.0,
        partial(setattr, world, "close_takes", 1.0), world.disconnect, 0.5, last, 5.0,
        mode("silent"), cut, 13.0, mode("hang"), 50.0, world.disconnect, 4.0,
        mode("forbidden"), last, 3.0, mode("ok"), once, 4.0, world.disconnect, 4.0,
    ]  # fmt: skip


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine that tells of each of its awaits, when it has begun."""

    def __init__(
        self, inner: Coroutine[Any, Any, Any], awaits: Callable[["asyncio.Task[Any]", str], None]
    ) -> None:
        self.inner = inner
        self.awaits = awaits
        code = getattr(inner, "cr_code", None)
        self.name = "" if code is None else code.co_qualname

    def send(self, value: Any) -> Any:
        return self._tell(self.inner.send(value))

    def throw(self, *exc: Any) -> Any:
        return self._tell(self.inner.throw(*exc))

    def close(self) -> None:
        self.inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.inner.__await__()

    def _tell(self, waited_for: Any) -> Any:
        if (task := asyncio.current_task()) is not None:
            self.awaits(task, self.name)
        return waited_for


class Sweep:
    """One run of the scenario; the ``at``-th await of a kind of task is cancelled, again ``after`` turns later."""

    def __init__(self, new_world: type[World], victim: str, at: int = 0, after: int = 0) -> None:
        self.world = new_world(at)
        self.victim = victim
        self.at = at
        self.after = after
        self.awaits = 0
        self.world.loop.set_task_factory(self._make_task)
        self.world.task.cancel()
        self.world.loop.settle()
        self.world.start()  # again, so that it is counted

    def run(self) -> int:
        """Return how many awaits there were."""
        world = self.world
        try:
            for step in scenario(world):
                world.do(step)
                if world.task.done() or (self.victim is SUPERVISOR and self.awaits >= self.at > 0):
                    world.end()
                    break
                world.check()
            world.finish()
        finally:
            world.loop.finish()
        return self.awaits

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any) -> "asyncio.Task[Any]":
        return asyncio.Task(Counted(coro, self._awaited), loop=loop, **kwargs)

    def _awaited(self, task: "asyncio.Task[Any]", name: str) -> None:
        if _kind(task, name) == self.victim:
            self.awaits += 1
            if self.awaits == self.at:
                self._strike(task)

    def _strike(self, task: "asyncio.Task[Any]") -> None:
        if self.victim is SUPERVISOR:
            self.world.unwanted()
        elif self.victim is EPOCH:
            self.world.strays.add(number_of(task))
        else:
            self.world.strays |= self.world.begun
        task.cancel()
        if self.after:
            self._strike_in(self.after, task)

    def _strike_in(self, turns: int, task: "asyncio.Task[Any]") -> None:
        again = task.cancel if turns == 1 else partial(self._strike_in, turns - 1, task)
        self.world.loop.call_soon(again)


def _kind(task: "asyncio.Task[Any]", name: str) -> str:
    if task.get_name() == "gateway supervisor":
        return SUPERVISOR
    if task.get_name().startswith("gateway epoch"):
        return EPOCH
    return PART if name in PARTS else ""


EACH = [(Played, SUPERVISOR), (Played, EPOCH), (Real, SUPERVISOR), (Real, EPOCH), (Real, PART)]


@pytest.mark.parametrize(("world", "victim"), EACH)
def test_a_cancellation_at_any_await_leaves_nothing(world: type[World], victim: str) -> None:
    awaits = Sweep(world, victim).run()
    assert awaits >= LEAST
    for at in range(1, awaits + 1):
        Sweep(world, victim, at).run()


@pytest.mark.parametrize(("world", "victim"), EACH)
def test_a_second_cancellation_soon_after_the_first_does_not_tear_the_clean_up(
    world: type[World], victim: str
) -> None:
    awaits = Sweep(world, victim).run()
    for at in range(1, awaits + 1):
        for after in TURNS if FULL else TURNS[at % 4 : at % 4 + 1]:
            Sweep(world, victim, at, after).run()
