"""Who is there: sockets counted for each address and token, closed when a token ends, let go at the end."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Protocol, runtime_checkable

from gateway.serving.auth.entrance import Entrance
from gateway.serving.auth.reception import Reception
from gateway.serving.codes import CloseCode
from gateway.serving.events_tell import ServerEvents
from gateway.serving.limits import Limits
from gateway.serving.pipe import Pipe
from gateway.serving.presence import Visit
from gateway.serving.problems import ProblemError


class Visitor(Protocol):
    """One client that stays: a socket, or a response that does not end."""

    name: str
    """The one that :meth:`Arrivals.entered` gave it."""
    entrance: Entrance

    def end(self, code: CloseCode, text: str, *, drain: float | None = None) -> None:
        """Close with ``code``, when what waits is written or ``drain`` seconds are over; the first stands."""

    def shut(self, code: CloseCode, text: str) -> None:
        """Close with ``code`` at once: nothing more of any topic is written."""

    def cut(self) -> None:
        """Drop the socket and all that waits."""


@runtime_checkable
class Reader(Protocol):
    """A client that may read slower than it is written to."""

    pipe: Pipe


class Arrivals:
    """
    All clients that stay, however they came. Event-loop only.

    Args:
        reception: knows what tokens are worth.
        limits: of those who come now.
        wall_us: microseconds since 1970.
        events: told who comes and who goes.
    """

    def __init__(
        self,
        reception: Reception,
        limits: Callable[[], Limits],
        wall_us: Callable[[], int],
        events: ServerEvents | None = None,
    ) -> None:
        self._events = events
        self.visitors: set[Visitor] = set()
        self.visits: dict[str, Visit] = {}
        """When and from where each came, by its name, in that order."""
        self._wall_us = wall_us
        self._reception = reception
        self._limits = limits
        self._per_address: Counter[str] = Counter()
        self._numbers = count(1)
        self._left = asyncio.Event()
        self._stopping = False

    def there(self, address: str) -> int:
        """Return how many of an address there are."""
        return self._per_address[address]

    def check(self, address: str, entrance: Entrance) -> None:
        """
        Let one more come in.

        Raises:
            ProblemError: ``too_many_sockets`` or ``shutting_down``.
        """
        if self._stopping:
            raise ProblemError(503, "shutting_down", "the gateway is shutting down")
        if self._per_address[address] >= self._limits().sockets:
            raise ProblemError(429, "too_many_sockets", "this address has as many sockets as it may")
        if entrance.is_full:
            raise ProblemError(429, "too_many_sockets", "this token has as many sockets as it may")

    @contextmanager
    def entered(self, address: str, entrance: Entrance) -> Iterator[str]:
        """Count one more from ``address`` while it is there; gives it a name."""
        self._per_address[address] += 1
        entrance.enter()
        visit = Visit(f"c{next(self._numbers)}", address, self._wall_us())
        self.visits[visit.name] = visit
        try:
            yield visit.name
        finally:
            del self.visits[visit.name]
            entrance.leave()
            self._per_address[address] -= 1
            self._per_address += Counter()  # forgets the addresses nobody is left of

    @contextmanager
    def staying(self, visitor: Visitor) -> Iterator[None]:
        """Have ``visitor`` closed when its token ends or the server does, while it is there."""
        self.visitors.add(visitor)
        visit = self.visits.get(visitor.name)
        if visit is not None and self._events is not None:
            access = visitor.entrance.access
            self._events.came(visit, visitor, None if access is None else access.token)
        _check(visitor)  # the token may have been revoked while the socket was upgraded
        try:
            yield
        finally:
            if visit is not None and self._events is not None:
                self._events.left(visit)
            self.visitors.discard(visitor)
            self._left.set()

    def expire(self) -> None:
        """Close all whose token is no good any more."""
        for visitor in tuple(self.visitors):
            _check(visitor)

    @property
    def is_behind(self) -> bool:
        """Whether something waits for any of them that its socket does not take yet."""
        return any(isinstance(one, Reader) and not one.pipe.outbox.empty for one in self.visitors)

    def close(self) -> None:
        """Let nobody in any more."""
        self._stopping = True

    async def part(self, within: float) -> None:
        """Tell every client that it is over, and cut those who take longer than ``within`` seconds to leave."""
        for visitor in tuple(self.visitors):
            visitor.end(CloseCode.SHUTTING_DOWN, "the gateway is shutting down", drain=within / 2)
        try:
            async with asyncio.timeout(within):
                await self._all_left()
        except TimeoutError:
            self.cut()

    def cut(self) -> None:
        """End everybody who is still there, at once."""
        for visitor in tuple(self.visitors):
            visitor.cut()

    async def _all_left(self) -> None:
        while self.visitors:
            self._left.clear()
            await self._left.wait()


def _check(visitor: Visitor) -> None:
    if not visitor.entrance.stands():
        visitor.shut(CloseCode.UNAUTHORIZED, "the token was revoked or has expired")
