"""When an epoch that just opened is to be replaced: before its exchange, or its session, would end it."""

from math import inf

from gateway.engine.aging import rollover_after
from gateway.runtime.ground import Ground
from gateway.runtime.keepalive import EARLY
from gateway.spi.contract import Endpoint, Session


def due(ground: Ground, endpoint: Endpoint, session: Session) -> float:
    """Return when that is, in monotonic seconds; infinity where nothing would end it."""
    ages = [] if endpoint.max_age is None else [endpoint.max_age]
    if session.expires_in is not None:
        ages.append(session.expires_in * EARLY)
    if not ages:
        return inf
    window, share = ground.pace.rollover_window, ground.rng.random()
    return ground.now() + rollover_after(ground.wall_us(), min(ages), window, share)
