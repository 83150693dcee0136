"""
One task that owns one connection for its whole life: what is wanted becomes what is.

Callers only record intent and ring a bell; they never touch the socket or the
state. So concurrent connects are one attempt, a disconnect twice is a
disconnect once, and the last call wins. Only the supervisor cancels an epoch,
once, and waits for its end.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from gateway.engine.observer import Observer
from gateway.engine.registry import ConnectionRegistry
from gateway.engine.retry import GiveUp, Retry
from gateway.errors import ConnectionFault, GatewayError, PluginError, Reason, ReconnectAsked
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.runtime.finish import finish

Decision = Retry | GiveUp
T = TypeVar("T")


class Attempt(Protocol):
    """One epoch, as its supervisor sees it."""

    async def live(self) -> None:
        """Open, restore and serve; ends only by raising."""

    async def close(self) -> None:
        """Give back everything, bounded in time. Called once, after :meth:`live` has ended."""

    def fail(self, fault: ConnectionFault) -> None:
        """End :meth:`live` with ``fault``; nothing if it has ended."""


MakeAttempt = Callable[[int, Callable[[], None]], Attempt]
"""Takes the epoch's number and what to call once the connection is fully operational."""


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
    ) -> None:
        self.id = connection_id
        self._registry = registry
        self._make_attempt = make_attempt
        self._judge = judge
        self._observer = observer
        self._wall_us = wall_us
        self._changed = changed
        self._bell = asyncio.Event()
        self._up = False
        self._closing = False
        self._lasting = False
        self.auto = True
        self._attempt: Attempt | None = None
        self._decision: Decision = GiveUp("not tried")
        self._hopes: list[tuple[asyncio.Future[bool], bool]] = []
        self._farewells: list[asyncio.Future[None]] = []

    # --- intent: plain methods, recorded before they return

    @property
    def wanted(self) -> bool:
        """Whether the connection shall be up."""
        return self._up

    def connect(self, *, lasting: bool, anew: bool = False) -> "asyncio.Future[bool]":
        """
        Want the connection up; the result says whether it got there.

        Unless ``lasting``, by this call or an earlier one, the first failed
        attempt ends the wish and leaves nothing behind. ``anew`` means an epoch
        after the present one, which somebody has ended.
        """
        hope: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self.state is S.CONNECTED and self._up and not anew:
            self._lasting = self._lasting or lasting
            hope.set_result(True)
            return hope
        self._lasting = lasting or (self._up and self._lasting)
        self._up = not self._closing
        self._hopes.append((hope, lasting or anew))
        self._say_farewell()
        if self._closing:
            self._dash_hopes(all_of_them=True)
        self._bell.set()
        return hope

    def disconnect(self) -> "asyncio.Future[None]":
        """Want the connection down; done when it is, or when a later call wants it up again."""
        farewell: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._up = self._lasting = False
        self._dash_hopes(all_of_them=True)
        self._farewells.append(farewell)
        if self.state is S.DISCONNECTED:
            self._say_farewell()
        self._bell.set()
        return farewell

    def reconnect(self, reason: Reason, text: str) -> None:
        """End the present epoch, if there is one, and let the next follow."""
        if self._attempt is not None:
            self._attempt.fail(ReconnectAsked(text, reason=reason))

    def set_auto(self, *, enabled: bool) -> None:
        """Say whether an epoch that ends by itself is followed by another."""
        self.auto = enabled
        self._lasting = enabled and self._up

    def close(self) -> None:
        """Want the connection down for good: :meth:`run` will return."""
        self._closing = True
        self.disconnect()

    @property
    def state(self) -> S:
        """Where the connection stands."""
        return self._registry.snapshot.supervised[self.id].state

    # --- the one task

    async def run(self) -> None:
        """Reconcile until closed."""
        while not self._closing:
            if self._up:
                await self._try_once()
            else:
                await self._rung()

    async def _try_once(self) -> None:
        """Live through one epoch, then wait out what its end asks for."""
        change = self._move(S.CONNECTING, Reason.ASKED if self.state is S.DISCONNECTED else Reason.RETRY_DUE)
        await self._oversee(change.epoch)
        if self.state is S.DISCONNECTING:
            self._move(S.DISCONNECTED, Reason.STOPPED)
            return
        self._dash_hopes(all_of_them=not self._lasting)
        match self._decision:
            case Retry(delay) if self._up and self._lasting:
                retry_at_us = self._wall_us() + round(delay * 1e6)
                self._move(S.RECONNECTING, Reason.RETRY_DUE, retry_at_us=retry_at_us)
                await self._wait(delay)
            case GiveUp(text) if self._up:
                self._give_up(text, fatal=True)
            case _:
                self._give_up("", fatal=False)

    async def _wait(self, delay: float) -> None:
        """Wait ``delay`` seconds in RECONNECTING unless the connection is no longer wanted."""
        try:
            async with asyncio.timeout(delay):
                while self._up:
                    await self._rung()
        except TimeoutError:
            return
        self._move(S.DISCONNECTED, Reason.STOPPED)

    def _give_up(self, text: str, *, fatal: bool) -> None:
        self._up = self._lasting = False
        self._dash_hopes(all_of_them=True)
        self._move(S.DISCONNECTED, Reason.STOPPED, text=text, fatal=fatal)

    async def _oversee(self, number: int) -> None:
        """Run one epoch to its end; cancel it once if the connection is no longer wanted."""
        attempt = self._attempt = self._make_attempt(number, lambda: self._settled(number))
        task = asyncio.create_task(self._one_epoch(attempt), name=f"gateway epoch {self.id} {number}")
        task.add_done_callback(lambda _: self._bell.set())
        left = False
        try:
            while not task.done():
                await self._rung()
                if not self._up and not left and not task.done():
                    left = self._leave(task)
        finally:
            self._attempt = None
            if not task.done():
                task.cancel()
                await finish(_ended(task))
        if not task.cancelled():
            task.result()

    def _leave(self, task: "asyncio.Task[None]") -> bool:
        """Leave CONNECTING or CONNECTED and cancel the epoch; a failed one is closing already."""
        if self.state in {S.CONNECTING, S.CONNECTED}:
            self._move(S.DISCONNECTING, Reason.STOPPED)
            task.cancel()
        return True

    async def _one_epoch(self, attempt: Attempt) -> None:
        try:
            await attempt.live()
        except asyncio.CancelledError:
            if self.state is not S.DISCONNECTING:
                self._failed(ConnectionFault("cancelled from outside", reason=Reason.INTERNAL_ERROR))
            raise
        except (ConnectionFault, PluginError) as fault:
            self._failed(fault)
        except Exception as exc:  # noqa: BLE001  # whatever it was, one connection ends and is tried again
            self._failed(ConnectionFault(f"unexpected {type(exc).__name__}", reason=Reason.INTERNAL_ERROR))
            self._observer.noticed(self.id, 0, "internal_error", error=repr(exc))
        finally:
            self._attempt = None
            await finish(attempt.close())

    def _failed(self, fault: ConnectionFault | PluginError) -> None:
        if self.state is S.DISCONNECTING:
            return
        self._decision = self._judge(fault)
        reason = fault.reason if isinstance(fault, ConnectionFault) else Reason.PLUGIN_ERROR
        self._move(S.ERROR, reason, text=str(fault), fatal=isinstance(self._decision, GiveUp))

    def _settled(self, number: int) -> None:
        self._announce(
            self._registry.move(self.id, S.CONNECTED, Reason.HANDSHAKE_DONE, at_us=self._wall_us(), epoch=number)
        )
        self._lasting = self._lasting or self.auto
        hopes, self._hopes = self._hopes, []
        for hope, _ in hopes:
            _resolve(hope, True)

    def _move(
        self, target: S, reason: Reason, *, text: str = "", fatal: bool = False, retry_at_us: int | None = None
    ) -> Change:
        change = self._registry.move(
            self.id, target, reason, at_us=self._wall_us(), text=text, fatal=fatal, retry_at_us=retry_at_us
        )
        if target is S.DISCONNECTED:
            self._say_farewell()
        self._announce(change)
        return change

    def _announce(self, change: Change) -> None:
        self._observer.changed(change)
        self._changed(change)

    async def _rung(self) -> None:
        await self._bell.wait()
        self._bell.clear()

    def _dash_hopes(self, *, all_of_them: bool) -> None:
        """An attempt failed: tell those who hoped for just one, or everybody."""
        patient: list[tuple[asyncio.Future[bool], bool]] = []
        for hope, lasting in self._hopes:
            if lasting and not all_of_them:
                patient.append((hope, lasting))
            else:
                _resolve(hope, False)
        self._hopes = patient

    def _say_farewell(self) -> None:
        farewells, self._farewells = self._farewells, []
        for farewell in farewells:
            _resolve(farewell, None)


def _resolve(future: "asyncio.Future[T]", value: T) -> None:
    if not future.done():
        future.set_result(value)


async def _ended(task: "asyncio.Task[None]") -> None:
    await asyncio.wait({task})
