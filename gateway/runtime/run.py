"""One epoch's task: it lives, it is cancelled once at most, and everything of it is given back."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from gateway.engine.retry import GiveUp, Retry
from gateway.errors import ConnectionFault, PluginError, Reason
from gateway.runtime.attempt import Attempt
from gateway.runtime.finish import finish
from gateway.telemetry import SCRUBBER

Fault = ConnectionFault | PluginError
A = TypeVar("A", bound=Attempt)


class Run(Generic[A]):
    """
    One epoch, from its beginning until nothing is left of it.

    Args:
        number: of the epoch.
        name: of its task.
        make: makes the attempt, without doing anything yet.
        ended: called in the step in which the epoch has ended, however that came; :attr:`fault` says how.
        unexpected: told of errors that nobody foresaw.
    """

    def __init__(
        self,
        number: int,
        name: str,
        make: "Callable[[Run[A]], A]",
        ended: "Callable[[Run[A]], None]",
        unexpected: Callable[[Exception], None],
    ) -> None:
        self.number = number
        self.attempt: A | None = None
        self.fault: Fault | None = None
        """How it ended; everything of it is given back once :attr:`task` is done."""
        self.is_restored = False
        self._make = make
        self._ended = ended
        self._unexpected = unexpected
        self._is_left = False
        self.task = asyncio.create_task(self._live(), name=name)

    def leave(self) -> None:
        """Cancel it, once; nothing if it has ended by itself."""
        if not self._is_left and self.fault is None:
            self._is_left = True
            self.task.cancel()

    def fail(self, fault: Fault) -> bool:
        """End it with ``fault``; false if it has ended, or not begun."""
        if self.attempt is None or self.fault is not None:
            return False
        self.attempt.fail(fault)
        return True

    async def _live(self) -> None:
        try:
            self.attempt = self._make(self)
            await self.attempt.live()
            self._end(ConnectionFault("ended without a fault", reason=Reason.INTERNAL_ERROR))
        except asyncio.CancelledError:
            self._end(cancelled_by_others())
            raise
        except (ConnectionFault, PluginError) as fault:
            self._end(fault)
        except Exception as exc:  # noqa: BLE001  # whatever it was, one connection ends and is tried again
            self._unexpected(exc)
            self._end(ConnectionFault(f"unexpected {type(exc).__name__}", reason=Reason.INTERNAL_ERROR))
        finally:
            if self.attempt is not None:
                await finish(self._close(self.attempt))

    def _end(self, fault: Fault) -> None:
        self.fault = fault
        self._ended(self)

    async def _close(self, attempt: A) -> None:
        try:
            await attempt.close()
        except Exception as exc:  # noqa: BLE001  # what could not be given back must not keep the rest
            self._unexpected(exc)


def known_as(fault: Fault, decision: Retry | GiveUp) -> tuple[Reason, str]:
    """Return what the history shows of ``fault``: what was made of it may say more."""
    if decision.reason is not None:
        return decision.reason, decision.text
    reason = fault.reason if isinstance(fault, ConnectionFault) else Reason.PLUGIN_ERROR
    return reason, SCRUBBER.scrub(str(fault))  # it may have the peer's own words


def cancelled_by_others() -> ConnectionFault:
    """Return what befalls an epoch that somebody has cancelled who should not."""
    return ConnectionFault("cancelled from outside", reason=Reason.INTERNAL_ERROR)


async def all_gone(*runs: Run[A]) -> None:
    """Wait until nothing is left of ``runs``."""
    if tasks := [run.task for run in runs if not run.task.done()]:
        await asyncio.wait(tasks)
