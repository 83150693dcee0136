"""
One task that owns one connection for its whole life: what is wanted becomes what is.

Callers only record intent and ring a bell; they never touch the socket or the
state. So concurrent connects are one attempt, a disconnect twice is a
disconnect once, and the last call wins. Only the supervisor cancels an epoch,
once, and waits for its end. A second epoch may be opened beside the one that
serves, to take its place.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from gateway.engine.observer import Observer
from gateway.engine.registry import ConnectionRegistry
from gateway.engine.retry import GiveUp, Retry
from gateway.errors import ConnectionFault, GatewayError, PluginError, Reason, ReconnectAsked
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.runtime.attempt import Attempt, MakeAttempt, Ties
from gateway.runtime.bell import Bell
from gateway.runtime.finish import finish
from gateway.runtime.rollover import Rolling, Rollover
from gateway.runtime.run import Run, all_gone, cancelled_by_others, known_as
from gateway.runtime.waiting import Waiting, known

Decision = Retry | GiveUp
A = TypeVar("A", bound=Attempt)
OPEN: Final = frozenset({S.CONNECTING, S.CONNECTED})
"""The states in which an epoch lives; in the others it is being closed, or gone."""


class Supervisor:
    """
    Keeps one connection as it is wanted. Event-loop only; :meth:`run` is its one task.

    Args:
        connection_id: must be in ``registry``.
        registry: where the state stands.
        make_attempt: makes an epoch, without doing anything yet.
        judge: decides what follows a fault.
        observer: told of every change, after the fact.
        wall_us: wall time, for histories.
        changed: called after each change of state, for whoever waits for one.
        rolling: how an epoch is replaced; without it none ever is.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # its seams to the world, all given
        self,
        connection_id: str,
        registry: ConnectionRegistry,
        make_attempt: MakeAttempt,
        judge: Callable[[GatewayError], Decision],
        observer: Observer,
        wall_us: Callable[[], int],
        changed: Callable[[Change], None] = lambda _: None,
        rolling: Rolling | None = None,
    ) -> None:
        self.id = connection_id
        self._registry = registry
        self._make_attempt = make_attempt
        self._judge = judge
        self._observer = observer
        self._wall_us = wall_us
        self._changed = changed
        self.bell = Bell()
        self._up = False
        self._why, self._why_not = Reason.ASKED, Reason.STOPPED
        """Why it is wanted up, and why it is not."""
        self._closing = False
        self._lasting = False
        self._again = False
        """Whether the present epoch was ended so that another follows, which disappoints nobody."""
        self.auto = True
        self.serving: Run[Any] | None = None
        """The present epoch: it serves, or is on its way there, or is being closed."""
        self._rollover = Rollover(self, registry, observer, rolling)
        self._decision: Decision | None = None
        """What follows the epoch that has failed; :obj:`None` where a disconnect came between."""
        self._waiting = Waiting()

    # --- intent: plain methods, recorded before they return

    @property
    def wanted(self) -> bool:
        """Whether the connection shall be up."""
        return self._up

    def connect(self, *, lasting: bool, anew: bool = False, why: Reason = Reason.ASKED) -> "asyncio.Future[bool]":
        """
        Want the connection up; the result says whether it got there.

        Unless ``lasting``, by this call or an earlier one, the first attempt
        that fails from now on ends the wish and leaves nothing behind. ``anew``
        means an epoch after the present one, which :meth:`reconnect` has ended;
        ``why`` is what the history shows if the connection was down.
        """
        if self._closing:
            return known(value=False)
        self._lasting = lasting or (self._up and self._lasting)
        self._up, self._why, self._why_not = True, why, Reason.STOPPED
        self._waiting.say_farewell()
        self.bell.ring()
        if self.state is S.CONNECTED and not anew:
            return known(value=True)
        return self._waiting.hope(lasting=lasting)

    def disconnect(self, why: Reason = Reason.STOPPED) -> "asyncio.Future[None]":
        """Want the connection down; done when it is, or when a later call wants it up again."""
        farewell, self._why_not = self._waiting.farewell(), why
        self._unwant()
        return farewell

    def reconnect(self, reason: Reason, text: str) -> bool:
        """End the present epoch and let the next follow; false if there is none that lives."""
        ends = self.serving is not None and self.serving.fail(ReconnectAsked(text, reason=reason))
        self._again = self._up if ends else self._again
        return ends

    def roll(self, why: str) -> "asyncio.Future[bool]":
        """Have the epoch that serves replaced by a second one, without a gap; the result says whether it was."""
        return self._rollover.hope(why)

    def set_auto(self, *, enabled: bool) -> None:
        """Say whether an epoch that ends by itself is followed by another."""
        self.auto = enabled
        self._lasting = enabled and self._up

    def close(self) -> None:
        """Want the connection down for good: :meth:`run` will return."""
        self._closing, self._why_not = True, Reason.STOPPED
        self._unwant()

    @property
    def state(self) -> S:
        """Where the connection stands; DISCONNECTED where it is not known any more."""
        view = self._registry.snapshot.supervised.get(self.id)
        return S.DISCONNECTED if view is None else view.state

    # --- the one task

    async def run(self) -> None:
        """Reconcile until closed. However it ends, the connection is down, and nobody waits for it any more."""
        try:
            while not self._closing:
                if self._up:
                    await self._try_once()
                else:
                    await self.bell.rung()
        finally:
            self.close()
            self._come_down()

    async def _try_once(self) -> None:
        """Live through one epoch, then wait out what its end asks for."""
        change = self._move(S.CONNECTING, self._why if self.state is S.DISCONNECTED else Reason.RETRY_DUE)
        await self._oversee(change.epoch)
        match self._decision:
            case Retry(delay):
                self._move(S.RECONNECTING, Reason.RETRY_DUE, retry_at_us=self._wall_us() + round(delay * 1e6))
                self._waiting.tell_dashed()
                await self._wait(delay)
            case _:
                self._come_down()

    async def _wait(self, delay: float) -> None:
        """Wait ``delay`` seconds; a disconnect ends it, at the last instant too."""
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                while self._decision is not None:
                    await self.bell.rung()
        if self._decision is None:
            self._come_down()

    def _come_down(self) -> None:
        """Go to DISCONNECTED from wherever it is; a fault that ended the wish for good is named."""
        if self.state in OPEN:
            self._move(S.DISCONNECTING, self._why_not)
        if self.state is not S.DISCONNECTED:
            text = self._decision.text if isinstance(self._decision, GiveUp) and not self._up else None
            self._move(S.DISCONNECTED, self._why_not, text=text or "", fatal=text is not None)
        self._waiting.tell_dashed()

    async def _oversee(self, number: int) -> None:
        """Run one epoch, and whichever takes its place, to its end; leave it if the connection is not wanted."""
        self._again = False
        self.serving = self.begin(number, self._make_attempt, self._settled)
        try:
            while not self.serving.task.done():
                await self.bell.rung(self._rollover.due_in())
                if self._up:
                    await self._rollover.attempt(self.serving)
                else:
                    self._leave(self.serving)
        finally:
            run, self.serving = self.serving, None
            self._leave(run)
            await finish(all_gone(run, *self._rollover.set_aside()))
        if not run.task.cancelled():
            run.task.result()
        if self.state in OPEN:
            self._failed(cancelled_by_others())  # before the epoch had begun

    def _leave(self, run: Run[Any]) -> None:
        """Cancel a living epoch, once; any other is closing already."""
        if self.state in OPEN and not run.task.done():
            self._move(S.DISCONNECTING, self._why_not)
            run.leave()

    # --- what its epochs and its rollover need of it

    @property
    def is_serving(self) -> bool:
        """Whether it is wanted and fully operational."""
        return self._up and self.state is S.CONNECTED

    def begin(self, number: int, make: Callable[[int, Ties], A], up: Callable[[Run[A]], None]) -> Run[A]:
        """Begin an epoch; ``up`` is called once it is restored."""

        def made(run: Run[A]) -> A:
            return make(run.number, self._rollover.ties(run, partial(up, run)))

        run = Run(number, f"gateway epoch {self.id} {number}", made, self._ended, self.unexpected)
        run.task.add_done_callback(self.bell.ring)
        return run

    def unexpected(self, exc: Exception) -> None:
        """Something failed that nobody foresaw."""
        self._observer.noticed(self.id, 0, "internal_error", error=repr(exc))

    def _ended(self, run: Run[Any]) -> None:
        if run is self.serving and run.fault is not None:
            self._failed(run.fault)
        self.bell.ring()

    def _failed(self, fault: ConnectionFault | PluginError) -> None:
        """The epoch has ended by itself: decide what follows, and whom that disappoints."""
        state = self.state
        if state not in OPEN:
            return
        decision = self._judge(fault)
        fatal = isinstance(decision, GiveUp)
        self._lasting = self._lasting or (self.auto and state is S.CONNECTED)
        if self._up and (fatal or not (self._lasting or self._again)):
            self._end_wish()
            self._decision = decision if fatal else None
        elif self._up:
            self._decision = decision
            if not self._again:
                self._waiting.dash(all_of_them=False)
        reason, text = known_as(fault, decision)
        self._move(S.ERROR, reason, text=text, fatal=fatal)

    def _settled(self, run: Run[Any]) -> None:
        """The epoch is fully operational; one that is over says so in vain."""
        view = self._registry.snapshot.supervised.get(self.id)
        if view is None or view.epoch != run.number or view.state is not S.CONNECTING:
            return
        done, at_us = Reason.HANDSHAKE_DONE, self._wall_us()
        self._announce(self._registry.move(self.id, S.CONNECTED, done, at_us=at_us, epoch=run.number))
        self._waiting.come_true()

    def followed(self, run: Run[Any], text: str) -> None:
        """``run`` serves from now on, in the place of the epoch that served; the state stays as it is."""
        self.serving, self._again = run, False
        self._announce(self._registry.roll(self.id, run.number, at_us=self._wall_us(), text=text))
        self._waiting.come_true()

    # --- moves

    def _move(
        self, target: S, reason: Reason, *, text: str = "", fatal: bool = False, retry_at_us: int | None = None
    ) -> Change:
        change = self._registry.move(
            self.id, target, reason, at_us=self._wall_us(), text=text, fatal=fatal, retry_at_us=retry_at_us
        )
        if target is S.DISCONNECTED:
            self._waiting.say_farewell()
        self._rollover.drop()
        self._announce(change)
        return change

    def _announce(self, change: Change) -> None:
        self._observer.changed(change)
        self._changed(change)

    def _unwant(self) -> None:
        self._end_wish()
        self._waiting.tell_dashed()
        if self.state is S.DISCONNECTED:
            self._waiting.say_farewell()
        self.bell.ring()

    def _end_wish(self) -> None:
        self._up = self._lasting = self._again = False
        self._decision = None
        self._waiting.dash(all_of_them=True)
