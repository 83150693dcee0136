"""
How the epoch that serves is replaced, make before break: a second one is opened beside it, and takes over.

Until it does nothing of the first is touched: whatever befalls the second, it is
given up, and another is tried later. If the first ends while the second is
restored, the second takes over in that very step.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Final, Protocol

from gateway.engine.observer import Observer
from gateway.engine.registry import ConnectionRegistry
from gateway.engine.retry import Backoff
from gateway.errors import ConnectionFault, GatewayError, PluginError, Reason
from gateway.runtime.attempt import Candidate, MakeCandidate, Ties
from gateway.runtime.bell import Bell
from gateway.runtime.deadlines import deadline
from gateway.runtime.rolls import Rolls
from gateway.runtime.run import Fault, Run
from gateway.runtime.waiting import known

ROLLING: Final = 27.0
"""Seconds for which a second connection may try; with those that a socket takes to close, half a minute in all."""
SPARED: Final = 900.0
"""Seconds by which that grows at most, while what it asks for waits for the exchange's limits."""
SHORTEST: Final = 1.0
LONGEST: Final = 60.0
"""First and highest ceiling of the wait before another second connection is tried, in seconds."""
LOOK: Final = 0.1
"""Seconds between two looks whether a second connection is ready."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """
    How epochs of one connection are replaced.

    ``wait_after`` returns the seconds to wait, at least, before another is tried
    after one that ended with a fault, infinity if only a person can help; it
    heeds what that fault says of others.
    """

    make: MakeCandidate
    wait_after: Callable[[GatewayError], float]
    backoff: Backoff


class Owner(Protocol):
    """The supervisor, as far as a rollover needs it."""

    id: str
    bell: Bell
    serving: Run[Any] | None

    @property
    def is_serving(self) -> bool:
        """Whether the connection is wanted and fully operational."""

    def begin(self, number: int, make: MakeCandidate, up: Callable[[Run[Candidate]], None], /) -> Run[Candidate]:
        """Begin an epoch; ``up`` is called once it is restored."""

    def followed(self, run: Run[Any], text: str, /) -> None:
        """``run`` serves from now on."""


class Rollover:
    """
    Replaces the epochs of one connection. Event-loop only; :meth:`attempt` is called by the supervisor's one task.

    Args:
        owner: the supervisor.
        registry: numbers epochs.
        observer: told of each attempt, and why it failed.
        rolling: how it is done; without it nothing ever is.
    """

    def __init__(
        self, owner: Owner, registry: ConnectionRegistry, observer: Observer, rolling: Rolling | None
    ) -> None:
        self._owner = owner
        self._registry = registry
        self._observer = observer
        self._rolling = rolling
        self._rolls = Rolls()
        self._candidate: Run[Candidate] | None = None
        self._timer: asyncio.Timeout | None = None
        self._spared = 0.0
        self._ending: list[Run[Any]] = []
        """Epochs beside the present one of which something may be left."""

    def ties(self, run: Run[Any], up: Callable[[], None]) -> Ties:
        """Return what ties ``run`` to its supervisor; ``up`` is called once it is restored."""
        return Ties(up, partial(self.ask_for, run), partial(self.succeed, run), partial(self.spare, run))

    # --- intent

    def ask_for(self, run: Run[Any] | None, why: str) -> bool:
        """Want ``run`` replaced, as soon as it can be; false if it does not serve."""
        owner = self._owner
        if self._rolling is None or not owner.is_serving or run is not owner.serving:
            return False
        self._rolls.ask(why)
        owner.bell.ring()
        return True

    def hope(self, why: str) -> "asyncio.Future[bool]":
        """Want the present epoch replaced, however lately that has failed; the result says whether it was."""
        return self._rolls.hope() if self.ask_for(self._owner.serving, why) else known(value=False)

    def due_in(self) -> float | None:
        """Return the seconds until a second epoch is to be opened; :obj:`None` if there is nothing to wait for."""
        self._ending = [run for run in self._ending if not run.task.done()]
        if self._ending or not self._owner.is_serving:
            return None
        return self._rolls.due_in(_now())

    def drop(self) -> None:
        """The epoch that was to be replaced serves no longer."""
        self._rolls.drop()

    # --- what comes of it

    async def attempt(self, serving: Run[Any]) -> None:
        """If it is due, open a second epoch and have it take the place of ``serving``, or leave all as it is."""
        rolling = self._rolling
        if rolling is None or self.due_in() != 0:
            return
        number = self._registry.next_epoch()
        try:
            with self._observer.during(self._owner.id, number, "rollover"):
                self._candidate = run = self._owner.begin(number, rolling.make, self._restored)
                await self._follow(run, serving)
        except (ConnectionFault, PluginError) as fault:
            self._failed(number, fault, rolling)
        finally:
            self.set_aside()

    def succeed(self, ended: Run[Any], reason: Reason) -> bool:
        """``ended`` is over: return whether the second epoch has taken its place, as it does if it is restored."""
        run, owner = self._candidate, self._owner
        if run is None or not run.is_restored or run.fault is not None:
            return False
        if ended is not owner.serving or not owner.is_serving:
            return False
        self._swap(run, reason)
        return True

    def spare(self, run: Run[Any], seconds: float) -> None:
        """``run`` waits for the exchange's limits: give ``seconds`` back to its deadline, or take them again."""
        timer = self._timer
        if run is not self._candidate or timer is None or timer.expired() or (when := timer.when()) is None:
            return
        given = min(seconds, SPARED - self._spared)
        self._spared += given
        timer.reschedule(when + given)

    def set_aside(self) -> list[Run[Any]]:
        """Leave every epoch but the present one; return those of which something may be left."""
        run, self._candidate = self._candidate, None
        if run is not None:
            self._ending.append(run)
        for one in self._ending:
            one.leave()
        return self._ending

    async def _follow(self, run: Run[Candidate], serving: Run[Any]) -> None:
        """
        Wait until ``run`` is ready, and let it take over; or until it has, since ``serving`` ended.

        Raises:
            ConnectionFault: If it came to nothing.
            PluginError: If the plugin broke the contract.
        """
        self._spared = 0.0
        async with deadline(ROLLING, "second connection that is ready") as self._timer:
            while self._candidate is run:
                if run.fault is not None:
                    raise run.fault
                if run.task.done():
                    raise ConnectionFault("cancelled from outside", reason=Reason.INTERNAL_ERROR)
                if serving.fault is not None or not self._owner.is_serving:
                    raise ConnectionFault("there is nothing to follow any more", reason=Reason.STOPPED)
                if run.is_restored and run.attempt is not None and run.attempt.is_ready():
                    self._swap(run, Reason.ROLLOVER)
                else:
                    await self._owner.bell.rung(LOOK if run.is_restored else None)

    def _restored(self, run: Run[Candidate]) -> None:
        run.is_restored = True
        self._owner.bell.ring()

    def _swap(self, run: Run[Candidate], reason: Reason) -> None:
        """Let ``run`` take the place of the epoch that serves; it is all one step."""
        if run.attempt is None or self._owner.serving is None or self._rolling is None:
            raise AssertionError("an epoch that is restored was made, to follow another")
        run.attempt.take_over(reason)
        self._ending.append(self._owner.serving)
        self._candidate = None
        self._owner.followed(run, self._rolls.why if reason is Reason.ROLLOVER else reason)
        self._rolling.backoff.worked()
        self._rolls.done(_now())

    def _failed(self, number: int, fault: Fault, rolling: Rolling) -> None:
        if not self._owner.is_serving:
            return
        wait = max(rolling.wait_after(fault), rolling.backoff.next(first=False))
        self._rolls.failed(_now(), wait)
        text = str(fault) if wait < inf else f"{fault}; another is tried only when asked for"
        self._observer.noticed(self._owner.id, number, "rollover_failed", text=text)


def _now() -> float:
    return asyncio.get_running_loop().time()
