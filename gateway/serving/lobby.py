"""
Where every client comes by that stays, whatever it speaks.

It is known by what it showed, refused if it is one too many, counted while it is there,
and given what it stands on.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from aiohttp import web

from gateway.serving.arrivals import Arrivals, Visitor
from gateway.serving.auth.door import ACCESS
from gateway.serving.auth.entrance import Entrance
from gateway.serving.auth.reception import Reception
from gateway.serving.sitting import Ground


@dataclass(frozen=True, slots=True)
class Guest:
    """A client that may stay; its ``name`` is for logs."""

    name: str
    ground: Ground
    entrance: Entrance


class Lobby:
    """
    One for all doors. Event-loop only.

    Args:
        ground: what clients that come now stand on.
        reception: knows what tokens are worth.
        arrivals: all clients.
    """

    def __init__(self, ground: Callable[[], Ground], reception: Reception, arrivals: Arrivals) -> None:
        self._ground = ground
        self._reception = reception
        self._arrivals = arrivals

    @contextmanager
    def entered(self, request: web.Request) -> Iterator[Guest]:
        """
        Count the client of ``request`` while it is there.

        Raises:
            ProblemError: ``too_many_sockets`` or ``shutting_down``.
        """
        address, ground = request.remote or "", self._ground()
        entrance = Entrance(self._reception, request.get(ACCESS), ground.limits)
        self._arrivals.check(address, entrance)
        with self._arrivals.entered(address, entrance) as name:
            yield Guest(name, ground, entrance)

    def staying(self, visitor: Visitor) -> AbstractContextManager[None]:
        """Have ``visitor`` closed when its token ends or the server does, while it is there."""
        return self._arrivals.staying(visitor)
