"""What a supervisor and its epochs need of each other: the seam between what is wanted and how it is done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import ConnectionFault, PluginError, Reason


class Attempt(Protocol):
    """One epoch, as its supervisor sees it."""

    async def live(self) -> None:
        """Open, restore and serve; ends only by raising."""

    async def close(self) -> None:
        """Give back everything, bounded in time. Called once, after :meth:`live` has ended."""

    def fail(self, fault: ConnectionFault | PluginError) -> None:
        """End :meth:`live` with ``fault``; nothing if it has ended."""


class Candidate(Attempt, Protocol):
    """An epoch that is opened and restored beside the one that serves, to take over from it."""

    def is_ready(self) -> bool:
        """Whether nothing would be lost if it took over now. Asked once it is restored, several times a second."""

    def take_over(self, reason: Reason) -> None:
        """
        Serve in the place of the other, which is not heard any more; one synchronous step.

        Called once it is restored, whether it is ready or not; ``reason`` says why.
        """


@dataclass(frozen=True, slots=True)
class Ties:
    """
    What an epoch tells its supervisor.

    ``up`` is called once the epoch is fully operational. ``roll`` says why a
    serving epoch should be replaced before it ends, and returns whether that
    will be tried; harmless to repeat. ``succeed`` is called in the step in which
    a serving epoch has ended, and returns whether another has taken its place:
    then nobody need be told. ``spare`` is told of waits for the exchange's limits,
    in seconds, before they begin, and of what of them was not needed, below zero.
    """

    up: Callable[[], None]
    roll: Callable[[str], bool] = lambda _: False
    succeed: Callable[[Reason], bool] = lambda _: False
    spare: Callable[[float], None] = lambda _: None


MakeAttempt = Callable[[int, Ties], Attempt]
MakeCandidate = Callable[[int, Ties], Candidate]
"""Both take the epoch's number, and do nothing yet."""
