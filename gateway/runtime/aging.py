"""When an epoch that just opened is to be replaced: before its exchange, or its session, would end it."""

from math import inf

from gateway.engine.aging import rollover_after
from gateway.runtime.ground import Ground
from gateway.runtime.keepalive import EARLY
from gateway.spi.contract import Endpoint, Session


class Age:
    """
    How long one epoch may last, counted from when this is made.

    Args:
        ground: for clocks, and the operator's window, which may be changed meanwhile.
        endpoint: may bound the age of its connections.
        session: may expire.
    """

    def __init__(self, ground: Ground, endpoint: Endpoint, session: Session) -> None:
        self._ground = ground
        self._opened_at = ground.now()
        self._opened_us = ground.wall_us()
        expires = inf if session.expires_in is None else session.expires_in * EARLY
        self._age = min(inf if endpoint.max_age is None else endpoint.max_age, expires)
        self._takes = 0.0
        self._share = 0.0 if self._age == inf else ground.rng.random()

    def due(self) -> float:
        """Return when it is to be replaced, in monotonic seconds; infinity where nothing would end it."""
        if self._age == inf:
            return inf
        passed, window = self._ground.now() - self._opened_at, self._ground.pace.rollover_window
        after = rollover_after(self._opened_us, self._age, window, self._share, passed=passed, takes=self._takes)
        return self._opened_at + after

    def restored(self) -> float:
        """The epoch is fully operational, and the next will take as long: return when it is to be replaced."""
        self._takes = self._ground.now() - self._opened_at
        return self.due()
